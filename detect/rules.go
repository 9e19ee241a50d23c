package detect

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tokenwatch/tokenwatch/schema"
)

// rules are what people decided about detection itself: what is allowed, which detectors are on trial, and whose
// evidence counts how much. They are looked at when a detector has spoken, which is rare.
type rules struct {
	simulate   []string
	thresholds []Threshold // in the order of their names
	allow      []allowance // of the configuration
	listed     []allowance // of the allow-list, see Allow
	buffer     []*allowance
}

// Threshold changes how much evidence an alert needs. Its patterns must all match; * stands for any text, and a
// pattern that is empty matches everything. Of several that match, the one with the lowest factor holds.
type Threshold struct {
	Consumer    string `yaml:"consumer"`
	Environment string `yaml:"environment"`
	// Factor is what the score is multiplied by: at 0.5 an alert needs twice the evidence.
	Factor float64 `yaml:"factor"`
	// Never is for tokens of which nobody wants to hear.
	Never bool `yaml:"never"`
}

func newRules(cfg *Config) *rules {
	r := &rules{simulate: cfg.Simulate}
	for _, name := range slices.Sorted(maps.Keys(cfg.Thresholds)) {
		r.thresholds = append(r.thresholds, cfg.Thresholds[name])
	}
	for _, name := range slices.Sorted(maps.Keys(cfg.Allow)) {
		entry := cfg.Allow[name]
		if a, err := entry.allowance(); err == nil { // Validate has refused what is none
			r.allow = append(r.allow, compile(&a))
		}
	}
	return r
}

// factor is what a score of an event's token is multiplied by.
func (r *rules) factor(ev *schema.Event) float64 {
	factor, matched := 1.0, false
	for i := range r.thresholds {
		t := &r.thresholds[i]
		if !like(t.Consumer, ev.Consumer) || !like(t.Environment, ev.Environment) {
			continue
		}
		own := t.Factor
		if t.Never {
			own = 0
		}
		if !matched || own < factor {
			factor, matched = own, true
		}
	}
	return factor
}

func (r *rules) onTrial(detector string) bool { return slices.Contains(r.simulate, detector) }

// like tells whether a pattern matches the whole of a text.
func like(pattern, s string) bool {
	if pattern == "" {
		return true
	}
	head, rest, star := strings.Cut(pattern, "*")
	if !star {
		return pattern == s
	}
	if !strings.HasPrefix(s, head) {
		return false
	}
	s = s[len(head):]
	for {
		part, after, more := strings.Cut(rest, "*")
		if !more {
			return strings.HasSuffix(s, part)
		}
		at := strings.Index(s, part)
		if at < 0 {
			return false
		}
		s, rest = s[at+len(part):], after
	}
}

// Detectors names all detectors.
func Detectors() []string {
	cfg := DefaultConfig()
	var names []string
	for _, d := range New(cfg, "", 0).detectors {
		names = append(names, d.name())
	}
	return names
}

func checkDetectors(names []string) error {
	known := Detectors()
	for _, name := range names {
		if !slices.Contains(known, name) {
			return fmt.Errorf("%q is no detector: want some of %s", name, strings.Join(known, ", "))
		}
	}
	return nil
}

func (c Config) checkTrials() error {
	if err := checkDetectors(c.Simulate); err != nil {
		return fmt.Errorf("detect.simulate: %w", err)
	}
	return nil
}

func (c Config) checkThresholds() error {
	for _, name := range slices.Sorted(maps.Keys(c.Thresholds)) {
		switch t := c.Thresholds[name]; {
		case t.Consumer == "" && t.Environment == "":
			return fmt.Errorf("detect.thresholds.%s: want a consumer, an environment or both, with * for any text", name)
		case t.Never && t.Factor != 0:
			return fmt.Errorf("detect.thresholds.%s: factor and never exclude each other", name)
		case !t.Never && (t.Factor < 0.05 || t.Factor > 20):
			return fmt.Errorf("detect.thresholds.%s.factor: want a number from 0.05 to 20, or never: true", name)
		}
	}
	return nil
}

func (c Config) checkAllowed() error {
	for _, name := range slices.Sorted(maps.Keys(c.Allow)) {
		entry := c.Allow[name]
		a, err := entry.allowance()
		if err == nil {
			err = a.Check()
		}
		if err == nil {
			err = checkDetectors(a.Detectors)
		}
		if err != nil {
			return fmt.Errorf("detect.allow.%s: %w", name, err)
		}
	}
	return nil
}
