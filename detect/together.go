package detect

import (
	"slices"
	"strings"

	"github.com/tokenwatch/tokenwatch/schema"
)

// This is where an engine and its Campaigns meet: a token that does something new is a sighting, and what a fleet event
// explains does not count against the token.

// together shows the event at hand to the campaigns, and returns what is left of the evidence when what a fleet event
// explains is taken away.
func (e *Engine) together(l *look, s *story, nats, bar float64) float64 {
	if ev := l.event; ev.ASN == 0 && ev.Client == "" && !ev.IP.IsValid() {
		return nats // counts: nobody knows who made them
	}
	sighting, new := e.sighting(l, s, nats/bar)
	if !new {
		return nats
	}
	if e.campaigns.See(&sighting) {
		e.sighted(&sighting)
	}
	l.campaign = e.campaigns.of()
	by := e.excuseWith(l, s, &sighting)
	if len(by) == 0 {
		return s.sum(l.now, e.cfg.HalfLife) // of what was excused before, it may count again
	}
	remains := s.sum(l.now, e.cfg.HalfLife)
	if remains < bar && (nats >= bar || s.episode.alerted) {
		clear := true
		for _, g := range by {
			g.held = true
			e.campaigns.judge(g, l.now)
			clear = clear && g.benign
		}
		if s.episode.alerted && clear { // it was, before it was known that the others do the same
			s.episode.alerted = false
			l.profile.quarantine, l.profile.alertDay = quarantine{}, 0
		}
	}
	return remains
}

// sighting says what is new of the event at hand.
func (e *Engine) sighting(l *look, s *story, score float64) (schema.Sighting, bool) {
	ev := l.event
	x := schema.Sighting{
		Time: ev.Time, Ingested: ev.Ingested, Token: ev.Token, KeyID: ev.KeyID, TokenHint: ev.TokenHint, Consumer: ev.Consumer, Environment: ev.Environment,
		Topic: e.topic, Partition: e.partition, Offset: ev.Offset,
		Home: l.group == home, Score: score, Origin: l.origin(),
	}
	x.OwnAgent, x.OwnClient = l.ownProgram()
	if l.profile.state(l.now) == schema.ProfileLearning {
		x.Score = 0 // everything is new to a new token
	}
	x.Active, x.Tokens = e.campaigns.active(ev.Consumer, ev.Environment)
	for i := range s.evidence {
		switch v := &s.evidence[i]; {
		case v.llr <= 0 || v.last != l.now:
		case v.group == traffic:
			x.Traffic = true
		case v.group != l.group:
		case v.detector == newGeoName && ev.ASN != 0:
			x.ASN, x.Network, x.Country, x.IP = ev.ASN, clip(networkName(ev.Place)), ev.Country, ev.IP
		case v.detector == newClientName && v.words.key == "client:"+product(ev.Client):
			x.Client, x.Common = clip(product(ev.Client)), e.cohort.client(l.memory.texts.value(product(ev.Client)))
		}
	}
	return x, x.ASN != 0 || x.Client != "" || x.Traffic
}

// ownProgram tells whether the event was made with the token's own program, and whether with the very version of it. It
// reads the event itself, since it is asked of those too of which only the rate is news.
func (l *look) ownProgram() (agent, client bool) {
	ev := l.event
	if name := product(ev.Client); name != "" {
		client = l.habits(clients).settled(l.memory.texts.value(name), l.now, l.probation) != nil
	} else {
		client = l.habits(clients).empty(l.now, l.probation)
	}
	if ev.UserAgent == "" {
		return client, client
	}
	return l.habits(agents).settled(value{textHash(ev.UserAgent), true}, l.now, l.probation) != nil, client
}

// origin is the network that the token is mostly used from.
func (l *look) origin() uint32 {
	var most *habit
	list := l.habits(networks)
	for i := range list {
		h := &list[i]
		if l.now-int64(h.first) >= l.probation && (most == nil || h.days > most.days || h.days == most.days && h.key < most.key) {
			most = h
		}
	}
	if most == nil {
		return 0
	}
	return most.key
}

