package backtest

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"
)

// Report is what a run came to. All rates are per 1,000 token-days: days of ordinary life, from a token's first
// judged day to its last, without those that a label touches.
type Report struct {
	From      time.Time `json:"from"`
	Judged    time.Time `json:"judged_from"` // end of the warm-up
	To        time.Time `json:"to"`
	Observed  int       `json:"observed"` // events, or intervals
	Seen      int       `json:"tokens_seen"`
	Tokens    int       `json:"tokens"` // with a day of ordinary life
	TokenDays int       `json:"token_days"`
	Budget    float64   `json:"budget"` // configured: false alerts per 1,000 token-days

	// Alerts are token-days with a score of 1.0 or more.
	Alerts   int     `json:"alerts"`
	PerToken float64 `json:"alerts_per_1000_token_days"`
	Findings int     `json:"findings"`
	// Partial says that the run was interrupted: this is about what was played until then.
	Partial bool `json:"partial,omitempty"`
	// Notes say what one should know of the run, in sentences.
	Notes []string `json:"notes,omitempty"`
	// Labels counts the labels that were judged, Unmatched those of them whose tokens never occur, Early those that
	// were not judged, since they end in the warm-up.
	Labels    int `json:"labels"`
	Unmatched int `json:"labels_unmatched"`
	Early     int `json:"labels_in_warmup"`
	// Empty counts the judged labels of tokens that occur, but not within the label. They count as missed.
	Empty int `json:"labels_empty"`

	// Budgets says which score would have kept other budgets, as chosen on one half of
	// the tokens, and what it cost on the other.
	Budgets []BudgetResult `json:"budgets"`

	// Recall is a row a kind of theft, and one for all of them, named "all".
	Recall    []Recall         `json:"recall"`
	Confusers []ConfuserResult `json:"confusers"`
	// Precision says how many of the so many highest scores are thefts, and neither ordinary days nor confusers. Null
	// where there are fewer, or no thefts.
	Precision10 *float64 `json:"precision_at_10"`
	Precision50 *float64 `json:"precision_at_50"`

	Detectors []DetectorResult `json:"detectors"`
	// Ignored counts rows of the input that were left out, by reason.
	Ignored map[string]int `json:"ignored,omitempty"`
	// Curve is how many token-days a thousand reach a score, for plots.
	Curve []CurvePoint `json:"curve"`
	Daily []DayAlerts  `json:"daily"`
}

// BudgetResult is a budget and what would keep it.
type BudgetResult struct {
	Budget    float64 `json:"budget"`
	Threshold float64 `json:"threshold"` // mean of the two halves'
	Measured  float64 `json:"measured"`  // false alerts per 1,000 token-days on tokens that it was not chosen on
}

// Recall says how many thefts of a kind would have been found.
type Recall struct {
	Kind       string   `json:"kind"`
	Thefts     int      `json:"thefts"`
	Empty      int      `json:"empty,omitempty"` // labels in which nothing happened, counted as missed
	Configured float64  `json:"at_configured"`
	InDay      float64  `json:"at_configured_in_24h"` // found within a day of their beginnings
	AtHalf     float64  `json:"at_0.5"`
	AtTwo      float64  `json:"at_2"`
	AtTen      float64  `json:"at_10"`
	SecondsP50 *float64 `json:"seconds_p50"` // of those found as configured
	SecondsP90 *float64 `json:"seconds_p90"`
	RequestP50 *float64 `json:"requests_p50"`
	RequestP90 *float64 `json:"requests_p90"`
}

// ConfuserResult says how often a kind of confuser was taken for theft.
type ConfuserResult struct {
	Kind   string `json:"kind"`
	Labels int    `json:"labels"`
	Alerts int    `json:"alerts"`
}

// CurvePoint is a point of the tail of ordinary days.
type CurvePoint struct {
	Score    float64 `json:"score"`
	Exceeded float64 `json:"per_1000_token_days"`
}

// DayAlerts is one day's alerts.
type DayAlerts struct {
	Day    string `json:"day"`
	Alerts int    `json:"alerts"`
}

// budgets are those that a report is about besides the configured one.
var budgets = [...]float64{0.5, 2, 10}

// Report sums up. The budget is the configured one.
func (t *Tally) Report(budget float64, found *Findings) *Report {
	r := &Report{
		From: t.from.UTC(), Judged: t.warm.UTC(), To: t.to.UTC(), Observed: t.total, Seen: len(t.lives), Budget: budget, Findings: found.Len(),
		Detectors: found.Detectors(), Confusers: t.confusers(), Labels: len(t.all), Unmatched: t.Unmatched(), Early: t.early, Empty: t.Empty(),
	}
	ordinary := t.ordinary(r)
	r.TokenDays = len(ordinary.all)
	r.PerToken = perThousand(r.Alerts, r.TokenDays)
	r.Curve = curve(ordinary.all)
	for _, b := range budgets {
		r.Budgets = append(r.Budgets, ordinary.result(b))
	}
	r.Recall = t.recall(ordinary)
	r.Precision10, r.Precision50 = t.precision(ordinary.all, 10), t.precision(ordinary.all, 50)
	for _, note := range []string{t.crowd.note(t.from, t.to), ordinary.scant()} {
		if note != "" {
			r.Notes = append(r.Notes, note)
		}
	}
	r.fill()
	return r
}

