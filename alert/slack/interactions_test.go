package slack_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/tokenwatch/tokenwatch/alert"
	"github.com/tokenwatch/tokenwatch/alert/slack"
	"github.com/tokenwatch/tokenwatch/schema"
)

const signingSecret = "8f742231b10e8888abcd99yyyzzz85a5"

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
	return "kept", c.err
}

func (c *counter) taken() []alert.Press {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]alert.Press(nil), c.presses...)
}

// vendor is where whispers go, and what opens Socket Mode.
type vendor struct {
	*httptest.Server
	mu      sync.Mutex
	whisper []string
	socket  http.HandlerFunc
}

func newVendor(t *testing.T) *vendor {
	t.Helper()
	v := &vendor{}
	v.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/whisper":
			body, _ := io.ReadAll(r.Body)
			v.mu.Lock()
			v.whisper = append(v.whisper, string(body))
			v.mu.Unlock()
		case "/api/apps.connections.open":
			if r.Header.Get("Authorization") != "Bearer xapp-hush" {
				fmt.Fprint(w, `{"ok":false,"error":"invalid_auth"}`)
				return
			}
			fmt.Fprintf(w, `{"ok":true,"url":"ws%s/socket"}`, strings.TrimPrefix(v.URL, "http"))
		case "/socket":
			v.socket(w, r)
		}
	}))
	t.Cleanup(v.Close)
	return v
}

func (v *vendor) whispers() string {
	v.mu.Lock()
	defer v.mu.Unlock()
	return strings.Join(v.whisper, "\n")
}

func (v *vendor) config() slack.Config {
	cfg := slack.DefaultConfig()
	cfg.Token, cfg.Channel, cfg.APIURL = "xoxb-1", "C1", v.URL+"/api/"
	cfg.SigningSecret, cfg.AppToken, cfg.AllowedUsers = signingSecret, "xapp-hush", []string{"U024BE7LH"}
	return cfg
}

func (v *vendor) payload(user, action string) string {
	return fmt.Sprintf(`{"type":"block_actions","user":{"id":%q,"username":"alice"},"response_url":%q,"actions":[{"action_id":%q,"block_id":"b","type":"button","value":"inc-1","action_ts":"%d.500000"}]}`,
		user, v.URL+"/whisper", action, time.Now().Unix()-3)
}

func sign(body string, at time.Time) string {
	mac := hmac.New(sha256.New, []byte(signingSecret))
	fmt.Fprintf(mac, "v0:%d:%s", at.Unix(), body)
	return "v0=" + hex.EncodeToString(mac.Sum(nil))
}

func TestPressesOverHTTP(t *testing.T) {
	v := newVendor(t)
	form := func(payload string) string { return url.Values{"payload": {payload}}.Encode() }
	good := form(v.payload("U024BE7LH", "tw_theft"))
	now := time.Now()
	for _, c := range []struct {
		name, method, body, signature string
		at                            time.Time
		err                           error
		status, taken                 int
		whisper                       string
	}{
		{"good", "POST", good, sign(good, now), now, nil, 200, 1, ""},
		{"a GET", "GET", good, sign(good, now), now, nil, 405, 0, ""},
		{"not signed", "POST", good, "", now, nil, 401, 0, ""},
		{"signed by somebody else", "POST", good, "v0=" + strings.Repeat("0", 64), now, nil, 401, 0, ""},
		{"changed on the way", "POST", strings.Replace(good, "theft", "owner", 1), sign(good, now), now, nil, 401, 0, ""},
		{"of six minutes ago", "POST", good, sign(good, now.Add(-6*time.Minute)), now.Add(-6 * time.Minute), nil, 401, 0, ""},
		{"of six minutes hence", "POST", good, sign(good, now.Add(6*time.Minute)), now.Add(6 * time.Minute), nil, 401, 0, ""},
		{"a stranger", "POST", form(v.payload("U0STRANGER", "tw_theft")), "", now, nil, 200, 0, "slack.allowed_users"},
		{"another button", "POST", form(v.payload("U024BE7LH", "approve")), "", now, nil, 200, 0, ""},
		{"a shortcut", "POST", form(`{"type":"shortcut"}`), "", now, nil, 200, 0, ""},
		{"no payload", "POST", "a=b", "", now, nil, 400, 0, ""},
		{"not JSON", "POST", form("{"), "", now, nil, 400, 0, ""},
		{"too large", "POST", form(strings.Repeat(" ", 2<<20)), "", now, nil, 413, 0, ""},
		{"it cannot be kept", "POST", good, sign(good, now), now, errors.New("no database"), 503, 0, "press again"},
		{"it makes no sense", "POST", good, sign(good, now), now, fmt.Errorf("%w: there is no incident inc-1", alert.ErrRefused), 200, 0, "no incident inc-1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			taker, log := &counter{err: c.err}, &bytes.Buffer{}
			before := v.whispers()
			in := slack.NewInbound(v.config(), taker, slog.New(slog.NewTextHandler(log, nil)))
			req := httptest.NewRequest(c.method, "/v1/slack", strings.NewReader(c.body))
			if c.signature == "" && c.name != "not signed" {
				c.signature = sign(c.body, c.at)
			}
			req.Header.Set("X-Slack-Signature", c.signature)
			req.Header.Set("X-Slack-Request-Timestamp", fmt.Sprint(c.at.Unix()))
			w := httptest.NewRecorder()
			in.ServeHTTP(w, req)
			if w.Code != c.status || len(taker.taken()) != c.taken {
				t.Errorf("status %d, %d taken; want %d, %d", w.Code, len(taker.taken()), c.status, c.taken)
			}
			if said := strings.TrimPrefix(v.whispers(), before); (c.whisper == "") != (said == "") || !strings.Contains(said, c.whisper) {
				t.Errorf("whispered %q, want %q", said, c.whisper)
			}
			if strings.Contains(log.String(), "hush") || strings.Contains(log.String(), signingSecret) {
				t.Errorf("the log has a secret: %s", log)
			}
		})
	}
}

