package backtest

import (
	"fmt"
	"html/template"
	"math"
	"strings"
)

// plot is a small chart as SVG, drawn here so that a report is one file that needs nothing.
type plot struct {
	svg            strings.Builder
	xLog, yLog     bool
	x0, x1, y0, y1 float64 // of the data
	xLabel, yLabel string
	xTicks, yTicks []tick
	height         float64
}

// tick is a mark of an axis.
type tick struct {
	at   float64
	text string
}

// ticks are marks that name their numbers.
func ticks(at ...float64) []tick {
	list := make([]tick, len(at))
	for i, v := range at {
		list[i] = tick{v, short(v)}
	}
	return list
}

// Where the axes stand in the picture.
const (
	plotWidth, plotHeight = 720.0, 280.0
	left, right           = 64.0, 20.0
	top, bottom           = 18.0, 46.0
)

func (p *plot) px(x float64) float64 {
	return left + place(x, p.x0, p.x1, p.xLog)*(plotWidth-left-right)
}

func (p *plot) py(y float64) float64 { return p.floor() - place(y, p.y0, p.y1, p.yLog)*(p.floor()-top) }

// floor is where the lower axis stands.
func (p *plot) floor() float64 { return p.height - bottom }

// place is where v stands between from and to, within them.
func place(v, from, to float64, log bool) float64 {
	if log {
		v, from, to = math.Log(math.Max(v, 1e-12)), math.Log(from), math.Log(to)
	}
	if to <= from {
		return 0
	}
	return math.Max(0, math.Min(1, (v-from)/(to-from)))
}

func (p *plot) begin(title string) {
	if p.height == 0 {
		p.height = plotHeight
	}
	fmt.Fprintf(&p.svg, `<svg viewBox="0 0 %g %g" role="img" aria-label="%s">`, plotWidth, p.height, template.HTMLEscapeString(title))
	for _, x := range p.xTicks {
		fmt.Fprintf(&p.svg, `<line class="grid" x1="%.1f" x2="%.1f" y1="%g" y2="%g"/><text x="%.1f" y="%g" text-anchor="middle">%s</text>`,
			p.px(x.at), p.px(x.at), top, p.floor(), p.px(x.at), p.floor()+16, template.HTMLEscapeString(x.text))
	}
	for _, y := range p.yTicks {
		fmt.Fprintf(&p.svg, `<line class="grid" x1="%g" x2="%g" y1="%.1f" y2="%.1f"/><text x="%g" y="%.1f" text-anchor="end">%s</text>`,
			left, plotWidth-right, p.py(y.at), p.py(y.at), left-8, p.py(y.at)+4, template.HTMLEscapeString(y.text))
	}
	fmt.Fprintf(&p.svg, `<text class="label" x="%g" y="%g" text-anchor="middle">%s</text>`,
		(left+plotWidth-right)/2, p.height-8, template.HTMLEscapeString(p.xLabel))
	fmt.Fprintf(&p.svg, `<text class="label" transform="translate(16 %g) rotate(-90)" text-anchor="middle">%s</text>`,
		(top+p.floor())/2, template.HTMLEscapeString(p.yLabel))
}

func (p *plot) line(class string, xs, ys []float64) {
	fmt.Fprintf(&p.svg, `<polyline class="%s" points="`, class)
	for i := range xs {
		fmt.Fprintf(&p.svg, "%.1f,%.1f ", p.px(xs[i]), p.py(ys[i]))
	}
	p.svg.WriteString(`"/>`)
}

// bar draws one of a number of bars that share the place of an x.
func (p *plot) bar(class string, x, width, y float64, title string) {
	if y <= 0 {
		return
	}
	fmt.Fprintf(&p.svg, `<rect class="%s" x="%.1f" width="%.1f" y="%.1f" height="%.1f"><title>%s</title></rect>`,
		class, p.px(x), math.Max(1, p.px(x+width)-p.px(x)-0.5), p.py(y), p.floor()-p.py(y), template.HTMLEscapeString(title))
}

func (p *plot) mark(x float64, label string) {
	fmt.Fprintf(&p.svg, `<line class="mark" x1="%.1f" x2="%.1f" y1="%g" y2="%g"/><text class="warn" x="%.1f" y="%g">%s</text>`,
		p.px(x), p.px(x), top, p.floor(), p.px(x)+5, top+10, template.HTMLEscapeString(label))
}

func (p *plot) end() template.HTML {
	p.svg.WriteString("</svg>")
	return template.HTML(p.svg.String()) // only numbers and escaped texts are in it
}

// class names the run that a line or bar is about.
func class(kind string, run int) string {
	if run == 0 {
		return kind
	}
	return kind + " b"
}
