package detect

import (
	"strconv"

	"github.com/tokenwatch/tokenwatch/schema"
)

// Campaigns finds what only many tokens together tell: that one address, network or client turns up with the tokens of
// several owners (a campaign), or that an owner's tokens moved together (a fleet event), which explains what each of
// them alone would be suspected of.
//
//	Sighting ─► gatherings by network, address, client, traffic ─► one finding each
//	                among an owner's tokens │ a company's │ tokens of one origin │ all
//
// A campaign: at least three tokens of at least two owners, against each of which something speaks already, meet
// within a day. That they do by chance has a Poisson probability, given how many came to that value on the days
// before; its improbability adds to the mean of what speaks against each. A conference or a new café brings tokens
// together too, but with their own programs, so little speaks against each and they are no part of it.
//
// It is pure, and deterministic in the order of what it is shown. It is bounded: an outsider chooses clients and, with
// stolen tokens, addresses, so gatherings of a single token leave first, and those unseen for longest.
type Campaigns struct {
	gatherings      map[gatheringKey]*gathering
	owners          map[string]*awakeTokens
	all             awakeTokens
	parts           float64 // sightings that could be part of a campaign, fading by half a week
	partsAt         int64
	due             []*gathering // to be told
	seen            *naming      // of the sighting last seen
	namings         namings
	forgotten       uint64 // how often gatherings were
	ownersForgotten uint64
	moves           moves  // what other partitions know, see Engine.Know
	watching        uint64 // owners that are watched, a bit for some each: see watch
	watchUntil      int64
}

// leastParts is how many sightings a day could be part of a campaign in a fleet that has taught nothing yet.
const leastParts = 2.0

// NewCampaigns makes one that has seen nothing.
func NewCampaigns() *Campaigns {
	return &Campaigns{gatherings: map[gatheringKey]*gathering{}, owners: map[string]*awakeTokens{}}
}

// See takes in a sighting, and reports whether it was news to any gathering. The sightings of a token come in the order
// of time, those of different tokens roughly.
func (c *Campaigns) See(s *schema.Sighting) (news bool) {
	now := int64(secondsOf(s.Time))
	if s.Returned {
		return c.returned(s, now)
	}
	c.fade(now)
	var joined []*gathering
	t, forgotten := c.namings.of(s), c.forgotten
	c.seen = t
	known := t.known(forgotten)
	if !known {
		t.found = t.found[:0]
	}
	for i, key := range t.keys {
		if !known {
			t.found, t.forgotten = append(t.found, c.gathering(key, now)), forgotten
		}
		g := t.found[i]
		g.leave(now)
		if s.ASN != 0 && key.kind != sameClient {
			g.network, g.asn = s.Network, s.ASN
		}
		if key.kind == sameClient {
			g.common = max(g.common, s.Common)
		}
		fresh := g.join(s, t.owner, now)
		news = news || fresh
		if fresh {
			c.weighUp(g, s.Active, s.Tokens, now)
		}
		g.held = g.held || g.benign && s.Score >= 1
		if fresh && g.slow() && g.key.oneOwner() && len(g.members) == 2 {
			c.watch(t.amongCompany, now+daySeconds)
		}
		if fresh || g.benign {
			joined = append(joined, g)
		}
	}
	for _, g := range joined { // an owner's are judged by now: they explain what would be a campaign's
		if g.key.kind == sameAddress && g.key.among == amongAll {
			g.benign = c.companyExit(g)
		}
		c.judge(g, now)
	}
	if news && s.Score >= leastPart {
		c.parts++
	}
	return news
}

// networkValue and amongOrigin are parts of keys, made for every event that is news: without fmt.
func networkValue(asn uint32) string { return "AS" + strconv.FormatUint(uint64(asn), 10) }

func amongOrigin(asn uint32) string { return amongOrigins + strconv.FormatUint(uint64(asn), 10) }

// returnsWithin is how soon a return tells two users from one who moves about.
const returnsWithin = 1800

// returned notes that a token is back where it came from, soon after it was where it is said to have moved.
func (c *Campaigns) returned(s *schema.Sighting, now int64) (news bool) {
	here := networkValue(s.ASN)
	for key, g := range c.gatherings {
		elsewhere := key.kind == sameNetwork && key.value != here || key.kind == sameAddress && g.asn != s.ASN
		if !elsewhere || now-g.last > returnsWithin {
			continue
		}
		if m := g.member(s.Token); m != nil && now-m.last <= returnsWithin {
			news = news || !m.returned
			m.returned = true
			c.weighUp(g, s.Active, s.Tokens, now)
		}
	}
	return news
}

// fade lets the count of sightings that could be part of a campaign follow its time.
func (c *Campaigns) fade(now int64) {
	if days := float64(now-c.partsAt) / daySeconds; c.partsAt != 0 && days > 0 {
		c.parts *= 1 / (1 + days/3.5)
	}
	c.partsAt = max(c.partsAt, now)
}

// rate is how many of them there are a day.
func (c *Campaigns) rate() float64 { return max(leastParts, c.parts/3.5) }
