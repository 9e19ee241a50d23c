package detect

import "math"

// surges are how far the busiest windows of small tokens' days go beyond the days before, pooled
// over tokens that are known for as long: a tail for each span, by the burst model's −ln P before the
// span's penalty.
//
// The burst model was fitted to clients of many requests in their second week. Of tokens that make a few in
// ten minutes, and of those that are known for a month, it knows only that its weights, drawn out to them, make
// them wild: a job that makes five requests in every busiest hour of two weeks and then fifty is no surprise to it. What a
// fleet's own days show is counted instead, as far as they are calmer than the model says. Where they
// are wilder, some of them were bursts that nobody noticed, which must not teach that bursts
// are nothing. A hundredth of what the model says remains (surgeFloor): days to come may be unlike all before.
//
// What matters most is for how many days a token is known: in simulated fleets a surprise of 1.25 comes once in 25 days
// in a token's first week, and once in 3,000 after its third. An age of which a fleet has seen little begins
// with what the younger one has taught.
//
// Days with an alert may be abuse, so only as many of them teach as the budget has room for (see pools).
type surges struct {
	tails         [len(spans)][experiences]tail
	days, alerted float64 // token-days, and those with an alert that were learnt
}

const (
	fewInTen    = 30.0  // requests in ten minutes in which there are any: a token with less is small
	experiences = 5     // classes of small tokens, by the days that they are known for
	firstDays   = 3     // days of the first class; the others are weeks
	surgeBin    = 0.125 // nats
	surgePrior  = 100.0 // token-days that the younger ones' tail weighs, or the model
	surgeFloor  = 0.01
	// surgeLooks is as how often one looks: each of the spans may show something, and again all day.
	surgeLooks = 5.0
	// surgeSurprise is from where on small tokens' windows are looked at, in nats: below it, no fleet's days are as calm
	// as to make it rare.
	surgeSurprise = 1.0
)

// surgePenalty is spanPenalty where the days of a fleet tell what is rare. They tell it of seconds too, but of these there
// are so many that what thieves do in a minute is found as well in ten.
var surgePenalty = [len(spans)]float64{3, 2.5, 0.5, 0}

// experience is the class of a token by the days with requests that it is known for.
func experience(days uint16) uint8 {
	if days < firstDays {
		return 0
	}
	return uint8(min(1+days/7, experiences-1))
}

// learnDay takes in a token's day as it closes.
func (s *surges) learnDay(cfg *Config, r *rates, day int32, alerted bool) {
	m := r.model(day)
	if !m.judges || !m.small {
		return
	}
	if s.days++; alerted {
		if 1000*(s.alerted+1) > cfg.Budget*s.days {
			return
		}
		s.alerted++
	}
	for i := range spans {
		s.tails[i][m.experience].add(surgeBinOf(m.raw(r, i, r.spans[i].today(), false)))
	}
}

func surgeBinOf(raw float64) int { return max(0, min(int(raw/surgeBin), tailBins-1)) }

// beyond is the probability that a day of a token's has a window that surprises so much; calm is
// the exponent of the token (see calm).
func (s *surges) beyond(m *burstModel, calm float64, span int, raw float64) float64 {
	prior := math.Exp(-calm * m.believed(span, raw))
	if !m.small {
		return prior
	}
	p, bin := prior, surgeBinOf(raw)
	for age := range m.experience + 1 {
		t, n := &s.tails[span][age], 0.0
		for _, b := range t.bins[bin:] {
			n += b
		}
		p = (n + surgePrior*p) / (t.days + surgePrior)
	}
	return min(prior, surgeLooks*math.Exp(surgePenalty[span])*max(p, surgeFloor*math.Exp(-calm*raw)))
}

func (s *surges) halve() {
	s.days, s.alerted = s.days/2, s.alerted/2
	s.each(func(t *tail) {
		t.days /= 2
		for i := range t.bins {
			t.bins[i] /= 2
		}
	})
}

func (s *surges) each(f func(*tail)) {
	for i := range s.tails {
		for k := range s.tails[i] {
			f(&s.tails[i][k])
		}
	}
}

func (s *surges) code(c *coder) {
	c.count(&s.days)
	c.count(&s.alerted)
	s.each(func(t *tail) { t.code(c) })
}
