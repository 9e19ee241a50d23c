package alert_test

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/tokenwatch/tokenwatch/alert"
	"github.com/tokenwatch/tokenwatch/schema"
)

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

func TestOpenIsStableOverReplays(t *testing.T) {
	f := finding(1, 1, noon)
	a, b := alert.Open(&f), alert.Open(&f)
	if !reflect.DeepEqual(a, b) {
		t.Errorf("the same finding opened two incidents:\n%+v\n%+v", a, b)
	}
	other := finding(1, 2, noon)
	if alert.Open(&other).ID == a.ID {
		t.Error("two findings opened incidents of one id")
	}
}

func TestUpdateMergesEvidence(t *testing.T) {
	first := finding(1, 1, noon)
	inc := alert.Open(&first)

	second := finding(1, 2, noon.Add(5*time.Minute))
	second.Severity, second.Score, second.Summary = schema.SeverityCritical, 3, "Worse"
	second.Evidence = []schema.Evidence{
		{Detector: "new_geo", Key: "country:BR", LLR: 4, Seen: "weaker"},
		{Detector: "odd_hours", Key: "hour:3", LLR: 5, Seen: "stronger"},
		{Detector: "traffic_spike", Key: "1m", LLR: 7, Seen: "new"},
	}
	second.Seen = schema.Seen{Since: noon, Requests: 100, Places: []string{"Lagos, NG"}}
	next, changed := alert.Update(inc, &second)

	if !changed || next.Revision != inc.Revision+1 {
		t.Fatalf("changed %v, revision %d after %d", changed, next.Revision, inc.Revision)
	}
	var got []string
	for _, e := range next.Evidence {
		got = append(got, fmt.Sprintf("%s %.0f %s", e.Detector, e.LLR, e.Seen))
	}
	want := []string{"traffic_spike 7 new", "new_geo 6 São Paulo, BR", "odd_hours 5 stronger"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("evidence %q, want %q", got, want)
	}
	if next.Severity != schema.SeverityCritical || next.Score != 3 || next.Summary != "Worse" {
		t.Errorf("severity %s, score %v, summary %q", next.Severity, next.Score, next.Summary)
	}
	if next.Seen.Since != first.Seen.Since || next.Seen.Requests != 214 || next.Seen.Places[0] != "Lagos, NG" {
		t.Errorf("seen since %s, %d requests, places %q: want the earliest, the most, the newest",
			next.Seen.Since, next.Seen.Requests, next.Seen.Places)
	}
}

func TestUpdateNeverFallsAndTakesLateFindings(t *testing.T) {
	first := finding(1, 1, noon)
	first.Severity, first.Score = schema.SeverityCritical, 4
	inc := alert.Open(&first)

	late := finding(1, 2, noon.Add(-time.Hour))
	late.Severity, late.Score, late.Summary = schema.SeverityLow, 1, "Earlier"
	late.Seen.Places, late.Normal.Days = []string{"Oslo, NO"}, 3
	late.Evidence = []schema.Evidence{{Detector: "new_client", Key: "client:x", LLR: 1}}
	next, changed := alert.Update(inc, &late)

	if !changed {
		t.Fatal("a finding with new evidence changed nothing")
	}
	if next.Severity != schema.SeverityCritical || next.Score != 4 || next.Updated != noon || next.Summary != first.Summary {
		t.Errorf("a late, weak finding took over: %+v", next)
	}
	if next.Seen.Places[0] != "São Paulo, BR" || next.Normal.Days != 24 {
		t.Errorf("the older picture replaced the newer: %q, %d days", next.Seen.Places, next.Normal.Days)
	}
	if want := noon.Add(-time.Hour - 10*time.Minute); next.Seen.Since != want {
		t.Errorf("since %s, want %s", next.Seen.Since, want)
	}
}

func TestUpdateIgnoresReplays(t *testing.T) {
	first, second := finding(1, 1, noon), finding(1, 2, noon.Add(time.Minute))
	inc := alert.Open(&first)
	inc, _ = alert.Update(inc, &second)
	for _, f := range []schema.Finding{first, second} {
		if next, changed := alert.Update(inc, &f); changed || !reflect.DeepEqual(next, inc) {
			t.Errorf("a replay changed the incident: %+v", next)
		}
	}
}

func TestUpdateLeavesTheOldVersionAlone(t *testing.T) {
	first := finding(1, 1, noon)
	inc := alert.Open(&first)
	before := fmt.Sprintf("%+v", inc)
	for n := range uint32(50) {
		f := finding(1, n+2, noon.Add(time.Duration(n)*time.Second))
		f.Evidence[0].Key = fmt.Sprint("country:", n)
		_, _ = alert.Update(inc, &f)
	}
	if after := fmt.Sprintf("%+v", inc); after != before {
		t.Errorf("updating changed the incident it was given:\n%s\n%s", before, after)
	}
}

