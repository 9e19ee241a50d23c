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
	xTicks, yTicks []float64
}

// Where the axes stand in the picture.
const (
	plotWidth, plotHeight = 640.0, 280.0
	left, right           = 60.0, 16.0
	top, bottom           = 14.0, 44.0
)

func (p *plot) px(x float64) float64 {
	return left + place(x, p.x0, p.x1, p.xLog)*(plotWidth-left-right)
}

func (p *plot) py(y float64) float64 {
	return plotHeight - bottom - place(y, p.y0, p.y1, p.yLog)*(plotHeight-top-bottom)
}

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
	fmt.Fprintf(&p.svg, `<svg viewBox="0 0 %g %g" role="img" aria-label="%s">`, plotWidth, plotHeight, template.HTMLEscapeString(title))
	for _, x := range p.xTicks {
		fmt.Fprintf(&p.svg, `<line class="grid" x1="%.1f" x2="%.1f" y1="%g" y2="%g"/><text class="tick" x="%.1f" y="%g" text-anchor="middle">%s</text>`,
			p.px(x), p.px(x), top, plotHeight-bottom, p.px(x), plotHeight-bottom+16, short(x))
	}
	for _, y := range p.yTicks {
		fmt.Fprintf(&p.svg, `<line class="grid" x1="%g" x2="%g" y1="%.1f" y2="%.1f"/><text class="tick" x="%g" y="%.1f" text-anchor="end">%s</text>`,
			left, plotWidth-right, p.py(y), p.py(y), left-6, p.py(y)+4, short(y))
	}
	fmt.Fprintf(&p.svg, `<text class="axis" x="%g" y="%g" text-anchor="middle">%s</text>`,
		(left+plotWidth-right)/2, plotHeight-6, template.HTMLEscapeString(p.xLabel))
	fmt.Fprintf(&p.svg, `<text class="axis" transform="translate(14 %g) rotate(-90)" text-anchor="middle">%s</text>`,
		(top+plotHeight-bottom)/2, template.HTMLEscapeString(p.yLabel))
}

func (p *plot) line(class string, xs, ys []float64) {
	fmt.Fprintf(&p.svg, `<polyline class="%s" points="`, class)
	for i := range xs {
		fmt.Fprintf(&p.svg, "%.1f,%.1f ", p.px(xs[i]), p.py(ys[i]))
	}
	p.svg.WriteString(`"/>`)
}

func (p *plot) bar(x0, x1, y float64, title string) {
	fmt.Fprintf(&p.svg, `<rect class="bar" x="%.1f" width="%.1f" y="%.1f" height="%.1f"><title>%s</title></rect>`,
		p.px(x0), math.Max(1, p.px(x1)-p.px(x0)-1), p.py(y), plotHeight-bottom-p.py(y), template.HTMLEscapeString(title))
}

func (p *plot) mark(x float64, label string) {
	fmt.Fprintf(&p.svg, `<line class="mark" x1="%.1f" x2="%.1f" y1="%g" y2="%g"/><text class="tick" x="%.1f" y="%g">%s</text>`,
		p.px(x), p.px(x), top, plotHeight-bottom, p.px(x)+4, top+10, template.HTMLEscapeString(label))
}

func (p *plot) end() template.HTML {
	p.svg.WriteString("</svg>")
	return template.HTML(p.svg.String()) // only numbers and escaped texts are in it
}

func short(v float64) string {
	if v != 0 && math.Abs(v) < 0.01 {
		return fmt.Sprintf("%.0e", v)
	}
	return fmt.Sprintf("%.4g", v)
}

// tail plots how many token-days reach a score.
func tailPlot(r *Report) template.HTML {
	p := plot{xLog: true, yLog: true, x0: 0.05, x1: 20, y0: 0.1, y1: 1000, xLabel: "score of a day without theft", yLabel: "days a 1,000",
		xTicks: []float64{0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20}, yTicks: []float64{0.1, 0.5, 2, 10, 100, 1000}}
	p.begin("How many token-days without theft reach a score")
	var xs, ys []float64
	for _, c := range r.Curve {
		if c.Exceeded > 0 {
			xs, ys = append(xs, c.Score), append(ys, c.Exceeded)
		}
	}
	p.line("curve", xs, ys)
	p.mark(1, "alert")
	return p.end()
}

// daily plots alerts a day.
func dailyPlot(r *Report) template.HTML {
	most := 1.0
	for _, d := range r.Daily {
		most = math.Max(most, float64(d.Alerts))
	}
	p := plot{x0: 0, x1: math.Max(1, float64(len(r.Daily))), y0: 0, y1: most, xLabel: "day", yLabel: "alerts", yTicks: []float64{0, math.Ceil(most / 2), most}}
	p.begin("Alerts a day")
	for i, d := range r.Daily {
		p.bar(float64(i), float64(i+1), float64(d.Alerts), fmt.Sprintf("%s: %d", d.Day, d.Alerts))
	}
	return p.end()
}
