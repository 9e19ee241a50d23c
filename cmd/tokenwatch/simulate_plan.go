package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tokenwatch/tokenwatch/deploy/simulate"
)

// plan reads which thefts and confusers there are to be.
func (c simulateCommand) plan() (*simulate.Plan, error) {
	if !(c.Scale >= 0 && c.Scale <= 20) {
		return nil, fmt.Errorf("--scale: want 0 to 20, not %v", c.Scale)
	}
	plan := &simulate.Plan{}
	thefts, err := chosen("--thefts", c.Thefts, simulate.TheftKinds())
	if err != nil {
		return nil, err
	}
	confusers, err := chosen("--confusers", c.Confuser, simulate.ConfuserKinds())
	if err != nil {
		return nil, err
	}
	for _, kind := range thefts {
		t := simulate.DefaultTheft(kind)
		t.Share *= c.Scale
		plan.Thefts = append(plan.Thefts, t)
	}
	for _, kind := range confusers {
		k := simulate.DefaultConfuser(kind)
		if most := mostShare / k.Share; c.Scale > most {
			return nil, fmt.Errorf("--scale: %v times as many of %s as usual would be too much of the fleet: want at most %.3g, or name the others with --confusers",
				c.Scale, simulate.Name(kind), most)
		}
		k.Share *= c.Scale
		plan.Confusers = append(plan.Confusers, k)
	}
	for _, text := range c.Theft {
		if err := adjust(plan, text); err != nil {
			return nil, fmt.Errorf("--theft %s: %w", text, err)
		}
	}
	return plan, nil
}

// mostShare is how much of a fleet a kind of confuser may concern.
const mostShare = 0.2

// chosen are the kinds that a list names: all of an empty one.
func chosen(flag string, list, all []string) ([]string, error) {
	if len(list) == 0 {
		return all, nil
	}
	if slices.Equal(list, []string{"none"}) {
		return nil, nil
	}
	var kinds []string
	for _, name := range list {
		kind, err := kindNamed(name, all)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", flag, err)
		}
		if !slices.Contains(kinds, kind) {
			kinds = append(kinds, kind)
		}
	}
	return kinds, nil
}

func kindNamed(name string, all []string) (string, error) {
	for _, kind := range all {
		if simulate.Name(kind) == name {
			return kind, nil
		}
	}
	return "", fmt.Errorf("%q is none of %s", name, words(all))
}

// adjust changes how a kind of theft goes, and adds it where it was not chosen.
func adjust(plan *simulate.Plan, text string) error {
	name, settings, _ := strings.Cut(text, ":")
	kind, err := kindNamed(name, simulate.TheftKinds())
	if err != nil {
		return err
	}
	at := slices.IndexFunc(plan.Thefts, func(t simulate.Theft) bool { return t.Kind == kind })
	if at < 0 {
		at = len(plan.Thefts)
		plan.Thefts = append(plan.Thefts, simulate.DefaultTheft(kind))
	}
	for setting := range strings.SplitSeq(settings, ",") {
		if setting == "" {
			continue
		}
		key, value, _ := strings.Cut(setting, "=")
		if err := set(&plan.Thefts[at], key, value); err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
	}
	return nil
}

func set(t *simulate.Theft, key, value string) (err error) {
	switch key {
	case "share":
		if t.Share, err = strconv.ParseFloat(value, 64); err != nil {
			err = fmt.Errorf("%q: want a number, such as 0.01", value)
		}
	case "rate":
		t.Rate, err = parseRange(value)
	case "hours":
		t.Hours, err = parseRange(value)
	case "hosts":
		t.Hosts, err = parseRange(value)
	case "from":
		t.From, err = parseBegin(value)
	case "to":
		t.To, err = parseBegin(value)
	default:
		return fmt.Errorf("want share, rate, hours, hosts, from or to")
	}
	return err
}

func parseBegin(text string) (time.Time, error) {
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		err = fmt.Errorf("%q: want a time such as 2026-11-02T15:04:05Z", text)
	}
	return at, err
}

// parseRange reads 10 or 6-30.
func parseRange(text string) (r simulate.Range, err error) {
	low, high, both := strings.Cut(text, "-")
	if r.Low, err = strconv.ParseFloat(low, 64); err == nil && both {
		r.High, err = strconv.ParseFloat(high, 64)
	}
	if err != nil {
		return r, fmt.Errorf("%q: want a number or a range such as 6-30", text)
	}
	if !both {
		r.High = r.Low
	}
	return r, nil
}
