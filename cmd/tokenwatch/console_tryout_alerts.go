package main

import (
	"cmp"
	"slices"
	"time"

	"github.com/tokenwatch/tokenwatch/alert"
	"github.com/tokenwatch/tokenwatch/schema"
	boards "github.com/tokenwatch/tokenwatch/schema/board"
)

const (
	mostKept     = 10_000 // alerts of a side that can become examples; all are counted
	mostExamples = 20
	mostTexts    = 300 // bytes of a summary that is kept
)

// alertCount counts the alerts that findings would raise: one a token until it was quiet for alert.resolve_after, as
// incidents are.
type alertCount struct {
	cfg        alert.Config
	open       map[string]*raised // the last of each token or group; its size is that of what alerted
	kept       []*raised
	n          int
	severities [schema.SeverityCritical + 1]int
	detectors  map[string]int // bounded by the detectors there are
}

// raised is an alert.
type raised struct {
	boards.BacktestExample
	key    string
	last   time.Time
	within bool
}

func newAlertCount(cfg alert.Config) *alertCount {
	return &alertCount{cfg: cfg, open: map[string]*raised{}, detectors: map[string]int{}}
}

// add takes in a finding, and tells whether it raises an alert or belongs to one. Within are tokens of the sample:
// others are played for what people have judged, and not counted.
func (a *alertCount) add(f *schema.Finding, within bool) bool {
	if f.Simulated {
		return false
	}
	key := cmp.Or(f.Group, f.Token.String())
	r := a.open[key]
	if r == nil || f.Time.Sub(r.last) >= a.cfg.ResolveAfter {
		if f.Severity < a.cfg.MinSeverity {
			return false
		}
		r = a.raise(f, key, within)
	} else if within && f.Severity > r.Severity {
		a.severities[r.Severity]--
		a.severities[f.Severity]++
	}
	r.last = f.Time
	if f.Score >= r.Score {
		r.Score, r.Summary = f.Score, f.Summary[:min(len(f.Summary), mostTexts)]
	}
	r.Severity = max(r.Severity, f.Severity)
	for _, e := range f.Evidence {
		if !slices.Contains(r.Detectors, e.Detector) {
			if r.Detectors = append(r.Detectors, e.Detector); within {
				a.detectors[e.Detector]++
			}
		}
	}
	return true
}

func (a *alertCount) raise(f *schema.Finding, key string, within bool) *raised {
	r := &raised{key: key, within: within, BacktestExample: boards.BacktestExample{Token: f.Token, Hint: f.TokenHint, Owner: f.Consumer, At: f.Time, Severity: f.Severity}}
	if a.open[key] = r; len(a.kept) < mostKept {
		a.kept = append(a.kept, r)
	}
	if within {
		a.n++
		a.severities[f.Severity]++
	}
	return r
}

// detectorParts are the detectors' parts in both, the one with most first.
func detectorParts(now, then *alertCount) []boards.BacktestDetector {
	var list []boards.BacktestDetector
	for name, n := range now.detectors {
		list = append(list, boards.BacktestDetector{Name: name, Now: n, Then: then.detectors[name]})
	}
	for name, n := range then.detectors {
		if now.detectors[name] == 0 {
			list = append(list, boards.BacktestDetector{Name: name, Then: n})
		}
	}
	slices.SortFunc(list, func(a, b boards.BacktestDetector) int {
		return cmp.Or(cmp.Compare(b.Now+b.Then, a.Now+a.Then), cmp.Compare(a.Name, b.Name))
	})
	return list
}

// examples are the strongest alerts. Half of them are kept for those that only one of the two raises, if there are.
func examples(now, then *alertCount) []boards.BacktestExample {
	before := map[string][]*raised{}
	for _, r := range now.kept {
		r.Now = true
		before[r.key] = append(before[r.key], r)
	}
	all := slices.Clone(now.kept)
	for _, r := range then.kept {
		same := slices.IndexFunc(before[r.key], func(b *raised) bool {
			return b.At.Sub(r.last) < now.cfg.ResolveAfter && r.At.Sub(b.last) < now.cfg.ResolveAfter
		})
		if same >= 0 {
			before[r.key][same].Then = true
			continue
		}
		r.Then = true
		all = append(all, r)
	}
	strongest := func(a, b *raised) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), a.At.Compare(b.At), cmp.Compare(a.key, b.key))
	}
	slices.SortFunc(all, strongest)
	chosen := take(all, mostExamples/2, func(r *raised) bool { return r.Now != r.Then })
	chosen = append(chosen, take(all, mostExamples-len(chosen), func(r *raised) bool { return !slices.Contains(chosen, r) })...)
	slices.SortFunc(chosen, strongest)
	var list []boards.BacktestExample
	for _, r := range chosen {
		list = append(list, r.BacktestExample)
	}
	return list
}

// take gives the first so many that are wanted.
func take(all []*raised, most int, wanted func(*raised) bool) (list []*raised) {
	for _, r := range all {
		if len(list) < most && wanted(r) {
			list = append(list, r)
		}
	}
	return list
}
