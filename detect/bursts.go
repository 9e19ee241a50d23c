package detect

import "math"

// burstModel tells how likely it is that the busiest window of a token's day is as busy as
// a given one, or busier. With x the logarithm of one plus the requests in the window,
//
//	R     = 0.7·peak + 0.3·mean of the days' largest x, fading by 5 % a day,
//	        or the largest x of this day that is more than an hour old, if that is more
//	P(x)  = (σ(a·f) · (1 + (x−R)/(5B))^−5)^1.35,   B = min(1, sd/0.3)²·exp(b·f) + 0.2
//
// f describes the token: how many requests it made, what share of the time it is active,
// how much its days differ, on how many days it is active, how far it has grown since its
// first two days, and how far its peak lies above its mean. Real clients are so bursty that
// no tail fitted to a single token holds; what one token cannot tell, many like it can.
//
// How much a token's days differ is badly known after a week or two, and what it says of the wildest day to come is
// less than it seems: f has it drawn towards what is common (spreadPrior), so that a calm week
// alone makes no burst of a rise by half. That widens the tails of all, which the exponent of 1.35 makes good. Windows of ten minutes and less must exceed the peak too.
//
// x−R is cut off where the window holds thirty times the token's mean: what is far
// beyond does not make a thief likelier. Clients that wake up or ramp up go a
// thousandfold beyond all that was, thieves have no reason to.
//
// a and b were fitted (logistic and Pareto likelihood with a penalty of 2·|θ|²) to 125 LLM
// API clients of two weeks, from ServeGen (Xiang et al., 2025, Apache-2.0), half of them
// at a time while the form was chosen.
type burstModel struct {
	exceed [2]float64 // P(x > R): of 10 minutes and less, of an hour
	scale  [2]float64 // B
	level  float64    // mean requests in 10 minutes in which there are any
	judges bool       // there are days to compare with

	weight     float64 // the exponent of all that
	small      bool    // it makes few requests: other small tokens' days tell more than the fit, see surges
	experience uint8   // whose days those are
}

const (
	peakShare   = 0.7
	tailPower   = 5.0
	leastScale  = 0.2
	spreadPrior = 6.0 // sum of squares of a day that nobody saw
	tailWeight  = 1.35
	// A small token's scale only puts days in order, for which the spread may speak as it is.
	leastScaleOfSmall  = 0.13
	spreadPriorOfSmall = 0.5
	useOfThirty        = 30.0
	leastDays          = 2 // since the first one
	// Days that differ less than this (standard deviation of the logarithm of their maxima) are those
	// of a machine. Hardly a client that the model was fitted to has such, so it cannot tell.
	constantDays = 0.3
	// leastSurprise is where a window begins to be worth looking at, in nats: a thief leaps with
	// probability theftBursts, so less speaks for the owner, or says next to nothing.
	leastSurprise = 2.1
)

var (
	exceedWeights = [2][8]float64{
		{-1.367, -0.225, 0.158, -0.153, 1.449, 0.08, -0.382, 0.413},
		{-1.229, -0.243, 0.092, -0.273, 1.555, 0.164, -0.344, 0.717},
	}
	scaleWeights = [2][8]float64{
		{0.272, -0.95, 0.071, 0.705, -1.56, -0.067, 0.013, 0.549},
		{0.159, -0.935, 0.128, 0.724, -1.422, -0.079, 0.027, 0.214},
	}
)

// spanPenalty: short spans are penalised, in nats: they are several, and a program that sends what it has
// all at once differs in them from day to day.
var spanPenalty = [len(spans)]float64{3, 2.5, 2, 0}

// model works out what the days before one say of its bursts.
func (r *rates) model(day int32) (m burstModel) {
	days := day - r.first
	if r.closed == 0 || days < leastDays {
		return m
	}
	m.judges = true
	m.level = float64(r.sum) / math.Max(float64(r.active), 1)
	prior := 1.0
	if r.closed < 2 {
		prior = 2
	}
	deviation := func(of float64) float64 { return math.Sqrt((float64(r.spread) + of) / (float64(r.weight) + prior)) }
	own := deviation(spreadPriorOfSmall)
	alike := math.Pow(min(1, own/constantDays), 2)
	sd, least := deviation(spreadPrior), leastScale
	m.weight = tailWeight
	if m.level < fewInTen {
		m.small, m.experience = true, experience(r.closed)
		sd, least, m.weight = own, leastScaleOfSmall, 1
	}
	f := [8]float64{
		1,
		math.Log10(float64(r.sum)+1) - 4,
		math.Log(float64(r.active)/(float64(days)*tensADay)+0.01) + 2,
		math.Log(sd),
		float64(r.closed)/float64(days) - 0.7,
		min(float64(r.top-r.early), 4),
		float64(r.top) - math.Log(m.level+1e-9) - 2,
		math.Log(float64(r.closed)+1) - 2,
	}
	for k := range 2 {
		a, b := 0.0, 0.0
		for i := range f {
			a += exceedWeights[k][i] * f[i]
			b += scaleWeights[k][i] * f[i]
		}
		m.exceed[k] = 1 / (1 + math.Exp(-a))
		m.scale[k] = alike*math.Exp(max(-6, min(b, 4))) + least
	}
	return m
}

func kindOfSpan(span int) int {
	if span == hour {
		return 1
	}
	return 0
}

// reference is R.
func (r *rate) reference(used bool) float64 {
	ref := peakShare*float64(r.peak) + (1-peakShare)*float64(r.mean)
	if used {
		ref = max(ref, math.Log1p(float64(r.past)))
	}
	return ref
}

// surprise is −ln P of a window with so many requests, less the penalty of its span; 0 where it says nothing. used takes
// into account what the day has already shown.
func (m *burstModel) surprise(r *rates, span int, count uint32, used bool) float64 {
	return m.believed(span, m.raw(r, span, count, used))
}

// believed is what is left of a window's −ln P.
func (m *burstModel) believed(span int, raw float64) float64 {
	return m.weight * max(0, raw-spanPenalty[span])
}

// raw is −ln P of a window with so many requests, before the exponent.
func (m *burstModel) raw(r *rates, span int, count uint32, used bool) float64 {
	if !m.judges || count < spans[span].least {
		return 0
	}
	k, s := kindOfSpan(span), &r.spans[span]
	ref, x := s.reference(used), math.Log1p(float64(count))
	over := x - ref
	if over <= 0 || span != hour && x <= float64(s.peak) {
		return 0
	}
	windows := math.Max(1, float64(spans[span].seconds)/600)
	over = min(over, max(0.5, math.Log1p(useOfThirty*m.level*windows)-ref))
	return tailPower*math.Log1p(over/(tailPower*m.scale[k])) - math.Log(m.exceed[k])
}

// bar is the least count whose surprise is worth looking at.
func (m *burstModel) bar(r *rates, span int) uint32 {
	if !m.judges {
		return math.MaxUint32
	}
	k, surprise := kindOfSpan(span), leastSurprise/m.weight+spanPenalty[span]
	if m.small {
		surprise = surgeSurprise
	}
	missing := surprise + math.Log(m.exceed[k])
	over := 0.0
	if missing > 0 {
		over = tailPower * m.scale[k] * math.Expm1(missing/tailPower)
	}
	x := r.spans[span].reference(true) + over
	if span != hour {
		x = max(x, float64(r.spans[span].peak))
	}
	if x > 21 {
		return math.MaxUint32
	}
	return max(spans[span].least, uint32(math.Ceil(math.Expm1(x))))
}
