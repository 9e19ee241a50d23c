package console

import (
	"fmt"
	"math"

	"github.com/tokenwatch/tokenwatch/schema/board"
)

// heat is the hours of the week: how often the token was used in each before the first evidence, and in which since.
type weekHeat struct {
	Days   []weekHeatDay
	Known  bool // there is a past
	Marked int  // hours of the incident
	Fresh  int  // of them, those in which the token was never used before
}

type weekHeatDay struct {
	Name  string
	Y     int
	Cells []weekHeatCell
}

type weekHeatCell struct {
	X, Hour       int
	Level         int // 0 (never) to 5 (often)
	Before, Since uint64
	Title         string
}

// The paper of the heat map, in points.
const (
	heatLeft = 46
	heatTop  = 4
	heatSide = 22
)

var heatDays = [7]string{"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"}

func weekHeatOf(rows []board.CaseWeek) *weekHeat {
	var cells [7][24]board.CaseWeek
	var most uint64
	for _, w := range rows {
		if w.Day < 1 || w.Day > 7 || w.Hour > 23 {
			continue
		}
		cells[w.Day-1][w.Hour] = w
		most = max(most, w.Before)
	}
	h := &weekHeat{Known: most > 0}
	for d := range 7 {
		day := weekHeatDay{Name: heatDays[d], Y: heatTop + d*heatSide}
		for hour := range 24 {
			w := cells[d][hour]
			c := weekHeatCell{X: heatLeft + hour*heatSide, Hour: hour, Level: heatLevel(w.Before, most), Before: w.Before, Since: w.Since}
			if w.Since > 0 {
				h.Marked++
				if w.Before == 0 {
					h.Fresh++
				}
			}
			words := caseWords{}
			c.Title = fmt.Sprintf("%s %02d–%02d h UTC: %s before, %s since", heatDays[d], hour, (hour+1)%24, words.Number(w.Before), words.Number(w.Since))
			day.Cells = append(day.Cells, c)
		}
		h.Days = append(h.Days, day)
	}
	return h
}

// level is by the square root: seldom is still not never.
func heatLevel(n, most uint64) int {
	if n == 0 || most == 0 {
		return 0
	}
	return max(1, int(math.Ceil(math.Sqrt(float64(n)/float64(most))*5)))
}
