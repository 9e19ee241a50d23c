package simulate

import (
	"slices"
	"time"
)

// The confusers of a plan: what happens to honest tokens, and looks like something.

// act is how a kind of confuser happens. Those of companies are cast by how many companies, others by how many tokens.
type act struct {
	companies bool
	play      func(*casting, stretch) bool
}

func acts() map[string]act {
	return map[string]act{
		Deploy: {true, (*casting).stepVersion}, EgressSwitch: {true, (*casting).switchExit}, LaunchDay: {true, (*casting).launchDay},
		NewOffice: {true, (*casting).moveOffice}, RoundTheClock: {false, (*casting).neverSleeps}, LateJob: {false, (*casting).runLate},
		ClockChange: {false, (*casting).changeClock}, Holiday: {false, (*casting).takeHoliday}, Journey: {false, (*casting).goAbroad},
	}
}

// confuse spreads the confusers of a kind over the live window.
func (c *casting) confuse(k Confuser, a act) {
	n := times(k.Share, len(c.fleet.tokens))
	switch {
	case k.Kind == LaunchDay && k.Share > 0:
		c.share, n = k.Share, 1+int(c.fleet.config.Live/(30*day))
	case a.companies:
		n = times(k.Share, len(c.fleet.owners))
	}
	c.from = c.fleet.config.End
	c.spread(slots(c.from, c.fleet.finish(), n), func(slot stretch) bool { return a.play(c, slot) })
}

// involve makes tokens live through something for some days.
func (c *casting) involve(kind string, cast []*token, from time.Time, length time.Duration, title string, words ...any) int {
	story := c.tell(kind, false, cast[0], title, words...)
	s := &c.fleet.stories[story]
	s.From, s.To = from.UTC().Truncate(time.Second), earlier(from.Add(length), c.fleet.finish()).UTC().Truncate(time.Second)
	for i, t := range cast {
		c.taken[t.Index] = true
		t.tale = &tale{stretch{s.From, s.To}, story}
		if i > 0 {
			s.Others = append(s.Others, t.Index)
		}
	}
	return story
}

// company finds an owner to whom nothing else happens, and all tokens that are concerned; so many of them at least
// have been in use for a while.
func (c *casting) company(least int, start time.Time, fits func(*token) bool) []*token {
	all := c.fleet.owners
	at := c.dice.IntN(len(all))
	for i := range min(len(all), looks/10) {
		var cast []*token
		settled := 0
		o := all[(at+i)%len(all)]
		if o.exit != nil || !o.step.IsZero() {
			continue // one upheaval is enough
		}
		for _, t := range c.staff[o] {
			if c.taken[t.Index] || !fits(t) {
				continue
			}
			cast = append(cast, t)
			if t.Class != Sparse && t.Since.Before(start) && t.until.IsZero() {
				settled++
			}
		}
		if settled >= least {
			return cast
		}
	}
	return nil
}

// neverSleeps: a service that is as busy at night as by day.
func (c *casting) neverSleeps(slot stretch) bool {
	at := slot.within(c.dice)
	t := c.search(at, func(t *token) bool {
		v, ok := t.habit.(*server)
		return ok && v.curve.depth <= 0.05
	})
	if t == nil {
		return false
	}
	c.involve(RoundTheClock, []*token{t}, at, 7*day, "A service of %s is as busy at night as by day.", t.Owner)
	return true
}

// runLate: a job that was due hours ago starts.
func (c *casting) runLate(slot stretch) bool {
	at := slot.within(c.dice)
	before := len(c.fleet.stories)
	if c.lateJob(at) != nil {
		return false
	}
	s := &c.fleet.stories[before]
	s.From, s.To, s.exact = at.Truncate(time.Second), at.Add(6*time.Hour), true
	return true
}

// goAbroad: somebody flies, works there and comes back.
func (c *casting) goAbroad(slot stretch) bool {
	var found trip
	window := stretch{slot.from, later(slot.to, slot.from.Add(10*day))}
	t := c.search(slot.from, func(t *token) bool {
		p, ok := t.habit.(*person)
		if !ok || p.rate < 4 {
			return false
		}
		at := slices.IndexFunc(p.trips, func(x trip) bool {
			return window.holds(x.there.from) && x.place.country != p.base.country
		})
		if at >= 0 {
			found = p.trips[at]
		}
		return at >= 0
	})
	if t == nil {
		return false
	}
	c.involve(Journey, []*token{t}, found.there.from, found.there.to.Sub(found.there.from)+day, "Somebody of %s flies from %s (%s) to %s (%s) and works there.", t.Owner, t.City, t.Country, found.place.name, found.place.country)
	return true
}
