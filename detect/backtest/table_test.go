package backtest_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/detect/backtest"
)

// The same rows are the same counts, however whoever exported them writes CSV.
func TestCountsAsOthersWriteThem(t *testing.T) {
	want := counts(t, "ts,token,requests\n2026-11-02T00:00:00Z,a b,5\n2026-11-02T00:10:00Z,a b,7.5\n")
	for name, csv := range map[string]string{
		"quoted, behind a mark":        "\ufeff\"ts\",\"token\",\"requests\"\r\n\"2026-11-02T00:00:00Z\",\"a b\",\"5\"\r\n\"2026-11-02T00:10:00Z\",\"a b\",\"7.5\"\r\n",
		"semicolons":                   "ts;token;requests\r\n2026-11-02T00:00:00Z;a b;5\r\n2026-11-02T00:10:00Z;a b;7.5\r\n",
		"semicolons that are told":     "sep=;\r\nts;token;requests\r\n2026-11-02T00:00:00Z;a b;5\r\n2026-11-02T00:10:00Z;a b;7.5\r\n",
		"tabs":                         "ts\ttoken\trequests\n2026-11-02T00:00:00Z\ta b\t5\n2026-11-02T00:10:00Z\ta b\t7.5\n",
		"bars, empty lines first":      "\n\nts|token|requests\n2026-11-02T00:00:00Z|a b|5\n2026-11-02T00:10:00Z|a b|7.5\n",
		"a space behind every comma":   "ts, token, requests\n2026-11-02T00:00:00Z, \"a b\", 5\n2026-11-02T00:10:00Z, a b, 7.5\n",
		"times of a data frame":        "ts,token,requests\n2026-11-02 00:00:00+00:00,a b,5\n2026-11-02 00:10:00+00:00,a b,7.5\n",
		"times of a warehouse":         "ts,token,requests\n2026-11-02 00:00:00.000 UTC,a b,5\n2026-11-02 00:10:00.000 UTC,a b,7.5\n",
		"zones without a colon":        "ts,token,requests\n2026-11-02T01:00:00+0100,a b,5\n2026-11-02T01:10:00+0100,a b,7.5\n",
		"a first row at midnight":      "ts,token,requests\n2026-11-02,a b,5\n2026-11-02 00:10:00,a b,7.5\n",
		"seconds in floating notation": "ts,token,requests\n1.7935776e9,a b,5e0\n1793578200.0,a b,75e-1\n",
	} {
		c, err := backtest.ReadCounts(strings.NewReader(csv))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !reflect.DeepEqual(c.Rows, want.Rows) || !reflect.DeepEqual(c.Tokens, want.Tokens) || c.Interval != want.Interval {
			t.Errorf("%s: %+v of %q", name, c.Rows, c.Tokens)
		}
	}
}

// What is written in several ways is written in the one that loses nothing.
func TestMixedTimesLoseNothing(t *testing.T) {
	c := counts(t, "ts,token,requests\n2026-11-02,a,5\n2026-11-02 00:10:00,a,7\n")
	if have := string(c.AppendTime(nil, c.Rows[1].At)); have != "2026-11-02T00:10:00Z" || !c.Local() {
		t.Errorf("%s, taken for UTC: %t", have, c.Local())
	}
	for at, local := range map[string]bool{
		"2026-11-02 00:10:00+00:00": false, "2026-11-02T00:10:00.25+00:00": false, "2026-11-02 00:10:00.25 UTC": false, "2026-11-02 00:10:00.25": true, "2026-11-02T00:10": true, "1793578200": false,
	} {
		c := counts(t, "ts,token,requests\n"+at+",a,5\n")
		if have := string(c.AppendTime(nil, c.Rows[0].At)); have != at || c.Local() != local {
			t.Errorf("%s is written %s, taken for UTC: %t", at, have, c.Local())
		}
	}
}

