package console

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tokenwatch/tokenwatch/alert"
	"github.com/tokenwatch/tokenwatch/schema"
)

// The paper that charts are drawn on, in points.
const (
	chartWide   = 1000.0
	chartHigh   = 270.0
	chartLeft   = 50.0
	chartRight  = 988.0
	chartTop    = 46.0
	chartBottom = 240.0
)

// chart is requests over time, ready to be drawn: paths and places for the template, rows for the table below it, and
// the same numbers for the script.
type caseChart struct {
	Wide, High          float64
	Left, Right         float64
	Top, Bottom         float64
	Band, Middle        string // paths: what is to be expected
	Usual, Odd          string // paths: bars before the first evidence, and since
	Ceiling             float64
	CeilingText         string
	Since, SinceWide    float64 // the incident's part of the paper
	Across, Down        []caseTick
	Marks               []caseMark
	Log                 bool
	Unit                string // hour or minute
	Rows                []caseChartRow
	Series              caseSeries
	Name, Title, Legend string
	Description         string
}

type caseTick struct {
	At   float64
	Text string
}

// chartMark is evidence.
type caseMark struct {
	X      float64
	End    bool // the words stand at its left
	Words  []string
	Detail string
}

type caseChartRow struct {
	At       time.Time
	Requests uint64
	Expected string
	Odd      bool
}

// chartSeries is what the script draws; times are Unix seconds. Fields are nil where nothing is known.
type caseSeries struct {
	Unit     string         `json:"unit"`
	Times    []int64        `json:"times"`
	Requests []float64      `json:"requests"`
	Low      []*float64     `json:"low"`
	Middle   []*float64     `json:"middle"`
	High     []*float64     `json:"high"`
	Since    int64          `json:"since"`
	Ceiling  float64        `json:"ceiling"`
	Log      bool           `json:"log"`
	Marks    []caseSeriesAt `json:"marks"`
}

type caseSeriesAt struct {
	At   int64  `json:"at"`
	Text string `json:"text"`
}

// plot is what a chart is made from.
type casePlot struct {
	from, until time.Time
	step        time.Duration
	count       func(time.Time) float64
	expect      func(time.Time) (caseBand, bool)
	ceiling     float64 // the most within a step so far; 0: not known
	began       time.Time
	evidence    []schema.Evidence
	max         float64
	log         bool
}

// muchMore is how far beyond what is usual a count has to be for a logarithmic scale: a burst of a hundred times the
// usual would leave nothing of the usual to see.
const logBeyond = 6

func (p *casePlot) times() []time.Time {
	var list []time.Time
	for at := p.from.Truncate(p.step); at.Before(p.until); at = at.Add(p.step) {
		list = append(list, at)
	}
	return list
}

func (p *casePlot) odd(at time.Time) bool { return !at.Before(p.began.Truncate(p.step)) }

func (p *casePlot) scale() {
	usual := max(1, p.ceiling)
	p.max = max(1, p.ceiling)
	for _, at := range p.times() {
		p.max = max(p.max, p.count(at))
		if b, known := p.expect(at); known {
			p.max, usual = max(p.max, b.high), max(usual, b.high)
		}
	}
	p.log = p.max > logBeyond*usual
	p.max *= 1.06
}

func (p *casePlot) x(at time.Time) float64 {
	share := at.Sub(p.from.Truncate(p.step)).Seconds() / p.until.Sub(p.from.Truncate(p.step)).Seconds()
	return tenth(chartLeft + min(max(share, 0), 1)*(chartRight-chartLeft))
}

func (p *casePlot) y(count float64) float64 {
	share := count / p.max
	if p.log {
		share = math.Log1p(count) / math.Log1p(p.max)
	}
	return tenth(chartBottom - min(max(share, 0), 1)*(chartBottom-chartTop))
}

func tenth(f float64) float64 { return math.Round(f*10) / 10 }

