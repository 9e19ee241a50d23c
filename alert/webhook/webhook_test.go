package webhook_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/tokenwatch/tokenwatch/alert"
	"github.com/tokenwatch/tokenwatch/alert/webhook"
	"github.com/tokenwatch/tokenwatch/deploy/standin"
	"github.com/tokenwatch/tokenwatch/schema"
)

// secret is the one of the specification's examples.
const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

func message(t testing.TB, n byte) alert.Message {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", "testdata", "theft.json"))
	if err != nil {
		t.Fatal(err)
	}
	var f schema.Finding
	if err := json.Unmarshal(raw, &f); err != nil {
		t.Fatal(err)
	}
	f.ID[0] = n
	return alert.Compose(alert.Open(&f), func(schema.Delivery) string { return "" })
}

func config(url string) webhook.Config {
	cfg := webhook.DefaultConfig()
	cfg.Mode, cfg.URL, cfg.Secret = webhook.Automatic, url, secret
	cfg.Allow = []string{"127.0.0.0/8"}
	return cfg
}

func notifier(t testing.TB, cfg webhook.Config) *webhook.Notifier {
	t.Helper()
	n, err := webhook.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func endpoint(t testing.TB) *standin.Revoke {
	t.Helper()
	e, err := standin.StartRevoke(standin.Options{Secret: secret})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	return e
}

// The library signs what the specification's example says, and the stand-in, which has an
// implementation of its own, agrees in every test below.
func TestSpecificationsVector(t *testing.T) {
	signer, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		t.Fatal(err)
	}
	got, err := signer.Sign("msg_p5jXN8AQM9LWM0D4loKWxJek", time.Unix(1614265330, 0), []byte(`{"test": 2432232314}`))
	if want := "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="; err != nil || got != want {
		t.Errorf("signature %s, %v; want %s", got, err, want)
	}
}

func TestRevokes(t *testing.T) {
	e := endpoint(t)
	ref, err := notifier(t, config(e.URL())).Notify(t.Context(), message(t, 1))
	if err != nil || !strings.HasPrefix(ref, "revoke-inc-") {
		t.Fatalf("ref %q, error %v", ref, err)
	}
	got := e.Requests()
	if len(got) != 1 || got[0].ID != ref || got[0].Token != "9f86d081884c7d659a2feaa0c55ad015" {
		t.Fatalf("the endpoint got %+v", got)
	}
	var p webhook.Payload
	if err := json.Unmarshal(got[0].Body, &p); err != nil {
		t.Fatal(err)
	}
	if p.Type != "token.revoke" || p.Timestamp.IsZero() || p.Data.Hint != "hf_…x9Qz" || p.Data.Consumer != "acme-billing" ||
		p.Data.Environment != "prod" || p.Data.Severity != schema.SeverityCritical || p.Data.Score != 3.2 ||
		p.Data.Incident == "" || p.Data.Summary == "" || len(p.Data.Evidence) != 5 {
		t.Errorf("payload %s", got[0].Body)
	}
}

// Two notifiers, as before and after a restart, make requests of one id: the receiver acts
// once.
func TestIDStaysOverRestarts(t *testing.T) {
	e := endpoint(t)
	for range 2 {
		if _, err := notifier(t, config(e.URL())).Notify(t.Context(), message(t, 1)); err != nil {
			t.Fatal(err)
		}
	}
	got := e.Requests()
	if len(got) != 2 || got[0].ID != got[1].ID || got[0].Repeated || !got[1].Repeated {
		t.Errorf("the endpoint got %+v", got)
	}
}

func TestSkips(t *testing.T) {
	e := endpoint(t)
	trial := alert.Trial(time.Now())
	mild, resolved, seen := message(t, 1), message(t, 2), message(t, 3)
	mild.Incident.Severity = schema.SeverityHigh
	resolved.Incident.State = schema.IncidentResolved
	seen.Incident.State = schema.IncidentAcknowledged
	n := notifier(t, config(e.URL()))
	for name, m := range map[string]alert.Message{"trial": trial, "mild": mild, "resolved": resolved, "acknowledged": seen} {
		if _, err := n.Notify(t.Context(), m); !errors.Is(err, alert.ErrSkip) {
			t.Errorf("%s: error %v", name, err)
		}
	}
	off := config(e.URL())
	off.Mode = webhook.Off
	if _, err := notifier(t, off).Notify(t.Context(), message(t, 1)); !errors.Is(err, alert.ErrSkip) {
		t.Errorf("off: error %v", err)
	}
	if e.Calls() != 0 {
		t.Errorf("%d calls", e.Calls())
	}
}

