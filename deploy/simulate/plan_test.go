package simulate_test

import (
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/deploy/simulate"
)

// planned is a fleet with thefts and confusers over weeks, across the end of summer time.
func planned(seed uint64, tokens int) simulate.Config {
	c := simulate.DefaultConfig()
	c.Seed, c.Tokens, c.End = seed, tokens, time.Date(2026, 10, 20, 0, 0, 0, 0, time.UTC)
	c.History, c.Live, c.Plan = 15*24*time.Hour, 17*24*time.Hour, simulate.DefaultPlan()
	return c
}

func TestPlanScratch(t *testing.T) {
	began := time.Now()
	f := fleet(t, planned(1, 2000))
	t.Log("new", time.Since(began))
	kinds := map[string]int{}
	reqs := map[string]int{}
	for _, s := range f.Stories() {
		kinds[s.Kind]++
		reqs[s.Kind] += s.Requests
	}
	for k, n := range kinds {
		t.Log(k, n, reqs[k]/n)
	}
	for i, s := range f.Stories() {
		if i%9 == 0 {
			t.Log(s.From, s.To, s.Requests, len(s.Others), s.Title, s.Countries)
		}
	}
	began = time.Now()
	n := 0
	classes := map[simulate.Class]int{}
	tokens := f.Tokens()
	for r := range f.All() {
		classes[tokens[r.Token].Class]++
		n++
	}
	t.Log(n, time.Since(began)/time.Duration(n), classes)
}
