package webhook_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/alert"
	"github.com/tokenwatch/tokenwatch/alert/webhook"
	"github.com/tokenwatch/tokenwatch/deploy/standin"
	"github.com/tokenwatch/tokenwatch/schema"
)

// secret is the one of the specification's examples.
const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

func order(t testing.TB, n byte) alert.Order {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", "testdata", "theft.json"))
	if err != nil {
		t.Fatal(err)
	}
	var f schema.Finding
	if err := json.Unmarshal(raw, &f); err != nil {
		t.Fatal(err)
	}
	f.ID[0], f.Source, f.Credential = n, "kong", "4d924084-1adb-40a5-c042-63b19db421d1"
	inc := alert.Open(&f)
	return alert.Order{ID: "revoke-" + inc.ID, Incident: inc, By: "slack:U1 (alice)", Rule: "revoke.mode"}
}

func config(url string) webhook.Config {
	cfg := webhook.DefaultConfig()
	cfg.URL, cfg.Secret = url, secret
	cfg.Allow = []string{"127.0.0.0/8"}
	return cfg
}

func gateway(t testing.TB, cfg webhook.Config) *webhook.Gateway {
	t.Helper()
	g, err := webhook.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return g
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

func TestRevokes(t *testing.T) {
	e := endpoint(t)
	o := order(t, 1)
	said, err := gateway(t, config(e.URL())).Revoke(t.Context(), o)
	if err != nil || said != "the revoke endpoint accepted it" {
		t.Fatalf("said %q, error %v", said, err)
	}
	got := e.Requests()
	if len(got) != 1 || got[0].ID != o.ID || got[0].Token != "9f86d081884c7d659a2feaa0c55ad015" {
		t.Fatalf("the endpoint got %+v", got)
	}
	var p webhook.Payload
	if err := json.Unmarshal(got[0].Body, &p); err != nil {
		t.Fatal(err)
	}
	if p.Type != "token.revoke" || p.Timestamp.IsZero() || p.Data.Hint != "hf_…x9Qz" || p.Data.Consumer != "acme-billing" ||
		p.Data.Environment != "prod" || p.Data.Severity != schema.SeverityCritical || p.Data.Score != 3.2 || p.Data.Source != "kong" ||
		p.Data.Credential != "4d924084-1adb-40a5-c042-63b19db421d1" || p.Data.By != "slack:U1 (alice)" || p.Data.Rule != "revoke.mode" ||
		p.Data.Incident == "" || p.Data.Summary == "" || len(p.Data.Evidence) != 5 {
		t.Errorf("payload %s", got[0].Body)
	}
}

// While the secret is changed, an endpoint that knows the former one accepts as well.
func TestRotation(t *testing.T) {
	e := endpoint(t)
	cfg := config(e.URL())
	cfg.Secret, cfg.FormerSecret = "whsec_c2VjcmV0IG9mIHRoZSByZXZva2Ugc3RhbmQtaW4=", secret
	if _, err := gateway(t, cfg).Revoke(t.Context(), order(t, 1)); err != nil || len(e.Requests()) != 1 {
		t.Errorf("error %v, %d requests", err, len(e.Requests()))
	}
}

// The payload is what the schema in schema/ says, and nothing else.
func TestPayloadAsDocumented(t *testing.T) {
	raw, err := os.ReadFile("../../schema/revoke.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	var documented object
	if err := json.Unmarshal(raw, &documented); err != nil {
		t.Fatal(err)
	}
	var got []byte
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		got, _ = io.ReadAll(r.Body)
	}))
	defer server.Close()
	g := gateway(t, config(server.URL))
	bare := order(t, 2)
	bare.Incident.Evidence = nil
	for name, call := range map[string]func() (string, error){
		"revoke":  func() (string, error) { return g.Revoke(t.Context(), order(t, 1)) },
		"restore": func() (string, error) { return g.Restore(t.Context(), order(t, 1)) },
		"bare":    func() (string, error) { return g.Revoke(t.Context(), bare) },
	} {
		if _, err := call(); err != nil {
			t.Fatal(err)
		}
		var payload any
		if err := json.Unmarshal(got, &payload); err != nil {
			t.Fatal(err)
		}
		for _, fault := range documented.faults("payload", payload) {
			t.Errorf("%s: %s", name, fault)
		}
	}
}

// object is as much of JSON Schema as the payload's needs.
type object struct {
	Type                 string
	Enum                 []string
	Properties           map[string]object
	Required             []string
	AdditionalProperties *bool
	Items                *object
	MaxItems             int
}

