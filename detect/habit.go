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

// unseen is the probability that a day brings a value never seen before, by
// Good-Turing: values seen on one day only, of all days (I. J. Good, Biometrika 1953).
// With nothing settled yet, whatever comes is new.
func (h *habits[K]) unseen(days int, now, probation int64) float64 {
	once, settled := 0.0, false
	for i := range h.list {
		if now-h.list[i].first < probation {
			continue
		}
		settled = true
		if h.list[i].days == 1 {
			once++
		}
	}
	if !settled {
		return 1
	}
	return min(1, (once+0.5)/float64(max(days, 1)))
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