// Whoever gives something else is told what to do about it.
func TestTablesThatAreNone(t *testing.T) {
	for csv, want := range map[string]string{
		"":                                                   "there is nothing in it",
		"\xff\xfet\x00s\x00":                                 "UTF-16: save it as CSV in UTF-8",
		"1793577600,sk-live-abc,5\n":                         "the first row is data: put a row above it",
		"2026-11-02T00:00:00Z,sk-live-abc,5\n":               "the first row is data: put a row above it",
		"date,key,hits\n1,a,5\n":                             "name the columns so",
		"ts,token,requests\n1793577600000,a,5":               "not milliseconds: divide by 1,000",
		"ts,token,requests\n1793577600000000,a,5":            "not microseconds: divide by 1,000,000",
		"ts,token,requests\n1793577600000000000,a,5":         "not nanoseconds: divide by 1,000,000,000",
		"ts;token;requests\n0;a;1,5\n":                       `count "1,5": want a number, such as 1234.5`,
		"ts,client,requests\n0,a,5\n0,b,5\n60,a,5\n60,b,5\n": "no column is called token, and 2 rows",
	} {
		_, err := backtest.ReadCounts(strings.NewReader(csv))
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "sk-live") {
			t.Errorf("%q: have %v, want %s", csv, err, want)
		}
	}
	if c := counts(t, "ts,value\n0,5\n0,5\n60,5\n60,5\n"); len(c.Rows) != 2 || c.Ignored["second row for a token and time"] != 2 {
		t.Errorf("a series that says everything twice: %+v", c)
	}
}

// Exports leave out what is zero: most rows may then be farther apart than a count lasts.
func TestIntervalOfSparseCounts(t *testing.T) {
	rows := func(every ...int) string {
		var csv strings.Builder
		csv.WriteString("ts,token,requests\n")
		for token, step := range every {
			for n := range 40 {
				fmt.Fprintf(&csv, "%d,%d,5\n", 1793577600+step*n, token)
			}
		}
		return csv.String()
	}
	for name, c := range map[string]struct {
		csv  string
		want time.Duration
	}{
		"hourly jobs, and one that is busy": {rows(3600, 3600, 3600, 3600, 300), 5 * time.Minute},
		"a step that goes into no other":    {rows(3600, 3600, 3600, 420), time.Hour},
		"one odd pair of rows":              {rows(3600, 3600) + "1793577660,0,1\n", time.Hour},
		"each token once":                   {"ts,token,requests\n0,a,1\n86400,b,1\n172800,c,1\n172800,d,1\n", 24 * time.Hour},
		"one row":                           {"ts,token,requests\n0,a,1\n", time.Minute},
	} {
		if have := counts(t, c.csv).Interval; have != c.want {
			t.Errorf("%s: %s, want %s", name, have, c.want)
		}
	}
}

func TestLabelsAsOthersWriteThem(t *testing.T) {
	want := backtest.Label{Token: "a", Start: monday, End: monday.Add(time.Hour), Kind: "Benign:Trip"}
	for name, csv := range map[string]string{
		"semicolons behind a mark": "\ufeff\"token\";\"start\";\"end\";\"kind\"\r\na;2026-11-02T00:00:00Z;2026-11-02T01:00:00Z;Benign:Trip\r\n",
		"more columns":             "kind,note,end,start,token\nBenign:Trip,x,2026-11-02 01:00,2026-11-02T00:00Z,a\n",
	} {
		labels, err := backtest.ReadLabels(strings.NewReader(csv))
		if err != nil || len(labels) != 1 || labels[0] != want || !labels[0].Benign() {
			t.Errorf("%s: %+v, %v", name, labels, err)
		}
	}
	labels, err := backtest.ReadLabels(strings.NewReader("start,end,kind\n0,60,BURST\n"))
	if err != nil || len(labels) != 1 || labels[0].Token != "" || labels[0].Benign() {
		t.Errorf("of a series: %+v, %v", labels, err)
	}
	for csv, want := range map[string]string{
		"api_key,start,end,kind\na,0,60,burst\n":                            "want token,start,end,kind",
		"sk-live-abc,2026-11-02T00:00:00Z,2026-11-02T01:00:00Z,burst\n":     "the first row is data",
		"token,start,end,kind\na,0,60,BENIGN:\n":                            "line 2: kind",
		"token,start,end,kind\na,1793577600000,1793577660000,benign:trip\n": "start: time \"1793577600000\": want seconds since 1970, not milliseconds",
	} {
		if _, err := backtest.ReadLabels(strings.NewReader(csv)); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "sk-live") {
			t.Errorf("%q: have %v, want %s", csv, err, want)
		}
	}
}
