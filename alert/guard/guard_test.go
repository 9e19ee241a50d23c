package guard_test

import (
	"errors"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/alert"
	"github.com/tokenwatch/tokenwatch/alert/guard"
)

func TestWhatMayBeDialled(t *testing.T) {
	loop := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	private := guard.Access{AllowPrivate: true}.Opened()
	for _, c := range []struct {
		address string
		opened  []netip.Prefix
		allowed bool
	}{
		{"93.184.216.34", nil, true},
		{"127.0.0.1", nil, false},
		{"127.0.0.1", loop, true},
		{"10.1.2.3", nil, false},
		{"10.1.2.3", private, true},
		{"169.254.169.254", private, false},
		{"[fd00::1]", private, true},
		{"[fd00::1]", nil, false},
		{"[::1]", private, false},
		{"[::ffff:127.0.0.1]", nil, false},
		{"[::ffff:169.254.169.254]", nil, false},
		{"[fe80::1]", private, false},
		{"0.0.0.0", loop, false},
		{"[64:ff9b::7f00:1]", nil, false},
	} {
		t.Run(c.address, func(t *testing.T) {
			d := guard.Dialer(guard.Route{Timeout: time.Second, Opened: c.opened})
			network := "tcp4"
			if strings.HasPrefix(c.address, "[") {
				network = "tcp6"
			}
			err := d.Control(network, c.address+":443", nil)
			if (err == nil) != c.allowed || (err != nil && !guard.Prohibited(err)) {
				t.Errorf("error %v, want allowed %v", err, c.allowed)
			}
		})
	}
}

func TestVendor(t *testing.T) {
	for target, open := range map[string]bool{
		"https://slack.com/api/":              false,
		"https://hooks.slack.com/services/T0": false,
		"https://hooks.SLACK.com./services":   false,
		"https://slack.com.evil.example/api/": true, // somebody wrote it into the configuration
		"http://127.0.0.1:9/api/":             true,
		"http://telegram-bot-api:8081":        true,
	} {
		r := guard.Vendor(target, "slack.com", time.Second)
		if err := guard.Dialer(r).Control("tcp4", "127.0.0.1:80", nil); (err == nil) != open {
			t.Errorf("%s: loopback: %v, want open %v", target, err, open)
		}
		if err := guard.Dialer(r).Control("tcp4", "169.254.169.254:80", nil); err == nil {
			t.Errorf("%s: the metadata service is open", target)
		}
	}
}

func TestWritten(t *testing.T) {
	for target, want := range map[string]string{
		"http://127.0.0.1:8080/x": "127.0.0.1/32", "http://[fd00::1]/": "fd00::1/128", "https://example.com": "", "http://localhost:1": "127.0.0.0/8 ::1/128", "%": "",
	} {
		var have []string
		for _, p := range guard.Written(target) {
			have = append(have, p.String())
		}
		if strings.Join(have, " ") != want {
			t.Errorf("%s opens %v, want %q", target, have, want)
		}
	}
}

// A name that leads inside is refused although the name itself is harmless.
func TestNameThatLeadsInside(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	_, err := guard.Client(guard.Route{Timeout: time.Second}).Get(strings.Replace(server.URL, "127.0.0.1", "localhost", 1))
	if !guard.Prohibited(err) {
		t.Errorf("error %v", err)
	}
	if err := guard.Reach(t.Context(), guard.Route{Timeout: time.Second}, server.URL); !guard.Prohibited(err) {
		t.Errorf("error %v", err)
	}
	if err := guard.Reach(t.Context(), guard.Route{Timeout: time.Second, Opened: guard.Written(server.URL)}, server.URL); err != nil {
		t.Error(err)
	}
}

// The environment's proxy is used where a route asks for it, wherever the proxy is; nothing else opens.
func TestProxy(t *testing.T) {
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.URL.String()) }))
	defer proxy.Close()
	t.Setenv("HTTP_PROXY", proxy.URL) // read once a process, and by no other test
	const target = "http://slack.invalid/api/"
	resp, err := guard.Client(guard.Vendor(target, "slack.invalid", time.Second)).Get(target)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, _ := io.ReadAll(resp.Body); string(body) != target {
		t.Errorf("the proxy was asked for %q", body)
	}
	if _, err := guard.Client(guard.Route{Timeout: time.Second}).Get(target); err == nil {
		t.Error("a route without a proxy went through one")
	}
}

func TestNoRedirects(t *testing.T) {
	server := httptest.NewServer(http.RedirectHandler("http://169.254.169.254/", http.StatusTemporaryRedirect))
	defer server.Close()
	resp, err := guard.Client(guard.Route{Timeout: time.Second, Opened: guard.Written(server.URL)}).Post(server.URL, "text/plain", strings.NewReader("x"))
	if err != nil || resp.StatusCode != http.StatusTemporaryRedirect {
		t.Fatalf("%v, %v", resp, err)
	}
	_ = resp.Body.Close()
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for value, want := range map[string]time.Duration{
		"17": 17 * time.Second, " 17 ": 17 * time.Second, "0.65": 650 * time.Millisecond, "0": 0, "99999999": time.Hour, "Inf": time.Hour,
		now.Add(90 * time.Second).Format(http.TimeFormat): 90 * time.Second, now.Add(-time.Hour).Format(http.TimeFormat): 0,
	} {
		if have, ok := guard.RetryAfter(value, now); !ok || have != want {
			t.Errorf("%q: %s, %v; want %s", value, have, ok, want)
		}
	}
	for _, value := range []string{"", "soon", "-1", "NaN", "1;2"} {
		if have, ok := guard.RetryAfter(value, now); ok {
			t.Errorf("%q: %s", value, have)
		}
	}
	if guard.Seconds(math.NaN()) != 0 || guard.Seconds(-5) != 0 {
		t.Error("a wait that is none")
	}
}

// 429 and 503 that say when to come back are one error, whatever stands in the body.
func TestAnswersThatAskToWait(t *testing.T) {
	for status, throttled := range map[int]bool{429: true, 503: true, 500: false, 200: false} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "7")
			w.WriteHeader(status)
			_, _ = io.WriteString(w, strings.Repeat("<html>", 100_000))
		}))
		resp, err := guard.Client(guard.Route{Timeout: 5 * time.Second, Opened: guard.Written(server.URL)}).Get(server.URL)
		var later alert.RetryAfter
		if errors.As(err, &later) != throttled || (throttled && later.After != 7*time.Second) {
			t.Errorf("%d: error %v", status, err)
		}
		if err == nil {
			_ = resp.Body.Close()
		}
		server.Close()
	}
}

func TestAccessNamesTheKey(t *testing.T) {
	if err := (guard.Access{Allow: []string{"10.0.0.0/8"}}).Validate("hook"); err != nil {
		t.Error(err)
	}
	err := guard.Access{Allow: []string{"10.0.0.1"}}.Validate("hook")
	if err == nil || !strings.HasPrefix(err.Error(), "hook.allow: ") {
		t.Errorf("error %v", err)
	}
}
