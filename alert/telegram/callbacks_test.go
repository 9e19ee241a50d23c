package telegram_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/alert"
	"github.com/tokenwatch/tokenwatch/alert/telegram"
	"github.com/tokenwatch/tokenwatch/schema"
)

// counter takes presses, or fails.
type counter struct {
	err error

	mu      sync.Mutex
	presses []alert.Press
}

func (c *counter) Take(_ context.Context, p alert.Press) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil {
		c.presses = append(c.presses, p)
	}
	return "Acknowledged, says " + p.By, c.err
}

// api stands in for the Bot API: it has updates to give once, and hears answers.
type api struct {
	mu      sync.Mutex
	updates []string
	answers chan string
	fail    int // polls that are answered with a conflict first
}

func (a *api) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_ = r.ParseMultipartForm(1 << 20)
	switch {
	case strings.HasSuffix(r.URL.Path, "/getUpdates"):
		a.mu.Lock()
		if a.fail > 0 {
			a.fail--
			a.mu.Unlock()
			w.WriteHeader(http.StatusConflict)
			fmt.Fprint(w, `{"ok":false,"error_code":409,"description":"Conflict: terminated by other getUpdates request"}`)
			return
		}
		updates := a.updates
		a.updates = nil
		a.mu.Unlock()
		if len(updates) == 0 {
			select { // as a long poll does
			case <-r.Context().Done():
			case <-time.After(time.Second):
			}
		}
		fmt.Fprintf(w, `{"ok":true,"result":[%s]}`, strings.Join(updates, ","))
	case strings.HasSuffix(r.URL.Path, "/answerCallbackQuery"):
		a.answers <- r.FormValue("callback_query_id") + " " + r.FormValue("show_alert") + " " + r.FormValue("text")
		fmt.Fprint(w, `{"ok":true,"result":true}`)
	}
}

func callback(n int, user int64, data string) string {
	return fmt.Sprintf(`{"update_id":%d,"callback_query":{"id":"q-%d","from":{"id":%d,"is_bot":false,"first_name":"A","username":"alice"},"chat_instance":"1","data":%q}}`, n, n, user, data)
}

func TestPresses(t *testing.T) {
	for _, c := range []struct {
		name, update string
		err          error
		fail         int
		answer       string
		taken        schema.VerdictKind
	}{
		{"good", callback(1, 42, "tw:ack:inc-1"), nil, 0, "q-1  Acknowledged, says telegram:42 (alice)", schema.VerdictAcknowledged},
		{"after another poller", callback(1, 42, "tw:keep:inc-1"), nil, 2, "q-1  Acknowledged", schema.VerdictKeep},
		{"a stranger", callback(1, 43, "tw:ack:inc-1"), nil, 0, "q-1 true You are not among those", ""},
		{"it cannot be kept", callback(1, 42, "tw:theft:inc-1"), errors.New("no database"), 0, "q-1 true This could not be kept; press again", ""},
		{"it makes no sense", callback(1, 42, "tw:theft:inc-1"), fmt.Errorf("%w: %s", alert.ErrRefused, strings.Repeat("x", 300)), 0, "q-1 true not taken: xxx", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			a := &api{updates: []string{callback(0, 42, "somebody else's button"), c.update}, answers: make(chan string, 5), fail: c.fail}
			server := httptest.NewServer(a)
			defer server.Close()
			cfg := telegram.DefaultConfig()
			cfg.Token, cfg.ChatID, cfg.APIURL, cfg.AllowedUsers = "1:hush", "7", server.URL, []int64{42}
			taker, log := &counter{err: c.err}, &bytes.Buffer{}
			in, err := telegram.NewInbound(cfg, taker, slog.New(slog.NewTextHandler(log, nil)))
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			go func() { ended <- in.Run(ctx) }()
			select {
			case answer := <-a.answers:
				if !strings.HasPrefix(answer, c.answer) || len(answer) > 300 {
					t.Errorf("answered %q, want %q", answer, c.answer)
				}
			case <-time.After(30 * time.Second):
				t.Fatal("no answer")
			}
			cancel()
			if err := <-ended; err != nil {
				t.Error(err)
			}
			if (c.taken != "") != (len(taker.presses) == 1) {
				t.Fatalf("taken %+v", taker.presses)
			}
			if c.taken != "" {
				if p := taker.presses[0]; p.Kind != c.taken || p.Incident != "inc-1" || p.ID != "telegram:q-1" || p.By != "telegram:42 (alice)" {
					t.Errorf("%+v", p)
				}
			}
			if strings.Contains(log.String(), "hush") {
				t.Errorf("the log has the token: %s", log)
			}
		})
	}
}

func FuzzCallback(f *testing.F) {
	for _, seed := range []string{"tw:owner:inc-1", "tw::", "tw:owner:", "x", "tw:ack:a:b"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data string) {
		kind, incident, ok := telegram.ParseCallback(data)
		if ok && (!kind.Valid() || incident == "" || !strings.HasPrefix(data, "tw:") || !strings.HasSuffix(data, ":"+incident)) {
			t.Errorf("%q is %q about %q", data, kind, incident)
		}
	})
}
