package detect

import "math"

// spans are the windows in which requests are counted: their length, and the fewest
// requests that can be a spike at all, whatever the token is used to.
var spans = [...]struct {
	seconds uint32
	least   uint32
	name    string
	key     string
}{
	{10, 8, "10 s", "rate:10 s"}, {60, 10, "minute", "rate:minute"}, {600, 12, "10 min", "rate:10 min"}, {3600, 15, "hour", "rate:hour"},
}

const (
	tens = 2 // index of the 10 minutes in spans
	hour = 3 // index of the hour, which slides: the open 10 minutes and the five before

	tensADay = daySeconds / 600
)

// rates counts a token's requests in windows, and keeps what its days came to.
type rates struct {
	spans [len(spans)]rate
	ring  [6]uint32 // requests in the open 10 minutes and the five before, by number modulo 6

	slot  uint32        // number since 1970 of the newest of slots
	slots [slots]uint32 // requests in two minutes each of the last 10, by number modulo 5

	first             int32   // the first day, in days since 1970
	total             uint32  // requests on the open day
	busy              uint16  // windows of 10 minutes with any, on the open day
	closed            uint16  // days with requests, before the open one
	judged, startling uint16  // days that the model could judge, and those that surprised it: see calm
	sum               float32 // requests on the days before
	active            uint32  // windows of 10 minutes with any, on the days before
	top               float32 // ln(1 + most requests in 10 minutes) of all days before, not fading
	early             float32 // the same of the first two days
	weight            float32 // of the days in mean and spread, fading
	spread            float32 // weighted sum of squared deviations of the days' maxima of 10 minutes, logarithms
}

// rate is what is known of one span.
type rate struct {
	window, count uint32 // the open window's number since 1970, and the requests in it
	// The most requests in a window of the open day that was over when the last full hour
	// began, of that hour, and of the open hour: a rate that has held for an hour is the
	// day's, and not news any more.
	past, last, open uint32
	bar              uint32  // from so many requests on a window is worth looking at
	peak             float32 // ln(1 + most in a window) of the days before, fading by fade a day
	mean             float32 // of the days' ln(1 + most in a window), weighted
}

func (r *rate) today() uint32 { return max(r.past, r.last, r.open) }

// add counts requests in the spans that are at least grain seconds long, and reports whether
// one of them holds so many that it is worth looking at. Late ones are no part of an open
// window.
func (r *rates) add(now, n, grain uint32) (leaps bool) {
	if grain <= 10 {
		leaps = r.spans[0].add(now/10, n)
	}
	if grain <= 60 {
		leaps = r.spans[1].add(now/60, n) || leaps
	}
	window := now / 600
	before := r.spans[tens].window
	if window < before {
		return leaps
	}
	r.total = plus(r.total, n)
	if window > before {
		r.turn(before, window)
		if n > 0 {
			r.busy++
		}
	}
	leaps = r.slide(now, n) && grain <= 600 || leaps
	r.spans[tens].window = window
	open, h := &r.ring[window%6], &r.spans[hour]
	*open = plus(*open, n)
	h.count = plus(h.count, n)
	h.open = max(h.open, h.count)
	return h.count >= h.bar || leaps
}

// leaping reports whether a span holds so many requests that it is worth looking at, as a late one should ask too.
func (r *rates) leaping() bool {
	for i := range r.spans {
		if r.spans[i].count >= r.spans[i].bar {
			return true
		}
	}
	return false
}

const (
	slots       = 5 // of the 10 minutes, which slide by one of them
	slotSeconds = 600 / slots
)

// slide counts requests in the last 10 minutes, so that a burst is seen when it has lasted for
// so long and not when the clock allows for it.
func (r *rates) slide(now, n uint32) bool {
	t, slot := &r.spans[tens], now/slotSeconds
	if slot > r.slot {
		r.pass(slot)
	}
	if r.slot-slot < slots {
		s := &r.slots[slot%slots]
		*s = plus(*s, n)
		t.count = plus(t.count, n)
		t.open = max(t.open, t.count)
	}
	return t.count >= t.bar
}

