package picture

import "io"

// Heights of what stands one below the other, in points.
const (
	headHeight     = 62
	requestsHeight = 262
	weekHeight     = 226
	placeHeight    = 37
	placesHead     = 34
	shownPlaces    = 5
)

var (
	titleStyle   = style{color: ink, size: 20, bold: true}
	sinceStyle   = style{color: faint, size: 14}
	headingStyle = style{color: ink, size: 16, bold: true}
	noteStyle    = style{color: faint, size: 13}
	tickStyle    = style{color: faint, size: 12.5}
)

// draw puts the sheet together and writes it as a PNG.
func (v *view) draw(out io.Writer) error {
	places := v.places[:min(len(v.places), shownPlaces)]
	height := float64(headHeight + requestsHeight + weekHeight + margin/2)
	if len(places) > 0 {
		height += float64(placesHead + placeHeight*len(places))
	}
	p := newPen(height)
	v.drawHead(p)
	v.drawRequests(p, headHeight)
	v.drawWeek(p, headHeight+requestsHeight)
	if len(places) > 0 {
		v.drawPlaces(p, headHeight+requestsHeight+weekHeight, places)
	}
	p.outline(frame, 1.5, 0.75, 0.75, width-1.5, height-1.5)
	return p.png(out)
}

func (v *view) drawHead(p *pen) {
	p.fill(odd, 0, 0, 6, headHeight-8)
	p.write(titleStyle, margin, 12, cut(titleStyle, v.title(), width-2*margin))
	since := v.inc.Severity.String() + " since " + v.began.Format("Mon 2 Jan 15:04 UTC")
	p.write(sinceStyle, margin, 37, since)
}
