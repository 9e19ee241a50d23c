package detect

import (
	"slices"
	"time"
)

const (
	campaignBonus = 0.6
	bonusNats     = 15.0
	fleetEvery    = 3600 // seconds between two findings of one fleet event, which has doubled meanwhile
	mostlyOwn     = 0.8  // share of members with programs of their own that makes it none
	// leastPart is the score from which on a token counts as part of a campaign.
	leastPart     = 0.35
	leastCampaign = 3
	leastSurplus  = 5.0 // nats
)

// judge decides whether a gathering is to be told.
func (c *Campaigns) judge(g *gathering, now int64) {
	if g.benign {
		if g.key.kind == sameAddress && now-g.began < fleetEvery {
			return // it may become clear that more has moved than what is behind one address
		}
		if n := len(g.members); g.held && !g.muted && n >= 2*g.told && now-g.toldAt >= fleetEvery && !c.covered(g) && !c.folded(g, n, now) {
			c.tell(g, n, now)
		}
		return
	}
	if g.key.among != amongAll || g.key.kind == sameTraffic {
		return
	}
	if n, score := c.campaign(g, now); score >= 1 && !c.muted(g, n) && n > g.told && (n <= 8 || 2*n >= 3*g.told) {
		c.tell(g, n, now)
	}
}

func (c *Campaigns) tell(g *gathering, n int, now int64) {
	g.told, g.toldAt = n, now
	g.times++
	g.name()
	if !slices.Contains(c.due, g) {
		c.due = append(c.due, g)
	}
}

// campaign tells how many tokens are part of a campaign, and its score.
func (c *Campaigns) campaign(g *gathering, now int64) (n int, score float64) {
	if g.share(func(m *member) bool { return m.ownAgent }) >= mostlyOwn {
		return 0, 0 // a thief of many tokens has tools of his own
	}
	sum, first := 0.0, now
	owners := map[string]bool{}
	nameless := 0
	for i := range g.members {
		m := &g.members[i]
		if !c.part(g, m, now) {
			continue
		}
		n++
		sum += min(m.score, 2)
		first = min(first, m.first)
		if m.owner == "" {
			nameless++
		} else {
			owners[companyOf(m.owner)] = true
		}
	}
	if n < leastCampaign || len(owners)+nameless < 2 || 2*n < len(g.members) {
		return n, 0
	}
	surplus := g.surplus(n, first, now, c.rate())
	if surplus < leastSurplus {
		return n, 0
	}
	return n, sum/float64(n) + min(campaignBonus, surplus/bonusNats)
}

// part tells whether a member is part of a campaign: something speaks against it that no fleet event explains.
func (c *Campaigns) part(g *gathering, m *member, now int64) bool {
	kind, value := g.key.kind, g.key.value
	if kind == sameAddress {
		kind, value = sameNetwork, networkValue(g.asn)
	}
	if g.key.kind == sameAddress && c.explaining(sameAddress, g.key.value, m.owner, m.origin, now, time.Time{}) != nil {
		return false
	}
	if m.home { // a thief is not at home, whatever program the owner tries there
		return false
	}
	return m.score >= leastPart && c.explaining(kind, value, m.owner, m.origin, now, time.Time{}) == nil
}

// of names the campaign that the sighting last seen belongs to, if it was told.
func (c *Campaigns) of() string {
	for i, key := range c.seen.keys {
		if key.among != amongAll {
			continue
		}
		if g := c.found(c.seen, i); g != nil && g.told > 0 && !g.benign && !g.muted {
			return g.id
		}
	}
	return ""
}

// muted tells whether another gathering tells of these tokens already. The larger one takes over, under the same id.
func (c *Campaigns) muted(g *gathering, n int) bool {
	if g.told > 0 && !g.muted {
		return false
	}
	var other *gathering
	for _, o := range c.gatherings {
		if o == g || o.told == 0 || o.benign || o.muted || o.key.among != amongAll || !overlap(g, o) {
			continue
		}
		if other == nil || lesser(other, o) {
			other = o
		}
	}
	switch {
	case other == nil:
		g.muted = false
	case n > other.told:
		g.id, g.lead, g.muted, g.told, other.muted = other.id, other.lead, false, other.told, true
	default:
		g.muted = true
	}
	return g.muted
}

// folded reports whether another fleet event tells of the same move already. One that has become larger takes over, under
// the same id: a company by several names, and what is behind one address and one network, is told as one.
func (c *Campaigns) folded(g *gathering, n int, now int64) bool {
	if g.told > 0 || g.key.kind != sameNetwork && g.key.kind != sameAddress {
		return false
	}
	var other *gathering
	for _, o := range c.gatherings {
		if o == g || o.told == 0 || !o.benign || o.muted || o.asn != g.asn || !o.shares(g) {
			continue
		}
		if other == nil || lesser(other, o) {
			other = o
		}
	}
	switch {
	case other == nil:
		return false
	case 2*n < 3*other.told || now-other.toldAt < fleetEvery:
		return true
	}
	g.id, g.lead, g.times, other.muted = other.id, other.lead, other.times, true
	return false
}

// shares reports whether two gatherings are of places and have a token in common.
func (g *gathering) shares(o *gathering) bool {
	places := g.key.kind == sameNetwork || g.key.kind == sameAddress
	return places && slices.ContainsFunc(g.members, func(m member) bool { return o.member(m.token) != nil })
}

func overlap(a, b *gathering) bool {
	return slices.ContainsFunc(a.members, func(m member) bool { return m.score >= leastPart && b.member(m.token) != nil })
}
