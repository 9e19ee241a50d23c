package backtest_test

import (
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"encoding/json"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/detect/backtest"
	"github.com/tokenwatch/tokenwatch/schema"
)

func finding() schema.Finding {
	return schema.Finding{
		Token: token(1), TokenHint: "hf_…x9Qz", Time: monday, Score: 1.25, Severity: schema.SeverityMedium, Summary: "used <b>from</b> \"São Paulo\"",
		Evidence: []schema.Evidence{{Detector: "new_geo", LLR: 5}, {Detector: "odd_hours", LLR: 2}, {Detector: "new_geo", LLR: 1}},
	}
}

func TestFindingWriter(t *testing.T) {
	var out bytes.Buffer
	f := finding()
	if err := backtest.NewFindingWriter(&out).Write(&f, "client-7"); err != nil {
		t.Fatal(err)
	}
	var have struct {
		Time, Token, Name, Severity, Summary string
		Score                                float64
		Detectors                            []string
	}
	if err := json.Unmarshal(out.Bytes(), &have); err != nil || strings.Count(out.String(), "\n") != 1 {
		t.Fatalf("%v: %s", err, out.String())
	}
	if have.Time != "2026-11-02T00:00:00Z" || have.Token != token(1).String() || have.Name != "client-7" || have.Severity != "medium" ||
		strings.Join(have.Detectors, " ") != "new_geo odd_hours" || have.Score != 1.25 {
		t.Errorf("%s", out.String())
	}
}

func TestScoreWriter(t *testing.T) {
	var out bytes.Buffer
	w, err := backtest.NewScoreWriter(&out, nil)
	if err != nil {
		t.Fatal(err)
	}
	names := []string{"", "plain", `with "quotes", commas` + "\nand lines"}
	for _, name := range names {
		if err := w.Write(monday, token(1), name, 0.123456789); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	plain, err := gzip.NewReader(&out)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(plain)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
	if err != nil || len(rows) != 4 {
		t.Fatalf("%v: %s", err, text)
	}
	names[0] = token(1).String()
	for i, row := range rows[1:] {
		if row[0] != "2026-11-02T00:00:00Z" || row[1] != names[i] || row[2] != "0.123457" {
			t.Errorf("row %q", row)
		}
	}
}

func TestPage(t *testing.T) {
	labels := []backtest.Label{
		{Token: "A", Start: monday, End: monday.Add(time.Hour), Kind: "burst <i>"},
		{Token: "A", Start: monday, End: monday.Add(time.Hour), Kind: "benign:trip"},
	}
	tally := backtest.NewTally(monday, labels, named)
	observe(tally, token('A'), monday, 1, 5)
	observe(tally, token(3), monday, 1, 1.2)
	r := tally.Report(2, nil)
	r.Ignored, r.Findings = map[string]int{"no count": 3}, 1234
	var out bytes.Buffer
	if err := (backtest.Page{Title: "Backtest", Report: r, Findings: []backtest.Listed{{Finding: finding(), Name: "<script>"}}}).Write(&out); err != nil {
		t.Fatal(err)
	}
	page := out.String()
	for _, want := range []string{"<svg", "burst &lt;i&gt;", "used &lt;b&gt;from", "100 %", "3 rows left out", "&lt;script&gt;", "1 with the highest scores of 1,234"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	for _, bad := range []string{"http://", "https://", "<i>", "used <b>", "<script>", "ZgotmplZ", "NaN"} {
		if strings.Contains(page, bad) {
			t.Errorf("the page has %s", bad)
		}
	}
}