// pass empties the slots that are over.
func (r *rates) pass(slot uint32) {
	t, gone := &r.spans[tens], slot-r.slot
	r.slot = slot
	if gone >= slots {
		r.slots, t.count = [slots]uint32{}, 0
		return
	}
	for ; gone > 0; gone-- {
		s := &r.slots[(slot-gone+1)%slots]
		t.count -= min(t.count, *s)
		*s = 0
	}
}

func plus(a, b uint32) uint32 { return uint32(min(uint64(a)+uint64(b), math.MaxUint32-1)) }

func (r *rate) add(window, n uint32) bool {
	if window < r.window {
		return false
	}
	count := r.count
	if window > r.window { // as often as not, so it is no branch
		count = 0
	}
	count = plus(count, n)
	r.window, r.count, r.open = window, count, max(r.open, count)
	return count >= r.bar
}

// turn empties the 10 minutes between two in which something happened, and lets the day's
// rates get used to what has held for an hour.
func (r *rates) turn(before, window uint32) {
	for w := before + 1; w <= window && w <= before+6; w++ {
		r.ring[w%6] = 0
	}
	h, sum := &r.spans[hour], uint64(0)
	for _, c := range r.ring {
		sum += uint64(c)
	}
	h.window, h.count = window/6, uint32(min(sum, math.MaxUint32-1))
	hours := window/6 - before/6
	if hours == 0 {
		return
	}
	changed := false
	for i := range r.spans {
		s := &r.spans[i]
		was := s.past
		s.past = max(s.past, s.last)
		if s.last, s.open = s.open, 0; hours > 1 {
			s.past, s.last = max(s.past, s.last), 0
		}
		changed = changed || s.past != was && math.Log1p(float64(s.past)) > s.reference(false) // else no bar moves
	}
	if changed {
		r.raise(int32(window / tensADay))
	}
}

// raise works the bars of a day out anew.
func (r *rates) raise(day int32) {
	m := r.model(day)
	for i := range r.spans {
		r.spans[i].bar = m.bar(r, i)
	}
}

const (
	fade     = 0.95 // how much of a day's weight is left a day later
	logOfDay = -0.05129329438755058
)

// closeDay makes the open day part of the past, unless what happened on it is in doubt, and
// opens another some days later.
func (r *rates) closeDay(doubtful bool, day, next int32) {
	if r.closed == 0 && r.sum == 0 {
		r.first = day
	}
	r.fade(1)
	if !doubtful && r.total > 0 {
		r.learn(day)
	}
	r.fade(next - day - 1)
	r.total, r.busy = 0, 0
	for i := range r.spans {
		s := &r.spans[i]
		s.past, s.last, s.open = 0, 0, 0
	}
	r.raise(next)
}

// fade lets days pass.
func (r *rates) fade(days int32) {
	if days <= 0 {
		return
	}
	left := float32(math.Pow(fade, float64(days)))
	r.weight *= left
	r.spread *= left
	for i := range r.spans {
		s := &r.spans[i]
		s.peak = max(0, s.peak+logOfDay*float32(days))
	}
}

// learn takes in the open day's maxima, by Welford's way of keeping a mean and a spread.
func (r *rates) learn(day int32) {
	r.weight++
	for i := range r.spans {
		s := &r.spans[i]
		most := float32(math.Log1p(float64(s.today())))
		off := most - s.mean
		s.mean += off / r.weight
		if i == tens {
			r.spread += off * (most - s.mean)
			r.top = max(r.top, most)
		}
		s.peak = max(s.peak, most)
	}
	r.sum += float32(r.total)
	r.active += uint32(r.busy)
	r.closed = min(r.closed, math.MaxUint16-1) + 1
	if day <= r.first+1 {
		r.early = r.top
	}
}

// most is about how many requests one window held at most, on the days before.
func (r *rate) most() uint32 { return uint32(math.Round(math.Expm1(float64(r.peak)))) }
