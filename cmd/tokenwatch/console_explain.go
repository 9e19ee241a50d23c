package main

import (
	"cmp"
	"context"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/tokenwatch/tokenwatch/detect"
	"github.com/tokenwatch/tokenwatch/schema"
	boards "github.com/tokenwatch/tokenwatch/schema/board"
	"github.com/tokenwatch/tokenwatch/schema/clickhouse"
)

// explainer puts stored profiles into words for the console, as `tokenwatch explain` does for a terminal.
type explainer struct {
	cfg detect.Config
	db  *clickhouse.DB
}

// Explain describes what was learnt of a token, in each partition that learnt something: the newest that can be read first.
func (e explainer) Explain(ctx context.Context, t boards.Token) ([]boards.TokenPortrait, error) {
	own, shared, err := e.db.BoardTokenProfiles(ctx, t.ID)
	if err != nil {
		return nil, err
	}
	now := time.Now().UTC()
	var list []boards.TokenPortrait
	for _, row := range own {
		list = append(list, e.portrait(row, shared, now))
	}
	slices.SortStableFunc(list, func(a, b boards.TokenPortrait) int {
		if (a.Gone == "") != (b.Gone == "") {
			return cmp.Compare(len(a.Gone), len(b.Gone))
		}
		return b.Updated.Compare(a.Updated)
	})
	return list, nil
}

func (e explainer) portrait(row schema.Profile, shared []schema.Profile, now time.Time) boards.TokenPortrait {
	p := boards.TokenPortrait{Topic: row.Topic, Partition: row.Partition, Updated: row.Updated, State: row.Status, Days: int(row.Days), Events: row.Events}
	switch row.Status {
	case schema.ProfileRenamed:
		p.Gone = "It moved to the token's name under a new pepper."
		return p
	case schema.ProfileDropped:
		p.Gone = "It was dropped to make room for others (detect.max_tokens)."
		return p
	}
	known, err := detect.Explain(e.cfg, row, besides(shared, row), now)
	if err != nil {
		p.Gone = "It was stored by another version, and is learnt anew when this one takes the partition over."
		return p
	}
	p.State, p.First, p.Last, p.Days, p.Events = known.State, known.First, known.Last, known.Days, known.Events
	p.HoursInWords, p.Score, p.Quarantine = known.HoursInWords, known.Score, known.Quarantine
	p.Countries, p.Places, p.Networks, p.Clients = habitsOf(known.Countries), habitsOf(known.Places), habitsOf(known.Networks), habitsOf(known.Clients)
	for _, r := range known.Rates {
		p.Rates = append(p.Rates, boards.TokenRate{Span: r.Span, Most: r.Most, Today: r.Today})
	}
	p.Detectors = detectorsOf(known.Evidence, e.cfg.Simulate)
	return p
}

// mostShown bounds the habits of a kind on a page.
const mostShown = 12

func habitsOf(list []detect.Habit) []boards.TokenHabit {
	var habits []boards.TokenHabit
	for _, h := range list[:min(len(list), mostShown)] {
		habits = append(habits, boards.TokenHabit{Name: h.Name, Share: h.Share, Days: uint64(max(0, h.Days)), First: h.First, Last: h.LastDay, Probation: h.Probation})
	}
	return habits
}

// detectorsOf are all detectors, those that hold most against the token first.
func detectorsOf(evidence []detect.Weighed, trial []string) []boards.TokenDetector {
	var list []boards.TokenDetector
	at := func(name string) *boards.TokenDetector {
		i := slices.IndexFunc(list, func(d boards.TokenDetector) bool { return d.Name == name })
		if i < 0 {
			i = len(list)
			list = append(list, boards.TokenDetector{Name: name, Trial: slices.Contains(trial, name)})
		}
		return &list[i]
	}
	for _, name := range detect.Detectors() {
		at(name)
	}
	strongest := map[string]float64{}
	for _, e := range evidence {
		d := at(e.Detector)
		d.Weight += e.Weight
		if d.Seen == "" || math.Abs(e.Weight) > strongest[e.Detector] {
			d.Seen, d.Normal, strongest[e.Detector] = e.Seen, e.Normal, math.Abs(e.Weight)
		}
	}
	slices.SortStableFunc(list, func(a, b boards.TokenDetector) int { return cmp.Compare(b.Weight, a.Weight) })
	return list
}

// Allowed are the entries of detect.allow that name tokens and labels.
func (e explainer) Allowed() []boards.TokenAllowance {
	var list []boards.TokenAllowance
	for _, name := range slices.Sorted(maps.Keys(e.cfg.Allow)) {
		a := e.cfg.Allow[name]
		entry := boards.TokenAllowance{ID: name, Kind: string(schema.AllowToken), Value: a.Token, Detectors: a.Detectors, Owner: a.Owner, Reason: a.Reason, Until: a.Until, Configured: true}
		if a.Label != "" {
			entry.Kind, entry.Value = string(schema.AllowLabel), a.Label
		}
		if entry.Value != "" {
			list = append(list, entry)
		}
	}
	return list
}
