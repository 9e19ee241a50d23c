package detect

import "math"

// calm is how much calmer a token, or the fleet, is than the clients that the burst model was
// fitted to. If the model is right, the busiest window of a day surprises by s nats or more
// with probability e^−s; for a calm token with e^−γs, γ > 1. γ is learnt from how many days
// surprise by more than calmFrom: the token's own, shrunk to the fleet's, shrunk to the
// model's. Neither can make γ less than 1: bursts that nobody noticed must not teach that
// bursts are nothing.
type calm struct{ days, startling float64 }

const (
	calmFrom       = 2.8
	calmPrior      = 10_000.0 // token-days that the model weighs against the fleet
	calmPriorToken = 30.0     // days that the fleet weighs against a token
	mostCalm       = 2.5
)

// startles reports whether the open day was one that surprises the model.
func (r *rates) startles(day int32) (judged, startled bool) {
	m := r.model(day)
	for i := range spans {
		startled = startled || m.surprise(r, i, r.spans[i].today(), false) > calmFrom
	}
	return m.judges, startled
}

// judge counts a day that closes.
func (r *rates) judge(judged, startled bool) {
	if judged {
		r.judged = min(r.judged, math.MaxUint16-1) + 1
	}
	if startled {
		r.startling = min(r.startling, math.MaxUint16-1) + 1
	}
}

// learnDay takes in a token's day as it closes.
func (c *calm) learnDay(judged, startled bool) {
	if !judged {
		return
	}
	c.days++
	if startled {
		c.startling++
	}
}

// share is how many days startle.
func (c *calm) share() float64 {
	return (c.startling + calmPrior*math.Exp(-calmFrom)) / (c.days + calmPrior)
}

// exponent is γ of a token.
func (c *calm) exponent(r *rates) float64 {
	share := (float64(r.startling) + calmPriorToken*c.share()) / (float64(r.judged) + calmPriorToken)
	return max(1, min(-math.Log(share)/calmFrom, mostCalm))
}

func (c *calm) halve() { c.days, c.startling = c.days/2, c.startling/2 }

func (c *calm) code(k *coder) {
	k.count(&c.days)
	k.count(&c.startling)
}
