package detect

import (
	"fmt"
	"math"
)

// trafficSpike finds more requests in a span of time than the token's owner ever makes.
//
// Model: the windows of 10 s, 1 min, and, sliding, 10 min and 1 h, each against the busiest
// such windows of the token's days, by the model in bursts.go. Parametric tails of
// one token fail on real clients, whose traffic is bursty (measured: mean + 3σ fires on a
// fifth of all days). A token that is calmer is believed (calm.go), and so are small tokens
// together (surges.go).
//
// P(leap | theft) is the same for all leaps: thieves either burst or not. It fires inside
// the window, as soon as the count is enough.
type trafficSpike struct{}

const (
	trafficSpikeName = "traffic_spike"
	theftBursts      = 0.4 // P(a thief leaps this far)
	trafficSpikeCap  = 10.0
	leastSpike       = 0.7 // nats: somewhat more than usual is what happens on journeys too
)

func (trafficSpike) name() string { return trafficSpikeName }

func (trafficSpike) phrase() string { return "at an abnormal rate" }

func (trafficSpike) look(l *look) {
	p := l.profile
	best, at := 0.0, -1
	var m burstModel
	calm := 1.0
	for i := range spans {
		w := &p.rate.spans[i]
		if w.count < w.bar || int64(w.window) != l.now/int64(spans[i].seconds) {
			continue
		}
		if !m.judges {
			m, calm = p.rate.model(l.day), l.cohort.calm.exponent(&p.rate)
		}
		llr := math.Log(theftBursts) - math.Log(l.cohort.surges.beyond(&m, calm, i, m.raw(&p.rate, i, w.count, true)))
		switch {
		case llr < leastSpike: // nothing yet: look again when it has grown
			w.bar = plus(w.count, 1+w.count/16)
		case llr > best:
			best, at = llr, i
		}
	}
	if at < 0 {
		return
	}
	w := &p.rate.spans[at]
	l.foundIn(traffic, trafficSpikeName, min(trafficSpikeCap, best), func() words {
		return words{key: spans[at].key, leap: leap{span: uint8(at), count: w.count, past: w.most(), days: p.rate.closed}}
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
	w.normal = fmt.Sprintf("hardly more than %d in one %s over %d days", w.leap.past, span, w.leap.days)
	w.leap = leap{}
}