// Scored reports whether anything spoke for theft on a day without one.
func (r *Report) Scored() bool {
	for _, c := range r.Curve {
		if c.Exceeded > 0 {
			return true
		}
	}
	return false
}

// fill makes lists of what there is none of, so that whoever reads the JSON finds a list.
func (r *Report) fill() {
	r.Recall, r.Confusers, r.Detectors = list(r.Recall), list(r.Confusers), list(r.Detectors)
	r.Curve, r.Daily = list(r.Curve), list(r.Daily)
}

func list[T any](l []T) []T {
	if l == nil {
		return []T{}
	}
	return l
}

// ordinary holds the day maxima of ordinary life, ascending, of all tokens and of both halves.
type ordinary struct {
	all    []float64
	halves [2][]float64
}

func (t *Tally) ordinary(r *Report) *ordinary {
	o := &ordinary{}
	daily := map[int32]int{}
	var before *life // its days come one after the other
	t.days(func(l *life, day int32, score float64) {
		o.all = append(o.all, score)
		o.halves[l.half] = append(o.halves[l.half], score)
		if l != before {
			r.Tokens++
			before = l
		}
		daily[day] += 0
		if score >= 1 {
			r.Alerts++
			daily[day]++
		}
	})
	slices.Sort(o.all)
	slices.Sort(o.halves[0])
	slices.Sort(o.halves[1])
	for day, n := range daily {
		r.Daily = append(r.Daily, DayAlerts{time.Unix(int64(day)*daySeconds, 0).UTC().Format(time.DateOnly), n})
	}
	slices.SortFunc(r.Daily, func(a, b DayAlerts) int { return compareText(a.Day, b.Day) })
	return o
}

func compareText(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// leastThreshold is the lowest score that speaks for anything.
const leastThreshold = 1e-6

// threshold is the score above which as many of the day maxima lie as a budget allows.
func threshold(days []float64, budget float64) float64 {
	if len(days) == 0 {
		return 1
	}
	allowed := int(float64(len(days)) * budget / 1000)
	return max(leastThreshold, math.Nextafter(days[len(days)-1-min(allowed, len(days)-1)], math.Inf(1)))
}

// thresholds are chosen on the tokens of the other half, or on all where there is no other.
func (o *ordinary) thresholds(budget float64) [2]float64 {
	if len(o.halves[0]) == 0 || len(o.halves[1]) == 0 {
		both := threshold(o.all, budget)
		return [2]float64{both, both}
	}
	return [2]float64{threshold(o.halves[1], budget), threshold(o.halves[0], budget)}
}

// scant says for which budgets there are too few days to choose a threshold by; empty: for none.
func (o *ordinary) scant() string {
	fewest := len(o.all)
	if min(len(o.halves[0]), len(o.halves[1])) > 0 {
		fewest = min(len(o.halves[0]), len(o.halves[1]))
	}
	least := 0.0
	for _, b := range budgets {
		if fewest > 0 && float64(fewest)*b < 1000 {
			least = b
		}
	}
	if least == 0 {
		return ""
	}
	return fmt.Sprintf("There are too few token-days for budgets up to %v: the %d that a threshold is chosen on allow no alert at all there, so it lies just above the highest score of those days, "+
		"and what is found at it says little.", least, fewest)
}

func (o *ordinary) result(budget float64) BudgetResult {
	chosen := o.thresholds(budget)
	above := 0
	for i, days := range o.halves {
		at, _ := slices.BinarySearch(days, chosen[i])
		above += len(days) - at
	}
	return BudgetResult{Budget: budget, Threshold: (chosen[0] + chosen[1]) / 2, Measured: perThousand(above, len(o.all))}
}

func perThousand(n, days int) float64 {
	if days == 0 {
		return 0
	}
	return float64(n) * 1000 / float64(days)
}

// curve is the tail of the day maxima in steps that a plot can show.
func curve(days []float64) []CurvePoint {
	var points []CurvePoint
	for score := 0.05; score < 20 && len(days) > 0; score *= 1.12 {
		at, _ := slices.BinarySearch(days, score)
		points = append(points, CurvePoint{score, perThousand(len(days)-at, len(days))})
	}
	return points
}

// precision is the share of thefts among the k highest scores, of which a token-day of ordinary
// life has one and a label has one. Who looks at the alarm of a confuser has found no theft.
func (t *Tally) precision(days []float64, k int) *float64 {
	type ranked struct {
		score float64
		theft bool
	}
	var top []ranked
	for i := len(days) - 1; i >= 0 && len(days)-i <= k; i-- {
		top = append(top, ranked{days[i], false})
	}
	thefts := 0
	for _, o := range t.all {
		if !o.Benign() {
			thefts++
		}
		if o.seen {
			top = append(top, ranked{o.best, !o.Benign()})
		}
	}
	if len(top) < k || thefts == 0 {
		return nil
	}
	slices.SortFunc(top, func(a, b ranked) int {
		switch {
		case a.score != b.score:
			return cmp.Compare(b.score, a.score)
		case a.theft == b.theft:
			return 0
		case a.theft:
			return 1 // of equal ones a theft comes last
		}
		return -1
	})
	n := 0.0
	for _, r := range top[:k] {
		if r.theft {
			n++
		}
	}
	share := n / float64(k)
	return &share
}
