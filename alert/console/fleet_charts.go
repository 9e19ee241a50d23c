package console

import (
	"fmt"
	"strings"

	"github.com/tokenwatch/tokenwatch/schema/board"
)

// alertChart is the alerts of each day beside what the budget allows.
type alertChart struct {
	Bars        []stack
	Line        string // of the budget: points
	From, To    string
	Most        uint64
	Total       uint64
	Theft       uint64
	Owner       uint64
	Unjudged    uint64
	Budget      float64 // per 1,000 tokens a day; 0: unknown
	Allowed     float64 // by the budget, of all days
	TokenDays   uint64
	PerThousand float64 // alerts that are not confirmed, per 1,000 token-days
	Within      bool
}

// stack is a day's bar: confirmed at the bottom, then what nobody judged, "it was us" on top.
type stack struct {
	X, W  float64
	Parts []part
	Title string
}

type part struct {
	Y, H  float64
	Class string
}

func chartAlerts(days []board.FleetDay, budget float64) alertChart {
	c := alertChart{Budget: budget}
	highest := 1.
	for _, d := range days {
		c.Most, c.Total, c.Theft, c.Owner, c.TokenDays = max(c.Most, d.Alerts), c.Total+d.Alerts, c.Theft+d.Theft, c.Owner+d.Owner, c.TokenDays+d.Tokens
		highest = max(highest, float64(d.Alerts), allowed(d, budget))
	}
	c.Unjudged, c.Allowed = c.Total-c.Theft-c.Owner, budget*float64(c.TokenDays)/1000
	if c.TokenDays > 0 {
		c.PerThousand = 1000 * float64(c.Total-c.Theft) / float64(c.TokenDays)
	}
	c.Within = float64(c.Total-c.Theft) <= c.Allowed
	if len(days) == 0 {
		return c
	}
	c.From, c.To = days[0].Day.Format("2 January"), days[len(days)-1].Day.Format("2 January")
	step := float64(chartWidth) / float64(len(days))
	var line []string
	for i, d := range days {
		x := float64(i) * step
		c.Bars = append(c.Bars, stacked(d, x, step, highest, budget))
		y := chartHeight - 1 - allowed(d, budget)/highest*(chartHeight-4)
		line = append(line, fmt.Sprintf("%.1f,%.1f %.1f,%.1f", x, y, x+step, y))
	}
	if budget > 0 {
		c.Line = strings.Join(line, " ")
	}
	return c
}

// allowed is how many false alerts the budget allows on a day.
func allowed(d board.FleetDay, budget float64) float64 { return budget * float64(d.Tokens) / 1000 }

func stacked(d board.FleetDay, x, step, highest, budget float64) stack {
	s := stack{X: tenth(x), W: tenth(step * 0.8)}
	y := float64(chartHeight - 1)
	for _, p := range []struct {
		n     uint64
		class string
	}{{d.Theft, "fleet-theft"}, {d.Alerts - d.Theft - d.Owner, "fleet-unjudged"}, {d.Owner, "fleet-owner"}} {
		if p.n > 0 {
			h := float64(p.n) / highest * (chartHeight - 4)
			y -= h
			s.Parts = append(s.Parts, part{tenth(y), tenth(h), p.class})
		}
	}
	s.Title = fmt.Sprintf("%s: %s alerts, %s confirmed, %s were the owner; %s tokens used", d.Day.Format("Mon 2 January"), figures{}.Count(d.Alerts), figures{}.Count(d.Theft), figures{}.Count(d.Owner), figures{}.Count(d.Tokens))
	if budget > 0 {
		s.Title += fmt.Sprintf(", the budget allows %s", rounded(allowed(d, budget)))
	}
	return s
}

// detectorLine is a detector's part in the alerts.
type detectorLine struct {
	board.FleetDetector
	Width     float64 // of its bar, 0 to 100
	Judged    uint64
	Precision float64 // of what was judged, how much was confirmed
}

func detectorLines(list []board.FleetDetector) []detectorLine {
	most := uint64(1)
	for _, d := range list {
		most = max(most, d.Alerts)
	}
	lines := make([]detectorLine, len(list))
	for i, d := range list {
		lines[i] = detectorLine{FleetDetector: d, Width: tenth(100 * float64(d.Alerts) / float64(most)), Judged: d.Theft + d.Owner}
		if lines[i].Judged > 0 {
			lines[i].Precision = float64(d.Theft) / float64(lines[i].Judged)
		}
	}
	return lines
}