// A thief who does a thousand odd things makes one incident, of bounded size.
func TestThousandFindingsStayBounded(t *testing.T) {
	first := finding(1, 0, noon)
	inc := alert.Open(&first)
	long := strings.Repeat("<!channel> 💥\u202e", 5000) // 100 kB
	many := slices.Repeat([]string{long}, 10_000)
	for n := range uint32(1000) {
		f := finding(1, n+1, noon.Add(time.Duration(n)*time.Second))
		f.Summary, f.Consumer, f.TokenHint = long, long, long
		f.Evidence = []schema.Evidence{{Detector: long, Key: fmt.Sprint(n, long), LLR: float64(n), Seen: long, Normal: long, Attack: long}}
		f.Seen.Places, f.Seen.Networks, f.Seen.Clients = many, many, many
		inc, _ = alert.Update(inc, &f)
	}
	if len(inc.Evidence) != alert.MaxEvidence || inc.Evidence[0].LLR != 999 {
		t.Errorf("%d pieces of evidence, the strongest %v", len(inc.Evidence), inc.Evidence[0].LLR)
	}
	if len(inc.Findings) != alert.MaxFindings || len(inc.Seen.Places) != alert.MaxNames {
		t.Errorf("%d findings, %d places", len(inc.Findings), len(inc.Seen.Places))
	}
	for _, s := range append(inc.Seen.Clients, inc.Evidence[0].Seen, inc.Evidence[0].Key) {
		if n := utf8.RuneCountInString(s); n > alert.MaxText {
			t.Errorf("a text of %d characters", n)
		}
	}
	// The ids that were dropped merge to the same again.
	if again, changed := alert.Update(inc, &first); changed {
		t.Errorf("the replay of a forgotten finding made revision %d of %d", again.Revision, inc.Revision)
	}
}

func TestResolveOnce(t *testing.T) {
	f := finding(1, 1, noon)
	inc := alert.Resolve(alert.Open(&f), noon.Add(time.Hour))
	if inc.State != schema.IncidentResolved || inc.Resolved != noon.Add(time.Hour) || inc.Revision != 2 {
		t.Errorf("resolved: %+v", inc)
	}
	if again := alert.Resolve(inc, noon.Add(2*time.Hour)); !reflect.DeepEqual(again, inc) {
		t.Errorf("resolving again changed it: %+v", again)
	}
}

func TestFold(t *testing.T) {
	cfg := alert.DefaultConfig()
	medium := func(n uint32, at time.Time, s schema.Severity) schema.Finding {
		f := finding(1, n, at)
		f.Severity = s
		return f
	}
	old := medium(3, noon, schema.SeverityCritical)
	old.Ingested = noon.Add(7 * time.Hour)
	distinct := medium(2, noon.Add(time.Minute), schema.SeverityLow)
	distinct.Evidence[0].LLR = 9

	cases := []struct {
		name     string
		findings []schema.Finding
		known    func(schema.FindingID) bool
		want     string // state and revision of what changed
		outcomes string
	}{
		{"severe enough opens", []schema.Finding{medium(1, noon, schema.SeverityMedium)}, nil, "[open 1]", "[opened]"},
		{"too mild does not", []schema.Finding{medium(1, noon, schema.SeverityLow)}, nil, "[]", "[minor]"},
		{"mild adds to an open one", []schema.Finding{medium(1, noon, schema.SeverityHigh), distinct}, nil, "[open 2]", "[opened merged]"},
		{"old events alert nobody", []schema.Finding{old}, nil, "[]", "[backfill]"},
		{"a replay is known", []schema.Finding{medium(1, noon, schema.SeverityHigh), medium(1, noon, schema.SeverityHigh)}, nil, "[open 1]", "[opened known]"},
		{"of a resolved one as well", []schema.Finding{medium(1, noon, schema.SeverityHigh)}, func(schema.FindingID) bool { return true }, "[]", "[known]"},
		{
			"after quiet a new one opens",
			[]schema.Finding{medium(1, noon, schema.SeverityHigh), medium(2, noon.Add(24*time.Hour), schema.SeverityHigh)},
			nil, "[resolved 2 open 1]", "[opened opened]",
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			known := c.known
			if known == nil {
				known = func(schema.FindingID) bool { return false }
			}
			var outcomes, got []string
			for _, inc := range cfg.Fold(nil, c.findings, known, func(o string) { outcomes = append(outcomes, o) }) {
				got = append(got, fmt.Sprint(inc.State, " ", inc.Revision))
			}
			if fmt.Sprint(got) != c.want || fmt.Sprint(outcomes) != c.outcomes {
				t.Errorf("changed %v, outcomes %v; want %s, %s", got, outcomes, c.want, c.outcomes)
			}
		})
	}
}

func TestConfigNamesTheKey(t *testing.T) {
	cases := map[string]func(*alert.Config){
		"alert.min_severity":   func(c *alert.Config) { c.MinSeverity = 9 },
		"alert.resolve_after":  func(c *alert.Config) { c.ResolveAfter = time.Second },
		"alert.backfill_after": func(c *alert.Config) { c.BackfillAfter = 0 },
		"alert.update_every":   func(c *alert.Config) { c.UpdateEvery = -1 },
		"alert.max_open":       func(c *alert.Config) { c.MaxOpen = 0 },
	}
	for key, spoil := range cases {
		cfg := alert.DefaultConfig()
		if err := cfg.Validate(); err != nil {
			t.Fatal(err)
		}
		spoil(&cfg)
		if err := cfg.Validate(); err == nil || !strings.HasPrefix(err.Error(), key+": ") {
			t.Errorf("%s: error %v", key, err)
		}
	}
}
