package alert_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/tokenwatch/tokenwatch/alert"
	"github.com/tokenwatch/tokenwatch/schema"
)

var update = flag.Bool("update", false, "write what is rendered into testdata")

// theft is the incident of testdata/theft.json.
func theft(t testing.TB) schema.Incident {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", "theft.json"))
	if err != nil {
		t.Fatal(err)
	}
	var f schema.Finding
	if err := json.Unmarshal(raw, &f); err != nil {
		t.Fatal(err)
	}
	return alert.Open(&f)
}

func silent(schema.Delivery) string { return "" }

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs (go test -update writes it):\n%s", path, got)
	}
}

// inFull writes everything that a message says.
func inFull(m alert.Message) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s\n\n%s\n%s\n\n", m.Icon, m.Title, m.Sentence, strings.Join(m.Facts, " · "))
	fmt.Fprintf(&b, "%s\n\n%s\n\nnormal: %s\n\n", strings.Join(m.Actions, "\n"), m.Table(), m.Basis)
	for _, r := range m.Reasons {
		fmt.Fprintf(&b, "%d %s %s: %s (%s)\n", r.Weight, r.Times, r.Label, r.Seen, r.Normal)
	}
	fmt.Fprintf(&b, "and %d weaker\n\n", m.Weaker)
	for _, q := range m.Queries {
		fmt.Fprintf(&b, "%s\n%s\n\n", q.Title, q.SQL)
	}
	fmt.Fprintln(&b, strings.Join(m.Footer, " · "))
	return b.String()
}

func TestMessage(t *testing.T) {
	golden(t, "theft.golden", inFull(alert.Compose(theft(t), silent)))
}

func TestMessageWhenResolved(t *testing.T) {
	inc := theft(t)
	inc.Deliveries = []schema.Delivery{{Destination: "slack", Ref: "1"}, {Destination: "revoke", Ref: "2"}}
	inc = alert.Resolve(inc, inc.Updated.Add(24*time.Hour))
	m := alert.Compose(inc, func(d schema.Delivery) string {
		if d.Destination == "revoke" {
			return "Token revoked at 03:12:08 UTC"
		}
		return ""
	})
	if m.Icon != "✅" || m.Title != "RESOLVED (critical) · token hf_…x9Qz of acme-billing" {
		t.Errorf("%s %s", m.Icon, m.Title)
	}
	if got := strings.Join(m.Actions, "|"); got != "Token revoked at 03:12:08 UTC|Resolved: nothing odd since Mon 2 Mar 03:12 UTC." {
		t.Errorf("actions %q", got)
	}
}

// A token of which next to nothing is known still makes a readable message.
func TestMessageOfAnEmptyIncident(t *testing.T) {
	f := schema.Finding{Time: noon, Ingested: noon, Severity: schema.SeverityMedium, Token: schema.TokenID{0xab}}
	m := alert.Compose(alert.Open(&f), silent)
	if m.Title != "MEDIUM · token ab000000…" || m.Sentence == "" || m.Basis != "no history yet" {
		t.Errorf("title %q, sentence %q, basis %q", m.Title, m.Sentence, m.Basis)
	}
	if m.Hours != nil || len(m.Actions) != 1 || len(m.Queries) != 3 {
		t.Errorf("hours %v, actions %q, %d queries", m.Hours, m.Actions, len(m.Queries))
	}
}

func TestRowsMarkWhatIsOdd(t *testing.T) {
	cases := []struct {
		name   string
		change func(*schema.Incident)
		want   string // labels of the odd rows
	}{
		{"all of them", func(*schema.Incident) {}, "[Place Network Client Hours Rate]"},
		{"no evidence", func(inc *schema.Incident) { inc.Evidence = nil }, "[]"},
		{"evidence for the owner", func(inc *schema.Incident) {
			for i := range inc.Evidence {
				inc.Evidence[i].LLR = -1
			}
		}, "[]"},
		{"a known network in a new place", func(inc *schema.Incident) {
			inc.Evidence = inc.Evidence[:1]
			inc.Seen.Networks = []string{"AS3320 Deutsche Telekom (residential)"}
		}, "[Place]"},
		{"nothing seen, nothing shown", func(inc *schema.Incident) {
			inc.Seen.Places, inc.Seen.Clients = nil, nil
		}, "[Network Hours Rate]"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			inc := theft(t)
			c.change(&inc)
			var odd []string
			plain := false
			for _, r := range alert.Compose(inc, silent).Rows {
				if r.Odd && plain {
					t.Errorf("odd row %s comes after one that is not", r.Label)
				}
				plain = plain || !r.Odd
				if r.Odd {
					odd = append(odd, r.Label)
				}
			}
			if fmt.Sprint(odd) != c.want {
				t.Errorf("odd %v, want %s", odd, c.want)
			}
		})
	}
}

func TestUsualHours(t *testing.T) {
	cases := []struct {
		name  string
		hours func(h int) float64
		want  string
	}{
		{"office", func(h int) float64 { return share(h >= 8 && h < 16, .125) }, "08–16 h UTC"},
		{"over midnight", func(h int) float64 { return share(h >= 22 || h < 4, 1.0/6) }, "22–04 h UTC"},
		{"server", func(int) float64 { return 1.0 / 24 }, "around the clock"},
		{"one hour", func(h int) float64 { return share(h == 3, 1) }, "03–04 h UTC"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			inc := theft(t)
			for h := range inc.Normal.Hours {
				inc.Normal.Hours[h] = c.hours(h)
			}
			for _, r := range alert.Compose(inc, silent).Rows {
				if r.Label == "Hours" && r.Normal != c.want {
					t.Errorf("normal %q, want %q", r.Normal, c.want)
				}
			}
		})
	}
}

