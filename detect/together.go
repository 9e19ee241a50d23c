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
	if !s.sightable(l.now) {
		return nats
	}
	var sighting schema.Sighting
	if !e.sighting(l, s, nats/bar, &sighting) {
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
func (e *Engine) sighting(l *look, s *story, score float64, x *schema.Sighting) (new bool) {
	if !e.sights(l, s, x) {
		return false
	}
	ev := l.event
	x.Time, x.Ingested, x.Token, x.KeyID, x.TokenHint, x.Consumer, x.Environment = ev.Time, ev.Ingested, ev.Token, ev.KeyID, ev.TokenHint, ev.Consumer, ev.Environment
	x.Topic, x.Partition, x.Offset = e.topic, e.partition, ev.Offset
	x.Home, x.Score, x.Origin = l.group == home, score, l.origin()
	x.OwnAgent, x.OwnClient = l.ownProgram()
	if l.profile.state(l.now) == schema.ProfileLearning {
		x.Score = 0 // everything is new to a new token
	}
	x.Active, x.Tokens = e.campaigns.active(ev.Consumer, ev.Environment)
	return true
}

// sightable reports whether anything new is said that other tokens may have in common: an odd hour is nobody's but the
// token's, and the most frequent reason of all.
func (s *story) sightable(now int64) bool {
	for i := range s.evidence {
		if v := &s.evidence[i]; v.llr > 0 && v.last == now && v.detector != oddHoursName {
			return true
		}
	}
	return false
}

// sights notes which of it other tokens may have in common, and reports whether there is any.
func (e *Engine) sights(l *look, s *story, x *schema.Sighting) bool {
	ev := l.event
	for i := range s.evidence {
		switch v := &s.evidence[i]; {
		case v.llr <= 0 || v.last != l.now:
		case v.group == traffic:
			x.Traffic = true
		case v.group != l.group:
		case v.detector == newGeoName && ev.ASN != 0:
			x.ASN, x.Network, x.Country, x.IP = ev.ASN, e.campaigns.namings.place(&ev.Place), ev.Country, ev.IP
		case v.detector == newClientName && v.words.isClient(product(ev.Client)):
			x.Client, x.Common = clip(product(ev.Client)), e.cohort.client(l.memory.texts.value(product(ev.Client)))
		}
	}
	return x.ASN != 0 || x.Client != "" || x.Traffic
}

// isClient reports whether the words are about a program.
func (w *words) isClient(name string) bool {
	rest, ok := strings.CutPrefix(w.key, "client:")
	return ok && rest == name
}

// ownProgram tells whether the event was made with the token's own program, and whether with the very version of it. It
// reads the event, since it is asked of those too of which only the rate is news.
func (l *look) ownProgram() (agent, client bool) {
	l.read()
	if l.used != "" {
		client = l.habits(clients).settled(l.product, l.now, l.probation) != nil
	} else {
		client = l.habits(clients).empty(l.now, l.probation)
	}
	if l.event.UserAgent == "" {
		return client, client
	}
	return l.habits(agents).settled(value{l.agent, true}, l.now, l.probation) != nil, client
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

// backHome tells the campaigns that a token is where it mostly is, after it was somewhere else. A phone, or a café known
// of old, is no place that an owner who moves would leave.
func (e *Engine) backHome(l *look) {
	if !l.away || l.group != home || l.event.ASN == 0 || !l.strayed() || l.event.ASN != l.origin() || l.onThePhone() {
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

// onThePhone reports whether the event came over a phone's network, of a token that is used from others as well.
func (l *look) onThePhone() bool {
	return l.event.Network == schema.NetworkMobile && len(l.habits(networks)) > 1
}

// strayed tells whether something was said of a visit a short time ago: without it there was no sighting.
func (l *look) strayed() bool {
	s := l.memory.storyOf(l.profile)
	return s != nil && slices.ContainsFunc(s.evidence, func(e evidence) bool {
		return e.group != home && e.group != traffic && e.llr > 0 && l.now-e.last <= returnsWithin
	})
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
