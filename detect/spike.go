package detect

import (
	"fmt"
	"math"
)

// trafficSpike finds more requests in a span of time than the token's owner ever makes.
//
// Model: for windows of 10 s, 1 min, 10 min and 1 h, the leap
//
//	r = (requests in the window + c) / (most requests in such a window before + c)
//
// Parametric tails of one token fail on real clients, whose traffic is bursty
// (measured: mean + 3σ fires on a fifth of all days), so the tail of r is pooled over
// the token-days of the cohort, separately for steady and bursty and for young and old
// tokens, and starts from the leaps of 262 real API clients: P(r > x on a day) = 0.05 at
// 1.3, falling as 1/x. P(r | theft) is the same for all r: thieves either burst or not.
// c keeps small numbers from looking large. It fires inside the window, as soon as the
// count is enough.
type trafficSpike struct{}

const (
	trafficSpikeName = "traffic_spike"
	theftBursts      = 0.2 // P(a thief leaps this far)
	leastLeap        = 1.5
	trafficSpikeCap  = 9.0
	maxFade          = 0.98 // of the past maximum, a day
)

// spans are the windows: their length in seconds and the c that steadies small counts.
var spans = [...]struct {
	seconds int64
	steady  float64
	name    string
	key     string
}{
	{10, 8, "10 s", "rate:10 s"}, {60, 10, "minute", "rate:minute"}, {600, 12, "10 min", "rate:10 min"}, {3600, 15, "hour", "rate:hour"},
}

// rates counts a token's requests in windows.
type rates [len(spans)]struct {
	window uint32 // number of the open window since 1970
	count  uint32 // requests in it
	today  uint32 // most in a window of the open day
	past   uint32 // most in a window of the days before, fading
}

// add counts a request and reports whether any open window holds a leap, for a token
// that has a past. Late ones are no part of an open window.
func (r *rates) add(now uint32) (leaps bool) {
	leaps = r.count(0, now/10)
	leaps = r.count(1, now/60) || leaps
	leaps = r.count(2, now/600) || leaps
	return r.count(3, now/3600) || leaps
}

func (r *rates) count(i int, window uint32) (leaps bool) {
	w := &r[i]
	if window > w.window {
		w.window, w.count = window, 0
	} else if window < w.window {
		return false
	}
	w.count = min(w.count, math.MaxUint32-1) + 1
	w.today = max(w.today, w.count)
	// The leap is at least leastLeap, 3/2, in whole numbers.
	steady := uint64(spans[i].steady)
	return 2*(uint64(w.count)+steady) >= 3*(uint64(w.past)+steady)
}

// closeDay makes the open day part of the past, unless what happened on it is in doubt.
func (r *rates) closeDay(doubtful bool) {
	for i := range r {
		w := &r[i]
		w.past = uint32(math.Ceil(float64(w.past) * maxFade))
		if !doubtful {
			w.past = max(w.past, w.today)
		}
		w.today = 0
	}
}

func (r *rates) leap(i int, count uint32) float64 {
	return (float64(count) + spans[i].steady) / (float64(r[i].past) + spans[i].steady)
}

func (trafficSpike) name() string { return trafficSpikeName }

func (trafficSpike) phrase() string { return "at an abnormal rate" }

func (trafficSpike) look(l *look) {
	p := l.profile
	if p.days < 2 {
		return // there is no day to compare with
	}
	best, at := 0.0, -1
	for i := range spans {
		w := &p.rate[i]
		if int64(w.window) != l.now/spans[i].seconds || w.count <= w.past {
			continue
		}
		r := p.rate.leap(i, w.count)
		if r < leastLeap {
			continue
		}
		if llr := math.Log(theftBursts / l.cohort.leaps.beyond(p, i, r)); llr > best {
			best, at = llr, i
		}
	}
	if at < 0 {
		return
	}
	w := &p.rate[at]
	l.foundIn(traffic, trafficSpikeName, min(trafficSpikeCap, best), func() words {
		return words{key: spans[at].key, leap: leap{span: uint8(at), count: w.count, past: w.past, days: p.days - 1}}
	})
}

// leap is what words of a rate are made of. It grows with every request of a burst, and is
// put into words only when somebody reads them.
type leap struct {
	span        uint8
	days        uint16
	count, past uint32 // 0 when the words are made
}

// spell puts a leap into words.
func (w *words) spell() {
	if w.leap.count == 0 {
		return
	}
	span := spans[w.leap.span].name
	w.seen = fmt.Sprintf("%d requests in one %s", w.leap.count, span)
	w.normal = fmt.Sprintf("at most %d in one %s over %d days", w.leap.past, span, w.leap.days)
	w.leap = leap{}
}

// leaps pools how far token-days leap beyond the days before them.
type leaps [len(spans)][ages][2]struct {
	days float64
	bins [leapBins]float64 // by log2(r), four to the octave
}

const (
	leapBins   = 48
	leapPrior  = 50.0 // token-days that the prior weighs
	burstyPeak = 6.0  // a token whose busiest hour is this much busier than its mean is bursty
)

func leapBin(r float64) int {
	return max(0, min(leapBins-1, int(4*math.Log2(r))))
}

func (p *profile) bursty() int {
	if mean := float64(p.events) / float64(max(p.hours.total(), 1)); float64(p.rate[3].past) > burstyPeak*mean {
		return 1
	}
	return 0
}

func (ls *leaps) learnDay(p *profile) {
	if p.days < 2 || p.alertedToday() {
		return
	}
	bursty := p.bursty()
	for i := range spans {
		pool := &ls[i][age(int(p.days))][bursty]
		pool.days++
		pool.bins[leapBin(p.rate.leap(i, p.rate[i].today))]++
	}
}

// beyond is the probability that an owner's day leaps as far as r or further.
func (ls *leaps) beyond(p *profile, span int, r float64) float64 {
	pool := &ls[span][age(int(p.days))][p.bursty()]
	n := 0.0
	for b := leapBin(r); b < leapBins; b++ {
		n += pool.bins[b]
	}
	prior := min(1, 0.05*1.3/r) * float64(ages-age(int(p.days)))
	return (n + leapPrior*prior) / (pool.days + leapPrior)
}
