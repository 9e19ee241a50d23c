package backtest_test

import (
	"compress/gzip"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/detect/backtest"
	"github.com/tokenwatch/tokenwatch/schema"
)

// A theft of two hours is found by the count of its day, although the day began before it.
func TestLabelsWithinAnInterval(t *testing.T) {
	const day = 24 * time.Hour
	for name, c := range map[string]struct {
		start, end time.Duration // of the label, on the fourth day
		found      bool
		seconds    float64
		ordinary   int // days
	}{
		"in the middle":                {10 * time.Hour, 12 * time.Hour, true, 14 * 3600, 4},
		"the whole interval":           {0, day, true, 24 * 3600, 4},
		"until the next begins":        {-2 * time.Hour, 0, false, 0, 4},
		"from the end of the interval": {day, day + time.Hour, false, 0, 4},
		"into the next interval":       {23 * time.Hour, day + time.Hour, true, 3600, 3},
	} {
		start := monday.Add(3 * day)
		label := backtest.Label{Token: "A", Start: start.Add(c.start), End: start.Add(c.end), Kind: "burst"}
		tally := backtest.NewTally(monday, []backtest.Label{label}, named)
		for n := range 6 {
			o := backtest.Observation{Token: token('A'), At: monday.Add(time.Duration(n) * day), Known: monday.Add(time.Duration(n+1) * day), Requests: 5, Score: 0.1}
			if n == 3 {
				o.Score = 1.5
			}
			tally.Observe(o)
		}
		r := tally.Report(2, nil)
		row := r.Recall[0]
		if (row.Configured == 1) != c.found || r.TokenDays != c.ordinary || r.Empty != 0 {
			t.Errorf("%s: %+v, %d token-days", name, row, r.TokenDays)
		}
		if c.found && (row.SecondsP50 == nil || *row.SecondsP50 != c.seconds || *row.RequestP50 != 5) {
			t.Errorf("%s: after %v s, want %v", name, *row.SecondsP50, c.seconds)
		}
	}
}

// Who looks at the ten highest scores looks at those of confusers too.
func TestPrecisionCountsConfusers(t *testing.T) {
	labels := []backtest.Label{{Token: "A", Start: monday, End: monday.Add(time.Hour), Kind: "burst"}}
	for _, name := range "BCDE" {
		labels = append(labels, backtest.Label{Token: string(name), Start: monday, End: monday.Add(time.Hour), Kind: "benign:deploy"})
	}
	tally := backtest.NewTally(monday, labels, named)
	observe(tally, token('A'), monday, 1, 2)
	for n, name := range "BCDE" {
		observe(tally, token(int(name)), monday, 1, float64(n)+1.5)
	}
	for n := range 9 {
		observe(tally, token(300+n), monday, 1, 2) // as high as the theft: none of them may push it up
	}
	if r := tally.Report(2, nil); r.Precision10 == nil || *r.Precision10 != 0 {
		t.Errorf("precision at 10 is %v", *r.Precision10)
	}
}

// A label that nothing happens in is said to be one, and is not taken for one of an unknown token.
func TestLabelsOutsideOfTheHistory(t *testing.T) {
	tally := backtest.NewTally(monday, []backtest.Label{
		{Token: "A", Start: monday.AddDate(1, 0, 0), End: monday.AddDate(1, 0, 1), Kind: "later"},
		{Token: "A", Start: monday.AddDate(-1, 0, 0), End: monday.AddDate(-1, 0, 1), Kind: "earlier"},
		{Token: "B", Start: monday, End: monday.AddDate(0, 0, 1), Kind: "unknown"},
	}, named)
	observe(tally, token('A'), monday, 1, 0)
	if r := tally.Report(2, nil); r.Labels != 2 || r.Empty != 1 || r.Unmatched != 1 || r.Early != 1 {
		t.Errorf("%d labels, %d empty, %d unmatched, %d early", r.Labels, r.Empty, r.Unmatched, r.Early)
	}
}

// A few times that are far from all others are told: the warm-up and the token-days hang on them.
func TestTimesFarFromAllOthers(t *testing.T) {
	for name, c := range map[string]struct {
		stray time.Time
		told  bool
	}{
		"none":             {monday, false},
		"a clock not set":  {time.Unix(0, 0), true},
		"years later":      {monday.AddDate(9, 0, 0), true},
		"a month of quiet": {monday.AddDate(0, 0, 40), false},
	} {
		tally := backtest.NewTally(monday, nil, named)
		if c.stray.Before(monday) {
			observe(tally, token(7), c.stray, 1, 0)
		}
		for n := range 1400 {
			observe(tally, token(n%10), monday.Add(time.Duration(n)*15*time.Minute), 1, 0)
		}
		if c.stray.After(monday) {
			observe(tally, token(7), c.stray, 1, 0)
		}
		notes := strings.Join(tally.Report(2, nil).Notes, "\n")
		if strings.Contains(notes, "between 2026-11-02 and 2026-11-16, but the first is of") != c.told {
			t.Errorf("%s: %q", name, notes)
		}
	}
}

// Times beyond the engine's own end are played earlier, and found where they are.
func TestCountsOfTheFarFuture(t *testing.T) {
	c := counts(t, "ts,token,requests\n2120-03-04T05:00:00Z,A,500\n2120-03-04T06:00:00Z,A,500\n")
	var engine scripted
	var w written
	if err := w.player(t, &engine, c.From(), nil).Counts(c, []schema.TokenID{token('A')}, nil); err != nil {
		t.Fatal(err)
	}
	for i, played := range engine.times {
		if at := c.Rows[i].At; played.Unix() > 1<<32-1 || played.Weekday() != at.Weekday() || played.Hour() != at.Hour() || !w.findings[i].Time.Equal(at) {
			t.Errorf("%s is played at %s and found at %s", at, played, w.findings[i].Time)
		}
	}
}

// What is no alert is not written as one.
func TestScoresAreNotRoundedToAnAlert(t *testing.T) {
	for score, want := range map[float64]string{0.99999999: "0.999999", 1: "1", 1.00000001: "1", 0.5: "0.5", 0: "0"} {
		var out strings.Builder
		w, err := backtest.NewScoreWriter(&out, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Write(monday, token(1), "a", score); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		plain, err := gzip.NewReader(strings.NewReader(out.String()))
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(plain)
		if err != nil || !strings.HasSuffix(string(text), ",a,"+want+"\n") {
			t.Errorf("%v is %q, %v", score, text, err)
		}
	}
}

// Where so few days were judged that a budget allows no alert, the report says that its column means little.
func TestTooFewDaysForABudget(t *testing.T) {
	for days, want := range map[int]string{0: "", 40: "budgets up to 10: the 40 that", 60: "budgets up to 2: the 120 that", 300: "budgets up to 0.5: the 600 that", 1000: ""} {
		tally := backtest.NewTally(monday, nil, named)
		for n := range days {
			for k := range 4 {
				if days > 40 || k < 1 { // of one token only there are no halves
					observe(tally, token(k), monday.AddDate(0, 0, n), 1, 0)
				}
			}
		}
		if notes := strings.Join(tally.Report(2, nil).Notes, "\n"); !strings.Contains(notes, want) || (want == "") != (notes == "") {
			t.Errorf("%d days: %q, want %q", days, notes, want)
		}
	}
}
