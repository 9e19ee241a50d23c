package simulate

import "time"

// The thefts that take care to look like the owner.

// blendIn: in the owner's country at the owner's hours, from a network that is new to the token.
func (c *casting) blendIn(theft Theft, slot stretch) bool {
	d := c.dice
	at := slot.within(d)
	t := c.search(at, func(t *token) bool {
		p, ok := t.habit.(*person)
		return ok && p.rate >= 4 && p.works(at) && c.unused(t, residential, mobile, business, hosting, vpn) != nil
	})
	if t == nil {
		return false
	}
	n := c.unused(t, residential, mobile, business, hosting, vpn)
	p := t.habit.(*person)
	at = c.hourOf(at, p.base.zone, 9.5+d.between(0, 4)+min(2, p.shift), p)
	hours := theft.Hours.draw(d)
	agent, whose := c.tool(t, at, 0.25)
	h := c.begin(BusinessHours, t, at, hours, "A thief in the country of %s's user (%s) uses the token at working hours, from %s, with %s.", t.Owner, t.Country, n.operator, whose)
	h.hourly(at, hours, theft.Rate.draw(d), fixed(d, n).address(at), agent)
	return true
}

// works says that the day is an ordinary working day of the person.
func (p *person) works(at time.Time) bool {
	return !p.off(at.In(p.base.zone)) && p.atHomeAround(at)
}

// impersonate: from the owner's own network, with the owner's own program.
func (c *casting) impersonate(theft Theft, slot stretch) bool {
	d := c.dice
	at := slot.within(d)
	t := c.search(at, func(t *token) bool {
		p, ok := t.habit.(*person)
		return ok && p.rate >= 4 && p.works(at) || t.Class == Server || t.Class == Cron
	})
	if t == nil {
		return false
	}
	if p, ok := t.habit.(*person); ok {
		at = c.hourOf(at, p.base.zone, 9.5+d.between(0, 5)+min(2, p.shift), p)
	}
	own := t.way(d)
	agent, _ := c.tool(t, at, 1)
	hours := theft.Hours.draw(d)
	h := c.begin(OwnNetwork, t, at, hours, "Somebody in the network of %s's own %s token (%s) uses it with the same program.", t.Owner, t.Class, own.network.operator)
	neighbour := own.network.neighbour(own.seed, d.Uint64())
	h.hourly(at, hours, theft.Rate.draw(d), neighbour, agent)
	return true
}
