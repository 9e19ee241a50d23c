package picture

import (
	"cmp"
	"math"
	"slices"
	"time"

	"gonum.org/v1/plot/vg"

	"github.com/tokenwatch/tokenwatch/alert"
	"github.com/tokenwatch/tokenwatch/schema"
)

// The panel of requests, within its part of the sheet.
const (
	plotLeft   = 52.0
	plotRight  = width - margin
	plotTop    = 54.0
	plotBottom = 228.0
)

// axis turns a time and a count into a place on the paper.
type axis struct {
	v   *view
	top float64 // y of the panel
	max float64
	log bool // a burst of a hundred times the usual would leave nothing of the usual to see
}

// roomAfter keeps what happened last, which is what matters, off the edge.
const roomAfter = 5 * time.Hour

// muchMore is how far beyond what is expected a count has to be for a logarithmic scale.
const muchMore = 6

func (v *view) axis(top float64) axis {
	a := axis{v: v, top: top, max: 1}
	usual := 1.0
	for at := v.from; at.Before(v.to); at = at.Add(time.Hour) {
		a.max = max(a.max, float64(v.counts[at]))
		if b, ok := v.expected(at); ok {
			a.max, usual = max(a.max, b.high), max(usual, b.high)
		}
	}
	a.log = a.max > muchMore*usual
	a.max *= 1.08
	return a
}

func (a axis) x(at time.Time) float64 {
	share := at.Sub(a.v.from).Seconds() / (a.v.to.Sub(a.v.from) + roomAfter).Seconds()
	return plotLeft + min(max(share, 0), 1)*(plotRight-plotLeft)
}

func (a axis) y(count float64) float64 {
	share := count / a.max
	if a.log {
		share = math.Log1p(count) / math.Log1p(a.max)
	}
	return a.top + plotBottom - min(max(share, 0), 1)*(plotBottom-plotTop)
}

func (v *view) drawRequests(p *pen, top float64) {
	a := v.axis(top)
	p.write(headingStyle, margin, top+2, "Requests an hour")
	v.requestsLegend(p, top, a.log)
	from := max(a.x(v.began.Truncate(time.Hour)), plotLeft)
	p.fill(oddBg, from, top+plotTop, a.x(v.to)-from, plotBottom-plotTop)
	a.ticks(p)
	v.drawBand(p, a)
	v.drawBars(p, a)
	v.drawEdge(p, a)
	p.line(faint, 1, plotLeft, top+plotBottom, plotRight, top+plotBottom)
	v.drawMarks(p, a)
}

func (v *view) requestsLegend(p *pen, top float64, log bool) {
	x := float64(margin)
	for _, part := range []struct {
		box  bool
		fill style
		word string
	}{
		{true, style{color: likely}, "expected"}, {true, style{color: normal}, "seen"}, {true, style{color: odd}, "since the incident began"},
	} {
		p.fill(part.fill.color, x, top+30, 11, 11)
		p.write(noteStyle, x+16, top+28, part.word)
		x += 16 + breadth(noteStyle, part.word) + 16
	}
	if log {
		right := noteStyle
		right.align = -1
		p.write(right, plotRight, top+4, "logarithmic scale")
	}
}

// ticks draws the grid: days below, counts at the left.
func (a axis) ticks(p *pen) {
	for _, n := range alert.Ticks(a.max, a.log) {
		y := a.y(n)
		p.line(grid, 1, plotLeft, y, plotRight, y)
		right := tickStyle
		right.align = -1
		p.write(right, plotLeft-6, y-8, alert.ShortCount(n))
	}
	middle := tickStyle
	middle.align = -0.5
	day := a.v.from.Truncate(24 * time.Hour)
	for ; day.Before(a.v.to); day = day.Add(24 * time.Hour) {
		if x := a.x(day); !day.Before(a.v.from) {
			p.line(grid, 1, x, a.top+plotTop, x, a.top+plotBottom)
		}
		noon := day.Add(12 * time.Hour)
		if noon.After(a.v.from.Add(6*time.Hour)) && noon.Before(a.v.to.Add(-6*time.Hour)) {
			p.write(middle, a.x(noon), a.top+plotBottom+5, day.Format("Mon 2"))
		}
	}
}

