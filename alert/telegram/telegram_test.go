package telegram_test

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/go-telegram/bot/models"

	"github.com/tokenwatch/tokenwatch/alert"
	"github.com/tokenwatch/tokenwatch/alert/telegram"
	"github.com/tokenwatch/tokenwatch/deploy/standin"
	"github.com/tokenwatch/tokenwatch/schema"
)

var update = flag.Bool("update", false, "write what is rendered into testdata")

const token = "123456:hush-HUSH_1"

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

func start(t testing.TB) (*standin.Telegram, *telegram.Notifier) {
	t.Helper()
	s, err := standin.StartTelegram(standin.Options{Secret: token})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s, notifier(t, s.URL())
}

func notifier(t testing.TB, api string) *telegram.Notifier {
	t.Helper()
	cfg := telegram.DefaultConfig()
	cfg.Token, cfg.ChatID, cfg.APIURL = token, "-1001234", api
	n, err := telegram.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestSendAndEdit(t *testing.T) {
	s, n := start(t)
	m := message(theft(t))
	ref, err := n.Notify(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	m.Ref = ref
	if _, err := n.Notify(t.Context(), m); err != nil {
		t.Errorf("an edit that changes nothing: %v", err)
	}
	m.Sentence = "Something else"
	again, err := n.Notify(t.Context(), m)
	if err != nil || again != ref {
		t.Fatalf("the edit of %q answered %q, %v", ref, again, err)
	}
	got := s.Messages()
	if len(got) != 1 || got[0].Edits != 1 || !strings.Contains(got[0].Text, "Something else") {
		t.Errorf("the chat holds %+v", got)
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

// Each styled part covers what it means to cover, also after emoji, which take two units.
func TestEntitiesCoverTheirText(t *testing.T) {
	s, n := start(t)
	f := theft(t)
	f.Consumer, f.Environment = "💥💥 acme", "🏭"
	if _, err := n.Notify(t.Context(), message(f)); err != nil {
		t.Fatal(err)
	}
	got := s.Messages()[0]
	units := utf16.Encode([]rune(got.Text))
	var covered []string
	for _, e := range got.Entities {
		covered = append(covered, e.Type+":"+string(utf16.Decode(units[e.Offset:e.Offset+e.Length])))
	}
	all := strings.Join(covered, "\n")
	for _, want := range []string{
		"bold:🔴 CRITICAL · token hf_…x9Qz of 💥💥 acme", "bold:Why", "code:×400", "bold:New place",
		"pre:● Place    São Paulo, BR", "pre:SELECT ts, ip", "expandable_blockquote:From which addresses",
	} {
		if !strings.Contains(all, want) {
			t.Errorf("nothing covers %q in\n%s", want, all)
		}
	}
}

func TestMarkupStaysText(t *testing.T) {
	s, n := start(t)
	evil := "@alice <b>x</b> *y* _z_ [click](https://evil.example) `code` (@bob) carol@acme.com"
	f := theft(t)
	f.Seen.Clients, f.Summary, f.Evidence[0].Seen = []string{evil}, evil, evil
	if _, err := n.Notify(t.Context(), message(f)); err != nil {
		t.Fatal(err)
	}
	got := s.Messages()[0].Text
	if strings.Count(strings.ReplaceAll(got, "\u2060", ""), evil) != 3 {
		t.Errorf("not as written:\n%s", got)
	}
	// In the fixed-width table Telegram does not look for mentions; elsewhere they are broken.
	for _, live := range []string{"@alice", "@bob", "https://evil"} {
		if n := strings.Count(got, live); n != 1 {
			t.Errorf("%s stands there %d times, want it in the table only:\n%s", live, n, got)
		}
	}
	if strings.Count(got, "carol@acme.com") != 3 {
		t.Errorf("an address was broken that mentions nobody:\n%s", got)
	}
}

// The longest message fits, and what is left out of it is the SQL and not the finding.
func TestHugeTextsFit(t *testing.T) {
	s, n := start(t)
	huge := strings.Repeat("💥é&<", 25_000)
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
	got := s.Messages()[0].Text
	if !strings.HasPrefix(got, "🔴 CRITICAL") || !strings.Contains(got, "● Place") || !strings.Contains(got, "Done") {
		t.Errorf("the essentials are missing:\n%s", got)
	}
}

func TestThrottled(t *testing.T) {
	s, n := start(t)
	s.Break(func(int) standin.Fault { return standin.Fault{Status: 429, RetryAfter: 17 * time.Second} })
	_, err := n.Notify(t.Context(), message(theft(t)))
	var later alert.RetryAfter
	if !errors.As(err, &later) || later.After != 17*time.Second {
		t.Errorf("error %v", err)
	}
}

func TestDeletedMessageIsSentAnew(t *testing.T) {
	s, n := start(t)
	m := message(theft(t))
	m.Ref = "-1001234/4711"
	ref, err := n.Notify(t.Context(), m)
	if err != nil || ref == m.Ref || len(s.Messages()) != 1 {
		t.Errorf("ref %q, error %v, %d messages", ref, err, len(s.Messages()))
	}
}

func answering(t *testing.T, status int, body string) *telegram.Notifier {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", "https://elsewhere.example/")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}))
	t.Cleanup(server.Close)
	return notifier(t, server.URL)
}

func failure(code int, description string) string {
	return fmt.Sprintf(`{"ok":false,"error_code":%d,"description":%q}`, code, description)
}

func TestErrors(t *testing.T) {
	cases := []struct {
		name   string
		status int
		body   string
		fix    string
	}{
		{"bad token", 401, failure(401, "Unauthorized"), "set telegram.token"},
		{"malformed token", 404, failure(404, "Not Found"), "set telegram.token"},
		{"no such chat", 400, failure(400, "Bad Request: chat not found"), "set telegram.chat_id"},
		{"kicked", 403, failure(403, "Forbidden: bot was kicked from the group chat"), "add the bot"},
		{"no topic", 400, failure(400, "Bad Request: message thread not found"), "set telegram.thread_id"},
		{"our fault", 400, failure(400, "Bad Request: message is too long"), "please report"},
		{"outage", 502, `<html>` + token + strings.Repeat("x", 10_000), ""},
		{"trouble", 500, failure(500, "Internal Server Error"), ""},
		{"redirect", 307, ``, ""},
		{"quotes the token", 500, failure(500, "at /bot"+token+"/sendMessage"), ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := answering(t, c.status, c.body).Notify(t.Context(), message(theft(t)))
			var refused alert.Permanent
			switch {
			case err == nil || leaks(err):
				t.Errorf("error %v", err)
			case errors.As(err, &refused) != (c.fix != "") || !strings.HasPrefix(refused.Fix, c.fix):
				t.Errorf("error %v, fix %q; want the fix %q", err, refused.Fix, c.fix)
			case utf8.RuneCountInString(err.Error()) > 500:
				t.Errorf("an error of %d characters", len(err.Error()))
			}
		})
	}
}

// leaks looks for the token in everything that an error can be made to say.
func leaks(err error) bool {
	for ; err != nil; err = errors.Unwrap(err) {
		if strings.Contains(fmt.Sprintf("%s %v %+v %#v", err, err, err, err), "hush") {
			return true
		}
	}
	return false
}

func TestUnreachableDoesNotLeakTheToken(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	for name, api := range map[string]string{"refused": server.URL, "no host": "http://telegram.invalid", "reset": resetting(t)} {
		n := notifier(t, api)
		if _, err := n.Notify(t.Context(), message(theft(t))); err == nil || leaks(err) {
			t.Errorf("%s: error %v", name, err)
		}
		if err := n.Check(t.Context()); err == nil || leaks(err) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

func resetting(t *testing.T) string {
	s, err := standin.StartTelegram(standin.Options{Faults: func(int) standin.Fault { return standin.Fault{Reset: true} }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s.URL()
}

// A group that became a supergroup has another id; the alert follows it there.
func TestFollowsAGroupThatMoved(t *testing.T) {
	var chats []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		chats = append(chats, r.FormValue("chat_id"))
		if r.FormValue("chat_id") != "-100999" {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = w.Write([]byte(`{"ok":false,"error_code":400,"description":"Bad Request: group chat was upgraded to a supergroup chat","parameters":{"migrate_to_chat_id":-100999}}`))
			return
		}
		_, _ = w.Write([]byte(`{"ok":true,"result":{"message_id":5,"chat":{"id":-100999}}}`))
	}))
	defer server.Close()
	n := notifier(t, server.URL)
	for range 2 {
		if ref, err := n.Notify(t.Context(), message(theft(t))); err != nil || ref != "-100999/5" {
			t.Errorf("ref %q, error %v", ref, err)
		}
	}
	if want := "[-1001234 -100999 -100999]"; fmt.Sprint(chats) != want {
		t.Errorf("sent to %v, want %s", chats, want)
	}
}

func TestCheckAndPace(t *testing.T) {
	_, n := start(t)
	if err := n.Check(t.Context()); err != nil {
		t.Error(err)
	}
	if n.Pace() != 3*time.Second {
		t.Errorf("a group is paced at %s", n.Pace())
	}
}

func TestConfigNamesTheKey(t *testing.T) {
	good := telegram.DefaultConfig()
	good.Token, good.ChatID = token, "@soc"
	if err := good.Validate(); err != nil {
		t.Fatal(err)
	}
	cases := map[string]func(*telegram.Config){
		"telegram.token":     func(c *telegram.Config) { c.Token = "hush/../x" },
		"telegram.chat_id":   func(c *telegram.Config) { c.ChatID = "soc room" },
		"telegram.thread_id": func(c *telegram.Config) { c.ThreadID = -1 },
		"telegram.api_url":   func(c *telegram.Config) { c.APIURL = "telegram.org" },
		"telegram.timeout":   func(c *telegram.Config) { c.Timeout = 0 },
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

func FuzzTrim(f *testing.F) {
	f.Add("plain text", 0, 5, 6)
	f.Add("💥💥💥", 2, 4, 3)
	f.Add("a💥b", 1, 2, 2)
	f.Add("", 0, 0, 1)
	f.Fuzz(func(t *testing.T, text string, offset, length, limit int) {
		size := len(utf16.Encode([]rune(text)))
		if limit < 1 || limit > 5000 || offset < 0 || length < 1 || offset > size || length > size-offset || !utf8.ValidString(text) {
			t.Skip("no text of ours: invalid UTF-8, or an entity that is not within it")
		}
		entities := []models.MessageEntity{{Type: models.MessageEntityTypeBold, Offset: offset, Length: length}}
		got, styled := telegram.Trim(text, entities, limit)
		units := len(utf16.Encode([]rune(got)))
		if units > limit || !utf8.ValidString(got) {
			t.Errorf("%d units of %d: %q", units, limit, got)
		}
		if size <= limit && got != text {
			t.Errorf("%q fits and became %q", text, got)
		}
		for _, e := range styled {
			if e.Offset < 0 || e.Length < 1 || e.Offset+e.Length > units {
				t.Errorf("entity %d+%d is outside of %d units", e.Offset, e.Length, units)
			}
		}
	})
}

// Whatever a finding says, the stand-in takes what is made of it.
func FuzzRender(f *testing.F) {
	s, n := start(f)
	f.Add("São Paulo, BR", "<b>", "💥", 5.0)
	f.Add("", "\x00", "\ud7ff\U0010ffff", -1.0)
	f.Fuzz(func(t *testing.T, place, summary, client string, llr float64) {
		f := theft(t)
		f.Summary, f.Seen.Places, f.Seen.Clients, f.Consumer = summary, []string{place}, []string{client}, client
		f.Evidence[0].LLR, f.Evidence[0].Seen, f.Evidence[0].Detector = llr, client, place
		if _, err := n.Notify(t.Context(), message(f)); err != nil {
			t.Fatal(err)
		}
		if len(s.Messages()) == 0 {
			t.Error("nothing arrived")
		}
	})
}
