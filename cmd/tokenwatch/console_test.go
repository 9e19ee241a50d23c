package main

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/alert"
	"github.com/tokenwatch/tokenwatch/alert/console/signin"
	"github.com/tokenwatch/tokenwatch/deploy/standin"
)

func quietly() *slog.Logger { return slog.New(slog.DiscardHandler) }

// consoleAlone opens the console as the program does, before there are engines.
func consoleAlone(t *testing.T, cfg Config, log *slog.Logger) *webConsole {
	t.Helper()
	c, err := openConsole(cfg, log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.stop(t.Context()) })
	return c
}

// A password is made where nobody else could sign in, once, and is never in the log.
func TestConsolePassword(t *testing.T) {
	cfg := quick(t.TempDir())
	file := filepath.Join(cfg.DataDir, consolePassword)
	var log bytes.Buffer
	first := consoleAlone(t, cfg, slog.New(slog.NewTextHandler(&log, nil)))
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	made := strings.TrimSpace(string(text))
	if info, _ := os.Stat(file); len(made) < 26 || info.Mode().Perm() != 0o600 || first.cfg.Password.Reveal() != made {
		t.Errorf("%q, %v", made, info.Mode())
	}
	if strings.Contains(log.String(), made) || !strings.Contains(log.String(), file) {
		t.Errorf("the log:\n%s", log.String())
	}
	if again := consoleAlone(t, cfg, quietly()); again.cfg.Password != first.cfg.Password {
		t.Error("another one is made at the second start")
	}
	for what, change := range map[string]func(*Config){
		"a password": func(c *Config) { c.Console.Password = "is configured, and long" },
		"users": func(c *Config) {
			c.Console.Users = map[string]signin.User{"ana": {Role: signin.Admin, Password: "of ana, and long"}}
		},
		"a provider": func(c *Config) { c.Console.OIDC.Issuer = "https://login.example.org" },
	} {
		cfg := quick(t.TempDir())
		change(&cfg)
		configured := cfg.Console.Password
		if c := consoleAlone(t, cfg, quietly()); c.cfg.Password != configured {
			t.Errorf("with %s, another password works too", what)
		}
		if _, err := os.Stat(filepath.Join(cfg.DataDir, consolePassword)); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("with %s: %v", what, err)
		}
	}
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := openConsole(cfg, quietly()); err == nil || !strings.HasPrefix(err.Error(), "console.password: ") {
		t.Errorf("an empty file: %v", err)
	}
}

func TestShortPasswordsAreWarnedOf(t *testing.T) {
	for password, warned := range map[alert.Secret]bool{"short": true, "long enough for a while": false} {
		cfg := quick(t.TempDir())
		cfg.Console.Password = password
		var log bytes.Buffer
		consoleAlone(t, cfg, slog.New(slog.NewTextHandler(&log, nil)))
		if got := strings.Contains(log.String(), "fewer characters"); got != warned || strings.Contains(log.String(), "short pass") {
			t.Errorf("%d characters: %s", len(password), log.String())
		}
	}
}

// Messages link to where people find the console.
func TestConsoleLink(t *testing.T) {
	for _, c := range []struct{ listen, public, base, configured, want string }{
		{"127.0.0.1:0", "https://soc.example.org/tw/", "", "", "https://soc.example.org/tw/"},
		{"127.0.0.1:0", "https://soc.example.org", "/tw", "", "https://soc.example.org/tw/"},
		{"127.0.0.1:0", "https://soc.example.org", "", "https://other.example.org/x", "https://other.example.org/x"},
		{"127.0.0.1:0", "", "/tw", "", "http://127.0.0.1:"},
		{"", "https://soc.example.org", "", "", ""},
	} {
		cfg := quick(t.TempDir())
		cfg.Console.Listen, cfg.Console.PublicURL, cfg.Console.BasePath = c.listen, c.public, c.base
		web := consoleAlone(t, cfg, quietly())
		if got := web.link(c.configured); !strings.HasPrefix(got, c.want) || c.want == "" && got != "" {
			t.Errorf("%+v: %s", c, got)
		}
	}
	everywhere := quick(t.TempDir())
	everywhere.Console.Listen = "0.0.0.0:0"
	if got := consoleAlone(t, everywhere, quietly()).url(); strings.Contains(got, "0.0.0.0") || strings.Contains(got, "[::]") {
		t.Errorf("a link that leads nowhere: %s", got)
	}
}