func (o object) faults(at string, value any) (faults []string) {
	kind := map[string]string{"map[string]interface {}": "object", "[]interface {}": "array", "string": "string", "float64": "number"}[fmt.Sprintf("%T", value)]
	if kind != o.Type && !(o.Type == "integer" && kind == "number") {
		return []string{fmt.Sprintf("%s is %s, documented is %s", at, kind, o.Type)}
	}
	switch v := value.(type) {
	case map[string]any:
		for name, inner := range v {
			documented, known := o.Properties[name]
			if !known {
				faults = append(faults, at+"."+name+" is not documented")
				continue
			}
			faults = append(faults, documented.faults(at+"."+name, inner)...)
		}
		for _, name := range o.Required {
			if _, there := v[name]; !there {
				faults = append(faults, at+"."+name+" is missing")
			}
		}
	case []any:
		for i, inner := range v {
			faults = append(faults, o.Items.faults(fmt.Sprintf("%s[%d]", at, i), inner)...)
		}
		if len(v) > o.MaxItems {
			faults = append(faults, at+" is too long")
		}
	case string:
		if len(o.Enum) > 0 && !strings.Contains("|"+strings.Join(o.Enum, "|")+"|", "|"+v+"|") {
			faults = append(faults, fmt.Sprintf("%s is %q, documented is %q", at, v, o.Enum))
		}
	}
	return faults
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
			calls, followed := 0, false
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				calls++
				followed = followed || r.URL.Path == "/elsewhere"
				w.Header().Set("Location", "/elsewhere")
				w.Header().Set("Retry-After", c.header)
				w.WriteHeader(c.status)
			}))
			defer server.Close()
			g := gateway(t, config(server.URL))
			_, err := g.Revoke(t.Context(), order(t, 1))
			if got := verdict(err); got != c.want || followed {
				t.Errorf("%s (%v), followed %v; want %s", got, err, followed, c.want)
			}
			_, err = g.Revoke(t.Context(), order(t, 2))
			if gone := c.status == http.StatusGone; gone != (calls == 1) || verdict(err) != c.want {
				t.Errorf("after HTTP %d it was called %d times (%v)", c.status, calls, err)
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

// What the endpoint says is shown, in words and not too many.
func TestWhatItSays(t *testing.T) {
	for body, want := range map[string]string{
		"":                "the revoke endpoint accepted it",
		"blocked in eu-1": "the revoke endpoint accepted it: blocked in eu-1",
		`{"status":"revoked","message":"two keys"}`: "the revoke endpoint accepted it: revoked: two keys",
		`{"message":"done"}`:                        "the revoke endpoint accepted it: done",
		`{"ok":true}`:                               "the revoke endpoint accepted it",
		"<html>a page</html>":                       "the revoke endpoint accepted it",
		`["a","b"]`:                                 "the revoke endpoint accepted it",
		strings.Repeat("long ", 1000):               "the revoke endpoint accepted it",
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, body) }))
		said, err := gateway(t, config(server.URL)).Revoke(t.Context(), order(t, 1))
		server.Close()
		if err != nil || said != want {
			t.Errorf("%.20q: said %q, %v; want %q", body, said, err, want)
		}
	}
}

// An endpoint that answers late is called again, since nobody knows what it did.
func TestAnswersLate(t *testing.T) {
	release := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	defer server.Close()
	defer close(release)
	cfg := config(server.URL)
	cfg.Timeout = 50 * time.Millisecond
	if _, err := gateway(t, cfg).Revoke(t.Context(), order(t, 1)); verdict(err) != "again" {
		t.Errorf("error %v", err)
	}
}

// An endpoint that answers one request twice does not answer the next one with it.
func TestAnswersTwice(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for answer := "HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwrong"; ; answer = "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n" {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			if _, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
				_, _ = conn.Write([]byte(answer))
			}
			_ = conn.(*net.TCPConn).CloseWrite()
			defer conn.Close()
		}
	}()
	g := gateway(t, config("http://"+l.Addr().String()))
	if said, err := g.Revoke(t.Context(), order(t, 1)); err != nil || strings.Contains(said, "wrong") {
		t.Errorf("said %q, error %v", said, err)
	}
	if said, err := g.Revoke(t.Context(), order(t, 2)); verdict(err) != "again" || !strings.Contains(err.Error(), "500") {
		t.Errorf("the second request got the first one's answer: %q, %v", said, err)
	}
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
			g := gateway(t, cfg)
			_, err := g.Revoke(t.Context(), order(t, 1))
			for _, err := range []error{g.Check(t.Context()), err} {
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

func TestCheckDialsAndSendsNothing(t *testing.T) {
	e := endpoint(t)
	g := gateway(t, config(e.URL()))
	if err := g.Check(t.Context()); err != nil || e.Calls() != 0 {
		t.Errorf("error %v, %d calls", err, e.Calls())
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	if err := g.Check(t.Context()); err == nil {
		t.Error("a closed port passes")
	}
}

// A wrong secret is noticed by the endpoint, and never shown.
func TestWrongSecret(t *testing.T) {
	e := endpoint(t)
	cfg := config(e.URL() + "/path-hush")
	cfg.Secret = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	_, err := gateway(t, cfg).Revoke(t.Context(), order(t, 1))
	if verdict(err) != "again" || !strings.Contains(err.Error(), "401") || len(e.Requests()) != 0 {
		t.Errorf("error %v", err)
	}
	_ = e.Close()
	if _, err = gateway(t, cfg).Revoke(t.Context(), order(t, 1)); err == nil || strings.Contains(err.Error(), "hush") {
		t.Errorf("error %v", err)
	}
}

func TestConfigNamesTheKey(t *testing.T) {
	cases := map[string]func(*webhook.Config){
		"revoke.timeout":       func(c *webhook.Config) { c.Timeout = 0 },
		"revoke.allow":         func(c *webhook.Config) { c.Allow = []string{"localhost"} },
		"revoke.url":           func(c *webhook.Config) { c.URL = "" },
		"revoke.secret":        func(c *webhook.Config) { c.Secret = "whsec_c2hvcnQ=" },
		"revoke.former_secret": func(c *webhook.Config) { c.FormerSecret = "hush" },
		"revoke.signing_key":   func(c *webhook.Config) { c.SigningKey = "hush" },
	}
	for key, spoil := range cases {
		cfg := config("https://gateway.example.com/revoke")
		if err := cfg.Validate(); err != nil {
			t.Fatal(err)
		}
		spoil(&cfg)
		if err := cfg.Validate(); err == nil || !strings.HasPrefix(err.Error(), key+": ") || strings.Contains(err.Error(), "hush") {
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
}
