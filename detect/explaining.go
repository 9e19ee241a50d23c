package detect

import (
	"slices"
	"time"

	"github.com/tokenwatch/tokenwatch/schema"
)

// explaining is the fleet event, or what may become one, that explains what a token of an owner and an origin was seen
// with; or nil.
func (c *Campaigns) explaining(kind gatheringKind, value, owner string, origin uint32, now int64, ingested time.Time) *gathering {
	return c.explainingAmong(kind, value, [...]string{amongOwner + owner, amongCompany + companyOf(owner), amongOrigin(origin)}, now, ingested)
}

// explainingAmong is explaining for those of whom the names are known.
func (c *Campaigns) explainingAmong(kind gatheringKind, value string, who [3]string, now int64, ingested time.Time) *gathering {
	among := who[:]
	switch kind {
	case sameNetwork:
	case sameAddress:
		among = who[2:]
	default:
		who[1] = amongAll
		among = who[:2]
	}
	for _, who := range among {
		if who == amongOwner || who == amongCompany {
			continue
		}
		if g := c.gatherings[gatheringKey{kind, value, who}]; g != nil && (g.benign || c.beginning(g, now)) {
			return g
		}
		if g := c.moves.explaining(gatheringKey{kind, value, who}, ingested); g != nil {
			return g
		}
	}
	return nil
}

// companyExit tells whether an address is a way out of a company that has moved: some tokens of an owner who did are used
// from it. A gateway may know the rest of the company by another name.
func (c *Campaigns) companyExit(g *gathering) bool {
	if !g.ownWays() {
		return false
	}
	of := map[string]int{}
	for i := range g.members {
		of[g.members[i].owner]++
	}
	for owner, n := range of {
		if owner == "" || n < leastExit {
			continue
		}
		if own := c.gatherings[gatheringKey{sameNetwork, networkValue(g.asn), amongOwner + owner}]; own != nil && own.benign {
			return true
		}
	}
	return false
}

// exitAt is the way out of a company that has moved which an address is, or nil.
func (c *Campaigns) exitAt(address string, ingested time.Time) *gathering {
	key := gatheringKey{sameAddress, address, amongAll}
	if g := c.gatherings[key]; g != nil && g.benign {
		return g
	}
	return c.moves.explaining(key, ingested)
}

// covered tells whether a fleet event is told as its owner's already.
func (c *Campaigns) covered(g *gathering) bool {
	if g.key.owners() {
		return false
	}
	kind, value := g.key.kind, g.key.value
	if kind == sameAddress {
		kind, value = sameNetwork, networkValue(g.asn)
		if wider := c.gatherings[gatheringKey{kind, value, g.key.among}]; wider != nil && wider.benign {
			return true
		}
	}
	for _, m := range g.members {
		if m.owner == "" {
			return false
		}
		own := c.gatherings[gatheringKey{kind, value, amongOwner + m.owner}]
		if own == nil || !own.benign {
			return false
		}
	}
	return true
}

// excuseWith marks the evidence that fleet events explain, and returns these. Of visits other than the event's it leaves
// what was found of them then.
func (e *Engine) excuseWith(l *look, s *story, x *schema.Sighting) (by []*gathering) {
	t := e.campaigns.namings.of(x)
	at := func(kind gatheringKind, value string) *gathering {
		return e.campaigns.explainingAmong(kind, value, [...]string{t.amongOwner, t.amongCompany, t.amongOrigin}, l.now, x.Ingested)
	}
	var move, busy, client *gathering
	places, rates, programs := s.about()
	if places {
		network, address := t.network, t.address
		if x.ASN == 0 { // it was elsewhere that the token was strange
			network, address = networkValue(l.event.ASN), l.event.IP.String()
		}
		move = at(sameNetwork, network)
		if move == nil && l.event.IP.IsValid() {
			if move = at(sameAddress, address); move == nil && x.OwnAgent {
				move = e.campaigns.exitAt(address, x.Ingested)
			}
		}
	}
	if rates {
		busy = at(sameTraffic, "")
	}
	if programs {
		client = at(sameClient, clip(l.used))
	}
	for i := range s.evidence {
		v, because := &s.evidence[i], (*gathering)(nil)
		switch {
		case v.llr <= 0:
		case v.group == traffic:
			because = busy
		case v.group == ways:
			because = move // who moved is where the others are, and unlike its past
		case v.detector == newClientName && v.words.isClient(l.used):
			if because = client; move != nil && move.newClient() == clip(l.used) {
				because = move
			}
		case v.group != home && v.group != l.group:
			continue
		case v.detector == newGeoName || v.detector == impossibleTravelName || v.detector == "fan_out":
			because = move
		case v.detector == oddHoursName && v.group == home:
			if because = busy; because == nil {
				because = client
			}
		}
		if v.excused = because != nil; v.excused && !slices.Contains(by, because) {
			by = append(by, because)
		}
	}
	return by
}

// about tells which kinds of fleet event may explain the evidence, so that only these are looked up.
func (s *story) about() (places, rates, programs bool) {
	for i := range s.evidence {
		switch v := &s.evidence[i]; {
		case v.group.traffic:
			rates = true
		case v.detector == oddHoursName:
			rates, programs = true, true
		default:
			places, programs = true, programs || v.detector == newClientName
		}
	}
	return places, rates, programs
}
