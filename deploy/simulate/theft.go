package simulate

import (
	"net/netip"
	"slices"
	"time"
)

// thief is somebody who has a token that is not theirs.
type thief struct {
	scene *scene
	story int
	diet  diet
}

// thief gives somebody the token.
func (c *casting) thief(t *token, story int, diet string) *thief {
	s := &scene{fleet: c.fleet, agents: agents{}, token: t, dice: c.dice, plan: newDice(0)}
	return &thief{scene: s, story: story, diet: diets()[diet]}
}

// calls makes one request, as long as the window lasts.
func (x *thief) calls(at time.Time, from netip.Addr, agent string, endpoint int) {
	f := x.scene.fleet
	r := x.scene.request(at, from, agent, endpoint)
	r.story = int32(x.story)
	if r.end < f.finish().UnixMilli() && r.end >= f.config.End.UnixMilli() {
		f.staged = append(f.staged, r)
	}
}

// strange is a thief's program, of a make that the token's owner does not use.
func (c *casting) strange(t *token) client {
	for {
		tool := install(c.dice, workThief)
		if !slices.ContainsFunc(t.tools(), func(own client) bool { return own.product.make() == tool.product.make() }) {
			return tool
		}
	}
}

func (x *thief) wants() int { return x.scene.dice.weighted(x.diet[:]) }

// foreign picks a network of a kind in a country that has nothing to do with the token.
func (c *casting) foreign(t *token, k kind) *network {
	home := c.ties(t)
	for {
		var n *network
		switch k {
		case vpn:
			n = pick(c.dice, c.fleet.atlas.vpn)
		case hosting:
			n = pick(c.dice, c.fleet.atlas.hosting)
		default:
			if all := pick(c.dice, c.fleet.atlas.cities).networks[k]; len(all) > 0 {
				n = pick(c.dice, all)
			}
		}
		if n != nil && !home[n.place.country] {
			return n
		}
	}
}

// ties are the countries in which a token's owner and user are at home.
func (c *casting) ties(t *token) map[string]bool {
	ties := map[string]bool{t.Country: true, t.owner.home.country: true}
	for _, o := range t.owner.offices {
		ties[o.place.country] = true
	}
	for _, n := range t.owner.clouds {
		ties[n.place.country] = true
	}
	p, ok := t.habit.(*person)
	if !ok {
		return ties
	}
	for _, trip := range p.trips {
		ties[trip.place.country] = true
	}
	if p.tunnel != nil {
		ties[p.tunnel.network.place.country] = true
	}
	return ties
}

// nightAbroad: while somebody sleeps, their token is tried and then used from another country.
func (c *casting) nightAbroad(start time.Time) error {
	d := c.dice
	t := c.find(func(t *token) bool { return asleep(t, start, 1, 4, 8) })
	for later := 0.05; t == nil && later < 0.7; later += 0.08 { // few people live where it is night now
		start = c.at(later)
		t = c.find(func(t *token) bool { return asleep(t, start, 0, 5, 2) })
	}
	if t == nil {
		return errNobody(NightAbroad)
	}
	n := c.foreign(t, pick(d, []kind{residential, residential, mobile, hosting, vpn}))
	story := c.tell(NightAbroad, true, t, "A thief in %s (%s) uses a token of %s whose owner sleeps in %s (%s).", n.place.name, n.operator, t.Owner, t.City, t.Country)
	x := c.thief(t, story, pick(d, []string{"resale", "looting"}))
	way, tool := fixed(d, n).address(start), c.strange(t)
	agent, at := x.scene.agents.of(tool, start, 0), start
	for n := d.whole(2, 5); n > 0; n-- { // does it work, and what does it open?
		x.calls(at, way, agent, d.weighted(checking()))
		at = at.Add(time.Duration(d.logNormal(8, 0.8) * float64(time.Second)))
	}
	for n := d.whole(25, 120); n > 0; n-- {
		x.calls(at, way, agent, x.wants())
		at = at.Add(time.Duration(d.logNormal(9, 1) * float64(time.Second)))
	}
	return nil
}

// asleep says whether it is night for the token's user, who keeps ordinary hours and uses the token every day.
func asleep(t *token, at time.Time, from, to int, rate float64) bool {
	p, ok := t.habit.(*person)
	if !ok || p.start > 11 || p.rate < rate || p.whereabouts(at).trip != nil {
		return false
	}
	hour := at.In(p.base.zone).Hour()
	return hour >= from && hour < to
}

func checking() []float64 {
	all := diets()["checking"]
	return all[:]
}

// slowUse: from the beginning of the window to its end, a request every few minutes from a network that is new.
func (c *casting) slowUse(time.Time) error {
	d := c.dice
	t := c.find(func(t *token) bool {
		p, ok := t.habit.(*person)
		return ok && p.tunnel == nil || t.Class == Cron || t.Class == Server
	})
	if t == nil {
		return errNobody(SlowUse)
	}
	n := c.foreign(t, pick(d, []kind{hosting, hosting, vpn}))
	if near := c.fleet.elsewhere(t.Country, t.City); len(near) > 0 && d.chance(0.4) {
		n = pick(d, near)
	}
	story := c.tell(SlowUse, true, t, "A thief takes a little of %s's %s token every few minutes, from %s in %s (%s).", t.Owner, t.Class, n.operator, n.place.name, n.place.country)
	x := c.thief(t, story, pick(d, []string{"resale", "looting"}))
	address, agent := fixed(d, n).address(c.at(0)), x.scene.agents.of(c.strange(t), c.at(0), 0)
	for at := c.at(d.between(0.01, 0.05)); at.Before(c.fleet.finish()); {
		for n := 1 + d.poisson(0.25); n > 0; n-- {
			x.calls(at, address, agent, x.wants())
			at = at.Add(time.Duration(d.between(0.4, 6) * float64(time.Second)))
		}
		at = at.Add(time.Duration(d.between(60, 240) * float64(time.Second)))
	}
	return nil
}

// elsewhere lists the networks one can rent in a country, but not in one of its cities: what is new there may be a café.
func (f *Fleet) elsewhere(country, city string) []*network {
	var near []*network
	for _, n := range append(append([]*network(nil), f.atlas.hosting...), f.atlas.vpn...) {
		if n.place.country == country && n.place.name != city {
			near = append(near, n)
		}
	}
	return near
}
