package slack_test

import (
	"encoding/json"
	"errors"
	"flag"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/tokenwatch/tokenwatch/alert"
	"github.com/tokenwatch/tokenwatch/alert/slack"
	"github.com/tokenwatch/tokenwatch/deploy/standin"
	"github.com/tokenwatch/tokenwatch/schema"
)

var update = flag.Bool("update", false, "write what is rendered into testdata")

const token = "xoxb-1-hush"

func theft(t testing.TB) schema.Finding {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", "testdata", "theft.json"))
	if err != nil {
		t.Fatal(err)
	}
	var f schema.Finding
	if err := json.Unmarshal(raw, &f); err != nil {
		t.Fatal(err)
	}
	return f
}

func message(f schema.Finding) alert.Message {
	return alert.Compose(alert.Open(&f), func(schema.Delivery) string { return "" })
}

func start(t testing.TB) (*standin.Slack, *slack.Notifier) {
	t.Helper()
	s, err := standin.StartSlack(standin.Options{Secret: token})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s, notifier(t, s.APIURL())
}

func notifier(t testing.TB, api string) *slack.Notifier {
	t.Helper()
	cfg := slack.DefaultConfig()
	cfg.Token, cfg.Channel, cfg.APIURL = token, "#soc-alerts", api
	n, err := slack.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestPostAndEdit(t *testing.T) {
	s, n := start(t)
	m := message(theft(t))
	ref, err := n.Notify(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	m.Ref, m.Sentence = ref, "Something else"
	again, err := n.Notify(t.Context(), m)
	if err != nil || again != ref {
		t.Fatalf("the edit of %q answered %q, %v", ref, again, err)
	}
	got := s.Messages()
	if len(got) != 1 || got[0].Edits != 1 || !strings.Contains(got[0].Rendered, "Something else") {
		t.Errorf("the channel holds %+v", got)
	}
}

func TestCard(t *testing.T) {
	s, n := start(t)
	if _, err := n.Notify(t.Context(), message(theft(t))); err != nil {
		t.Fatal(err)
	}
	path, got := filepath.Join("testdata", "card.golden"), s.Messages()[0].Rendered
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

// Markup from outside notifies nobody and looks the way it was written.
func TestMarkupStaysText(t *testing.T) {
	s, n := start(t)
	evil := "<!channel> <@U012345> *bold* `code` <https://evil.example|click> &amp;"
	f := theft(t)
	f.TokenHint, f.Consumer, f.Environment, f.Summary = evil[:20], evil, evil, evil
	f.Seen.Clients, f.Seen.Places, f.Seen.Networks = []string{evil}, []string{evil}, []string{evil}
	f.Evidence[0].Seen, f.Evidence[0].Normal = evil, evil
	m := message(f)
	m.Actions = []string{evil}
	if _, err := n.Notify(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	got := s.Messages()[0]
	if len(got.Pings) > 0 {
		t.Errorf("it would have notified %q", got.Pings)
	}
	if strings.ContainsAny(got.Text, "<>") {
		t.Errorf("fallback text with markup: %s", got.Text)
	}
	if n := strings.Count(got.Rendered, evil); n < 5 {
		t.Errorf("%d of the texts came through as written:\n%s", n, got.Rendered)
	}
}

// The longest message that can be composed is within Slack's limits, which the stand-in
// checks.
func TestHugeTextsFit(t *testing.T) {
	s, n := start(t)
	huge := strings.Repeat("&<>💥", 25_000)
	f := theft(t)
	f.TokenHint, f.Consumer, f.Environment, f.Summary = huge, huge, huge, huge
	for range 50 {
		f.Seen.Clients = append(f.Seen.Clients, huge)
		f.Seen.Places = append(f.Seen.Places, huge)
		f.Seen.Networks = append(f.Seen.Networks, huge)
		f.Normal.Places = append(f.Normal.Places, schema.Share{Name: huge, Share: 1})
		f.Evidence = append(f.Evidence, schema.Evidence{Detector: huge, Key: huge, LLR: 9, Seen: huge, Normal: huge, Attack: huge})
	}
	if _, err := n.Notify(t.Context(), message(f)); err != nil {
		t.Fatal(err)
	}
	if blocks := s.Messages()[0].Blocks; len(blocks) == 0 {
		t.Error("it went out without blocks")
	}
}

func TestTrialMessage(t *testing.T) {
	s, n := start(t)
	if _, err := n.Notify(t.Context(), alert.Trial(time.Now())); err != nil {
		t.Fatal(err)
	}
	if got := s.Messages()[0].Rendered; !strings.Contains(got, "TEST") {
		t.Errorf("rendered as %s", got)
	}
}

func TestThrottled(t *testing.T) {
	s, n := start(t)
	s.Break(func(int) standin.Fault { return standin.Fault{Status: 429, RetryAfter: 42 * time.Second} })
	_, err := n.Notify(t.Context(), message(theft(t)))
	var later alert.RetryAfter
	if !errors.As(err, &later) || later.After != 42*time.Second {
		t.Errorf("error %v", err)
	}
}

func TestDeletedMessageIsPostedAnew(t *testing.T) {
	s, n := start(t)
	m := message(theft(t))
	m.Ref = "C024BE91L/1.000001"
	ref, err := n.Notify(t.Context(), m)
	if err != nil || ref == m.Ref || len(s.Messages()) != 1 {
		t.Errorf("ref %q, error %v, %d messages", ref, err, len(s.Messages()))
	}
}

// answering is a Slack that says one thing.
func answering(t *testing.T, status int, body string) *slack.Notifier {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", "https://elsewhere.example/")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}))
	t.Cleanup(server.Close)
	return notifier(t, server.URL)
}

func TestErrors(t *testing.T) {
	cases := []struct {
		name   string
		status int
		body   string
		fix    string // of a permanent error, its beginning
		after  time.Duration
	}{
		{"bad token", 200, `{"ok":false,"error":"invalid_auth"}`, "set slack.token", 0},
		{"scope", 200, `{"ok":false,"error":"missing_scope","needed":"chat:write"}`, "give the app the scopes chat:write and", 0},
		{"no channel", 200, `{"ok":false,"error":"channel_not_found"}`, "set slack.channel", 0},
		{"not invited", 200, `{"ok":false,"error":"not_in_channel"}`, "invite the bot", 0},
		{"redirect", 302, ``, "slack.api_url", 0},
		{"wrong address", 404, `<html>`, "slack.api_url", 0},
		{"limited in words", 200, `{"ok":false,"error":"ratelimited"}`, "", 30 * time.Second},
		{"limited without a time", 429, ``, "", 30 * time.Second},
		{"trouble", 200, `{"ok":false,"error":"internal_error"}`, "", 0},
		{"outage", 503, `<html>`, "", 0},
		{"not JSON", 200, `<html>`, "", 0},
		{"endless", 200, `{"ok":` + strings.Repeat(" ", 3<<20), "", 0},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := answering(t, c.status, c.body).Notify(t.Context(), message(theft(t)))
			var refused alert.Permanent
			var later alert.RetryAfter
			switch {
			case err == nil || strings.Contains(err.Error(), "hush"):
				t.Errorf("error %v", err)
			case errors.As(err, &refused) != (c.fix != "") || !strings.HasPrefix(refused.Fix, c.fix):
				t.Errorf("error %v, fix %q; want the fix %q", err, refused.Fix, c.fix)
			case errors.As(err, &later) != (c.after != 0) || later.After != c.after:
				t.Errorf("error %v, after %s; want %s", err, later.After, c.after)
			}
		})
	}
}

// If Slack does not take the layout, the words go out all the same.
func TestFallsBackToWords(t *testing.T) {
	var texts []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.FormValue("blocks") != "[]" {
			_, _ = w.Write([]byte(`{"ok":false,"error":"invalid_blocks"}`))
			return
		}
		texts = append(texts, r.FormValue("text"))
		_, _ = w.Write([]byte(`{"ok":true,"channel":"C1","ts":"2.0"}`))
	}))
	defer server.Close()
	ref, err := notifier(t, server.URL).Notify(t.Context(), message(theft(t)))
	if err != nil || ref != "C1/2.0" || len(texts) != 1 || !strings.Contains(texts[0], "São Paulo, BR") {
		t.Errorf("ref %q, error %v, texts %q", ref, err, texts)
	}
}