func TestDryRunSendsNothing(t *testing.T) {
	e := endpoint(t)
	cfg := config(e.URL())
	cfg.Mode, cfg.Secret = webhook.DryRun, ""
	n := notifier(t, cfg)
	ref, err := n.Notify(t.Context(), message(t, 1))
	if err != nil || ref == "" || e.Calls() != 0 {
		t.Errorf("ref %q, error %v, %d calls", ref, err, e.Calls())
	}
	said := n.Describe(schema.Delivery{Ref: ref, Revision: 2, At: time.Date(2026, 3, 2, 3, 12, 8, 0, time.UTC)})
	if said != "Dry run: the token would have been revoked at 03:12:08 UTC; nothing was done to it" {
		t.Errorf("said %q", said)
	}
}

func TestCap(t *testing.T) {
	e := endpoint(t)
	cfg := config(e.URL())
	cfg.MaxPerHour = 3
	n := notifier(t, cfg)
	n.Remember("inc-earlier", schema.Delivery{Ref: "revoke-inc-earlier", At: time.Now().Add(-10 * time.Minute)})
	n.Remember("inc-long-ago", schema.Delivery{Ref: "revoke-inc-long-ago", At: time.Now().Add(-2 * time.Hour)})
	n.Remember("inc-failed", schema.Delivery{Error: "HTTP 410", At: time.Now()})
	for range 2 { // a repetition does not count again
		for i := range byte(2) {
			if _, err := n.Notify(t.Context(), message(t, i+1)); err != nil {
				t.Fatal(err)
			}
		}
	}
	_, err := n.Notify(t.Context(), message(t, 9))
	var refused alert.Permanent
	if !errors.As(err, &refused) || !strings.Contains(err.Error(), "revoke.max_per_hour") {
		t.Errorf("above the cap: %v", err)
	}
	if e.Calls() != 4 {
		t.Errorf("%d calls, want 4", e.Calls())
	}
}

func TestAnswers(t *testing.T) {
	cases := []struct {
		status int
		header string
		want   string // done, wait 7s, refused, again
	}{
		{200, "", "done"}, {202, "", "done"}, {204, "", "done"},
		{301, "", "refused"}, {307, "", "refused"}, {410, "", "refused"},
		{429, "7", "wait 7s"}, {503, "7", "wait 7s"},
		{429, "", "again"}, {503, "soon", "again"}, {400, "", "again"}, {401, "", "again"}, {404, "", "again"}, {500, "7", "again"},
	}
	for _, c := range cases {
		t.Run(fmt.Sprint(c.status, c.header), func(t *testing.T) {
			followed := false
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				followed = followed || r.URL.Path == "/elsewhere"
				w.Header().Set("Location", "/elsewhere")
				w.Header().Set("Retry-After", c.header)
				w.WriteHeader(c.status)
			}))
			defer server.Close()
			_, err := notifier(t, config(server.URL)).Notify(t.Context(), message(t, 1))
			if got := verdict(err); got != c.want || followed {
				t.Errorf("%s (%v), followed %v; want %s", got, err, followed, c.want)
			}
		})
	}
}

func verdict(err error) string {
	var later alert.RetryAfter
	var refused alert.Permanent
	switch {
	case err == nil:
		return "done"
	case errors.As(err, &later):
		return "wait " + later.After.String()
	case errors.As(err, &refused):
		return "refused"
	}
	return "again"
}

