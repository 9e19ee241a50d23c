package detect

import (
	"hash/maphash"
	"math"
	"math/bits"

	"github.com/tokenwatch/tokenwatch/schema"
)

// Most events are no news: the same program from the same place as an hour ago, at an
// hour that was looked at, at a rate that is nothing new. For these only counters move,
// and this file finds them at the cost of a hash and a few cache lines. It must leave
// behind exactly what the detectors and learn would have; a test runs engines with and
// without it side by side.

// setting stands for where an event came from and what with. Both are hashed with a seed of
// the engine's own, so that nobody can make a place or a program that passes for another's;
// they are not stored, and nothing that is found depends on them. There are thirty-two bits of
// each, since every profile keeps some: of four thousand million strange places one passes for
// the token's own, and nobody can tell which.
type setting struct {
	place, client uint32 // never 0
	located       bool
}

// settings are the places and clients that a token was seen with on the open day and that
// no detector has anything to say of.
type settings struct {
	places, clients few
	since           uint32 // when the last of them was found to be such
	until           uint32 // when a first habit settles, which makes news of the others; 0 is never
}

// few are the last three hashes of a kind; 0 is none.
type few [3]uint32

func (f *few) have(hash uint32) bool { return hash == f[0] || hash == f[1] || hash == f[2] }

func (f *few) add(hash uint32) {
	if !f.have(hash) {
		*f = few{hash, f[0], f[1]}
	}
}

func settingOf(seed maphash.Seed, ev *schema.Event) setting {
	where := blend(
		maphash.String(seed, ev.City)^uint64(math.Float32bits(ev.Lat))<<32^uint64(math.Float32bits(ev.Lon)),
		countryBits(seed, ev.Country)^uint64(ev.AccuracyKM)<<8^uint64(ev.Network))
	return setting{
		place:   folded(blend(where, uint64(ev.ASN))),
		client:  folded(blend(maphash.String(seed, ev.UserAgent), maphash.String(seed, ev.Client))),
		located: ev.Located(),
	}
}

// folded is a hash of half the length, never 0.
func folded(hash uint64) uint32 { return max(1, uint32(hash^hash>>32)) }

// countryBits are the two letters of a country as they are, and a hash of whatever else it is.
func countryBits(seed maphash.Seed, country string) uint64 {
	if len(country) == 2 {
		return uint64(country[0])<<32 | uint64(country[1])<<40
	}
	return maphash.String(seed, country)
}

func blend(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a^0x9E3779B97F4A7C15, b^0xD6E8FEB86659FD93)
	return hi ^ lo
}

// usualIn reports whether nothing can be news about an event but its hour and its rate: it
// is of the open day, and in a setting that is usual today. It may be a little late: gateways
// write some requests after later ones.
func (p *profile) usualIn(now uint32, s setting) bool {
	u := &p.usual
	return now >= u.since && int32(now/daySeconds) == p.day && u.places.have(s.place) && u.clients.have(s.client) && p.position.home() &&
		(u.until == 0 || now < u.until)
}

// fading reports whether it is time for evidence in the air to fade.
func (p *profile) fading(now uint32) bool { return p.story != 0 && now >= p.fades }

// stays lets evidence in the air fade, and reports whether what is left stays as it is. Evidence that is
// hardly any, such as an hour that is a little odd, has faded by the next event.
func (e *Engine) stays(ev *schema.Event, p *profile, now uint32, s setting) bool {
	l := e.lookAt(ev, p, now, s)
	l.settle()
	p.fades = l.fades()
	return !p.fading(now)
}

// usualAt reports whether the event's hour was looked at, and noted.
func (p *profile) usualAt(now uint32) bool {
	return now/3600 == p.usualHour && p.usualHour+1 == p.awake.newest
}

// count is what an event comes to that is no news.
func (e *Engine) count(p *profile, ev *schema.Event, now uint32, s setting) {
	p.events++
	p.last = max(p.last, now)
	e.campaigns.atHome(ev, int64(now))
	switch {
	case !s.located || now < p.position.at:
	case s.place == p.position.setting:
		p.position.at = now
	default:
		e.lookAt(ev, p, now, s).arrive()
	}
}

// stay notes where an event came from that is usual.
func (l *look) stay() {
	if l.setting.located && l.now >= int64(l.profile.position.at) {
		l.arrive()
	}
}

// surprise makes detectors look at all settings again: the day or the habits are others.
func (p *profile) surprise() { p.usual = settings{} }

// expect remembers the event's setting if no detector will have anything to say of it for
// the rest of the day, or until a habit settles: what can be news about it was seen today, and is settled, or there is
// nothing to compare it with. What is held back is to be learnt as soon as the quarantine is over, so it is looked at.
func (l *look) expect(before uint32) {
	u := &l.profile.usual
	if l.spokeOf || l.group != home || l.now < int64(before) || l.isolated() || l.held {
		return
	}
	if u.until != 0 && l.now >= int64(u.until) {
		*u = settings{}
	}
	until := int64(math.MaxInt64)
	if !l.placeIsUsual(&until) || !l.programIsUsual(&until) {
		return
	}
	u.places.add(l.setting.place)
	u.clients.add(l.setting.client)
	u.since = max(u.since, uint32(l.now))
	if until < math.MaxUint32 && (u.until == 0 || uint32(until) < u.until) {
		u.until = uint32(until)
	}
}

// placeIsUsual tells what newGeo will find nothing new in, and brings until forward to when that may change.
func (l *look) placeIsUsual(until *int64) bool {
	ev, in, by := l.event, l.habits(countries), l.habits(networks)
	if (ev.Country == "" || in.settled(l.country, l.now, l.probation) != nil) && (ev.ASN == 0 || by.settled(l.network(), l.now, l.probation) != nil) {
		return true
	}
	first := min(in.settles(l.probation), by.settles(l.probation))
	*until = min(*until, first)
	return l.now < first
}

// programIsUsual is the same of newClient.
func (l *look) programIsUsual(until *int64) bool {
	list := l.habits(clients)
	if l.used == "" || list.settled(l.product, l.now, l.probation) != nil {
		return true
	}
	first := list.settles(l.probation)
	*until = min(*until, first)
	return l.now < first
}
