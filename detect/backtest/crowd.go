package backtest

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// crowd knows on which days there is how much, so that a few times that are far from all others are seen: a clock that
// was never set, a field that is 0. They would make the warm-up one of nothing, and years of silence of token-days.
type crowd struct {
	days  map[int32]*int // bounded by the days of ten thousand years
	today *int           // of days, since most moments are of the day of the one before
	day   int32
	total int
}

func (c *crowd) add(at time.Time) {
	c.total++
	if day := dayOf(at); c.today == nil || day != c.day {
		if c.days == nil {
			c.days = map[int32]*int{}
		}
		if c.days[day] == nil {
			c.days[day] = new(int)
		}
		c.day, c.today = day, c.days[day]
	}
	*c.today++
}

const (
	straggle   = 200 // one of so many at either end may be far from the others
	outsideFor = 4   // so many times as long as the others take is far
)

// core is from which day to which all go but the few at either end.
func (c *crowd) core() (first, last int32) {
	days := slices.Sorted(maps.Keys(c.days))
	first = c.passing(days)
	slices.Reverse(days)
	return first, c.passing(days)
}

// passing is the first of the days by which more than a few have come.
func (c *crowd) passing(days []int32) (at int32) {
	few := c.total / straggle
	for _, day := range days {
		at = day
		if few -= *c.days[day]; few < 0 {
			break
		}
	}
	return at
}

// note says that some times are far from all others; empty: none are.
func (c *crowd) note(from, to time.Time) string {
	if c.total < straggle {
		return ""
	}
	first, last := c.core()
	if int64(dayOf(to)-dayOf(from))+1 <= outsideFor*(int64(last-first)+2) {
		return ""
	}
	date := func(day int32) string { return time.Unix(int64(day)*daySeconds, 0).UTC().Format(time.DateOnly) }
	return fmt.Sprintf("Nearly all there is lies between %s and %s, but the first is of %s and the last of %s. If those times are wrong, leave them out: "+
		"the warm-up counts from the first, and a token's days from its first to its last.", date(first), date(last), from.UTC().Format(time.DateOnly), to.UTC().Format(time.DateOnly))
}
