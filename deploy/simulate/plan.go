package simulate

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// Plan lays thefts and confusers over a live window of any length: so many of each kind, spread over it. A fleet with
// a plan is also drawn from more life than one for a demonstration: hours and bursts as they were measured on real people
// and services (see rhythm and weather), tokens on machines that come and go, and growth.
type Plan struct {
	Thefts    []Theft
	Confusers []Confuser
}

// Theft says how often and how a kind of theft happens.
type Theft struct {
	Kind  string    // NightAbroad, SlowUse, Burst, ManyHosts, BusinessHours or OwnNetwork
	Share float64   // of the fleet's tokens that are hit; of a small fleet three at least, if they can be found
	Rate  Range     // requests an hour; of Burst, times what the token makes in an ordinary hour of use
	Hours Range     // how long it lasts
	Hosts Range     // of ManyHosts: how many machines
	From  time.Time // begins no sooner; zero: the live window
	To    time.Time // begins no later
}

// Confuser says how often something happens that looks like theft and is none.
type Confuser struct {
	Kind  string  // Journey, LateJob, NewOffice, Deploy, LaunchDay, RoundTheClock, ClockChange, Holiday or EgressSwitch
	Share float64 // of the fleet's tokens, roughly; where whole companies are concerned, of the companies
}

// Range is what a figure is drawn from, all values being as likely.
type Range struct{ Low, High float64 }

func (r Range) draw(d dice) float64 { return d.between(r.Low, r.High) }

// DefaultPlan has every kind. In a fleet of 10,000 tokens each theft happens 40 times.
func DefaultPlan() *Plan {
	p := &Plan{}
	for _, kind := range TheftKinds() {
		p.Thefts = append(p.Thefts, DefaultTheft(kind))
	}
	for _, kind := range ConfuserKinds() {
		p.Confusers = append(p.Confusers, DefaultConfuser(kind))
	}
	return p
}

// DefaultTheft is a kind of theft as it usually goes.
func DefaultTheft(kind string) Theft {
	t := Theft{Kind: kind, Share: 0.004}
	switch kind {
	case NightAbroad:
		t.Rate, t.Hours = Range{40, 300}, Range{0.2, 1}
	case SlowUse:
		t.Rate, t.Hours = Range{6, 30}, Range{18, 30}
	case Burst:
		t.Rate, t.Hours = Range{10, 10}, Range{0.5, 1.5}
	case ManyHosts:
		t.Rate, t.Hours, t.Hosts = Range{60, 400}, Range{0.25, 1}, Range{15, 60}
	case BusinessHours:
		t.Rate, t.Hours = Range{8, 40}, Range{2, 8}
	case OwnNetwork:
		t.Rate, t.Hours = Range{10, 60}, Range{2, 6}
	}
	return t
}

// DefaultConfuser is a kind of confuser, as often as it usually happens.
func DefaultConfuser(kind string) Confuser {
	switch kind {
	case Journey:
		return Confuser{kind, 0.01}
	case Deploy, EgressSwitch, NewOffice:
		return Confuser{kind, 0.02}
	case LaunchDay:
		return Confuser{kind, 0.03}
	}
	return Confuser{kind, 0.005}
}

// TheftKinds lists the kinds that a plan may have.
func TheftKinds() []string {
	return []string{NightAbroad, SlowUse, Burst, ManyHosts, BusinessHours, OwnNetwork}
}

// ConfuserKinds lists the kinds that a plan may have.
func ConfuserKinds() []string {
	return []string{RoundTheClock, LateJob, ClockChange, Holiday, Journey, Deploy, LaunchDay, EgressSwitch, NewOffice}
}

// Name is a kind in one word, as labels and options have it.
func Name(kind string) string { return strings.ReplaceAll(kind, " ", "_") }

// validate reports the first entry that makes no sense.
func (p *Plan) validate() error {
	for _, t := range p.Thefts {
		if err := t.validate(); err != nil {
			return fmt.Errorf("theft %s: %w", Name(t.Kind), err)
		}
	}
	for _, c := range p.Confusers {
		switch {
		case !slices.Contains(ConfuserKinds(), c.Kind):
			return fmt.Errorf("confuser %s: is none of %s", Name(c.Kind), names(ConfuserKinds()))
		case c.Share < 0 || c.Share > 0.2:
			return fmt.Errorf("confuser %s: share %v is not between 0 and 0.2", Name(c.Kind), c.Share)
		}
	}
	return nil
}

func (t Theft) validate() error {
	switch {
	case !slices.Contains(TheftKinds(), t.Kind):
		return fmt.Errorf("is none of %s", names(TheftKinds()))
	case !(t.Share >= 0 && t.Share <= 0.1):
		return fmt.Errorf("share: %v is not between 0 and 0.1", t.Share)
	case !t.Rate.within(0.1, 100_000):
		return fmt.Errorf("rate: %v to %v is not within 0.1 to 100000", t.Rate.Low, t.Rate.High)
	case !t.Hours.within(0.05, 240):
		return fmt.Errorf("hours: %v to %v is not within 0.05 to 240", t.Hours.Low, t.Hours.High)
	case t.Kind == ManyHosts && !t.Hosts.within(2, 10_000):
		return fmt.Errorf("hosts: %v to %v is not within 2 to 10000", t.Hosts.Low, t.Hosts.High)
	case !t.From.IsZero() && !t.To.IsZero() && !t.To.After(t.From):
		return fmt.Errorf("to: %v is not after %v", t.To, t.From)
	}
	return nil
}

func (r Range) within(low, high float64) bool {
	return low <= r.Low && r.Low <= r.High && r.High <= high
}

func names(kinds []string) string {
	var list []string
	for _, kind := range kinds {
		list = append(list, Name(kind))
	}
	return strings.Join(list, ", ")
}

// times is how often something happens that concerns a share of so many.
func times(share float64, of int) int {
	if share == 0 {
		return 0
	}
	return max(3, int(math.Round(share*float64(of))))
}
