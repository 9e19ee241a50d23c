package simulate

import (
	"maps"
	"net/netip"
	"slices"
	"time"
)

// The loud thefts: one address that takes all it can, and many that share a leaked token.

// burst: for a quarter of an hour the token makes twenty times as many requests as it does when it is busy, from one
// address.
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
	agent := x.scene.agents.of(c.strange(t), start, 0)
	length := time.Duration(minutes * float64(time.Minute))
	for n := d.poisson(20 * busy * float64(length) / float64(busyWindow)); n > 0; n-- {
		x.calls(start.Add(time.Duration(d.Float64()*float64(length))), from, agent, x.wants())
	}
	return nil
}

const (
	// busyWindow is about as long as a burst. A job makes the requests of its hour within minutes, so many times its
	// busy hours, spread over an hour, may be hardly more in ten minutes than it makes every day.
	busyWindow = 10 * time.Minute
	leastBusy  = 3.0  // requests in a busy window: with less, many times as many are still few
	mostBusy   = 60.0 // with more, twenty times as many are more than one address would get
	busyDays   = 7    // of the last fourteen: of what is used less, nobody knows what is usual
)

// steady finds a server, a job or a person with an ordinary rate, and what its busy windows are.
func (c *casting) steady() (*token, float64) {
	for range 60 {
		t := c.find(func(t *token) bool { return t.Class == Server || t.Class == Cron || t.Class == Person })
		if t == nil {
			return nil, 0
		}
		if busy := c.fleet.busy(t); busy >= leastBusy && busy <= mostBusy {
			return t, busy
		}
		delete(c.taken, t.Index)
	}
	return nil, 0
}

// busy is the number of requests in a token's busy windows: the upper tenth of those in which it was used at all; 0 of a
// token that is used on few days.
func (f *Fleet) busy(t *token) float64 {
	reel := newReel(f, f.config.End.Add(-14*day), f.config.End, []*token{t})
	windows, days := map[int64]int{}, map[int64]bool{}
	for reel.next() {
		for i := range reel.due {
			windows[reel.due[i].end/busyWindow.Milliseconds()]++
			days[reel.due[i].end/day.Milliseconds()] = true
		}
	}
	if len(days) < busyDays {
		return 0
	}
	counts := slices.Sorted(maps.Values(windows))
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
