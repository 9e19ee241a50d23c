package detect

import "math"

// calibration turns evidence into a score: 1.0 is what as many token-days of a class exceed
// as the alert budget allows.
//
// It counts how much evidence, in nats, the days of the class's tokens came to at most, and
// looks where 20 and 5 times the budget are exceeded: there it has seen enough days to
// tell, and the few that alerted hardly matter. From there an exponential tail leads on to the
// budget (evidence in nats has one: a likelihood ratio exceeds e^s for the owner with probability e^−s at
// most). Until a fleet has taught something, the bar is Config.AlertNats, less ln(budget/2).
//
// Days with an alert may be abuse, so what they came to is not learnt. Leaving them out
// altogether would lower the bar again and again, so they count as much as the budget has room
// for, and no more: who attacks many tokens at once does not make the detector deaf.
type calibration struct {
	days    float64 // without an alert
	alerted float64
	bins    [calibrationBins]float64 // by nats, four to the nat
	fresh   uint32                   // days since the bar was worked out
	bar     float64                  // 0: nothing was learnt yet
}

const (
	calibrationBins  = 80
	calibrationPrior = 10000.0 // token-days that the bar of an untaught fleet weighs
	calibrationEvery = 64      // token-days
	referenceBudget  = 2.0     // alerts per 1,000 token-days at Config.AlertNats
	nearTail         = 5.0     // budgets
	farTail          = 20.0
	leastTail        = 0.7 // nats an e-fold of the tail
	mostTail         = 2.0
	lowerBar         = 1.5 // how far a fleet may move its bar, in nats
	raiseBar         = 3.0
	leastBar         = 1.0
)

// startingBar is the bar of a fleet that has taught nothing yet.
func (c Config) startingBar() float64 {
	return max(leastBar, c.AlertNats-math.Log(c.Budget/referenceBudget))
}

// learnDay takes in the most evidence of a token-day.
func (k *calibration) learnDay(cfg *Config, nats float64, alerted bool) {
	if alerted {
		k.alerted++
	} else {
		k.days++
		k.bins[min(calibrationBins-1, max(0, int(4*nats)))]++
	}
	if k.fresh++; k.fresh >= calibrationEvery {
		k.fresh, k.bar = 0, k.work(cfg)
	}
}

// work finds the bar.
func (k *calibration) work(cfg *Config) float64 {
	budget, start := cfg.Budget/1000, cfg.startingBar()
	far, near := k.exceeded(farTail*budget, budget, start), k.exceeded(nearTail*budget, budget, start)
	slope := max(leastTail, min((near-far)/math.Log(farTail/nearTail), mostTail))
	bar := near + slope*math.Log(nearTail)
	return max(leastBar, start-lowerBar, min(bar, start+raiseBar))
}

// exceeded is the evidence that a share of the days exceeds.
func (k *calibration) exceeded(share, budget, start float64) float64 {
	above := min(k.alerted, budget*k.days)
	total := k.days + above
	for b := calibrationBins - 1; b > 0; b-- {
		above += k.bins[b]
		prior := calibrationPrior * min(1, budget*math.Exp(start-float64(b)/4))
		if above+prior >= share*(total+calibrationPrior) {
			return float64(b) / 4
		}
	}
	return 0
}

func (k *calibration) halve() {
	k.days, k.alerted = k.days/2, k.alerted/2
	for i := range k.bins {
		k.bins[i] /= 2
	}
}

func (k *calibration) code(c *coder) {
	c.count(&k.days)
	c.count(&k.alerted)
	for i := range k.bins {
		c.count(&k.bins[i])
	}
	number(c, &k.fresh)
	c.float(&k.bar)
}

// bar is the evidence that makes a score of 1.0 for a token of a class.
func (e *Engine) bar(of class) float64 {
	if bar := e.cohort.calibrations[of].bar; bar > 0 {
		return bar
	}
	return e.cfg.startingBar()
}
