package backtest_test

import (
	"strings"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/detect/backtest"
)

func TestReadCounts(t *testing.T) {
	for name, c := range map[string]struct {
		csv      string
		rows     int
		tokens   []string
		interval time.Duration
		ignored  map[string]int
	}{
		"unix seconds":         {"ts,token,requests\n0,a,5\n600,a,0\n600,b,2\n1200,a,7\n", 4, []string{"a", "b"}, 10 * time.Minute, nil},
		"one series":           {"timestamp,value\n2015-02-26 21:42:53,57\n2015-02-26 21:47:53,43.5\n", 2, []string{""}, 5 * time.Minute, nil},
		"rfc 3339 with a zone": {"ts,token,requests\n2026-11-02T01:00:00+01:00,a,1\n2026-11-02T00:01:00Z,a,1\n", 2, []string{"a"}, time.Minute, nil},
		"columns in any order": {"x,requests,token,ts\n-,1,a,60\n-,2,a,0\n", 2, []string{"a"}, time.Minute, nil},
		"holes":                {"ts,token,requests\n0,a,5\n60,a,\n120,a,5\n180,a,NaN\n240,a,-3\n300,a,1\n360,a,1\n", 4, []string{"a"}, time.Minute, map[string]int{"no count": 2, "negative count": 1}},
		"said twice":           {"ts,token,requests\n0,a,5\n0,a,6\n60,a,1\n", 2, []string{"a"}, time.Minute, map[string]int{"second row for a token and time": 1}},
		"a mark at the front":  {"\ufeffts,token,requests\n0,a,5\n", 1, []string{"a"}, time.Minute, nil},
		"fractions of seconds": {"ts,token,requests\n0.5,a,5\n60.5,a,5\n", 2, []string{"a"}, time.Minute, nil},
	} {
		counts, err := backtest.ReadCounts(strings.NewReader(c.csv))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if len(counts.Rows) != c.rows || counts.Interval != c.interval || strings.Join(counts.Tokens, "|") != strings.Join(c.tokens, "|") {
			t.Errorf("%s: %d rows of %q, every %s", name, len(counts.Rows), counts.Tokens, counts.Interval)
		}
		for reason, n := range c.ignored {
			if counts.Ignored[reason] != n {
				t.Errorf("%s: ignored %v, want %d for %q", name, counts.Ignored, n, reason)
			}
		}
		for i := 1; i < len(counts.Rows); i++ {
			if counts.Rows[i].At.Before(counts.Rows[i-1].At) {
				t.Errorf("%s: row %d is out of order", name, i)
			}
		}
	}
}

// Times are written as they were read, so that scores can be joined with the input.
func TestTimesAreWrittenAsRead(t *testing.T) {
	for _, at := range []string{"0", "1209000", "60.5", "2015-02-26 21:42:53", "2026-11-02T00:01:00Z", "2026-11-02"} {
		counts, err := backtest.ReadCounts(strings.NewReader("ts,token,requests\n" + at + ",a,1\n"))
		if err != nil {
			t.Fatal(err)
		}
		if have := string(counts.AppendTime(nil, counts.Rows[0].At)); have != at {
			t.Errorf("have %s, want %s", have, at)
		}
	}
}

func TestCountsThatCannotBeRead(t *testing.T) {
	for csv, want := range map[string]string{
		"":                                       "reading the header",
		"ts,token,requests\n":                    "no row with a count",
		"a,b\n1,2\n":                             `want ts,token,requests or timestamp,value`,
		"ts,token,requests\nnoon,a,1\n":          `line 2: time "noon"`,
		"ts,token,requests\n1,a,1\n2,a,many\n":   `line 3: count "many"`,
		"ts,token,requests\n1,a\n":               "wrong number of fields",
		"ts,token,requests\n1763337600000,a,1\n": "not milliseconds",
		"ts,token,requests\n1,a,Inf\n":           `count "Inf"`,
	} {
		_, err := backtest.ReadCounts(strings.NewReader(csv))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: have %v, want %s", csv, err, want)
		}
	}
}

func FuzzReadCounts(f *testing.F) {
	f.Add("ts,token,requests\n0,a,5\n600,a,0\n")
	f.Add("timestamp,value\n2015-02-26 21:42:53,57\n")
	f.Fuzz(func(t *testing.T, csv string) {
		counts, err := backtest.ReadCounts(strings.NewReader(csv))
		if err != nil {
			return
		}
		if counts.Interval < time.Second || len(counts.Rows) == 0 {
			t.Fatalf("interval %s, %d rows", counts.Interval, len(counts.Rows))
		}
		for _, row := range counts.Rows {
			if row.Requests < 0 || int(row.Token) >= len(counts.Tokens) {
				t.Fatalf("row %+v", row)
			}
		}
	})
}

func TestReadLabels(t *testing.T) {
	labels, err := backtest.ReadLabels(strings.NewReader("kind,token,start,end\nburst,a,2026-11-02T00:00:00Z,2026-11-02T01:00:00Z\nbenign:trip,a,2026-11-02T00:30:00Z,2026-11-03T00:00:00Z\n"))
	if err != nil || len(labels) != 2 {
		t.Fatal(labels, err)
	}
	if labels[0].Benign() || !labels[1].Benign() || labels[0].End.Sub(labels[0].Start) != time.Hour {
		t.Errorf("%+v", labels)
	}
	for csv, want := range map[string]string{
		"token,start,end\n":                        "want token,start,end,kind",
		"token,start,end,kind\na,x,1,burst\n":      "line 2: start: time",
		"token,start,end,kind\na,5,5,burst\n":      "line 2: it ends at",
		"token,start,end,kind\na,5,9,\n":           "line 2: kind",
		"token,start,end,kind\na,5,9,benign:\n":    "line 2: kind",
		"token,start,end,kind\na,5,9,burst,more\n": "wrong number of fields",
	} {
		if _, err := backtest.ReadLabels(strings.NewReader(csv)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: have %v, want %s", csv, err, want)
		}
	}
}

func FuzzReadLabels(f *testing.F) {
	f.Add("token,start,end,kind\na,2026-11-02T00:00:00Z,2026-11-02T01:00:00Z,burst\n")
	f.Add("kind,end,start,token\nbenign:trip,9,5,a\n")
	f.Fuzz(func(t *testing.T, csv string) {
		labels, err := backtest.ReadLabels(strings.NewReader(csv))
		if err != nil {
			return
		}
		for _, l := range labels {
			if !l.End.After(l.Start) || l.Kind == "" || l.Kind == "benign:" {
				t.Fatalf("label %+v", l)
			}
		}
	})
}
