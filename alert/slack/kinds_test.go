package slack_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/alert"
	"github.com/tokenwatch/tokenwatch/alert/slack"
	"github.com/tokenwatch/tokenwatch/deploy/standin"
	"github.com/tokenwatch/tokenwatch/schema"
)

func drawn(context.Context) ([]byte, error) { return []byte("\x89PNG picture"), nil }

func with(t testing.TB, api string, options ...slack.Option) *slack.Notifier {
	t.Helper()
	cfg := slack.DefaultConfig()
	cfg.Token, cfg.Channel, cfg.APIURL = token, "C024BE91L", api
	n, err := slack.New(cfg, options...)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func notify(t testing.TB, n *slack.Notifier, m alert.Message) string {
	t.Helper()
	ref, err := n.Notify(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	return ref
}

func TestReplyGoesIntoTheThread(t *testing.T) {
	s, n := start(t)
	m := message(theft(t))
	m.Ref = notify(t, n, m)
	m.Kind, m.Escalated, m.Key, m.Title = alert.KindReply, true, "slack/inc/2", "CRITICAL · now more severe <!channel>"
	if ref := notify(t, n, m); ref != m.Ref {
		t.Errorf("the ref became %q", ref)
	}
	got := s.Messages()
	if len(got) != 1 || got[0].Edits != 0 || len(got[0].Replies) != 1 {
		t.Fatalf("the channel holds %+v", got)
	}
	reply := got[0].Replies[0]
	if !reply.Shown || len(reply.Pings) > 0 || !strings.Contains(reply.Rendered, "now more severe <!channel>") || !strings.Contains(reply.Rendered, "×400") {
		t.Errorf("shown to the channel %v, pings %v:\n%s", reply.Shown, reply.Pings, reply.Rendered)
	}
	m.Escalated = false
	notify(t, n, m)
	if last := s.Messages()[0].Replies[1]; last.Shown {
		t.Error("a reminder was shown to the channel")
	}
}

func TestDigest(t *testing.T) {
	s, n := start(t)
	m := alert.Message{Kind: alert.KindDigest, Icon: "🟠", Title: "12 incidents", Sentence: "More than messages can keep up with."}
	for range n.DigestEntries() {
		m.Entries = append(m.Entries, alert.Entry{
			Incident: "inc-0123456789abcdef", Icon: "🔴", Title: strings.Repeat("<!here> é", 15), Sentence: strings.Repeat("💥&", 100), Link: "https://console.example/incidents/inc-0123456789abcdef",
		})
	}
	notify(t, n, m)
	got := s.Messages()[0]
	if len(got.Pings) > 0 || strings.Count(got.Rendered, "inc-0123456789abcdef") != n.DigestEntries() {
		t.Errorf("pings %v\n%s", got.Pings, got.Rendered)
	}
}

func TestPictureStandsInTheThread(t *testing.T) {
	s, n := start(t)
	m := message(theft(t))
	m.Picture = drawn
	m.Ref = notify(t, n, m)
	if again := notify(t, n, m); again != m.Ref {
		t.Errorf("%q became %q", m.Ref, again)
	}
	files := s.Messages()[0].Files
	if len(files) != 1 || string(files[0].Data) != "\x89PNG picture" || files[0].Name != "incident.png" {
		t.Errorf("files %+v", files)
	}
}

// The message arrives whatever becomes of the picture, and the next edit tries again.
func TestPictureFails(t *testing.T) {
	broken := errors.New("no history")
	for name, c := range map[string]struct {
		draw   func(context.Context) ([]byte, error)
		faults standin.Faults // the message is call 1
	}{
		"not drawn":     {draw: func(context.Context) ([]byte, error) { return nil, broken }},
		"nowhere to go": {draw: drawn, faults: on(2, standin.Fault{Status: 500})},
		"refused":       {draw: drawn, faults: on(3, standin.Fault{Status: 413})},
		"cut":           {draw: drawn, faults: on(3, standin.Fault{Reset: true})},
		"not shared":    {draw: drawn, faults: on(4, standin.Fault{Status: 429, RetryAfter: time.Second})},
	} {
		t.Run(name, func(t *testing.T) {
			s, _ := start(t)
			s.Break(c.faults)
			var told []error
			n := with(t, s.APIURL(), slack.WithBlurred(func(err error) { told = append(told, err) }))
			m := message(theft(t))
			m.Picture = c.draw
			m.Ref = notify(t, n, m)
			if len(s.Messages()) != 1 || len(s.Messages()[0].Files) != 0 || len(told) != 1 || leaks(told[0]) {
				t.Fatalf("%d messages, told of %v", len(s.Messages()), told)
			}
			m.Picture = drawn
			notify(t, n, m)
			if files := s.Messages()[0].Files; len(files) != 1 {
				t.Errorf("the edit brought %d files", len(files))
			}
		})
	}
}

func on(call int, f standin.Fault) standin.Faults {
	return func(n int) standin.Fault {
		if n == call {
			return f
		}
		return standin.Fault{}
	}
}

func leaks(err error) bool { return strings.Contains(err.Error(), "hush") }

// The address for the picture is an answer, and not to be trusted as configuration is.
func TestPictureDoesNotGoInside(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "getUploadURLExternal") {
			_, _ = w.Write([]byte(`{"ok":true,"upload_url":"http://169.254.169.254/latest/","file_id":"F1"}`))
			return
		}
		_, _ = w.Write([]byte(`{"ok":true,"channel":"C024BE91L","ts":"1.2"}`))
	}))
	defer server.Close()
	var told error
	n := with(t, server.URL, slack.WithBlurred(func(err error) { told = err }))
	m := message(theft(t))
	m.Picture = drawn
	notify(t, n, m)
	if told == nil || !strings.Contains(told.Error(), "not a permitted") {
		t.Errorf("error %v", told)
	}
}

