package hook_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/alert"
	"github.com/tokenwatch/tokenwatch/alert/hook"
	"github.com/tokenwatch/tokenwatch/schema"
)

const (
	secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	former = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
)

func message(t testing.TB) alert.Message {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", "testdata", "theft.json"))
	if err != nil {
		t.Fatal(err)
	}
	var f schema.Finding
	if err := json.Unmarshal(raw, &f); err != nil {
		t.Fatal(err)
	}
	return alert.Compose(alert.Open(&f), func(schema.Delivery) string { return "" })
}

// endpoint remembers what it got, and verifies it with one of the secrets.
type endpoint struct {
	secret string
	got    []hook.Payload
	ids    []string
	wrong  string
}

func (e *endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	key, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(e.secret, "whsec_"))
	mac := hmac.New(sha256.New, key)
	_, _ = io.WriteString(mac, r.Header.Get("webhook-id")+"."+r.Header.Get("webhook-timestamp")+"."+string(body))
	if want := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)); !strings.Contains(r.Header.Get("webhook-signature"), want) {
		e.wrong = "no signature is " + want + ": " + r.Header.Get("webhook-signature")
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	var p hook.Payload
	if err := json.Unmarshal(body, &p); err != nil || r.Header.Get("Content-Type") != "application/json" {
		e.wrong = "not a payload"
	}
	e.got, e.ids = append(e.got, p), append(e.ids, r.Header.Get("webhook-id"))
	w.WriteHeader(http.StatusNoContent)
}

func config(url string) hook.Config {
	cfg := hook.DefaultConfig()
	cfg.URL, cfg.Secret, cfg.Allow = url, secret, []string{"127.0.0.0/8"}
	return cfg
}

func notifier(t testing.TB, cfg hook.Config) *hook.Notifier {
	t.Helper()
	n, err := hook.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestLifeOfAnIncident(t *testing.T) {
	e := &endpoint{secret: secret}
	server := httptest.NewServer(e)
	defer server.Close()
	n := notifier(t, config(server.URL))
	m := message(t)
	m.Incident.Deliveries = []schema.Delivery{{Destination: "slack", Ref: "C1/2"}}
	for i, step := range []struct {
		state schema.IncidentState
		want  string
	}{
		{schema.IncidentOpen, "incident.opened"}, {schema.IncidentOpen, "incident.updated"},
		{schema.IncidentAcknowledged, "incident.acknowledged"}, {schema.IncidentResolved, "incident.resolved"},
	} {
		m.Incident.State, m.Incident.Revision = step.state, uint64(i+1)
		ref, err := n.Notify(t.Context(), m)
		if err != nil {
			t.Fatal(err, e.wrong)
		}
		m.Ref = ref
		if got := e.got[i]; got.Type != step.want || got.Data.Incident.ID != m.Incident.ID || len(got.Data.Incident.Deliveries) > 0 || got.Data.Rows[0].Seen != "São Paulo, BR" {
			t.Errorf("sent %+v, want %s", got, step.want)
		}
	}
	if _, err := n.Notify(t.Context(), m); err != nil || e.ids[4] != e.ids[3] || e.ids[3] == e.ids[2] || e.ids[3] != m.Incident.ID+"-4" {
		t.Errorf("error %v, ids %q: a repetition has the same, a revision its own", err, e.ids)
	}
	if _, err := n.Notify(t.Context(), alert.Trial(time.Now())); err != nil || e.got[5].Type != "test" {
		t.Errorf("error %v, sent %+v", err, e.got[5])
	}
}

// While secrets are rotated, an endpoint may have either.
func TestRotation(t *testing.T) {
	for _, has := range []string{secret, former} {
		e := &endpoint{secret: has}
		server := httptest.NewServer(e)
		cfg := config(server.URL)
		cfg.FormerSecret = former
		if _, err := notifier(t, cfg).Notify(t.Context(), message(t)); err != nil {
			t.Errorf("%s: %v: %s", has, err, e.wrong)
		}
		server.Close()
	}
}

func TestAnswers(t *testing.T) {
	for _, c := range []struct {
		name   string
		status int
		header string
		fix    string
		wait   time.Duration
	}{
		{name: "gone", status: 410, fix: "the endpoint says"}, {name: "a redirect", status: 308, fix: "redirects are refused"},
		{name: "another secret", status: 401, fix: "the endpoint and hook.secret"}, {name: "nothing there", status: 404, fix: "hook.url leads to nothing"},
		{name: "a bug there", status: 500}, {name: "not understood", status: 422},
		{name: "throttled", status: 429, header: "3", wait: 3 * time.Second}, {name: "away", status: 503, header: "4", wait: 4 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Location", "http://169.254.169.254/")
				if c.header != "" {
					w.Header().Set("Retry-After", c.header)
				}
				w.WriteHeader(c.status)
				_, _ = io.WriteString(w, "<html>"+strings.Repeat("\x1b[31m", 10_000))
			}))
			defer server.Close()
			_, err := notifier(t, config(server.URL)).Notify(t.Context(), message(t))
			var refused alert.Permanent
			var later alert.RetryAfter
			switch {
			case err == nil || strings.Contains(err.Error(), "\x1b") || len(err.Error()) > 1000:
				t.Errorf("error %v", err)
			case errors.As(err, &refused) != (c.fix != "") || !strings.HasPrefix(refused.Fix, c.fix):
				t.Errorf("error %v, fix %q", err, refused.Fix)
			case errors.As(err, &later) != (c.wait != 0) || later.After != c.wait:
				t.Errorf("error %v, wait %s", err, later.After)
			}
		})
	}
}

func TestInsideOnlyIfAllowed(t *testing.T) {
	e := &endpoint{secret: secret}
	server := httptest.NewServer(e)
	defer server.Close()
	for _, url := range []string{server.URL, strings.Replace(server.URL, "127.0.0.1", "localhost", 1)} {
		cfg := config(url)
		cfg.Allow = []string{"10.0.0.0/8"}
		n := notifier(t, cfg)
		var refused alert.Permanent
		if _, err := n.Notify(t.Context(), message(t)); !errors.As(err, &refused) || !strings.Contains(refused.Fix, "hook.allow") || len(e.got) > 0 {
			t.Errorf("%s: error %v, %d requests", url, err, len(e.got))
		}
		if err := n.Check(t.Context()); !errors.As(err, &refused) {
			t.Errorf("%s: error %v", url, err)
		}
	}
}

func TestConfigNamesTheKey(t *testing.T) {
	if err := config("http://127.0.0.1/").Validate(); err != nil {
		t.Fatal(err)
	}
	for key, spoil := range map[string]func(*hook.Config){
		"hook.url":           func(c *hook.Config) { c.Allow = nil },
		"hook.secret":        func(c *hook.Config) { c.Secret = "hush" },
		"hook.former_secret": func(c *hook.Config) { c.FormerSecret = "hush" },
		"hook.signing_key":   func(c *hook.Config) { c.SigningKey = "hush" },
		"hook.allow":         func(c *hook.Config) { c.Allow = []string{"here"} },
		"hook.timeout":       func(c *hook.Config) { c.Timeout = 0 },
	} {
		cfg := config("http://127.0.0.1/")
		spoil(&cfg)
		if err := cfg.Validate(); err == nil || !strings.HasPrefix(err.Error(), key+": ") || strings.Contains(err.Error(), "hush") {
			t.Errorf("%s: error %v", key, err)
		}
	}
}