func (p *casePlot) draw(unit string) *caseChart {
	p.scale()
	c := &caseChart{
		Wide: chartWide, High: chartHigh, Left: chartLeft, Right: chartRight, Top: chartTop, Bottom: chartBottom, Log: p.log, Unit: unit,
		Since: p.x(p.began), Down: p.down(), Across: p.across(), Marks: p.marks(),
	}
	c.SinceWide = tenth(chartRight - c.Since)
	if p.ceiling > 0 {
		c.Ceiling, c.CeilingText = p.y(p.ceiling), caseWords{}.Number(uint64(p.ceiling))
	}
	c.Band, c.Middle = p.bandPaths()
	p.bars(c)
	p.series(c)
	return c
}

// bandPaths fills between the least and the most that is to be expected, a piece for every run of hours of which that
// is known, and draws the median.
func (p *casePlot) bandPaths() (area, middle string) {
	var upperFirst, lower, line, whole, median []string
	flush := func() {
		if len(upperFirst) > 0 {
			slices.Reverse(lower)
			whole = append(whole, "M"+strings.Join(append(upperFirst, lower...), "L")+"Z")
			median = append(median, "M"+strings.Join(line, "L"))
		}
		upperFirst, lower, line = nil, nil, nil
	}
	for _, at := range p.times() {
		b, known := p.expect(at)
		if !known {
			flush()
			continue
		}
		left, right := p.x(at), p.x(at.Add(p.step))
		high := min(p.y(b.high), chartBottom-1.5) // that nothing is expected is to be seen, too
		upperFirst = append(upperFirst, pathPoint(left, high), pathPoint(right, high))
		lower = append(lower, pathPoint(left, p.y(b.low)), pathPoint(right, p.y(b.low)))
		line = append(line, pathPoint(left, p.y(b.middle)), pathPoint(right, p.y(b.middle)))
	}
	flush()
	return strings.Join(whole, ""), strings.Join(median, "")
}

func pathPoint(x, y float64) string {
	return strconv.FormatFloat(x, 'f', -1, 64) + " " + strconv.FormatFloat(y, 'f', -1, 64)
}

func (p *casePlot) bars(c *caseChart) {
	var usual, odd strings.Builder
	for _, at := range p.times() {
		n := p.count(at)
		if n == 0 {
			continue
		}
		into := &usual
		if p.odd(at) {
			into = &odd
		}
		left, right := p.x(at), p.x(at.Add(p.step))
		gap := min(0.8, (right-left)/4)
		top := min(p.y(n), chartBottom-2)
		fmt.Fprintf(into, "M%s V%s H%s V%s Z", pathPoint(tenth(left+gap/2), chartBottom), strconv.FormatFloat(top, 'f', -1, 64), strconv.FormatFloat(tenth(max(right-gap/2, left+0.6)), 'f', -1, 64), strconv.FormatFloat(chartBottom, 'f', -1, 64))
	}
	c.Usual, c.Odd = usual.String(), odd.String()
}

// shownRows is how many rows the table has; all of them stand in the picture.
const shownRows = 400

func (p *casePlot) series(c *caseChart) {
	s := &c.Series
	s.Unit, s.Log, s.Since, s.Ceiling = c.Unit, c.Log, p.began.Unix(), p.ceiling
	for _, at := range p.times() {
		n := p.count(at)
		s.Times, s.Requests = append(s.Times, at.Unix()), append(s.Requests, n)
		row := caseChartRow{At: at, Requests: uint64(n), Odd: p.odd(at)}
		b, known := p.expect(at)
		if known {
			s.Low, s.Middle, s.High = append(s.Low, &b.low), append(s.Middle, &b.middle), append(s.High, &b.high)
			row.Expected = fmt.Sprintf("%.0f–%.0f", math.Floor(b.low), math.Ceil(b.high))
		} else {
			s.Low, s.Middle, s.High = append(s.Low, nil), append(s.Middle, nil), append(s.High, nil)
		}
		if n > 0 || known && b.high > 0 {
			c.Rows = append(c.Rows, row)
		}
	}
	slices.Reverse(c.Rows)
	c.Rows = c.Rows[:min(len(c.Rows), shownRows)]
	for _, e := range p.shownEvidence() {
		s.Marks = append(s.Marks, caseSeriesAt{At: p.when(e).Unix(), Text: alert.Label(e)})
	}
}