// The same press has the same id however often it comes; another one has another.
func TestPressIsNamed(t *testing.T) {
	v, taker := newVendor(t), &counter{}
	in := slack.NewInbound(v.config(), taker, slog.New(slog.DiscardHandler))
	now := time.Now()
	for _, payload := range []string{v.payload("U024BE7LH", "tw_owner"), v.payload("U024BE7LH", "tw_owner"), v.payload("U024BE7LH", "tw_keep")} {
		body := url.Values{"payload": {strings.Replace(payload, fmt.Sprint(time.Now().Unix()-3), fmt.Sprint(now.Unix()-3), 1)}}.Encode()
		req := httptest.NewRequest(http.MethodPost, "/v1/slack", strings.NewReader(body))
		req.Header.Set("X-Slack-Signature", sign(body, now))
		req.Header.Set("X-Slack-Request-Timestamp", fmt.Sprint(now.Unix()))
		in.ServeHTTP(httptest.NewRecorder(), req)
	}
	got := taker.taken()
	if len(got) != 3 || got[0].ID != got[1].ID || got[0].ID == got[2].ID {
		t.Fatalf("%+v", got)
	}
	p := got[0]
	if p.Incident != "inc-1" || p.Kind != schema.VerdictOwner || p.By != "slack:U024BE7LH (alice)" || now.Sub(p.At) > 10*time.Second || now.Before(p.At) {
		t.Errorf("%+v", p)
	}
}

// Over Socket Mode a press is acknowledged once it is kept, and only then; a connection that Slack closes is opened
// again.
func TestPressesOverSocketMode(t *testing.T) {
	v, taker := newVendor(t), &counter{}
	type ack struct {
		EnvelopeID string `json:"envelope_id"`
	}
	acks, connections := make(chan string, 10), make(chan int, 10)
	upgrader := websocket.Upgrader{CheckOrigin: func(*http.Request) bool { return true }} // it is no browser
	count := 0
	v.socket = func(w http.ResponseWriter, r *http.Request) {
		conn, err := upgrader.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		defer conn.Close()
		count++
		connections <- count
		_ = conn.WriteMessage(websocket.TextMessage, []byte(`{"type":"hello","num_connections":1}`))
		if count == 1 {
			_ = conn.WriteMessage(websocket.TextMessage, []byte(`{"type":"disconnect","reason":"refresh_requested"}`))
			_, _, _ = conn.ReadMessage()
			return
		}
		for i, user := range []string{"U024BE7LH", "U0STRANGER"} {
			envelope := fmt.Sprintf(`{"type":"interactive","envelope_id":"e-%d","accepts_response_payload":true,"payload":%s}`, i, v.payload(user, "tw_ack"))
			_ = conn.WriteMessage(websocket.TextMessage, []byte(envelope))
			var a ack
			if _, text, err := conn.ReadMessage(); err != nil || json.Unmarshal(text, &a) != nil {
				return
			}
			acks <- a.EnvelopeID
		}
		_, _, _ = conn.ReadMessage()
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	in := slack.NewInbound(v.config(), taker, slog.New(slog.DiscardHandler))
	go func() { ended <- in.Run(ctx) }()
	for _, want := range []string{"e-0", "e-1"} {
		select {
		case got := <-acks:
			if got != want {
				t.Errorf("acknowledged %s, want %s", got, want)
			}
		case <-time.After(30 * time.Second):
			t.Fatal("nothing is acknowledged")
		}
	}
	if got := taker.taken(); len(got) != 1 || got[0].Kind != schema.VerdictAcknowledged || len(connections) != 2 {
		t.Errorf("taken %+v over %d connections", got, len(connections))
	}
	if !strings.Contains(v.whispers(), "slack.allowed_users") {
		t.Error("the stranger was not told")
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestInteractive(t *testing.T) {
	for _, c := range []struct {
		change func(*slack.Config)
		want   bool
		err    string
	}{
		{func(*slack.Config) {}, true, ""},
		{func(c *slack.Config) { c.AllowedUsers = nil }, false, ""},
		{func(c *slack.Config) { c.AppToken = "" }, true, ""},
		{func(c *slack.Config) { c.SigningSecret = "" }, true, ""},
		{func(c *slack.Config) { c.AppToken, c.SigningSecret = "", "" }, false, "slack.allowed_users"},
		{func(c *slack.Config) { c.AppToken = "xoxb-hush" }, true, "slack.app_token"},
		{func(c *slack.Config) { c.AllowedUsers = []string{""} }, true, "slack.allowed_users"},
	} {
		cfg := (&vendor{Server: &httptest.Server{URL: "http://127.0.0.1"}}).config()
		c.change(&cfg)
		if cfg.Interactive() != c.want {
			t.Errorf("interactive %v", !c.want)
		}
		err := cfg.Validate()
		if (err == nil) != (c.err == "") || err != nil && (!strings.HasPrefix(err.Error(), c.err+": ") || strings.Contains(err.Error(), "hush")) {
			t.Errorf("error %v, want %q", err, c.err)
		}
	}
}
