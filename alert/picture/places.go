package picture

import "fmt"

const barLeft, barRight = 250.0, width - margin - 52

// drawPlaces sets where the token was used since the incident began beside where it was used
// before, as shares of each.
func (v *view) drawPlaces(p *pen, top float64, places []Place) {
	p.write(headingStyle, margin, top+2, "Places")
	p.write(noteStyle, margin+76, top+5, "share before the incident, and since")
	before, since := totals(v.places)
	for i, place := range places {
		y := top + placesHead - 6 + float64(i)*placeHeight
		name := style{color: ink, size: 14.5}
		room := barLeft - margin - 12
		if isNew(place) && before > 0 {
			name.color, name.bold = odd, true
			room -= 42
			p.write(style{color: odd, size: 13, align: -1}, barLeft-10, y+8, "new")
		}
		p.write(name, margin, y+7, cut(name, place.Name, room))
		bar(p, y+2, float64(place.Before), before, likelyBar)
		bar(p, y+18, float64(place.Since), since, oddBar)
	}
}

var likelyBar, oddBar = style{color: normal, size: 12.5}, style{color: odd, size: 12.5}

// bar draws a share. What happened shows, however little it was.
func bar(p *pen, y, n, all float64, s style) {
	share := 0.0
	if all > 0 {
		share = n / all
	}
	p.fill(empty, barLeft, y, barRight-barLeft, 13)
	if n > 0 {
		p.fill(s.color, barLeft, y, max(2, share*(barRight-barLeft)), 13)
	}
	s.align = -1
	p.write(s, width-margin, y-1, percent(share))
}

func percent(share float64) string {
	switch {
	case share <= 0:
		return "–"
	case share < 0.01:
		return "<1 %"
	}
	return fmt.Sprintf("%.0f %%", share*100)
}