func TestRefusesAddressesThatAreNotPublic(t *testing.T) {
	e := endpoint(t)
	_, port, _ := net.SplitHostPort(strings.TrimPrefix(e.URL(), "http://"))
	cases := []struct {
		name, url    string
		allow        []string
		allowPrivate bool
	}{
		{"loopback", e.URL(), []string{"192.0.2.0/24"}, false},
		{"loopback by name", "http://localhost:" + port, []string{"192.0.2.0/24"}, false},
		{"loopback is not private", e.URL(), nil, true},
		{"mapped into IPv6", "http://[::ffff:127.0.0.1]:" + port, []string{"192.0.2.0/24"}, false},
		{"metadata", "http://169.254.169.254/", nil, true},
		{"private", "http://10.255.255.1/", []string{"127.0.0.0/8"}, false},
		{"unspecified", "http://0.0.0.0:" + port, nil, true},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			cfg := config(c.url)
			cfg.Allow, cfg.AllowPrivate, cfg.Timeout = c.allow, c.allowPrivate, 2*time.Second
			n := notifier(t, cfg)
			for _, err := range []error{n.Check(t.Context()), second(n.Notify(t.Context(), message(t, 1)))} {
				var refused alert.Permanent
				if !errors.As(err, &refused) || !strings.Contains(err.Error(), "revoke.allow") {
					t.Errorf("error %v", err)
				}
			}
		})
	}
	if e.Calls() != 0 {
		t.Errorf("%d calls got through", e.Calls())
	}
}

func second(_ string, err error) error { return err }

func TestCheckDialsAndSendsNothing(t *testing.T) {
	e := endpoint(t)
	n := notifier(t, config(e.URL()))
	if err := n.Check(t.Context()); err != nil || e.Calls() != 0 {
		t.Errorf("error %v, %d calls", err, e.Calls())
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	if err := n.Check(t.Context()); err == nil {
		t.Error("a closed port passes")
	}
}

// A wrong secret is noticed by the endpoint, and never shown.
func TestWrongSecret(t *testing.T) {
	e := endpoint(t)
	cfg := config(e.URL() + "/path-hush")
	cfg.Secret = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	_, err := notifier(t, cfg).Notify(t.Context(), message(t, 1))
	if verdict(err) != "again" || !strings.Contains(err.Error(), "401") || len(e.Requests()) != 0 {
		t.Errorf("error %v", err)
	}
	_ = e.Close()
	if _, err = notifier(t, cfg).Notify(t.Context(), message(t, 1)); err == nil || strings.Contains(err.Error(), "hush") {
		t.Errorf("error %v", err)
	}
}

func TestDescribe(t *testing.T) {
	n := notifier(t, config("https://gateway.example.com/revoke"))
	at := time.Date(2026, 3, 2, 3, 12, 8, 0, time.UTC)
	cases := map[string]schema.Delivery{
		"Token revoked at 03:12:08 UTC: the revoke endpoint accepted it": {Ref: "revoke-inc-1", Revision: 2, At: at},
		"NOT revoked: HTTP 410": {Revision: 2, At: at, Error: "HTTP 410"},
		"Revocation not confirmed after 3 attempts, still trying: HTTP 500": {Attempts: 3, At: at, Error: "HTTP 500"},
	}
	for want, d := range cases {
		if got := n.Describe(d); got != want {
			t.Errorf("said %q, want %q", got, want)
		}
	}
}

func TestConfigNamesTheKey(t *testing.T) {
	cases := map[string]func(*webhook.Config){
		"revoke.mode":         func(c *webhook.Config) { c.Mode = "always" },
		"revoke.min_severity": func(c *webhook.Config) { c.MinSeverity = 9 },
		"revoke.max_per_hour": func(c *webhook.Config) { c.MaxPerHour = 0 },
		"revoke.timeout":      func(c *webhook.Config) { c.Timeout = 0 },
		"revoke.allow":        func(c *webhook.Config) { c.Allow = []string{"localhost"} },
		"revoke.url":          func(c *webhook.Config) { c.URL = "" },
		"revoke.secret":       func(c *webhook.Config) { c.Secret = "whsec_c2hvcnQ=" },
	}
	for key, spoil := range cases {
		cfg := config("https://gateway.example.com/revoke")
		if err := cfg.Validate(); err != nil {
			t.Fatal(err)
		}
		spoil(&cfg)
		if err := cfg.Validate(); err == nil || !strings.HasPrefix(err.Error(), key+": ") {
			t.Errorf("%s: error %v", key, err)
		}
	}
	for _, url := range []string{"ftp://x/", "https://user:hush@x/", "http://public.example.com/", "://"} {
		cfg := config(url)
		cfg.Allow = nil
		if err := cfg.Validate(); err == nil || !strings.HasPrefix(err.Error(), "revoke.url: ") || strings.Contains(err.Error(), "hush") {
			t.Errorf("%s: error %v", url, err)
		}
	}
	if cfg := webhook.DefaultConfig(); cfg.Enabled() || cfg.Validate() != nil {
		t.Error("by default something would be revoked, or the default is not valid")
	}
}
