package main

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tokenwatch/tokenwatch/detect"
	boards "github.com/tokenwatch/tokenwatch/schema/board"
)

// reordered is the configuration with what is to be tried.
func reordered(cfg Config, o boards.BacktestOrder) (Config, error) {
	cfg.Detect.Budget, cfg.Detect.AlertNats, cfg.Detect.HalfLife, cfg.Detect.Probation = o.Budget, o.AlertNats, o.HalfLife, o.Probation
	cfg.Detect.Simulate, cfg.Alert.MinSeverity = o.Trial, o.MinSeverity
	if o.Rule != (boards.BacktestRule{}) {
		cfg.Detect.Thresholds = maps.Clone(cfg.Detect.Thresholds)
		if cfg.Detect.Thresholds == nil {
			cfg.Detect.Thresholds = map[string]detect.Threshold{}
		}
		cfg.Detect.Thresholds[freeName(cfg)] = detect.Threshold{Consumer: o.Rule.Owner, Environment: o.Rule.Environment, Factor: o.Rule.Factor, Never: o.Rule.Never}
	}
	var odd error
	for _, pattern := range []string{o.Rule.Owner, o.Rule.Environment} {
		if strings.ContainsFunc(pattern, func(r rune) bool { return !strconv.IsPrint(r) }) {
			odd = errors.New("detect.thresholds: a pattern is printable text")
		}
	}
	return cfg, cmp.Or(odd, cfg.Detect.Validate(), cfg.Alert.Validate())
}

// freeName is a name for a further threshold that none has.
func freeName(cfg Config) string {
	name := "tried"
	for n := 2; ; n++ {
		if _, taken := cfg.Detect.Thresholds[name]; !taken {
			return name
		}
		name = fmt.Sprintf("tried-%d", n)
	}
}

// changedKeys writes what was tried as it stands in the configuration's file; empty: nothing.
func changedKeys(from, to Config) string {
	var detecting, alerting []string
	number := func(key string, old, new float64) {
		if old != new {
			detecting = append(detecting, fmt.Sprintf("  %s: %s", key, strconv.FormatFloat(new, 'f', -1, 64)))
		}
	}
	span := func(key string, old, new time.Duration) {
		if old != new {
			detecting = append(detecting, fmt.Sprintf("  %s: %s", key, plainDuration(new)))
		}
	}
	number("budget", from.Detect.Budget, to.Detect.Budget)
	number("alert_nats", from.Detect.AlertNats, to.Detect.AlertNats)
	span("half_life", from.Detect.HalfLife, to.Detect.HalfLife)
	span("probation", from.Detect.Probation, to.Detect.Probation)
	if !slices.Equal(slices.Sorted(slices.Values(from.Detect.Simulate)), to.Detect.Simulate) {
		detecting = append(detecting, "  simulate: ["+strings.Join(to.Detect.Simulate, ", ")+"]")
	}
	for _, name := range slices.Sorted(maps.Keys(to.Detect.Thresholds)) {
		if _, before := from.Detect.Thresholds[name]; !before {
			detecting = append(append(detecting, "  thresholds:"), thresholdLines(name, to.Detect.Thresholds[name])...)
		}
	}
	if from.Alert.MinSeverity != to.Alert.MinSeverity {
		alerting = append(alerting, "alert:", "  min_severity: "+to.Alert.MinSeverity.String())
	}
	if len(detecting) > 0 {
		detecting = append([]string{"detect:"}, detecting...)
	}
	return strings.Join(append(detecting, alerting...), "\n")
}

func thresholdLines(name string, t detect.Threshold) []string {
	lines := []string{"    " + name + ":"}
	if t.Consumer != "" {
		lines = append(lines, "      consumer: "+strconv.Quote(t.Consumer))
	}
	if t.Environment != "" {
		lines = append(lines, "      environment: "+strconv.Quote(t.Environment))
	}
	if t.Never {
		return append(lines, "      never: true")
	}
	return append(lines, "      factor: "+strconv.FormatFloat(t.Factor, 'f', -1, 64))
}

// plainDuration writes 6h rather than 6h0m0s.
func plainDuration(d time.Duration) string {
	text := d.String()
	if rest, whole := strings.CutSuffix(text, "m0s"); whole {
		text = rest + "m"
	}
	if rest, whole := strings.CutSuffix(text, "h0m"); whole {
		text = rest + "h"
	}
	return text
}
