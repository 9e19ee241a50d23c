package backtest

import (
	"maps"
	"math"
	"slices"
	"time"
)

// every names the row of all thefts together.
const every = "all"

// recall makes a row a kind of theft.
func (t *Tally) recall(o *ordinary) []Recall {
	kinds := map[string][]*outcome{}
	for _, theft := range t.all {
		if !theft.Benign() {
			kinds[theft.Kind] = append(kinds[theft.Kind], theft)
			if theft.Kind != every {
				kinds[every] = append(kinds[every], theft)
			}
		}
	}
	var rows []Recall
	for _, kind := range slices.Sorted(maps.Keys(kinds)) {
		thefts := kinds[kind]
		row := Recall{Kind: kind, Thefts: len(thefts)}
		row.Configured = share(thefts, func(l *outcome) bool { return l.alerted })
		row.InDay = share(thefts, func(l *outcome) bool { return l.alerted && l.delay <= 24*time.Hour })
		for i, to := range []*float64{&row.AtHalf, &row.AtTwo, &row.AtTen} {
			bar := o.thresholds(budgets[i])
			*to = share(thefts, func(l *outcome) bool { return l.seen && l.best >= bar[l.half] })
		}
		row.delays(thefts)
		rows = append(rows, row)
	}
	return rows
}

func share(thefts []*outcome, found func(*outcome) bool) float64 {
	n := 0
	for _, theft := range thefts {
		if found(theft) {
			n++
		}
	}
	return float64(n) / float64(len(thefts))
}

// delays fills in how long it took to find those that were found.
func (r *Recall) delays(thefts []*outcome) {
	var seconds, requests []float64
	for _, theft := range thefts {
		if !theft.seen {
			r.Empty++
		}
		if theft.alerted {
			seconds = append(seconds, theft.delay.Seconds())
			requests = append(requests, theft.cost)
		}
	}
	r.SecondsP50, r.SecondsP90 = quantile(seconds, 0.5), quantile(seconds, 0.9)
	r.RequestP50, r.RequestP90 = quantile(requests, 0.5), quantile(requests, 0.9)
}

// quantile is the nearest rank: the least value that so large a share does not exceed.
func quantile(values []float64, q float64) *float64 {
	if len(values) == 0 {
		return nil
	}
	slices.Sort(values)
	at := max(0, int(math.Ceil(q*float64(len(values))))-1)
	return &values[at]
}

// confusers makes a row a kind of confuser.
func (t *Tally) confusers() []ConfuserResult {
	kinds := map[string]*ConfuserResult{}
	for _, l := range t.all {
		if !l.Benign() {
			continue
		}
		row := kinds[l.Kind]
		if row == nil {
			row = &ConfuserResult{Kind: l.Kind}
			kinds[l.Kind] = row
		}
		row.Labels++
		if l.alerted {
			row.Alerts++
		}
	}
	var rows []ConfuserResult
	for _, kind := range slices.Sorted(maps.Keys(kinds)) {
		rows = append(rows, *kinds[kind])
	}
	return rows
}
