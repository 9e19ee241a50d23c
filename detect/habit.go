package detect

import "cmp"

// A habit is one value (a country, a network, a client) that a token was seen with,
// counted in days rather than requests: stays are sticky, and a thief can send a
// thousand requests but not live a thousand days.
type habit[K cmp.Ordered] struct {
	key   K
	name  string // as a person reads it; empty when the key reads well
	days  uint16 // distinct days
	day   int32  // last of them, in days since 1970
	first int64  // unix seconds of the first sighting

	lat, lon float32 // of a city
}

// habits is a bounded set of habits. When it is full the value with the fewest days,
// and among those the one unseen for longest, makes room: an outsider who invents
// values can only push out other rare ones.
type habits[K cmp.Ordered] struct {
	list  []habit[K]
	bound int
}

func (h *habits[K]) find(key K) *habit[K] {
	for i := range h.list {
		if h.list[i].key == key {
			return &h.list[i]
		}
	}
	return nil
}

// see counts a sighting on the given day and reports whether the value was new.
func (h *habits[K]) see(key K, name string, day int32, at int64) bool {
	if k := h.find(key); k != nil {
		if k.day < day {
			k.day, k.days = day, k.days+1
		}
		return false
	}
	fresh := habit[K]{key: key, name: name, days: 1, day: day, first: at}
	if len(h.list) < h.bound {
		h.list = append(h.list, fresh)
	} else {
		h.list[h.rarest()] = fresh
	}
	return true
}

func (h *habits[K]) rarest() int {
	least := 0
	for i := range h.list {
		if c := cmp.Compare(h.list[i].days, h.list[least].days); c < 0 || c == 0 && h.list[i].day < h.list[least].day {
			least = i
		}
	}
	return least
}

// settled returns the habit if it has been the token's for longer than its probation.
func (h *habits[K]) settled(key K, now, probation int64) *habit[K] {
	if k := h.find(key); k != nil && now-k.first >= probation {
		return k
	}
	return nil
}

// empty reports whether no value has settled yet: then there is nothing to compare with.
func (h *habits[K]) empty(now, probation int64) bool {
	for i := range h.list {
		if now-h.list[i].first >= probation {
			return false
		}
	}
	return true
}

// unseen is the probability that a day brings a value never seen before: how many days
// did so far, after the token's first few, of how many. (Good and Turing would count the
// values seen once; but people stay for days where they go.) That says little after a
// few days, so it is shrunk to the rate at which the cohort's token-days bring something
// new.
func (h *habits[K]) unseen(p *profile, cohort float64, now, probation int64) float64 {
	novel := 0.0
	for i := range h.list {
		if first := h.list[i].first; first-p.first >= settlingIn && now-first >= probation {
			novel++
		}
	}
	return (novel + noveltyPrior*cohort) / (float64(max(0, p.days-settlingIn/daySeconds)) + noveltyPrior)
}

// settlingIn is how long after a token's first event it may show new sides of its usual
// life: the first weekend, the office, the phone.
const settlingIn = 3 * daySeconds

// noveltyPrior is how many days the cohort's rate of novelty weighs.
const noveltyPrior = 5.0

// fresh counts the values first seen on a day, after the token's first.
func (h *habits[K]) fresh(day int32) float64 {
	for i := range h.list {
		if int32(h.list[i].first/daySeconds) == day {
			return 1
		}
	}
	return 0
}

// forget drops values in their probation that match: they came with an alert.
func (h *habits[K]) forget(now, probation int64) {
	kept := h.list[:0]
	for _, k := range h.list {
		if now-k.first >= probation {
			kept = append(kept, k)
		}
	}
	h.list = kept
}
