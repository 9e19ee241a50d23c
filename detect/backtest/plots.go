package backtest

import (
	"fmt"
	"html/template"
	"math"
	"strings"
	"time"
)

// tailPlot plots how many token-days reach a score.
func tailPlot(reports ...*Report) template.HTML {
	p := plot{
		xLog: true, yLog: true, x0: 0.05, x1: 20, y0: 0.1, y1: 1000, xLabel: "score of a day without theft", yLabel: "days of 1,000",
		xTicks: ticks(0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20), yTicks: ticks(0.1, 0.5, 2, 10, 100, 1000),
	}
	p.begin("How many token-days without theft reach a score")
	for run, r := range reports {
		var xs, ys []float64
		for _, c := range r.Curve {
			if c.Exceeded > 0 {
				xs, ys = append(xs, c.Score), append(ys, c.Exceeded)
			}
		}
		p.line(class("curve", run), xs, ys)
	}
	p.mark(1, "alert")
	return p.end()
}

// dailyPlot plots alerts a day.
func dailyPlot(reports ...*Report) template.HTML {
	most, days := 1.0, 1
	for _, r := range reports {
		days = max(days, len(r.Daily))
		for _, d := range r.Daily {
			most = math.Max(most, float64(d.Alerts))
		}
	}
	p := plot{x1: float64(days), y1: most, yLabel: "alerts", yTicks: wholeTicks(most), height: 220}
	p.xTicks = dateTicks(reports)
	p.begin("Alerts a day")
	for run, r := range reports {
		width := 0.8 / float64(len(reports))
		for i, d := range r.Daily {
			p.bar(class("bar", run), float64(i)+0.1+width*float64(run), width, float64(d.Alerts), fmt.Sprintf("%s: %d", d.Day, d.Alerts))
		}
	}
	return p.end()
}

// dateTicks names up to eight of the days, at their middles.
func dateTicks(reports []*Report) []tick {
	var list []tick
	for _, r := range reports {
		if len(r.Daily) > 0 {
			step := (len(r.Daily) + 7) / 8
			for i := 0; i < len(r.Daily); i += step {
				list = append(list, tick{float64(i) + 0.5, monthAndDay(r.Daily[i].Day)})
			}
			return list
		}
	}
	return nil
}

// monthAndDay is a date without its year.
func monthAndDay(date string) string {
	at, err := time.Parse(time.DateOnly, date)
	if err != nil {
		return date
	}
	return at.Format("Jan 2")
}

// wholeTicks marks whole numbers from 0 to a maximum, at most five.
func wholeTicks(most float64) []tick {
	step := math.Max(1, math.Ceil(most/4))
	var at []float64
	for v := 0.0; v <= most; v += step {
		at = append(at, v)
	}
	return ticks(at...)
}

// recallPlot shows a bar for each kind of theft: the share found as configured, and beside it at a budget of 10.
func recallPlot(r *Report) template.HTML {
	const rowHeight, nameWidth = 26.0, 190.0
	width := plotWidth - nameWidth - 60
	height := rowHeight*float64(len(r.Recall)) + 30
	var svg strings.Builder
	fmt.Fprintf(&svg, `<svg viewBox="0 0 %g %g" role="img" aria-label="Share of thefts found, by kind">`, plotWidth, height)
	for _, share := range []float64{0, 0.25, 0.5, 0.75, 1} {
		x := nameWidth + share*width
		fmt.Fprintf(&svg, `<line class="grid" x1="%.1f" x2="%.1f" y1="4" y2="%.1f"/><text x="%.1f" y="%.1f" text-anchor="middle">%s</text>`,
			x, x, height-22, x, height-8, percent(share))
	}
	for i, row := range r.Recall {
		y := 6 + rowHeight*float64(i)
		fmt.Fprintf(&svg, `<text class="label" x="%g" y="%.1f" text-anchor="end">%s</text>`, nameWidth-10, y+13, template.HTMLEscapeString(clipped(row.Kind)))
		fmt.Fprintf(&svg, `<rect class="bar" x="%g" y="%.1f" width="%.1f" height="10"><title>as configured: %s</title></rect>`, nameWidth, y, row.Configured*width, percent(row.Configured))
		fmt.Fprintf(&svg, `<rect class="bar b" x="%g" y="%.1f" width="%.1f" height="6"><title>at 10 false alerts per 1,000 token-days: %s</title></rect>`, nameWidth, y+11, row.AtTen*width, percent(row.AtTen))
	}
	svg.WriteString("</svg>")
	return template.HTML(svg.String() + `<p class="note"><i class="a"></i> as configured <i class="b"></i> at 10 false alerts per 1,000 token-days</p>`) // numbers and escaped texts
}

// clipped is as much of a kind's name as there is room for.
func clipped(kind string) string {
	if letters := []rune(kind); len(letters) > 30 {
		return string(letters[:29]) + "…"
	}
	return kind
}