// Before there are engines the console says so; from then on people sign in, and stay signed in over a restart.
func TestConsoleRuns(t *testing.T) {
	t.Parallel()
	needEngines(t)
	cfg := quick(t.TempDir())
	cfg.Console.Password = "of the administrator"
	waiting := consoleAlone(t, cfg, quietly())
	answer, err := http.Get(waiting.url() + "incidents/1")
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(answer.Body)
	_ = answer.Body.Close()
	if answer.StatusCode != http.StatusServiceUnavailable || !strings.Contains(string(body), "tokenwatch is starting") {
		t.Errorf("%d %s", answer.StatusCode, body)
	}
	p := start(t, cfg)
	if got := p.cfg.Alert.ConsoleURL; got != p.console.url() {
		t.Errorf("messages link to %q", got)
	}
	jar, _ := cookiejar.New(nil)
	client := &http.Client{Jar: jar}
	answer, err = client.PostForm(p.console.url()+"sign-in", url.Values{"name": {"admin"}, "password": {"of the administrator"}, "to": {"/audit"}})
	if err != nil {
		t.Fatal(err)
	}
	body, _ = io.ReadAll(answer.Body)
	_ = answer.Body.Close()
	if answer.StatusCode != http.StatusOK || !strings.Contains(string(body), "<h1>Audit</h1>") || !strings.Contains(string(body), "sign in") {
		t.Errorf("%d\n%s", answer.StatusCode, body)
	}
	cfg.Console.Listen = strings.TrimPrefix(strings.TrimSuffix(p.console.url(), "/"), "http://")
	if err := p.stop(); err != nil {
		t.Fatal(err)
	}
	again := start(t, cfg)
	if answer, err = client.Get(again.console.url() + "audit"); err != nil {
		t.Fatal(err)
	}
	body, _ = io.ReadAll(answer.Body)
	_ = answer.Body.Close()
	if !strings.Contains(string(body), "<h1>Audit</h1>") {
		t.Errorf("after a restart: %d\n%s", answer.StatusCode, body)
	}
	if strings.Contains(p.log.String()+again.log.String(), "of the administrator") {
		t.Error("the password is in the log")
	}
}

// With a certificate it speaks HTTP/2, so that many pages can be looked at live; and what is none is said at the start.
func TestConsoleTLS(t *testing.T) {
	known := httptest.NewTLSServer(http.NotFoundHandler()) // for its certificate, which its client trusts
	t.Cleanup(known.Close)
	pair := known.TLS.Certificates[0]
	key, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	cfg := quick(t.TempDir())
	cfg.Console.CertFile, cfg.Console.KeyFile = filepath.Join(cfg.DataDir, "cert.pem"), filepath.Join(cfg.DataDir, "key.pem")
	for file, block := range map[string]*pem.Block{cfg.Console.CertFile: {Type: "CERTIFICATE", Bytes: pair.Certificate[0]}, cfg.Console.KeyFile: {Type: "PRIVATE KEY", Bytes: key}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c := consoleAlone(t, cfg, quietly())
	client := known.Client()
	client.Transport.(*http.Transport).ForceAttemptHTTP2 = true
	answer, err := client.Get(c.url())
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	if answer.ProtoMajor != 2 || !strings.HasPrefix(c.url(), "https://") {
		t.Errorf("%s %s", c.url(), answer.Proto)
	}
	if err := os.WriteFile(cfg.Console.KeyFile, []byte("no key"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := openConsole(cfg, quietly()); err == nil || !strings.HasPrefix(err.Error(), "console.cert_file, console.key_file: ") {
		t.Errorf("%v", err)
	}
}

func TestTryConsole(t *testing.T) {
	provider, err := standin.StartOIDC(standin.Options{}, standin.OIDCClient{ID: "tw"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = provider.Close() })
	for _, c := range []struct {
		change func(*Config)
		want   string
	}{
		{func(*Config) {}, "http://127.0.0.1:9465/, where admin with the password in dir/console-password can sign in"},
		{func(c *Config) { c.Console.PublicURL, c.Console.Password = "https://soc.example.org/tw", "x" }, "https://soc.example.org/tw/, where admin with a password can sign in"},
		{func(c *Config) {
			c.Console.Users = map[string]signin.User{"ana": {Role: signin.Viewer, Password: "x"}, "bo": {Role: signin.Admin, Password: "x"}}
			c.Console.OIDC.Issuer = provider.URL()
		}, "http://127.0.0.1:9465/, where 2 users with passwords, everybody with a role at " + strings.TrimPrefix(provider.URL(), "http://") + " can sign in"},
		{func(c *Config) { c.Console.OIDC.Issuer = provider.URL() + "/nowhere" }, "console.oidc.issuer: asking " + provider.URL() + "/nowhere for its endpoints: 404"},
		{func(c *Config) { c.Console.CertFile, c.Console.KeyFile = "nowhere.pem", "nowhere.key" }, "console.cert_file, console.key_file: open nowhere.pem"},
	} {
		cfg := DefaultConfig()
		cfg.DataDir = "dir"
		c.change(&cfg)
		began := time.Now()
		detail, err := cfg.tryConsole(t.Context())
		if err != nil {
			detail = err.Error()
		}
		if !strings.HasPrefix(detail, c.want) || time.Since(began) > 10*time.Second {
			t.Errorf("have %s\nwant %s", detail, c.want)
		}
	}
}
