package detect

import (
	"math"
	"slices"
)

// A habit is one value (a country, a network, a client) that a token was seen with,
// counted in days rather than requests: stays are sticky, and a thief can send a
// thousand requests but not live a thousand days.
type habit struct {
	key   uint32 // a text, the number of a network, or the hash of a User-Agent
	name  text   // as a person reads it; empty when the key reads well
	first uint32 // unix seconds of the first sighting
	days  uint16 // distinct days
	day   uint16 // last of them, in days since 1970

	lat, lon float32 // of a city
}

// kind is a kind of habit.
type kind uint8

const (
	countries kind = iota
	networks       // by ASN
	cities
	clients // by product
	agents  // by hash of the whole User-Agent
	habitKinds
)

// Bounds of what one profile remembers. All values come from outside.
var maxHabits = [habitKinds]int{countries: 12, networks: 24, cities: 12, clients: 12, agents: 12}

// spelt tells whether the keys of a kind are texts.
func (k kind) spelt() bool { return k == countries || k == cities || k == clients }

// value is what an event has of a kind of habit. A string that no profile holds is not
// known, and has no key.
type value struct {
	key   uint32
	known bool
}

// habits are the habits of one kind, in the order in which they were learnt.
type habits []habit

func (h habits) find(v value) *habit {
	if !v.known {
		return nil
	}
	for i := range h {
		if h[i].key == v.key {
			return &h[i]
		}
	}
	return nil
}

// rarest is the habit that makes room when its kind is full: the one with the fewest
// days, and among those the one unseen for longest. An outsider who invents values can
// only push out other rare ones.
func (h habits) rarest() *habit {
	least := &h[0]
	for i := range h {
		if k := &h[i]; k.days < least.days || k.days == least.days && k.day < least.day {
			least = k
		}
	}
	return least
}

// settled returns the habit if it has been the token's for longer than its probation.
func (h habits) settled(v value, now, probation int64) *habit {
	if k := h.find(v); k != nil && now-int64(k.first) >= probation {
		return k
	}
	return nil
}

// empty reports whether no value has settled yet: then there is nothing to compare with.
func (h habits) empty(now, probation int64) bool {
	for i := range h {
		if now-int64(h[i].first) >= probation {
			return false
		}
	}
	return true
}

// settles is when the first of the values has settled, or will have.
func (h habits) settles(probation int64) int64 {
	at := int64(math.MaxInt64)
	for i := range h {
		at = min(at, int64(h[i].first)+probation)
	}
	return at
}

// unseen is the probability that a day brings a value never seen before: how many days
// did so far, after the token's first few, of how many. (Good and Turing would count the
// values seen once; but people stay for days where they go.) That says little after a
// few days, so it is shrunk to the rate at which the cohort's token-days bring something
// new.
func (h habits) unseen(p *profile, cohort, prior float64, now, probation int64) float64 {
	novel := 0.0
	for i := range h {
		if first := int64(h[i].first); first-int64(p.first) >= settlingIn && now-first >= probation {
			novel++
		}
	}
	return (novel + prior*cohort) / (float64(max(0, int(p.days)-settlingIn/daySeconds)) + prior)
}

// settlingIn is how long after a token's first event it may show new sides of its usual
// life: the first weekend, the office, the phone.
const settlingIn = 3 * daySeconds

// noveltyPrior is how many days the cohort's rate of novelty weighs.
const noveltyPrior = 5.0

// countryPrior is the same for countries, of which people who saw none for a long time still see a first one: see
// EVALUATION.md.
const countryPrior = 40.0

// fresh counts the values first seen on a day, after the token's first.
func (h habits) fresh(day int32) float64 {
	for i := range h {
		if int32(h[i].first/daySeconds) == day {
			return 1
		}
	}
	return 0
}

// see counts a sighting of a habit that the profile has, and reports whether it has.
func (l *look) see(k kind, v value) bool {
	list := l.habits(k)
	h := list.find(v)
	if h == nil {
		return false
	}
	if day := uint16(l.day); h.day < day {
		h.day = day
		h.days = min(h.days, 1<<16-2) + 1
		if k == countries {
			l.profile.manner.mark(list.at(h.key))
		}
	}
	return true
}

// at is where a habit is in the list.
func (h habits) at(key uint32) int {
	return slices.IndexFunc(h, func(k habit) bool { return k.key == key })
}

// insert learns a value seen for the first time.
func (l *look) insert(k kind, h habit) {
	h.days, h.day, h.first = 1, uint16(l.day), uint32(l.now)
	if k == countries && len(l.habits(k)) >= maxHabits[k] {
		l.profile.manner.unmark() // another takes the place of the rarest
	}
	l.memory.insert(l.profile, k, h)
	l.run = nil
	if k == countries {
		l.profile.manner.mark(l.habits(k).at(h.key))
	}
	l.profile.surprise()
}
