package backtest_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/detect/backtest"
)

// judged is a report of a run in which a theft and a confuser got these scores.
func judged(theft, confuser float64, kind string) *backtest.Report {
	tally := backtest.NewTally(monday, []backtest.Label{
		{Token: "A", Start: monday, End: monday.Add(time.Hour), Kind: kind},
		{Token: "B", Start: monday, End: monday.Add(time.Hour), Kind: "benign:trip"},
	}, named)
	observe(tally, token('A'), monday.Add(time.Minute), 3, theft)
	observe(tally, token('B'), monday.Add(time.Minute), 3, confuser)
	for day := range 20 {
		observe(tally, token('C'), monday.AddDate(0, 0, day), 1, 0.1*float64(day))
	}
	return tally.Report(2, nil)
}

func TestCompare(t *testing.T) {
	a, b := judged(0.5, 1.5, "burst"), judged(2, 0.5, "burst")
	c := backtest.Compare(backtest.Side{Config: "today.yaml", Report: a}, backtest.Side{Config: "<tomorrow>.yaml", Report: b})
	change := map[string]string{}
	for _, m := range c.Measures {
		change[m.Name] = "-"
		if m.Change != nil {
			change[m.Name] = fmt.Sprintf("%g", *m.Change)
		}
	}
	for name, want := range map[string]string{
		"alerts per 1,000 token-days": "0", "burst: found as configured": "1", "all: found as configured": "1", "benign:trip: alerts": "-1",
		"burst: seconds, half": "-", "precision at 10": "0.1",
	} {
		if change[name] != want {
			t.Errorf("%s changed by %s, want %s: %v", name, change[name], want, change)
		}
	}
	var page bytes.Buffer
	if err := c.Write(&page); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"&lt;tomorrow&gt;.yaml", `href="a/report.html"`, `class="curve b"`, `class="bar b"`} {
		if !strings.Contains(page.String(), want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	text, err := json.Marshal(c)
	if err != nil || !strings.Contains(string(text), `"config":"today.yaml"`) || !strings.Contains(string(text), `"at_0.5":`) {
		t.Errorf("%v: %s", err, text)
	}
}

// A kind that only one of the runs knows is there, too.
func TestCompareDifferentLabels(t *testing.T) {
	c := backtest.Compare(backtest.Side{Report: judged(2, 0, "burst")}, backtest.Side{Report: judged(2, 0, "slow")})
	names := ""
	for _, m := range c.Measures {
		names += m.Name + "\n"
	}
	if !strings.Contains(names, "burst: found at 10") || !strings.Contains(names, "slow: found at 10") {
		t.Errorf("measures:\n%s", names)
	}
}

// Numbers, times and pictures of a page have nothing in them that people cannot read, whatever the run was like.
func TestPagesOfAnyRun(t *testing.T) {
	huge := backtest.NewTally(monday, nil, named)
	for day := range 400 {
		for n := range 3 {
			observe(huge, token(n), monday.AddDate(0, 0, day), 1e9, float64(day*n)/3)
		}
	}
	partial := backtest.NewTally(monday, nil, named).Report(2, nil)
	partial.Partial = true
	for name, r := range map[string]*backtest.Report{
		"nothing": backtest.NewTally(monday, nil, named).Report(2, nil), "much": huge.Report(0.01, nil), "found at once": judged(1e6, 1e-9, "burst"), "partial": partial,
		"a long name": judged(1, 1, strings.Repeat("very ", 30)+"<long>"),
	} {
		var out bytes.Buffer
		if err := (backtest.Page{Title: "Backtest", Report: r}).Write(&out); err != nil {
			t.Fatal(err)
		}
		page := out.String()
		for _, bad := range []string{"NaN", "Inf", "e+", "e-0", "%!", "<nil>", "<long>", "-0.0"} {
			if strings.Contains(page, bad) {
				at := strings.Index(page, bad)
				t.Errorf("%s: the page has %q: %s", name, bad, page[max(0, at-60):min(len(page), at+40)])
			}
		}
		if r.Partial != strings.Contains(page, "Interrupted") {
			t.Errorf("%s: partial or not?", name)
		}
	}
}