// drawBand fills between what is least and most to be expected, a piece for every run of
// hours of which that is known.
func (v *view) drawBand(p *pen, a axis) {
	var upper, lower []vg.Point
	flush := func() {
		if len(upper) > 0 {
			slices.Reverse(lower)
			p.shape(likely, append(upper, lower...)...)
		}
		upper, lower = nil, nil
	}
	for at := v.from; at.Before(v.to); at = at.Add(time.Hour) {
		b, ok := v.expected(at)
		if !ok {
			flush()
			continue
		}
		left, right := a.x(at), a.x(at.Add(time.Hour))
		high := min(a.y(b.high), a.y(0)-1.5) // that nothing is expected is to be seen too
		upper = append(upper, p.at(left, high), p.at(right, high))
		lower = append(lower, p.at(left, a.y(b.low)), p.at(right, a.y(b.low)))
	}
	flush()
}

// drawEdge draws the most that is to be expected over the bars, which may hide the band.
func (v *view) drawEdge(p *pen, a axis) {
	for at := v.from; at.Before(v.to); at = at.Add(time.Hour) {
		if b, ok := v.expected(at); ok && b.high > 0 {
			p.line(edge, 1.6, a.x(at), a.y(b.high), a.x(at.Add(time.Hour)), a.y(b.high))
		}
	}
}

// drawBars puts a bar on every hour in which the token was used.
func (v *view) drawBars(p *pen, a axis) {
	for at := v.from; at.Before(v.to); at = at.Add(time.Hour) {
		n := float64(v.counts[at])
		if n == 0 {
			continue
		}
		c := normal
		if v.ofIncident(at) {
			c = odd
		}
		left := a.x(at)
		y := min(a.y(n), a.y(0)-2)
		p.fill(c, left+0.4, y, a.x(at.Add(time.Hour))-left-0.8, a.y(0)-y)
	}
}

// mark is evidence at one place of the axis.
type mark struct {
	x      float64
	labels []string
}

const (
	markNear   = 60 // evidence that is nearer together shares a flag
	markLabels = 4
	markRoom   = 180
)

var markStyle = style{color: odd, size: 13, bold: true}

// drawMarks puts a flag where the evidence is, with the strongest named.
func (v *view) drawMarks(p *pen, a axis) {
	for _, m := range v.marks(a) {
		p.line(odd, 1.2, m.x, a.top+plotTop-2, m.x, a.top+plotBottom)
		p.shape(odd, p.at(m.x-5, a.top+plotTop-8), p.at(m.x+5, a.top+plotTop-8), p.at(m.x, a.top+plotTop))
		s, x := markStyle, m.x+8
		if m.x > (plotLeft+plotRight)/2 {
			s.align, x = -1, m.x-8
		}
		for i, label := range m.labels {
			p.write(s, x, a.top+plotTop+2+float64(i)*16, label)
		}
	}
}

func (v *view) marks(a axis) []mark {
	evidence := slices.DeleteFunc(slices.Clone(v.inc.Evidence), func(e schema.Evidence) bool { return e.LLR <= 0 })
	slices.SortStableFunc(evidence, func(x, y schema.Evidence) int { return cmp.Compare(y.LLR, x.LLR) })
	var list []mark
	for _, e := range evidence {
		at := e.Time
		if at.Before(v.began) {
			at = v.began
		}
		list = addMark(list, a.x(at), cut(markStyle, alert.Label(e), markRoom))
	}
	return list
}

func addMark(list []mark, x float64, label string) []mark {
	for i := range list {
		if math.Abs(list[i].x-x) > markNear {
			continue
		}
		if !slices.Contains(list[i].labels, label) && len(list[i].labels) < markLabels {
			list[i].labels = append(list[i].labels, label)
		}
		return list
	}
	return append(list, mark{x: x, labels: []string{label}})
}
