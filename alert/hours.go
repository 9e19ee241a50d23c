package alert

import (
	"fmt"
	"math"
	"strings"
	"time"
)

// Hours draws a day of 24 hours in UTC: how active the token normally is in each, and in
// which it was used now. The three lines are 24 characters wide and meant for a
// fixed-width font.
type Hours struct {
	Scale  string // "0     6     12    18    "
	Normal string // "▁▁▁▁▁▁▁▂▅▇█▇▆▇█▇▅▂▁▁▁▁▁▁", a dot where it never was
	Now    string // "  ▲▲                    "
	Odd    bool   // there is evidence against these hours
}

const hourScale = "0     6     12    18    "

var barLevels = []rune("▁▂▃▄▅▆▇█")

// drawHours marks the hours from since to until on the normal day.
func drawHours(normal [24]float64, since, until time.Time, odd bool) Hours {
	used := hoursBetween(since, until)
	now := make([]rune, 24)
	for h := range now {
		now[h] = ' '
		if used[h] {
			now[h] = '▲'
		}
	}
	return Hours{Scale: hourScale, Normal: hourBar(normal), Now: string(now), Odd: odd}
}

func hourBar(share [24]float64) string {
	top := 0.0
	for _, s := range share {
		top = max(top, s)
	}
	var b strings.Builder
	for _, s := range share {
		if s <= 0 || top <= 0 {
			b.WriteRune('·')
			continue
		}
		level := int(math.Ceil(s/top*float64(len(barLevels)))) - 1
		b.WriteRune(barLevels[min(max(level, 0), len(barLevels)-1)])
	}
	return b.String()
}

func hoursBetween(since, until time.Time) (used [24]bool) {
	since, until = since.UTC(), until.UTC()
	if until.Before(since) {
		until = since
	}
	at := since.Truncate(time.Hour)
	for range 24 {
		if at.After(until) {
			break
		}
		used[at.Hour()] = true
		at = at.Add(time.Hour)
	}
	return used
}

// usualHours says when nine tenths of the activity happen: the shortest run of hours
// around the clock that holds them.
func usualHours(share [24]float64) string {
	total := 0.0
	for _, s := range share {
		total += s
	}
	if total <= 0 {
		return ""
	}
	from, length := shortestRun(share, 0.9*total)
	if length >= 20 {
		return "around the clock"
	}
	return fmt.Sprintf("%02d–%02d h UTC", from, (from+length)%24)
}

func shortestRun(share [24]float64, want float64) (from, length int) {
	for length = 1; length < 24; length++ {
		for from = range 24 {
			sum := 0.0
			for i := range length {
				sum += share[(from+i)%24]
			}
			if sum >= want {
				return from, length
			}
		}
	}
	return 0, 24
}
