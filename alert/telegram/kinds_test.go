package telegram_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/tokenwatch/tokenwatch/alert"
	"github.com/tokenwatch/tokenwatch/alert/telegram"
	"github.com/tokenwatch/tokenwatch/deploy/standin"
	"github.com/tokenwatch/tokenwatch/schema"
)

func drawn(context.Context) ([]byte, error) { return []byte("\x89PNG picture"), nil }

func with(t testing.TB, api string, options ...telegram.Option) *telegram.Notifier {
	t.Helper()
	cfg := telegram.DefaultConfig()
	cfg.Token, cfg.ChatID, cfg.APIURL = token, "-1001234", api
	n, err := telegram.New(cfg, options...)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func notify(t testing.TB, n *telegram.Notifier, m alert.Message) string {
	t.Helper()
	ref, err := n.Notify(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	return ref
}

func TestReplyStandsBelowItsMessage(t *testing.T) {
	s, n := start(t)
	m := message(theft(t))
	m.Ref = notify(t, n, m)
	m.Kind, m.Escalated, m.Title, m.Picture = alert.KindReply, true, "CRITICAL · now more severe @everyone", drawn
	if ref := notify(t, n, m); ref != m.Ref {
		t.Errorf("the ref became %q", ref)
	}
	got := s.Messages()
	if len(got) != 2 || got[0].Edits != 0 || got[1].ReplyTo != got[0].ID || got[1].Silent {
		t.Fatalf("the chat holds %+v", got)
	}
	if strings.Contains(got[1].Text, "@everyone") || !strings.Contains(got[1].Text, "×400") {
		t.Errorf("the reply says\n%s", got[1].Text)
	}
	if photos := s.Photos(); len(photos) != 1 || photos[0].ReplyTo != got[0].ID {
		t.Errorf("photos %+v", photos)
	}
}

func TestDigest(t *testing.T) {
	s, n := start(t)
	for _, piece := range []string{"plain words ", "💥@all https://x "} {
		m := alert.Message{Kind: alert.KindDigest, Icon: "🟠", Title: "12 incidents", Sentence: "More than messages can keep up with."}
		for range n.DigestEntries() {
			m.Entries = append(m.Entries, alert.Entry{
				Incident: "inc-0123456789abcdef", Icon: "🔴", Title: strings.Repeat("💥", 140), Sentence: strings.Repeat(piece, 200/len([]rune(piece))),
				Link: "https://console.example/incidents/inc-0123456789abcdef",
			})
		}
		notify(t, n, m)
		all := s.Messages()
		got := all[len(all)-1]
		links := 0
		for _, e := range got.Entities {
			if e.Type == "text_link" {
				links++
			}
		}
		if links != n.DigestEntries() || len(utf16.Encode([]rune(got.Text))) > telegram.MaxUnits || strings.Contains(got.Text, "@all") {
			t.Errorf("%d links in\n%s", links, got.Text)
		}
	}
}

func TestPictureIsSentOnce(t *testing.T) {
	s, n := start(t)
	f := theft(t)
	f.Consumer = strings.Repeat("💥", 2000)
	m := message(f)
	m.Title, m.Picture = strings.Repeat("💥", 2000), drawn
	m.Ref = notify(t, n, m)
	if again := notify(t, n, m); again != m.Ref {
		t.Errorf("%q became %q", m.Ref, again)
	}
	photos := s.Photos()
	if len(photos) != 1 || string(photos[0].Photo) != "\x89PNG picture" || photos[0].ReplyTo != s.Messages()[0].ID || !photos[0].Silent {
		t.Errorf("%d photos: %+v", len(photos), photos)
	}
}

// The message arrives whatever becomes of the picture, and the next edit tries again.
func TestPictureFails(t *testing.T) {
	for name, c := range map[string]struct {
		draw  func(context.Context) ([]byte, error)
		fault standin.Fault
	}{
		"not drawn": {draw: func(context.Context) ([]byte, error) { return nil, errors.New("no history") }},
		"throttled": {draw: drawn, fault: standin.Fault{Status: 429, RetryAfter: time.Second}},
		"cut":       {draw: drawn, fault: standin.Fault{Reset: true}},
	} {
		t.Run(name, func(t *testing.T) {
			s, _ := start(t)
			s.Break(func(call int) standin.Fault {
				if call == 2 {
					return c.fault
				}
				return standin.Fault{}
			})
			var told []error
			n := with(t, s.URL(), telegram.WithBlurred(func(err error) { told = append(told, err) }))
			m := message(theft(t))
			m.Picture = c.draw
			m.Ref = notify(t, n, m)
			if len(s.Messages()) != 1 || len(s.Photos()) != 0 || len(told) != 1 || leaks(told[0]) {
				t.Fatalf("%d messages, %d photos, told of %v", len(s.Messages()), len(s.Photos()), told)
			}
			m.Picture, m.Sentence = drawn, "Something else"
			notify(t, n, m)
			if len(s.Photos()) != 1 {
				t.Errorf("the edit brought %d photos", len(s.Photos()))
			}
		})
	}
}

func TestButtons(t *testing.T) {
	s, _ := start(t)
	n := with(t, s.URL(), telegram.WithButtons())
	for _, c := range []struct {
		name   string
		change func(*alert.Message)
		want   []string
	}{
		{"open", func(*alert.Message) {}, []string{"owner", "theft", "ack", "snooze"}},
		{"acknowledged", func(m *alert.Message) { m.Incident.State = schema.IncidentAcknowledged }, []string{"owner", "theft", "snooze"}},
		{"resolved", func(m *alert.Message) { m.Incident.State = schema.IncidentResolved }, nil},
		{"trial", func(m *alert.Message) { m.Trial = true }, nil},
		{"an id that does not fit", func(m *alert.Message) { m.Incident.ID = strings.Repeat("x", 64) }, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := message(theft(t))
			c.change(&m)
			notify(t, n, m)
			var have []string
			all := s.Messages()
			for _, b := range all[len(all)-1].Buttons {
				kind, id, _ := strings.Cut(strings.TrimPrefix(b.Data, "tw:"), ":")
				have = append(have, kind)
				if id != m.Incident.ID {
					t.Errorf("%q names %q", b.Data, id)
				}
			}
			if !slices.Equal(have, c.want) {
				t.Errorf("buttons %q, want %q", have, c.want)
			}
		})
	}
}

// When it is over there is nothing to press any more.
func TestButtonsGoWhenItIsOver(t *testing.T) {
	s, _ := start(t)
	n := with(t, s.URL(), telegram.WithButtons())
	m := message(theft(t))
	m.Ref = notify(t, n, m)
	m.Incident.State = schema.IncidentResolved
	notify(t, n, m)
	if got := s.Messages()[0]; got.Edits != 1 || len(got.Buttons) != 0 {
		t.Errorf("%d edits, buttons %v", got.Edits, got.Buttons)
	}
}

func TestThrottledInAnyForm(t *testing.T) {
	for _, c := range []struct {
		header, body string
		want         time.Duration
	}{
		{"7", "<html>slow down</html>", 7 * time.Second},
		{"", `{"ok":false,"error_code":429,"description":"Too Many Requests: retry after 9","parameters":{"retry_after":9}}`, 9 * time.Second},
		{"11", `{"ok":false,"error_code":429,"description":"Too Many Requests","parameters":{"retry_after":9}}`, 11 * time.Second},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			if c.header != "" {
				w.Header().Set("Retry-After", c.header)
			}
			w.WriteHeader(http.StatusTooManyRequests)
			_, _ = w.Write([]byte(c.body))
		}))
		_, err := with(t, server.URL).Notify(t.Context(), message(theft(t)))
		server.Close()
		var later alert.RetryAfter
		if !errors.As(err, &later) || later.After != c.want || leaks(err) {
			t.Errorf("%+v: error %v", c, err)
		}
	}
}

// What names no message is no success, whatever its status: the alert would be lost.
func TestAnswersThatConfirmNothing(t *testing.T) {
	for _, body := range []string{"", "{}", `{"ok":false}`, `{"ok":true}`, `{"ok":true,"result":{}}`, "<html>welcome</html>", "null", "[]"} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(body)) }))
		if ref, err := with(t, server.URL).Notify(t.Context(), message(theft(t))); err == nil || leaks(err) {
			t.Errorf("%q: ref %q, error %v", body, ref, err)
		}
		server.Close()
	}
}