func share(when bool, of float64) float64 {
	if when {
		return of
	}
	return 0
}

func TestHoursMarkTheWholeStretch(t *testing.T) {
	inc := theft(t)
	inc.Seen.Since = time.Date(2026, 3, 1, 22, 30, 0, 0, time.FixedZone("", 3600)) // 21:30 UTC
	inc.Updated = time.Date(2026, 3, 2, 1, 5, 0, 0, time.UTC)
	h := alert.Compose(inc, silent).Hours
	if h.Now != "▲▲                   ▲▲▲" {
		t.Errorf("now %q", h.Now)
	}
	for name, line := range map[string]string{"scale": h.Scale, "normal": h.Normal, "now": h.Now} {
		if n := utf8.RuneCountInString(line); n != 24 {
			t.Errorf("%s is %d characters wide", name, n)
		}
	}
}

// Whatever comes in, every text of a message is one clean line of bounded length.
func TestMessageIsBoundedWhateverComesIn(t *testing.T) {
	evil := strings.Repeat("<!channel>\n\x00\u202e*`_&💥 ", 5000)
	f := schema.Finding{
		ID: schema.FindingID{1}, Time: noon, Ingested: noon, Severity: schema.SeverityHigh,
		TokenHint: evil, Consumer: evil, Environment: evil, Summary: evil,
		Seen:   schema.Seen{Requests: 1 << 62, BytesOut: 1 << 62, CostUSD: 1e300, Addresses: 1 << 40},
		Normal: schema.Normal{Events: 1, Hours: [24]float64{-1, 1e300}, PerDay: 1e300},
	}
	for i := range 50 {
		f.Seen.Places = append(f.Seen.Places, evil)
		f.Seen.Networks = append(f.Seen.Networks, evil)
		f.Seen.Clients = append(f.Seen.Clients, evil)
		f.Normal.Places = append(f.Normal.Places, schema.Share{Name: evil, Share: 1e9})
		f.Evidence = append(f.Evidence, schema.Evidence{Detector: fmt.Sprint(i), Key: evil, LLR: 1e9, Seen: evil, Normal: evil, Attack: evil})
	}
	m := alert.Compose(alert.Open(&f), func(schema.Delivery) string { return evil })
	texts := append([]string{m.Title, m.Sentence, m.Basis}, m.Facts...)
	texts = append(append(texts, m.Actions...), m.Footer...)
	for _, r := range m.Rows {
		texts = append(texts, r.Seen, r.Normal)
	}
	for _, r := range m.Reasons {
		texts = append(texts, r.Label, r.Seen, r.Normal)
	}
	for _, s := range texts {
		if n := utf8.RuneCountInString(s); n > 400 {
			t.Errorf("a text of %d characters: %.40q", n, s)
		}
		if strings.ContainsAny(s, "\n\r\x00\u202e") {
			t.Errorf("a text with controls: %.40q", s)
		}
	}
	if all := inFull(m); utf8.RuneCountInString(all) > 9000 {
		t.Errorf("a message of %d characters", utf8.RuneCountInString(all))
	}
}

func TestQueriesHoldNothingFromOutside(t *testing.T) {
	inc := theft(t)
	inc.TokenHint, inc.Consumer = "'; DROP TABLE events --", "x' OR 1"
	for _, q := range alert.Compose(inc, silent).Queries {
		if strings.Contains(q.SQL, "DROP") || strings.Contains(q.SQL, "OR 1") || strings.Count(q.SQL, "'")%2 != 0 {
			t.Errorf("%s", q.SQL)
		}
		if !strings.Contains(q.SQL, "unhex('9f86d081884c7d659a2feaa0c55ad015')") {
			t.Errorf("the query does not name the token:\n%s", q.SQL)
		}
	}
}

func TestTrialSaysThatNothingHappened(t *testing.T) {
	m := alert.Trial(noon)
	if !m.Trial || !strings.HasPrefix(m.Title, "TEST") || !strings.Contains(m.Sentence, "nothing happened") {
		t.Errorf("%+v", m)
	}
}

func TestSecretNeverShows(t *testing.T) {
	s := alert.Secret("xoxb-hush")
	js, err := json.Marshal(map[string]any{"s": s, "in": struct{ S alert.Secret }{s}})
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "s", s, "all", struct{ S alert.Secret }{s})
	for _, shown := range []string{fmt.Sprint(s), fmt.Sprintf("%v %+v %#v %q %s", s, s, s, s, s), fmt.Sprintf("%#v", struct{ S alert.Secret }{s}), string(js), log.String()} {
		if strings.Contains(shown, "hush") || !strings.Contains(shown, "***") {
			t.Errorf("shown as %s", shown)
		}
	}
	if s.Reveal() != "xoxb-hush" || alert.Secret("").String() != "" {
		t.Error("a secret has to be revealed to who asks, and an empty one to look empty")
	}
}

func FuzzClean(f *testing.F) {
	f.Add("plain", 10)
	f.Add("a\u202eb\x00c\nd  e", 3)
	f.Add("💥💥💥", 2)
	f.Add("\xff\xfe", 1)
	f.Fuzz(func(t *testing.T, s string, runes int) {
		if runes < 1 || runes > 1000 {
			t.Skip("no caller asks for such a length")
		}
		got := alert.Clean(s, runes)
		if n := utf8.RuneCountInString(got); n > runes {
			t.Errorf("%d characters of %d: %q", n, runes, got)
		}
		if !utf8.ValidString(got) || strings.ContainsAny(got, "\n\r\t\x00\u202e\u200b") || strings.Contains(got, "  ") {
			t.Errorf("not clean: %q", got)
		}
		if again := alert.Clean(got, runes); again != got {
			t.Errorf("cleaning twice makes %q of %q", again, got)
		}
	})
}
