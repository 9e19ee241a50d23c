package console

import (
	"fmt"
	"time"

	"github.com/tokenwatch/tokenwatch/schema/board"
)

// Charts are drawn here in numbers, and by the templates as SVG. They are as wide as a phone, and grow.
const (
	chartWidth  = 340
	chartHeight = 90
)

// bar is a bar of a chart, and the part of it that stands out, from the ground up.
type bar struct {
	X, Y, W, H  float64
	MarkY, Mark float64
	Title       string
}

// dayChart is what a token did day by day.
type dayChart struct {
	Bars       []bar
	From, To   string
	Most       uint64
	Total      uint64
	Denied     uint64
	ActiveDays int
}

func chartDays(days []board.TokenDay) dayChart {
	c := dayChart{}
	for _, d := range days {
		c.Most, c.Total, c.Denied = max(c.Most, d.Requests), c.Total+d.Requests, c.Denied+d.Denied
		if d.Requests > 0 {
			c.ActiveDays++
		}
	}
	step := float64(chartWidth) / float64(max(len(days), 1))
	for i, d := range days {
		b := upright(float64(i)*step, step*0.8, float64(d.Requests), float64(d.Denied), float64(c.Most))
		b.Title = fmt.Sprintf("%s: %s requests, %s denied, %s, %s addresses", d.Day.Format("Mon 2 January"), figures{}.Count(d.Requests), figures{}.Count(d.Denied), figures{}.Bytes(d.BytesOut), figures{}.Count(d.Addresses))
		c.Bars = append(c.Bars, b)
	}
	if len(days) > 0 {
		c.From, c.To = days[0].Day.Format("2 January"), days[len(days)-1].Day.Format("2 January")
	}
	return c
}

// upright is a bar that stands on the ground. What there is of anything is seen: it is a pixel high at least.
func upright(x, width, value, marked, most float64) bar {
	height := func(v float64) float64 {
		if v <= 0 || most <= 0 {
			return 0
		}
		return tenth(max(1.5, v/most*(chartHeight-2)))
	}
	b := bar{X: tenth(x), W: tenth(width), H: height(value), Mark: height(marked)}
	b.Y, b.MarkY = tenth(chartHeight-b.H), tenth(chartHeight-b.Mark)
	return b
}

// hourChart is when a token is used: by hour of the day, and of the week.
type hourChart struct {
	Bars  []bar
	Cells []cell
	Rows  []row
	Total uint64
	Top   string // the busiest hours in words
}

// cell is an hour of the week, shaded from 0 to 4.
type cell struct {
	X, Y  int
	Shade int
	Title string
}

// row is a day's name and where it stands.
type row struct {
	Name string
	Y    int
}

const (
	cellWidth  = 12
	cellHeight = 14
	cellLeft   = 40
)

func chartHours(week board.TokenWeek) hourChart {
	var c hourChart
	var day [24]uint64
	most, busiest := uint64(0), uint64(0)
	for i, n := range week {
		day[i%24] += n
		c.Total += n
		most = max(most, n)
	}
	for _, n := range day {
		busiest = max(busiest, n)
	}
	step := float64(chartWidth) / 24
	for h, n := range day {
		b := upright(float64(h)*step, step*0.8, float64(n), 0, float64(busiest))
		b.Title = fmt.Sprintf("%02d:00 to %02d:59 UTC: %s requests, %s", h, h, figures{}.Count(n), figures{}.Percent(float64(n)/float64(max(c.Total, 1))))
		c.Bars = append(c.Bars, b)
		if n == busiest && n > 0 && c.Top == "" {
			c.Top = fmt.Sprintf("busiest from %02d:00 to %02d:59 UTC", h, h)
		}
	}
	for i, n := range week {
		d, h := i/24, i%24
		shade := 0
		if n > 0 {
			shade = 1 + int(3*n/most)
		}
		weekday := time.Weekday((d + 1) % 7).String()
		c.Cells = append(c.Cells, cell{cellLeft + h*cellWidth, d * cellHeight, shade, fmt.Sprintf("%s %02d:00 UTC: %s requests", weekday, h, figures{}.Count(n))})
		if h == 0 {
			c.Rows = append(c.Rows, row{weekday[:3], d*cellHeight + 11})
		}
	}
	return c
}
