package simulate

import (
	"math"
	"slices"
	"time"
)

// What happens to a whole company at once, or to a part of the whole fleet.

// stepVersion: a company deploys, and all its programs call the API with the next major version of their library.
func (c *casting) stepVersion(slot stretch) bool {
	at := slot.within(c.dice)
	cast := c.company(4, at, func(t *token) bool {
		return slices.ContainsFunc(t.tools(), client.steps)
	})
	if cast == nil {
		return false
	}
	at = c.hourOf(at, cast[0].owner.home.zone, c.dice.between(9, 17), nil)
	cast[0].owner.step = at
	c.involve(Deploy, cast, at, 3*day, "%s deploys: %d of its tokens are used with the next major version of their clients.", cast[0].Owner, len(cast))
	return true
}

// tools are the programs that a token is used with, the first most.
func (t *token) tools() []client {
	switch h := t.habit.(type) {
	case *person:
		return h.clients
	case *worker:
		return []client{h.client}
	case *server:
		return []client{h.client}
	case *cron:
		return []client{h.client}
	case *batch:
		return []client{h.client}
	case *ci:
		return []client{h.client}
	}
	return nil
}

// switchExit: a company gets another way out, for its people (a VPN with an egress of its own) or for its machines
// (another cloud), and stays with it.
func (c *casting) switchExit(slot stretch) bool {
	d := c.dice
	at := slot.within(d)
	people := d.chance(0.5)
	cast := c.company(4, at, func(t *token) bool {
		if p, ok := t.habit.(*person); ok {
			return people && p.office != nil
		}
		return !people && t.Class != CI
	})
	if cast == nil {
		return false
	}
	o := cast[0].owner
	at = c.hourOf(at, o.home.zone, d.between(7, 19), nil)
	if people {
		n := c.elsewhere(o, business, hosting)
		l := fixed(d, n)
		o.exit = &exit{at: at, people: &l}
		c.involve(EgressSwitch, cast, at, 14*day, "The people of %s go out through a new gateway, at %s in %s.", o.name, n.operator, n.place.name)
		return true
	}
	n := c.elsewhere(o, hosting)
	o.exit = &exit{at: at, machines: []line{fixed(d, n), fixed(d, n), fixed(d, n)}}
	c.involve(EgressSwitch, cast, at, 14*day, "The machines of %s move to %s in %s.", o.name, n.operator, n.place.name)
	return true
}

// elsewhere is a network that is new to a company: in its own country if there is one.
func (c *casting) elsewhere(o *owner, kinds ...kind) *network {
	known := map[uint32]bool{}
	for _, n := range o.clouds {
		known[n.asn] = true
	}
	for _, office := range o.offices {
		for _, up := range office.uplinks {
			known[up.network.asn] = true
		}
	}
	var fits []*network
	for _, n := range c.rented[o.home.country] {
		for _, k := range kinds {
			if n.kind == k && !known[n.asn] {
				fits = append(fits, n)
			}
		}
	}
	if len(fits) > 0 {
		return pick(c.dice, fits)
	}
	return c.fleet.atlas.nearest(c.dice, o.home, 1)[0]
}

// launchDay: something new that everybody wants to try. For a day, a part of the fleet makes several times its requests.
func (c *casting) launchDay(slot stretch) bool {
	d := c.dice
	at := c.hourOf(slot.within(d), time.UTC, pick(d, []float64{13, 15, 17, 18}), nil)
	window := stretch{at, at.Add(16 * time.Hour)}
	n := int(math.Ceil(c.share * float64(len(c.fleet.tokens))))
	var cast []*token
	for range n {
		t := c.search(at, func(t *token) bool {
			switch t.habit.(type) {
			case *person, *server, *worker:
				return true
			}
			return false
		})
		if t == nil {
			break
		}
		cast = append(cast, t)
		more := &surge{window, min(8, d.logNormal(2.5, 0.4)), ordinary}
		switch h := t.habit.(type) {
		case *person:
			h.surge = more
		case *worker:
			h.surge = more
		case *server:
			h.surge = more
		}
	}
	if len(cast) == 0 {
		return false
	}
	c.involve(LaunchDay, cast, at, day, "A launch: %d tokens make some 2.5 times their usual requests for the day.", len(cast))
	return true
}

// moveOffice: people of one office sit in another building from a morning on.
func (c *casting) moveOffice(slot stretch) bool {
	at := slot.within(c.dice)
	fits := func(t *token) bool {
		p, ok := t.habit.(*person)
		return ok && t.Class == Person && p.office != nil && p.works(at) && c.fleet.building(p) != nil
	}
	first := c.search(at, fits)
	if first == nil {
		return false
	}
	p := first.habit.(*person)
	n := c.fleet.building(p)
	building := &office{place: n.place, uplinks: []line{fixed(c.dice, n)}}
	at = c.hourOf(at, p.base.zone, 6, nil)
	cast := []*token{first}
	for _, mate := range c.staff[first.owner] {
		if len(cast) < 6 && !c.taken[mate.Index] && fits(mate) && mate.habit.(*person).office == p.office {
			cast = append(cast, mate)
		}
	}
	c.involve(NewOffice, cast, at, 7*day, "%d people of %s in %s work from a new office, on %s's network.", len(cast), first.Owner, p.base.name, n.operator)
	for _, t := range cast {
		t.habit.(*person).moved = &move{stretch{at, c.fleet.finish().Add(day)}, building, ordinary}
	}
	return true
}