// excuseWith marks the evidence that fleet events explain, and returns these. Of visits other than the event's it leaves
// what was found of them then.
func (e *Engine) excuseWith(l *look, s *story, x *schema.Sighting) (by []*gathering) {
	who := ownerOf(x)
	at := func(kind gatheringKind, value string) *gathering {
		return e.campaigns.explaining(kind, value, who, x.Origin, l.now, x.Ingested)
	}
	var move, busy, client *gathering
	places, rates, programs := s.about()
	if places {
		move = at(sameNetwork, networkValue(l.event.ASN))
		if move == nil && l.event.IP.IsValid() {
			move = at(sameAddress, l.event.IP.String())
		}
	}
	if rates {
		busy = at(sameTraffic, "")
	}
	if programs {
		client = at(sameClient, clip(product(l.event.Client)))
	}
	for i := range s.evidence {
		v, because := &s.evidence[i], (*gathering)(nil)
		switch {
		case v.llr <= 0:
		case v.group == traffic:
			because = busy
		case v.group == ways:
			because = move // who moved is where the others are, and unlike its past
		case v.detector == newClientName && v.words.key == "client:"+product(l.event.Client):
			if because = client; move != nil && move.newClient() == clip(product(l.event.Client)) {
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

// backHome tells the campaigns that a token is where it belongs, after it was somewhere else.
func (e *Engine) backHome(l *look) {
	if !l.away || l.group != home || l.event.ASN == 0 || !l.strayed() {
		return
	}
	ev := l.event
	x := schema.Sighting{
		Time: ev.Time, Ingested: ev.Ingested, Token: ev.Token, Consumer: ev.Consumer, Environment: ev.Environment, Topic: e.topic, Partition: e.partition, Offset: ev.Offset,
		ASN: ev.ASN, Home: true, Returned: true,
	}
	x.Active, x.Tokens = e.campaigns.active(ev.Consumer, ev.Environment)
	if e.campaigns.See(&x) {
		e.sighted(&x)
	}
}

// strayed tells whether something was said of a visit a short time ago: without it there was no sighting.
func (l *look) strayed() bool {
	s := l.memory.storyOf(l.profile)
	return s != nil && slices.ContainsFunc(s.evidence, func(e evidence) bool {
		return e.group != home && e.group != traffic && e.llr > 0 && l.now-e.last <= returnsWithin
	})
}

// code codes the state of campaigns.
func (c *Campaigns) code(k *coder) {
	gatherings := c.sorted()
	list(k, &gatherings, func(k *coder, g **gathering) {
		if k.reading {
			*g = &gathering{}
		}
		(*g).code(k)
	})
	c.codeOwners(k)
	c.all.code(k)
	k.float(&c.parts)
	k.int64(&c.partsAt)
	if len(gatherings) > maxGatherings || c.parts < 0 {
		k.fail()
	}
	var due []gatheringKey
	for _, g := range c.due {
		due = append(due, g.key)
	}
	list(k, &due, func(k *coder, key *gatheringKey) {
		number(k, &key.kind)
		k.string(&key.value)
		k.string(&key.among)
	})
	if !k.reading || k.err != nil {
		return
	}
	for _, g := range gatherings {
		c.gatherings[g.key] = g
	}
	for _, key := range due {
		if g := c.gatherings[key]; g != nil {
			c.due = append(c.due, g)
		}
	}
}

func (c *Campaigns) codeOwners(k *coder) {
	type counted struct {
		name  string
		awake awakeTokens
	}
	var owners []counted
	for name, a := range c.owners {
		owners = append(owners, counted{name, *a})
	}
	slices.SortFunc(owners, func(a, b counted) int { return strings.Compare(a.name, b.name) })
	list(k, &owners, func(k *coder, o *counted) {
		k.string(&o.name)
		o.awake.code(k)
	})
	if len(owners) > maxOwners {
		k.fail()
	}
	if k.reading && k.err == nil {
		for _, o := range owners {
			c.owners[o.name] = &o.awake
		}
	}
}

func (a *awakeTokens) code(k *coder) {
	number(k, &a.day)
	number(k, &a.today)
	number(k, &a.yesterday)
}

// maxSightings bounds what waits to be taken. Whoever takes nothing, such as a backtest, loses nothing but these.
const maxSightings = 4096

// sighted keeps a sighting for those who look beyond the partition.
func (e *Engine) sighted(x *schema.Sighting) {
	if len(e.sightings) < maxSightings {
		e.sightings = append(e.sightings, *x)
	}
}

// Sightings are those since the last call.
func (e *Engine) Sightings() []schema.Sighting {
	list := e.sightings
	e.sightings = nil
	return list
}
