package discord_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/tokenwatch/tokenwatch/alert"
	"github.com/tokenwatch/tokenwatch/alert/discord"
	"github.com/tokenwatch/tokenwatch/deploy/standin"
	"github.com/tokenwatch/tokenwatch/schema"
)

const token = "hush-hush_1"

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

func drawn(context.Context) ([]byte, error) { return []byte("\x89PNG picture"), nil }

func start(t testing.TB, options ...discord.Option) (*standin.Discord, *discord.Notifier) {
	t.Helper()
	s, err := standin.StartDiscord(standin.Options{Secret: token})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s, notifier(t, s.URL()+"/api", options...)
}

func notifier(t testing.TB, api string, options ...discord.Option) *discord.Notifier {
	t.Helper()
	cfg := discord.DefaultConfig()
	cfg.WebhookURL, cfg.APIURL = alert.Secret("https://discord.com/api/webhooks/42/"+token), api
	n, err := discord.New(cfg, options...)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func notify(t testing.TB, n *discord.Notifier, m alert.Message) string {
	t.Helper()
	ref, err := n.Notify(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	return ref
}

func TestPostAndEdit(t *testing.T) {
	s, n := start(t)
	m := message(theft(t))
	m.Link = "https://console.example/incidents/inc-1"
	m.Ref = notify(t, n, m)
	for _, want := range []string{"São Paulo", "● Place    São Paulo, BR", "`×400` **New place**", "normal: Berlin", "What was done"} {
		if d := s.Messages()[0].Embeds[0].Description; !strings.Contains(strings.ReplaceAll(d, `\`, ""), strings.TrimPrefix(want, "normal: ")) {
			t.Errorf("no %q in\n%s", want, d)
		}
	}
	if url := s.Messages()[0].Embeds[0].URL; url != m.Link {
		t.Errorf("leads to %q", url)
	}
	m.Sentence = "Something else"
	if again := notify(t, n, m); again != m.Ref {
		t.Errorf("%q became %q", m.Ref, again)
	}
	if got := s.Messages(); len(got) != 1 || got[0].Edits != 1 || !strings.Contains(got[0].Embeds[0].Description, "Something else") || got[0].Pings {
		t.Errorf("the channel holds %+v", got)
	}
	m.Ref = "1234567"
	if again := notify(t, n, m); again == m.Ref || len(s.Messages()) != 2 {
		t.Error("a deleted message was not posted anew")
	}
}

func TestPicture(t *testing.T) {
	var told []error
	s, n := start(t, discord.WithBlurred(func(err error) { told = append(told, err) }))
	m := message(theft(t))
	m.Picture = drawn
	s.Break(func(call int) standin.Fault {
		if call == 2 {
			return standin.Fault{Status: 500}
		}
		return standin.Fault{}
	})
	m.Ref = notify(t, n, m) // the message arrives, the picture does not
	if len(told) != 1 || len(s.Messages()[0].Files) != 0 {
		t.Errorf("told of %v, files %v", told, s.Messages()[0].Files)
	}
	m.Ref = notify(t, n, m) // the edit brings it
	again := notify(t, n, m)
	got := s.Messages()[0]
	if again != m.Ref || string(got.Files["incident.png"]) != "\x89PNG picture" || len(got.Embeds) != 1 || got.Edits != 3 {
		t.Errorf("%+v, ref %q after %q", got, again, m.Ref)
	}
}

func TestReplyAndDigest(t *testing.T) {
	s, n := start(t)
	m := message(theft(t))
	m.Kind, m.Ref, m.Title, m.Escalated = alert.KindReply, "77", "CRITICAL · now worse", true
	if ref := notify(t, n, m); ref != "77" || len(s.Messages()) != 1 || !strings.Contains(s.Messages()[0].Embeds[0].Title, "now worse") {
		t.Errorf("ref %q, %+v", ref, s.Messages())
	}
	for _, piece := range []string{"plain words ", "💥*@all* "} {
		d := alert.Message{Kind: alert.KindDigest, Icon: "🟠", Title: "12 incidents", Sentence: strings.Repeat(piece, 20)}
		for i := range n.DigestEntries() {
			d.Entries = append(d.Entries, alert.Entry{
				Incident: fmt.Sprintf("inc-%016d", i), Icon: "🔴", Title: strings.Repeat(piece, 140/len([]rune(piece))), Sentence: strings.Repeat(piece, 200/len([]rune(piece))),
				Link: fmt.Sprintf("https://console.example/incidents/inc-%016d", i),
			})
		}
		notify(t, n, d)
		all := s.Messages()
		for i := range n.DigestEntries() {
			if got := all[len(all)-1].Embeds[0].Description; !strings.Contains(got, fmt.Sprintf("incidents/inc-%016d>)", i)) {
				t.Errorf("entry %d is missing in\n%s", i, got)
			}
		}
	}
}

func TestMarkupStaysText(t *testing.T) {
	s, n := start(t)
	evil := "@everyone <@42> **x** `y` ```z``` ||s|| [click](https://evil.example) # h \\*"
	f := theft(t)
	f.Seen.Clients, f.Summary, f.Consumer, f.Evidence[0].Seen = []string{evil}, evil, evil, evil
	notify(t, n, message(f))
	got := s.Messages()[0]
	if got.Pings {
		t.Error("it may ping")
	}
	outside := got.Embeds[0].Title + withoutBlocks(got.Embeds[0].Description)
	for _, live := range []string{"@everyone", "<@", "**x", "||s", "[click", "](", "https://", "# h"} {
		if at := strings.Index(outside, live); at > 0 && outside[at-1] != '\\' {
			t.Errorf("%q is live in\n%s", live, outside)
		}
	}
	if strings.Count(got.Embeds[0].Description, "```")%2 != 0 {
		t.Errorf("a block is left open:\n%s", got.Embeds[0].Description)
	}
}

// withoutBlocks leaves out what stands in blocks of fixed width.
func withoutBlocks(s string) string {
	var b strings.Builder
	for i, part := range strings.Split(s, "```") {
		if i%2 == 0 {
			b.WriteString(part)
		}
	}
	return b.String()
}

func TestHugeTextsFit(t *testing.T) {
	s, n := start(t)
	for _, unit := range []string{"💥é&<", "*", "漢字", "a b "} {
		huge := strings.Repeat(unit, 25_000)
		f := theft(t)
		f.TokenHint, f.Consumer, f.Environment, f.Summary = huge, huge, huge, huge
		for range 10_000 {
			f.Seen.Clients = append(f.Seen.Clients, huge)
		}
		for range 50 {
			f.Seen.Places = append(f.Seen.Places, huge)
			f.Evidence = append(f.Evidence, schema.Evidence{Detector: huge, Key: huge, LLR: 9, Seen: huge, Normal: huge, Attack: huge})
		}
		notify(t, n, message(f))
		all := s.Messages()
		if got := all[len(all)-1]; len(got.Embeds) != 1 || !strings.Contains(got.Embeds[0].Title, "CRITICAL") {
			t.Errorf("%q: %+v", unit, got)
		}
	}
}

func answering(t *testing.T, status int, header, body string) *discord.Notifier {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if header != "" {
			w.Header().Set("Retry-After", header)
		}
		w.Header().Set("Location", "https://elsewhere.example/")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}))
	t.Cleanup(server.Close)
	return notifier(t, server.URL)
}

func TestAnswers(t *testing.T) {
	for _, c := range []struct {
		name   string
		status int
		header string
		body   string
		fix    string        // of a permanent error
		wait   time.Duration // of a throttled one
	}{
		{name: "the webhook was deleted", status: 404, body: `{"message":"Unknown Webhook","code":10015}`, fix: "make a new webhook"},
		{name: "wrong token", status: 401, body: `{"message":"Invalid Webhook Token","code":50027}`, fix: "make a new webhook"},
		{name: "our fault", status: 400, body: `{"message":"Invalid Form Body","code":50035}`, fix: "please report"},
		{name: "a redirect", status: 302, fix: "make a new webhook"},
		{name: "throttled, in the body", status: 429, body: `{"message":"You are being rate limited.","retry_after":0.653,"global":false}`, wait: 653 * time.Millisecond},
		{name: "throttled, in a header", status: 429, header: "65", body: `<html>`, wait: 65 * time.Second},
		{name: "throttled, nowhere", status: 429, body: `error code: 1015`, wait: 5 * time.Second},
		{name: "an outage", status: 502, body: "<html>" + token},
		{name: "a page", status: 200, body: "<html>" + strings.Repeat("x", 100_000)},
		{name: "a lie", status: 200, body: `{"ok":true}`},
		{name: "a path as id", status: 200, body: `{"id":"../../x"}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := answering(t, c.status, c.header, c.body).Notify(t.Context(), message(theft(t)))
			var refused alert.Permanent
			var later alert.RetryAfter
			switch {
			case err == nil || strings.Contains(fmt.Sprintf("%v %+v", err, err), token):
				t.Errorf("error %v", err)
			case errors.As(err, &refused) != (c.fix != "") || !strings.HasPrefix(refused.Fix, c.fix):
				t.Errorf("error %v, fix %q", err, refused.Fix)
			case errors.As(err, &later) != (c.wait != 0) || later.After != c.wait:
				t.Errorf("error %v, wait %s", err, later.After)
			case len(err.Error()) > 1000:
				t.Errorf("an error of %d bytes", len(err.Error()))
			}
		})
	}
}

// An alert in plain words is better than none.
func TestLayoutRefused(t *testing.T) {
	said := ""
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body struct {
			Content string
			Embeds  []any
		}
		_ = json.NewDecoder(r.Body).Decode(&body)
		if len(body.Embeds) > 0 {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		said = body.Content
		_, _ = w.Write([]byte(`{"id":"77"}`))
	}))
	defer server.Close()
	if ref := notify(t, notifier(t, server.URL), message(theft(t))); ref != "77" || !strings.Contains(said, "CRITICAL") || !strings.Contains(said, "São Paulo") {
		t.Errorf("ref %q, said %q", ref, said)
	}
}

// What names no message is a message all the same, and not posted again and again.
func TestTakenWithoutAName(t *testing.T) {
	n := answering(t, http.StatusNoContent, "", "")
	m := message(theft(t))
	m.Ref = notify(t, n, m)
	if _, err := n.Notify(t.Context(), m); m.Ref == "" || !errors.Is(err, alert.ErrSkip) {
		t.Errorf("ref %q, error %v", m.Ref, err)
	}
}

func TestUnreachableDoesNotLeak(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	n := notifier(t, server.URL)
	if err := n.Check(t.Context()); err == nil || strings.Contains(err.Error(), token) {
		t.Errorf("error %v", err)
	}
	if _, err := n.Notify(t.Context(), message(theft(t))); err == nil || strings.Contains(err.Error(), token) {
		t.Errorf("error %v", err)
	}
}

func TestCheck(t *testing.T) {
	_, n := start(t)
	if err := n.Check(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestConfigNamesTheKey(t *testing.T) {
	good := discord.DefaultConfig()
	good.WebhookURL = "https://discord.com/api/webhooks/1/hush"
	if err := good.Validate(); err != nil {
		t.Fatal(err)
	}
	for key, spoil := range map[string]func(*discord.Config){
		"discord.webhook_url": func(c *discord.Config) { c.WebhookURL = "https://discord.com/hush" },
		"discord.api_url":     func(c *discord.Config) { c.APIURL = "discord.com" },
		"discord.thread_id":   func(c *discord.Config) { c.ThreadID = "general" },
		"discord.timeout":     func(c *discord.Config) { c.Timeout = 0 },
	} {
		cfg := good
		spoil(&cfg)
		if err := cfg.Validate(); err == nil || !strings.HasPrefix(err.Error(), key+": ") || strings.Contains(err.Error(), "hush") {
			t.Errorf("%s: error %v", key, err)
		}
	}
}

// Whatever a text holds, it fits, and nothing of it is cut within a character.
func FuzzEscape(f *testing.F) {
	f.Add("**@everyone** <#1>", 10)
	f.Add("💥💥", 3)
	f.Fuzz(func(t *testing.T, text string, limit int) {
		if limit < 2 || limit > 5000 {
			t.Skip("no caller asks for such a length")
		}
		got := discord.Escape(text, limit)
		if n := len(utf16.Encode([]rune(got))); n > limit {
			t.Errorf("%d units of %d: %q", n, limit, got)
		}
		if bare := strings.NewReplacer(`\*`, "", `\@`, "", `\<`, "", "\\`", "").Replace(got); strings.ContainsAny(bare, "*@<`") {
			t.Errorf("live markup in %q", got)
		}
	})
}