func TestIncomingWebhook(t *testing.T) {
	posted := 0
	status := http.StatusOK
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body struct{ Blocks []json.RawMessage }
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil || len(body.Blocks) == 0 {
			t.Errorf("body without blocks: %v", err)
		}
		posted++
		w.WriteHeader(status)
		_, _ = w.Write([]byte("ok"))
	}))
	defer server.Close()
	cfg := slack.DefaultConfig()
	cfg.WebhookURL = alert.Secret(server.URL + "/services/T0/B0/hush")
	n, err := slack.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	m := message(theft(t))
	for range 3 { // the same severity and state: said once
		if m.Ref, err = n.Notify(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	m.Incident.State = schema.IncidentResolved
	if m.Ref, err = n.Notify(t.Context(), m); err != nil || posted != 2 {
		t.Errorf("%d posts, error %v; want one, and one when it resolved", posted, err)
	}
	status, m.Ref = http.StatusNotFound, ""
	var refused alert.Permanent
	if _, err = n.Notify(t.Context(), m); !errors.As(err, &refused) || !strings.Contains(refused.Fix, "slack.webhook_url") {
		t.Errorf("error %v", err)
	}
	server.Close()
	if _, err = n.Notify(t.Context(), m); err == nil || strings.Contains(err.Error(), "hush") {
		t.Errorf("error %v", err)
	}
}

func TestCheck(t *testing.T) {
	_, n := start(t)
	if err := n.Check(t.Context()); err != nil {
		t.Error(err)
	}
	var refused alert.Permanent
	if err := answering(t, 200, `{"ok":false,"error":"invalid_auth"}`).Check(t.Context()); !errors.As(err, &refused) {
		t.Errorf("error %v", err)
	}
}

func TestConfigNamesTheKey(t *testing.T) {
	good := slack.DefaultConfig()
	good.Token, good.Channel = token, "C024BE91L"
	if err := good.Validate(); err != nil {
		t.Fatal(err)
	}
	cases := map[string]func(*slack.Config){
		"slack.token":       func(c *slack.Config) { c.Token = "" },
		"slack.channel":     func(c *slack.Config) { c.Channel = "" },
		"slack.webhook_url": func(c *slack.Config) { c.WebhookURL = "https://hooks.slack.com/x" },
		"slack.api_url":     func(c *slack.Config) { c.APIURL = "slack.com" },
		"slack.timeout":     func(c *slack.Config) { c.Timeout = 0 },
	}
	for key, spoil := range cases {
		cfg := good
		spoil(&cfg)
		err := cfg.Validate()
		if err == nil || !strings.HasPrefix(err.Error(), key+": ") || strings.Contains(err.Error(), "hush") {
			t.Errorf("%s: error %v", key, err)
		}
	}
}

func FuzzEscape(f *testing.F) {
	f.Add("<!channel>&", 5)
	f.Add("💥<", 2)
	f.Add(strings.Repeat("&", 200), 150)
	f.Fuzz(func(t *testing.T, s string, limit int) {
		if limit < 1 || limit > 4000 {
			t.Skip("no caller asks for such a length")
		}
		got := slack.Escape(s, limit)
		if n := utf8.RuneCountInString(got); n > limit {
			t.Errorf("%d characters of %d: %q", n, limit, got)
		}
		if strings.ContainsAny(got, "<>") {
			t.Errorf("not escaped: %q", got)
		}
		back := strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&").Replace(got)
		if whole := strings.ToValidUTF8(s, "\uFFFD"); !strings.HasSuffix(got, "…") && back != whole && utf8.ValidString(s) {
			t.Errorf("%q came back as %q", s, back)
		}
		if cut, ok := strings.CutSuffix(back, "…"); ok && utf8.ValidString(s) && back != s && !strings.HasPrefix(s, cut) {
			t.Errorf("%q was cut to %q", s, back)
		}
	})
}

// Whatever a finding says, the stand-in takes what is made of it.
func FuzzRender(f *testing.F) {
	s, n := start(f)
	f.Add("São Paulo, BR", "<!here>", "curl/8", 5.0)
	f.Add("", "\x00", "```", -1.0)
	f.Fuzz(func(t *testing.T, place, summary, client string, llr float64) {
		f := theft(t)
		f.Summary, f.Seen.Places, f.Seen.Clients = summary, []string{place}, []string{client}
		f.Evidence[0].LLR, f.Evidence[0].Seen, f.Evidence[0].Detector = llr, client, place
		if _, err := n.Notify(t.Context(), message(f)); err != nil {
			t.Fatal(err)
		}
		all := s.Messages()
		if got := all[len(all)-1]; len(got.Pings) > 0 || len(got.Blocks) == 0 {
			t.Errorf("pings %q, %d bytes of blocks", got.Pings, len(got.Blocks))
		}
	})
}
