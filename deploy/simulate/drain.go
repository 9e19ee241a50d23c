package simulate

import (
	"maps"
	"net/netip"
	"slices"
	"time"
)

// The loud thefts: one address that takes all it can, and many that share a leaked token.

// burst: for a quarter of an hour the token makes twenty times as many requests as in its busy hours, from one address.
func (c *casting) burst(start time.Time) error {
	d := c.dice
	t, busy := c.steady()
	if t == nil {
		return errNobody(Burst)
	}
	from, whence := c.drain(t, start)
	minutes := d.between(10, 20)
	story := c.tell(Burst, true, t, "Somebody drains %s's %s token at 20 times its usual rate for %.0f minutes, from one address %s.", t.Owner, t.Class, minutes, whence)
	x := c.thief(t, story, pick(d, []string{"resale", "looting"}))
	agent := x.scene.agents.of(install(d, workThief), start, 0)
	length := time.Duration(minutes * float64(time.Minute))
	for n := d.poisson(20 * busy * length.Hours()); n > 0; n-- {
		x.calls(start.Add(time.Duration(d.Float64()*float64(length))), from, agent, x.wants())
	}
	return nil
}

// steady finds a server, a job or a person with an ordinary rate, and what its busy hours are.
func (c *casting) steady() (*token, float64) {
	for range 60 {
		t := c.find(func(t *token) bool { return t.Class == Server || t.Class == Cron || t.Class == Person })
		if t == nil {
			return nil, 0
		}
		if busy := c.fleet.busy(t); busy >= 12 && busy <= 250 {
			return t, busy
		}
		delete(c.taken, t.Index)
	}
	return nil, 0
}

// busy is the number of requests in a token's busy hours: the upper tenth of those in which it was used at all.
func (f *Fleet) busy(t *token) float64 {
	reel := newReel(f, f.config.End.Add(-14*day), f.config.End, []*token{t})
	hours := map[int64]int{}
	for reel.next() {
		for i := range reel.due {
			hours[reel.due[i].end/3_600_000]++
		}
	}
	counts := slices.Sorted(maps.Values(hours))
	if len(counts) == 0 {
		return 0
	}
	return float64(counts[len(counts)*9/10])
}

// drain is the one address of a burst: a rented server, or a machine of the owner's own that was broken into.
func (c *casting) drain(t *token, at time.Time) (netip.Addr, string) {
	switch h := t.habit.(type) {
	case *server:
		if c.dice.chance(0.5) {
			return pick(c.dice, h.egress).address(at), "of its own"
		}
	case *cron:
		if c.dice.chance(0.5) {
			return h.egress.address(at), "of its own"
		}
	}
	n := pick(c.dice, c.fleet.atlas.hosting)
	return fixed(c.dice, n).address(at), "at " + n.operator + " in " + n.place.name
}

// manyHosts: a token was published; scripts on rented machines all over the world take what they can.
func (c *casting) manyHosts(start time.Time) error {
	d := c.dice
	t := c.find(func(t *token) bool { return t.Class != CI && t.Class != Batch })
	if t == nil {
		return errNobody(ManyHosts)
	}
	hosts, length := d.whole(20, 60), time.Duration(d.between(15, 60)*float64(time.Minute))
	story := c.tell(ManyHosts, true, t, "A leaked token of %s is used from %d machines of hosting companies in many countries at once.", t.Owner, hosts)
	for range hosts {
		kind := pick(d, []kind{hosting, hosting, hosting, hosting, vpn})
		n := pick(d, c.fleet.atlas.vpn)
		if kind == hosting {
			n = pick(d, c.fleet.atlas.hosting)
		}
		x := c.thief(t, story, pick(d, []string{"resale", "resale", "looting", "checking"}))
		address, agent := fixed(d, n).address(start), x.scene.agents.of(install(d, workThief), start, 0)
		at := start.Add(time.Duration(d.Float64() * d.Float64() * float64(length)))
		for n := 1 + d.poisson(d.logNormal(4, 0.8)); n > 0; n-- {
			x.calls(at, address, agent, x.wants())
			at = at.Add(time.Duration(d.logNormal(35, 1.2) * float64(time.Second)))
		}
	}
	return nil
}
