package console

import (
	"fmt"
	"strings"
	"time"
)

// Bounds of the timeline by hours.
const (
	shownBefore = 7 * 24 * time.Hour // of the time before the first evidence, at least
	shownWindow = 14 * 24 * time.Hour
	shownMost   = 35 * 24 * time.Hour
)

// draw makes pictures of what was read.
func (p *casePage) draw() {
	if p.Hours.Fault == "" && len(p.Hours.Rows) > 0 {
		p.ByHour = p.drawHours()
	}
	if p.Minutes.Fault == "" && len(p.Minutes.Rows) > 0 {
		p.ByMinute = p.drawMinutes()
	}
	if p.Week.Fault == "" && len(p.Week.Rows) > 0 {
		p.Heat = weekHeatOf(p.Week.Rows)
	}
	if p.Places.Fault == "" && len(p.Places.Rows) > 0 {
		p.Map = mapOf(p.Places.Rows)
		p.Map.Description = p.placesInWords()
	}
}

func (p *casePage) drawHours() *caseChart {
	known := casePastOf(p.Hours.Rows, p.Case.Began)
	until := p.Case.Until.Add(-caseAhead).Truncate(time.Hour).Add(time.Hour)
	from := until.Add(-shownWindow)
	if before := p.Case.Began.Add(-shownBefore); before.Before(from) {
		from = before
	}
	if most := until.Add(-shownMost); from.Before(most) {
		from = most
	}
	plot := &casePlot{
		from: from.Truncate(time.Hour), until: until, step: time.Hour, began: p.Case.Began, evidence: p.Inc.Evidence,
		count:  func(at time.Time) float64 { return known.counts[at.Unix()] },
		expect: known.expect,
	}
	c := plot.draw("hour")
	c.Name, c.Title = "hours", "Requests an hour"
	c.Description = fmt.Sprintf("From %s to %s UTC. The most within an hour since the first evidence at %s is %s; the same hours of earlier weeks let expect at most %s. The table below has the numbers.",
		plot.from.Format("2 Jan 15:04"), plot.until.Format("2 Jan 15:04"), p.Case.Began.Format("2 Jan 15:04"), p.Number(uint64(mostSeen(plot, true))), p.Number(uint64(mostExpected(plot))))
	return c
}

func (p *casePage) drawMinutes() *caseChart {
	counts := map[int64]float64{} // at most mostCaseMinutes of the store
	for _, m := range p.Minutes.Rows {
		counts[m.At.Unix()] = float64(m.Requests)
	}
	plot := &casePlot{
		from: p.MinutesFrom, until: p.MinutesUntil, step: time.Minute, began: p.Case.Began, evidence: p.Inc.Evidence,
		count:   func(at time.Time) float64 { return counts[at.Unix()] },
		expect:  func(time.Time) (caseBand, bool) { return caseBand{}, false },
		ceiling: float64(p.Inc.Normal.PeakMinute),
	}
	c := plot.draw("minute")
	c.Name, c.Title = "minutes", "Requests a minute, around the first evidence"
	c.Description = fmt.Sprintf("From %s to %s UTC. The most within a minute since the first evidence is %s; before it was %s at most.",
		plot.from.Format("2 Jan 15:04"), plot.until.Format("2 Jan 15:04"), p.Number(uint64(mostSeen(plot, true))), p.Number(uint64(plot.ceiling)))
	return c
}

func mostSeen(p *casePlot, odd bool) (most float64) {
	for _, at := range p.times() {
		if p.odd(at) == odd {
			most = max(most, p.count(at))
		}
	}
	return most
}

func mostExpected(p *casePlot) (most float64) {
	for _, at := range p.times() {
		if b, known := p.expect(at); known && p.odd(at) {
			most = max(most, b.high)
		}
	}
	return most
}

func (p *casePage) placesInWords() string {
	var fresh []string
	for _, place := range p.Places.Rows {
		if place.New() && len(fresh) < 5 {
			fresh = append(fresh, p.Place(place.City, place.Country))
		}
	}
	if len(fresh) == 0 {
		return "No place is new. The table below has all places."
	}
	return "New: " + strings.Join(fresh, "; ") + ". The table below has all places."
}
