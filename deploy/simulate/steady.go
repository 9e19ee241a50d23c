package simulate

import (
	"maps"
	"net/netip"
	"slices"
	"time"
)

// exhaust: a token that is used evenly makes ten times as many requests as in an ordinary hour, from an address of its
// own: a machine that was broken into.
func (c *casting) exhaust(theft Theft, slot stretch) bool {
	d := c.dice
	at := slot.within(d)
	usual := 0.0
	t := c.search(at, func(t *token) bool {
		if p, ok := t.habit.(*person); ok && (p.rate < 30 || !p.works(at)) {
			return false
		}
		if t.Class == Batch || t.Class == CI {
			return false
		}
		var steady bool
		usual, steady = c.fleet.evenness(t, at)
		return steady
	})
	if t == nil {
		return false
	}
	if p, ok := t.habit.(*person); ok {
		at = c.hourOf(at, p.base.zone, 10+d.between(0, 5)+min(2, p.shift), p)
	}
	from := c.ownAddress(t, at)
	agent, whose := c.tool(t, at, 0.5)
	hours, times := theft.Hours.draw(d), theft.Rate.draw(d)
	h := c.begin(Burst, t, at, hours, "Somebody drains %s's %s token at %.0f times its usual rate for %.0f minutes, from its own address with %s.", t.Owner, t.Class, times, 60*hours, whose)
	h.hourly(at, hours, times*usual, from, agent)
	return true
}

// evenness is how many requests a token makes in an ordinary hour of use, in the two weeks before, and whether it is used
// evenly: in an hour in six at least, and never more than six times as much as usual.
func (f *Fleet) evenness(t *token, before time.Time) (usual float64, steady bool) {
	from := later(f.begin(), before.Add(-14*day))
	reel := newReel(f, from, before, []*token{t})
	hours := map[int64]int{}
	total := 0
	for reel.next() {
		for i := range reel.due {
			if reel.due[i].story == ordinary {
				hours[reel.due[i].end/3_600_000]++
				total++
			}
		}
	}
	counts := slices.Sorted(maps.Values(hours))
	span := before.Sub(from).Hours()
	if len(counts) == 0 || float64(len(counts)) < span/6 {
		return 0, false
	}
	usual = float64(total) / float64(len(counts))
	return usual, usual >= 4 && float64(counts[len(counts)-1]) <= 6*usual
}

// way is a line that the token's user or machine uses.
func (t *token) way(d dice) line {
	switch h := t.habit.(type) {
	case *person:
		if h.office != nil && d.chance(h.inOffice) {
			return h.office.uplinks[0]
		}
		return h.cable
	case *worker:
		return line{network: h.clouds[0], seed: d.Uint64()}
	case *server:
		return pick(d, h.egress)
	default:
		return h.(*cron).egress
	}
}

// ownAddress is an address that the token is used from at a time.
func (c *casting) ownAddress(t *token, at time.Time) netip.Addr {
	if w, ok := t.habit.(*worker); ok {
		return w.machine(t.seed, 0, at).address(at)
	}
	return t.way(c.dice).address(at)
}

// unused picks a network of the token's country whose operator nothing of the token's has to do with; nil when there
// is none.
func (c *casting) unused(t *token, kinds ...kind) *network {
	known := t.operators()
	var fits []*network
	for _, n := range c.rented[t.Country] {
		if slices.Contains(kinds, n.kind) && !known[n.asn] {
			fits = append(fits, n)
		}
	}
	if len(fits) == 0 {
		return nil
	}
	return pick(c.dice, fits)
}

// operators are the AS numbers from which a token may be used for an honest reason.
func (t *token) operators() map[uint32]bool {
	known := map[uint32]bool{}
	for _, o := range t.owner.offices {
		for _, up := range o.uplinks {
			known[up.network.asn] = true
		}
	}
	for _, n := range t.owner.clouds {
		known[n.asn] = true
	}
	if p, ok := t.habit.(*person); ok {
		for _, n := range p.base.networks[residential] { // a friend's place
			known[n.asn] = true
		}
		known[p.cable.network.asn], known[p.phone.network.asn] = true, true
		if p.tunnel != nil {
			known[p.tunnel.network.asn] = true
		}
	}
	return known
}
