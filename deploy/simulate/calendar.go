package simulate

import "time"

// What the calendar does to honest tokens.

// changeClock: where the token's user lives, the clocks change.
func (c *casting) changeClock(slot stretch) bool {
	window := stretch{c.fleet.config.End, c.fleet.finish()}
	var at time.Time
	t := c.search(slot.from, func(t *token) bool {
		zone := t.clock()
		if zone == nil {
			return false
		}
		name := zone.String()
		if _, known := c.changes[name]; !known {
			c.changes[name] = change(zone, window)
		}
		at = c.changes[name]
		return !at.IsZero()
	})
	if t == nil {
		return false
	}
	c.involve(ClockChange, []*token{t}, at, 7*day, "The clocks change in %s, and with them the hours of a %s token of %s.", t.Zone, t.Class, t.Owner)
	return true
}

// clock is the zone by which a token lives, if it lives by the hour.
func (t *token) clock() *time.Location {
	switch h := t.habit.(type) {
	case *person:
		return h.base.zone
	case *cron:
		if h.every == 0 {
			return h.zone
		}
	}
	return nil
}

// change is when a zone's offset changes within a window; zero when it does not.
func change(zone *time.Location, window stretch) time.Time {
	_, before := window.from.In(zone).Zone()
	for at := window.from; at.Before(window.to); at = at.Add(time.Hour) {
		if _, now := at.In(zone).Zone(); now != before {
			return at
		}
	}
	return time.Time{}
}

// takeHoliday: the token's user has the day off, as the whole country has, and is back afterwards.
func (c *casting) takeHoliday(slot stretch) bool {
	var at time.Time
	fits := func(from time.Time) func(*token) bool {
		return func(t *token) bool {
			p, ok := t.habit.(*person)
			if !ok || p.rate < 8 {
				return false
			}
			for at = atHour(from, p.base.zone, 0); at.Before(c.fleet.finish().Add(-2 * day)); at = at.AddDate(0, 0, 1) {
				if wd := at.Weekday(); holiday(p.base.country, at) && wd != time.Saturday && wd != time.Sunday {
					return p.atHomeAround(at)
				}
			}
			return false
		}
	}
	t := c.search(slot.from, fits(slot.from))
	if t == nil {
		t = c.search(slot.from, fits(c.fleet.config.End.Add(day)))
	}
	if t == nil {
		return false
	}
	c.involve(Holiday, []*token{t}, at, 2*day, "A public holiday in %s, where a user of %s lives.", t.Country, t.Owner)
	return true
}
