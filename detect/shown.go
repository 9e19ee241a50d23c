package detect

import (
	"maps"
	"slices"

	"github.com/tokenwatch/tokenwatch/schema"
)

// What people are shown of how detection is set up, and of what it has learnt of all tokens together.

// Allowed lists the entries of the configuration as the allow-list shows them: the name is the id, and there is no time
// at which they were made.
func (c Config) Allowed() []schema.Allowance {
	var list []schema.Allowance
	for _, name := range slices.Sorted(maps.Keys(c.Allow)) {
		entry := c.Allow[name]
		if a, err := entry.allowance(); err == nil { // Validate has refused what is none
			a.ID = name
			list = append(list, a)
		}
	}
	return list
}

// Bar is what makes an alert for tokens of a class, and what it was learnt from.
type Bar struct {
	Class   string
	Days    float64 // token-days without an alert
	Alerted float64 // and with one
	Nats    float64 // of evidence that make a score of 1.0
	Learnt  bool    // from the fleet; else it is what every fleet begins with
	Fresh   uint32  // token-days since it was worked out
}

// Bars tells the bar of every class.
func (e *Engine) Bars() []Bar {
	list := make([]Bar, classes)
	for c := range classes {
		k := &e.cohort.calibrations[c]
		list[c] = Bar{Class: c.String(), Days: k.days, Alerted: k.alerted, Nats: k.bar, Learnt: k.bar > 0, Fresh: k.fresh}
		if k.bar == 0 {
			list[c].Nats = e.cfg.startingBar()
		}
	}
	return list
}
