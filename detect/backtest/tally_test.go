package backtest_test

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/detect/backtest"
	"github.com/tokenwatch/tokenwatch/schema"
)

var monday = time.Date(2026, 11, 2, 0, 0, 0, 0, time.UTC)

func token(n int) schema.TokenID { return schema.TokenID{0: byte(n >> 8), 15: byte(n)} }

func named(name string) []schema.TokenID { return []schema.TokenID{token(int(name[0]))} }

func observe(t *backtest.Tally, id schema.TokenID, at time.Time, requests, score float64) {
	t.Observe(backtest.Observation{Token: id, At: at, Known: at, Requests: requests, Score: score})
}

// Ten days of a hundred tokens, of which one alerts on one day: 1 of 1,000 token-days.
func TestAlertsPerTokenDay(t *testing.T) {
	tally := backtest.NewTally(monday, nil, named)
	for day := -3; day < 10; day++ {
		for n := range 100 {
			score := 0.1
			if n == 7 && (day == 4 || day == -2) {
				score = 1.5 // of which the one in the warm-up does not count
			}
			observe(tally, token(n), monday.AddDate(0, 0, day).Add(time.Hour), 1, score)
		}
	}
	r := tally.Report(2, nil)
	if r.TokenDays != 1000 || r.Tokens != 100 || r.Alerts != 1 || r.PerToken != 1 {
		t.Errorf("%d token-days of %d tokens, %d alerts, %g a 1,000", r.TokenDays, r.Tokens, r.Alerts, r.PerToken)
	}
}

// A day on which nothing happened between a token's first and last is one of its days.
func TestQuietDaysCount(t *testing.T) {
	tally := backtest.NewTally(monday, nil, named)
	observe(tally, token(1), monday, 1, 0.5)
	observe(tally, token(1), monday.AddDate(0, 0, 9), 1, 0.5)
	if r := tally.Report(2, nil); r.TokenDays != 10 {
		t.Errorf("%d token-days", r.TokenDays)
	}
}

func TestThefts(t *testing.T) {
	labels := []backtest.Label{
		{Token: "A", Start: monday.Add(time.Hour), End: monday.Add(2 * time.Hour), Kind: "burst"},
		{Token: "A", Start: monday.Add(90 * time.Minute), End: monday.Add(3 * time.Hour), Kind: "slow"}, // overlaps
		{Token: "B", Start: monday, End: monday.Add(time.Hour), Kind: "benign:deploy"},
		{Token: "C", Start: monday, End: monday.Add(time.Hour), Kind: "burst"}, // nothing happens
	}
	tally := backtest.NewTally(monday, labels, named)
	a, b := token('A'), token('B')
	observe(tally, a, monday.Add(61*time.Minute), 4, 0.2)
	observe(tally, a, monday.Add(70*time.Minute), 4, 1.2)
	observe(tally, a, monday.Add(100*time.Minute), 4, 0.9)
	observe(tally, a, monday.Add(30*time.Minute), 4, 0.1)
	observe(tally, b, monday.Add(5*time.Minute), 1, 1.1)
	observe(tally, a, monday.AddDate(0, 0, 1), 1, 3) // the day after a theft is not ordinary
	observe(tally, a, monday.AddDate(0, 0, 2), 1, 0.3)
	r := tally.Report(2, nil)

	rows := map[string]backtest.Recall{}
	for _, row := range r.Recall {
		rows[row.Kind] = row
	}
	burst := rows["burst"]
	if burst.Thefts != 2 || burst.Empty != 1 || burst.Configured != 0.5 {
		t.Errorf("burst: %+v", burst)
	}
	if burst.SecondsP50 == nil || *burst.SecondsP50 != 600 || *burst.RequestP50 != 8 {
		t.Errorf("burst took %v s", burst.SecondsP50)
	}
	if slow := rows["slow"]; slow.Configured != 0 || slow.AtTen != 1 || slow.SecondsP50 != nil {
		t.Errorf("slow: %+v", slow)
	}
	if all := rows["all"]; all.Thefts != 3 || math.Abs(all.Configured-1.0/3) > 1e-9 {
		t.Errorf("all: %+v", all)
	}
	if len(r.Confusers) != 1 || r.Confusers[0].Alerts != 1 || r.Confusers[0].Labels != 1 {
		t.Errorf("confusers: %+v", r.Confusers)
	}
	if r.Alerts != 0 || r.TokenDays != 1 {
		t.Errorf("%d alerts in %d token-days of ordinary life", r.Alerts, r.TokenDays)
	}
}

// What is found after a day is found, but not within one.
func TestFoundWithinADay(t *testing.T) {
	labels := []backtest.Label{
		{Token: "A", Start: monday, End: monday.AddDate(0, 0, 5), Kind: "slow"}, {Token: "B", Start: monday, End: monday.AddDate(0, 0, 5), Kind: "slow"},
	}
	tally := backtest.NewTally(monday, labels, named)
	for day := range 3 {
		observe(tally, token('A'), monday.AddDate(0, 0, day), 1, float64(day)/2)
		observe(tally, token('B'), monday.AddDate(0, 0, day), 1, float64(day))
	}
	for _, row := range tally.Report(2, nil).Recall {
		if row.Configured != 1 || row.InDay != 0.5 || *row.SecondsP50 != 86400 || *row.SecondsP90 != 2*86400 {
			t.Errorf("%+v", row)
		}
	}
}

// The threshold of a budget is chosen on one half of the tokens and counted on the other.
func TestBudgetsAreMeasuredOnOtherTokens(t *testing.T) {
	tally := backtest.NewTally(monday, nil, named)
	for n := range 200 {
		for day := range 10 {
			score := float64((n*10+day)%1000) / 1000
			if n%2 == 1 {
				score *= 3 // the odd tokens are three times as loud
			}
			observe(tally, token(n), monday.AddDate(0, 0, day), 1, score)
		}
	}
	for _, b := range tally.Report(2, nil).Budgets {
		if b.Budget == 10 && (b.Measured < 200 || b.Threshold < 1) {
			t.Errorf("%+v: chosen and measured on the same tokens?", b)
		}
	}
}

func TestPrecision(t *testing.T) {
	labels := []backtest.Label{{Token: "A", Start: monday, End: monday.Add(time.Hour), Kind: "burst"}}
	tally := backtest.NewTally(monday, labels, named)
	observe(tally, token('A'), monday, 1, 5)
	for n := range 20 {
		observe(tally, token(300+n), monday, 1, float64(n)/20)
	}
	r := tally.Report(2, nil)
	if r.Precision10 == nil || *r.Precision10 != 0.1 || r.Precision50 != nil {
		t.Errorf("precision at 10 %v, at 50 %v", r.Precision10, r.Precision50)
	}
}

func TestNothingAtAll(t *testing.T) {
	r := backtest.NewTally(monday, nil, named).Report(2, nil)
	if r.PerToken != 0 || len(r.Budgets) != 3 || r.Precision10 != nil {
		t.Errorf("%+v", r)
	}
	text, err := json.Marshal(r)
	for _, list := range []string{"recall", "confusers", "detectors", "curve", "daily"} {
		if !strings.Contains(string(text), `"`+list+`":[]`) {
			t.Errorf("%s is no list in %s: %v", list, text, err)
		}
	}
}
