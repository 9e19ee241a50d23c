package main

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/tokenwatch/tokenwatch/deploy/simulate"
)

// fleetScore adds up what several fleets came to.
type fleetScore struct {
	kinds     map[string]*kindScore
	confusers map[string]*confuserScore
	alerts    int
	tokenDays int
	seeds     int
}

// kindScore is of one kind of theft.
type kindScore struct {
	thefts, found, atTwo int
	after                []float64 // seconds, of those found
	cost                 []float64 // requests
}

// confuserScore is of one kind of confuser.
type confuserScore struct {
	events, alertedEvents int
	tokens, alerted       int
	anyway                int     // of those, how many alert without it as well; known of the change of the clocks
	chance                float64 // alerts that as many ordinary token-days would have had
}

func (s *fleetScore) thefts() int {
	n := 0
	for _, k := range s.kinds {
		n += k.thefts
	}
	return n
}

func (s *fleetScore) add(m *measured) {
	if s.kinds == nil {
		s.kinds, s.confusers = map[string]*kindScore{}, map[string]*confuserScore{}
	}
	s.seeds++
	s.alerts += m.report.Alerts
	s.tokenDays += m.report.TokenDays
	for i := range m.outcomes {
		if o := &m.outcomes[i]; !strings.HasPrefix(o.Kind, "benign:") {
			s.kind(o.Kind).add(o)
		}
	}
	for _, row := range m.report.Recall {
		if k := s.kinds[row.Kind]; k != nil {
			k.atTwo += int(math.Round(row.AtTwo * float64(row.Thefts)))
		}
	}
	s.confuse(m)
}

func (s *fleetScore) kind(name string) *kindScore {
	if s.kinds[name] == nil {
		s.kinds[name] = &kindScore{}
	}
	return s.kinds[name]
}

func (k *kindScore) add(o *labelOutcome) {
	k.thefts++
	if o.alerted {
		k.found++
		k.after, k.cost = append(k.after, o.after.Seconds()), append(k.cost, float64(o.cost))
	}
}

func (s *fleetScore) confuse(m *measured) {
	type event struct {
		kind  string
		story int
	}
	alerted := map[event]bool{}
	for i := range m.outcomes {
		o := &m.outcomes[i]
		if !strings.HasPrefix(o.Kind, "benign:") {
			continue
		}
		if s.confusers[o.Kind] == nil {
			s.confusers[o.Kind] = &confuserScore{}
		}
		c, e := s.confusers[o.Kind], event{o.Kind, o.Story}
		if _, known := alerted[e]; !known {
			c.events++
			alerted[e] = false
		}
		c.tokens++
		c.chance += m.report.PerToken / 1000 * o.End.Sub(o.Start).Hours() / 24
		if o.alerted {
			c.alerted++
			if m.anyway[i] {
				c.anyway++
			}
			alerted[e] = true
		}
	}
	for e, yes := range alerted {
		if yes {
			s.confusers[e.kind].alertedEvents++
		}
	}
}

// String is the table of the evaluation.
func (s *fleetScore) String() string {
	var page strings.Builder
	fmt.Fprintf(&page, "%d fleets, %d token-days of ordinary life, %d alerts in them: %.2f per 1,000\n\n", s.seeds, s.tokenDays, s.alerts,
		1000*float64(s.alerts)/float64(max(1, s.tokenDays)))
	w := tabwriter.NewWriter(&page, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "theft\tn\trecall as configured\trecall at budget 2\t95 % interval\tafter p50\tp90\trequests p50\tp90\t")
	for _, name := range slices.Sorted(maps.Keys(s.kinds)) {
		k := s.kinds[name]
		low, high := interval(k.atTwo, k.thefts)
		fmt.Fprintf(w, "%s\t%d\t%.2f\t%.2f\t%.2f–%.2f\t%s\t%s\t%.0f\t%.0f\t\n", name, k.thefts, share(k.found, k.thefts), share(k.atTwo, k.thefts), low, high,
			long(rank(k.after, 0.5)), long(rank(k.after, 0.9)), rank(k.cost, 0.5), rank(k.cost, 0.9))
	}
	fmt.Fprintln(w, "\t\t\t\t\t\t\t\t\t")
	fmt.Fprintln(w, "no theft\tevents\twith an alert\ttokens\twith an alert\twithout it too\tby chance\t\t\t")
	for _, name := range slices.Sorted(maps.Keys(s.confusers)) {
		c := s.confusers[name]
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t%d\t%.1f\t\t\t\n", name, c.events, c.alertedEvents, c.tokens, c.alerted, c.anyway, c.chance)
	}
	_ = w.Flush()
	return page.String()
}

// notes tell of a fleet what was missed and what alerted falsely.
func (m *measured) notes() string {
	var page strings.Builder
	stories, tokens := m.fleet.Stories(), m.fleet.Tokens()
	for i := range m.outcomes {
		o := &m.outcomes[i]
		theft := !strings.HasPrefix(o.Kind, "benign:")
		switch title := stories[o.Story].Title; {
		case theft && !o.alerted:
			fmt.Fprintf(&page, "  missed  %s, best score %.2f, %d requests: %s\n", o.Kind, o.best, o.requests, title)
		case !theft && o.alerted:
			fmt.Fprintf(&page, "  alerted %s, %s, score %.1f %s: %s\n", o.Kind, tokens[o.Index].Class, o.best, o.why, title)
		}
	}
	classes := map[simulate.Class]int{}
	for alert, why := range m.falsely {
		classes[tokens[alert.token].Class]++
		fmt.Fprintf(&page, "  false   %s token %d on %s %s\n", tokens[alert.token].Class, alert.token, time.Unix(int64(alert.day)*86400, 0).UTC().Format(time.DateOnly), why)
	}
	fmt.Fprintf(&page, "  false alerts by class: %v\n", classes)
	return page.String()
}

func share(n, of int) float64 { return float64(n) / float64(max(1, of)) }

// interval is Wilson's, of a share at 95 %.
func interval(n, of int) (low, high float64) {
	if of == 0 {
		return 0, 1
	}
	const z = 1.96
	p, k := share(n, of), float64(of)
	middle, width := p+z*z/(2*k), z*math.Sqrt(p*(1-p)/k+z*z/(4*k*k))
	return max(0, (middle-width)/(1+z*z/k)), min(1, (middle+width)/(1+z*z/k))
}

// rank is the nearest rank of a quantile; NaN of nothing.
func rank(values []float64, q float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	slices.Sort(values)
	return values[min(len(values)-1, int(q*float64(len(values))))]
}

// long says seconds as people do.
func long(seconds float64) string {
	switch {
	case math.IsNaN(seconds):
		return "–"
	case seconds < 120:
		return fmt.Sprintf("%.0f s", seconds)
	case seconds < 7200:
		return fmt.Sprintf("%.0f min", seconds/60)
	}
	return fmt.Sprintf("%.1f h", seconds/3600)
}
