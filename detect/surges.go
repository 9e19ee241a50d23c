package detect

import "math"

// surges are how far the busiest windows of small tokens' days go beyond the days before, pooled
// over tokens whose days are as even: a tail for each span, by the burst model's −ln P before the
// span's penalty.
//
// The burst model was fitted to clients of many requests. Of tokens that make a few in ten
// minutes it knows only that its weights, drawn out to them, make them wild: a job that
// makes five requests in every busiest hour of two weeks and then fifty is no surprise to it. What a
// fleet's own days show is counted instead, as far as they are calmer than the model says. Where they
// are wilder, some of them were bursts that nobody noticed, which must not teach that bursts
// are nothing. A tenth of what the model says remains (tailFloor): days to come may be unlike all before.
type surges [len(spans)][evennesses]tail

// evenness is a class of small tokens, by how much their days differ.
type evenness uint8

const (
	manyRequests evenness = iota // no small token: the model holds
	evenDays
	unevenDays
	wildDays
	evennesses
)

const (
	fewInTen   = 3.0  // requests in ten minutes in which there are any: a token with less is small
	evenUpTo   = 0.25 // standard deviation of the logarithm of the days' maxima
	unevenUpTo = 0.6
	surgeBin   = 0.25  // nats
	surgePrior = 200.0 // token-days that the model weighs
)

func evennessOf(sd, level float64) evenness {
	switch {
	case level >= fewInTen:
		return manyRequests
	case sd < evenUpTo:
		return evenDays
	case sd < unevenUpTo:
		return unevenDays
	}
	return wildDays
}

// learnDay takes in a token's day as it closes.
func (s *surges) learnDay(r *rates, day int32) {
	m := r.model(day)
	if !m.judges || m.small == manyRequests {
		return
	}
	for i := range spans {
		s[i][m.small].add(surgeBinOf(m.raw(r, i, r.spans[i].today(), false)))
	}
}

func surgeBinOf(raw float64) int { return max(0, min(int(raw/surgeBin), tailBins-1)) }

// beyond is the probability that a day of a token's has a window that surprises so much; calm is
// the exponent of the token (see calm).
func (s *surges) beyond(m *burstModel, calm float64, span int, raw float64) float64 {
	prior := math.Exp(-calm * max(0, raw-spanPenalty[span]))
	if m.small == manyRequests {
		return prior
	}
	t, n := &s[span][m.small], 0.0
	for _, b := range t.bins[surgeBinOf(raw):] {
		n += b
	}
	return min(prior, max((n+surgePrior*prior)/(t.days+surgePrior), tailFloor*prior))
}

func (s *surges) halve() {
	s.each(func(t *tail) {
		t.days /= 2
		for i := range t.bins {
			t.bins[i] /= 2
		}
	})
}

func (s *surges) each(f func(*tail)) {
	for i := range s {
		for k := range s[i] {
			f(&s[i][k])
		}
	}
}
