package detect

import (
	"math/bits"

	"github.com/tokenwatch/tokenwatch/schema"
)

// ProcessThoroughly shows an event to all detectors, also when it is no news.
func (e *Engine) ProcessThoroughly(ev *schema.Event) *schema.Finding {
	if s, known := e.memory.find(&ev.Token); known {
		e.memory.at(s).surprise()
	}
	return e.Process(ev)
}

// Texts is how many distinct strings the engine holds.
func (e *Engine) Texts() int { return len(e.memory.texts.ids) }

// Clip is what is kept of a string.
var Clip = clip

// Lg and Unlg are the logarithm in which gauges are compared, and its inverse.
var (
	Lg   = lg
	Unlg = unlg
)

// Gatherings is how many there are.
func (c *Campaigns) Gatherings() int { return len(c.gatherings) }

// Calibration is what one class has taught about its evidence.
type Calibration struct{ of calibration }

// LearnDay takes in a token-day.
func (c *Calibration) LearnDay(cfg *Config, nats float64, alerted bool) {
	c.of.learnDay(cfg, nats, alerted)
}

// Bar is the evidence that makes an alert.
func (c *Calibration) Bar(cfg *Config) float64 {
	if c.of.bar > 0 {
		return c.of.bar
	}
	return cfg.startingBar()
}

// Surges are those of small tokens, in the hour.
type Surges struct{ of surges }

// Learn takes in a day of a token that is known for so many, of which the busiest hour surprises the model so much.
func (s *Surges) Learn(known uint16, raw float64) {
	s.of.tails[hour][experience(known)].add(surgeBinOf(raw))
}

// Beyond is the probability of such a day, for a small token or for one that is none.
func (s *Surges) Beyond(known uint16, raw float64, small bool) float64 {
	return s.of.beyond(&burstModel{judges: true, weight: 1, small: small, experience: experience(known)}, 1, hour, raw)
}

// TenMinutes is how many requests the token of the last event made in the last ten minutes.
func (e *Engine) TenMinutes() uint32 { return e.scored.rate.spans[tens].count }

// Company is who a consumer of an environment is part of.
func Company(consumer, environment string) string { return companyOf(owner(consumer, environment)) }

// Routes is how many a token is known for, about.
func (e *Engine) Routes(token schema.TokenID) int {
	s, _ := e.memory.find(&token)
	return bits.OnesCount64(e.memory.at(s).doings.routes)
}

// DaysFromMachines is on how many days a token was used from hosting, VPN or Tor.
func (e *Engine) DaysFromMachines(token schema.TokenID) uint16 {
	s, _ := e.memory.find(&token)
	return e.memory.at(s).kinds[machinery].days
}