func TestButtons(t *testing.T) {
	s, _ := start(t)
	n := with(t, s.APIURL(), slack.WithButtons())
	for _, c := range []struct {
		name   string
		change func(*alert.Message)
		want   []string
	}{
		{"open", func(*alert.Message) {}, []string{"tw_owner", "tw_theft", "tw_ack", "tw_snooze"}},
		{"acknowledged", func(m *alert.Message) { m.Incident.State = schema.IncidentAcknowledged }, []string{"tw_owner", "tw_theft", "tw_snooze"}},
		{"resolved", func(m *alert.Message) { m.Incident.State = schema.IncidentResolved }, nil},
		{"trial", func(m *alert.Message) { m.Trial = true }, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := message(theft(t))
			c.change(&m)
			notify(t, n, m)
			var have []string
			all := s.Messages()
			last := all[len(all)-1]
			if sql, press := strings.Index(last.Rendered, "SELECT"), strings.Index(last.Rendered, "[ It was us ]"); press > sql {
				t.Error("the buttons stand below the SQL")
			}
			for _, b := range last.Buttons {
				have = append(have, b.Action)
				if b.Value != m.Incident.ID {
					t.Errorf("%s has the value %q", b.Action, b.Value)
				}
			}
			if !slices.Equal(have, c.want) {
				t.Errorf("buttons %q, want %q", have, c.want)
			}
		})
	}
	_, plain := start(t)
	if strings.Contains(notify(t, plain, message(theft(t))), "tw_") {
		t.Error("buttons that nobody asked for")
	}
}

func TestFindsWhatWasPostedBeforeACrash(t *testing.T) {
	s, _ := start(t)
	n := with(t, s.APIURL())
	for range 3 {
		m := message(theft(t))
		m.Key = "other"
		notify(t, n, m)
	}
	m := message(theft(t))
	m.Key = "slack/inc-1/1"
	if ref, err := n.Find(t.Context(), m); ref != "" || err != nil {
		t.Fatalf("found %q, %v before it was posted", ref, err)
	}
	posted := notify(t, n, m)
	found, err := n.Find(t.Context(), m)
	if err != nil || found != posted {
		t.Errorf("found %q, %v; posted as %q", found, err, posted)
	}
}

func TestLinkToTheConsole(t *testing.T) {
	s, n := start(t)
	m := message(theft(t))
	m.Link = "https://console.example/incidents/inc-1"
	notify(t, n, m)
	if !strings.Contains(string(s.Messages()[0].Blocks), `"url":"https://console.example/incidents/inc-1"`) {
		t.Errorf("blocks %s", s.Messages()[0].Blocks)
	}
}

// Answers that a vendor's documentation knows and those that proxies make of them.
func TestThrottledInAnyForm(t *testing.T) {
	for header, want := range map[string]time.Duration{
		"30": 30 * time.Second, "1.5": 1500 * time.Millisecond, "": 30 * time.Second, "soon": 30 * time.Second,
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			if header != "" {
				w.Header().Set("Retry-After", header)
			}
			w.WriteHeader(http.StatusTooManyRequests)
			_, _ = w.Write([]byte("<html>slow down</html>"))
		}))
		_, err := with(t, server.URL).Notify(t.Context(), message(theft(t)))
		server.Close()
		var later alert.RetryAfter
		if !errors.As(err, &later) || later.After != want {
			t.Errorf("%q: error %v", header, err)
		}
	}
}

// What names no message is no success, whatever its status: the alert would be lost.
func TestAnswersThatConfirmNothing(t *testing.T) {
	for _, body := range []string{"", "{}", `{"ok":false}`, `{"ok":true}`, "<html>welcome</html>", "null", "[]"} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(body)) }))
		m := message(theft(t))
		for _, c := range []struct {
			what string
			ref  string
			kind alert.Kind
		}{{"post", "", alert.KindIncident}, {"edit", "C024BE91L/1.2", alert.KindIncident}, {"reply", "C024BE91L/1.2", alert.KindReply}} {
			m.Ref, m.Kind = c.ref, c.kind
			if ref, err := with(t, server.URL).Notify(t.Context(), m); err == nil {
				t.Errorf("%s answered with %q: ref %q", c.what, body, ref)
			}
		}
		cfg := slack.DefaultConfig()
		cfg.WebhookURL = alert.Secret(server.URL + "/services/hush")
		n, err := slack.New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		m.Ref, m.Kind = "", alert.KindIncident
		if _, err := n.Notify(t.Context(), m); (err == nil) != (body == `{"ok":true}`) || err != nil && leaks(err) {
			t.Errorf("the webhook answered with %q: error %v", body, err)
		}
		server.Close()
	}
}
