package picture

import (
	"fmt"
	"image/color"
	"math"
)

// The heat map of the week, within its part of the sheet.
const (
	weekLeft = 52.0
	weekTop  = 52.0
	cellHigh = 21.0
	cellWide = (width - margin - weekLeft) / 24
)

var weekdays = [7]string{"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"}

// drawWeek shows at which hours of the week the token is used, and which of them the
// incident is in.
func (v *view) drawWeek(p *pen, top float64) {
	p.write(headingStyle, margin, top+2, "Hours of the week, UTC")
	sums, most := v.week()
	marked := v.marked()
	v.weekLegend(p, top, most > 0)
	for d := range 7 {
		y := top + weekTop + float64(d)*cellHigh
		right := tickStyle
		right.align = -1
		p.write(right, weekLeft-6, y+3, weekdays[d])
		for h := range 24 {
			p.fill(heat(sums[d][h], most), weekLeft+float64(h)*cellWide, y, cellWide-1.5, cellHigh-1.5)
		}
	}
	for d := range 7 { // the frames after the cells, which would cover them
		for h := range 24 {
			if marked[d][h] {
				p.outline(odd, 2.6, weekLeft+float64(h)*cellWide-0.2, top+weekTop+float64(d)*cellHigh-0.2, cellWide-1.1, cellHigh-1.1)
			}
		}
	}
	for h := 0; h < 24; h += 3 {
		p.write(tickStyle, weekLeft+float64(h)*cellWide, top+weekTop+7*cellHigh+3, fmt.Sprintf("%02d", h))
	}
}

func (v *view) weekLegend(p *pen, top float64, known bool) {
	x, y := float64(margin), top+27.0
	if !known {
		p.write(noteStyle, x, y, "no history before the incident")
		return
	}
	p.write(noteStyle, x, y, "never")
	x += breadth(noteStyle, "never") + 5
	for i := range 5 {
		p.fill(heat(float64(i*i), 16), x, y+2, 15, 11)
		x += 16
	}
	p.write(noteStyle, x+4, y, "often")
	x += breadth(noteStyle, "often") + 22
	p.outline(odd, 2.2, x, y+2, 12, 11)
	p.write(noteStyle, x+18, y, "this incident")
}

// heat goes from nearly white to dark, by the square root: seldom is still not never.
func heat(n, most float64) color.Color {
	if n <= 0 || most <= 0 {
		return empty
	}
	share := math.Sqrt(n / most)
	return between(rgb(0xd3, 0xe6, 0xfa), rgb(0x0a, 0x3d, 0x7c), share)
}

func between(from, to color.NRGBA, share float64) color.NRGBA {
	part := func(a, b uint8) uint8 { return uint8(math.Round(float64(a) + (float64(b)-float64(a))*share)) }
	return rgb(part(from.R, to.R), part(from.G, to.G), part(from.B, to.B))
}
