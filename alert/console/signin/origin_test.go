package signin_test

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/tokenwatch/tokenwatch/alert/console/signin"
)

func header(name, value string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set(name, value) }
}

func TestCookies(t *testing.T) {
	for what, c := range map[string]struct {
		configure func(*signin.Config)
		request   func(*http.Request)
		want      string
	}{
		"plain":                     {func(*signin.Config) {}, func(*http.Request) {}, "tokenwatch=; Path=/; HttpOnly; SameSite=Lax"},
		"TLS of ours":               {func(*signin.Config) {}, func(r *http.Request) { r.TLS = &tls.ConnectionState{} }, "__Host-tokenwatch=; Path=/; HttpOnly; Secure; SameSite=Lax"},
		"a public URL":              {func(c *signin.Config) { c.PublicURL = "https://soc.example.org/" }, func(*http.Request) {}, "__Host-tokenwatch=; Path=/; HttpOnly; Secure; SameSite=Lax"},
		"a public URL below a path": {func(c *signin.Config) { c.PublicURL = "https://soc.example.org/tw/" }, func(*http.Request) {}, "__Secure-tokenwatch=; Path=/tw/; HttpOnly; Secure; SameSite=Lax"},
		"a stranger's word":         {func(*signin.Config) {}, header("X-Forwarded-Proto", "https"), "tokenwatch=; Path=/; HttpOnly; SameSite=Lax"},
		"a proxy's word":            {func(c *signin.Config) { c.TrustedProxies = []string{"192.0.2.0/24"} }, header("X-Forwarded-Proto", "https"), "__Host-tokenwatch=; Path=/; HttpOnly; Secure; SameSite=Lax"},
		"below a path":              {func(c *signin.Config) { c.BasePath = "/a/b" }, func(*http.Request) {}, "tokenwatch=; Path=/a/b/; HttpOnly; SameSite=Lax"},
	} {
		t.Run(what, func(t *testing.T) {
			cfg := passwords()
			c.configure(&cfg)
			d := newDoor(t, cfg)
			w := httptest.NewRecorder()
			if _, err := d.Password(w, request(nil, c.request), "vic", "of vic"); err != nil {
				t.Fatal(err)
			}
			cookies := w.Result().Cookies()
			value := cookies[0].Value
			if len(value) < 26 { // base32: 130 bits
				t.Errorf("an id of %d characters", len(value))
			}
			if got := strings.Replace(w.Header().Get("Set-Cookie"), value, "", 1); got != c.want {
				t.Errorf("have %s\nwant %s", got, c.want)
			}
			if _, known := d.Who(request(cookies, c.request)); !known {
				t.Error("the session is not found again")
			}
		})
	}
}

func TestAddress(t *testing.T) {
	for _, c := range []struct{ peer, forwarded, want string }{
		{"198.51.100.7", "203.0.113.1", "198.51.100.7"}, // nobody trusts it
		{"192.0.2.1", "203.0.113.1", "203.0.113.1"},
		{"192.0.2.1", "6.6.6.6, 203.0.113.1, 192.0.2.9", "203.0.113.1"}, // what stands left may be made up
		{"192.0.2.1", "6.6.6.6, <script>", "192.0.2.1"},
		{"192.0.2.1", "", "192.0.2.1"},
		{"192.0.2.1", "203.0.113.1:4711", "203.0.113.1"},
		{"192.0.2.1", "[2001:db8::7]:4711", "2001:db8::7"},
		{"192.0.2.1", "192.0.2.3", "192.0.2.3"},
		{"[::ffff:192.0.2.1]", "::ffff:203.0.113.1", "203.0.113.1"},
		{"[2001:db8::1]", "203.0.113.1", "203.0.113.1"},
		{"[2001:db8::2]", "203.0.113.1", "2001:db8::2"},
	} {
		cfg := passwords()
		cfg.TrustedProxies = []string{"192.0.2.0/24", "2001:db8::1"}
		d := newDoor(t, cfg)
		r := request(nil, from(c.peer))
		if c.forwarded != "" {
			r.Header.Set("X-Forwarded-For", c.forwarded)
		}
		if got := d.Address(r); got != c.want {
			t.Errorf("%s, %q: %s, want %s", c.peer, c.forwarded, got, c.want)
		}
	}
}

func TestConfig(t *testing.T) {
	oidc := signin.OIDCConfig{Issuer: "https://login.example.org", ClientID: "tokenwatch", Scopes: []string{"openid"}, RoleClaim: "groups", DefaultRole: signin.Viewer}
	for want, change := range map[string]func(*signin.Config){
		"":                                        func(c *signin.Config) { c.OIDC = oidc },
		"console.session_ttl: ":                   func(c *signin.Config) { c.SessionTTL = 0 },
		"console.session_idle: ":                  func(c *signin.Config) { c.SessionIdle = -1 },
		`console.base_path: "tokenwatch"`:         func(c *signin.Config) { c.BasePath = "tokenwatch" },
		`console.base_path: "/a/"`:                func(c *signin.Config) { c.BasePath = "/a/" },
		`console.base_path: "/{a}"`:               func(c *signin.Config) { c.BasePath = "/{a}" },
		`console.base_path: "/a/../b"`:            func(c *signin.Config) { c.BasePath = "/a/../b" },
		`console.base_path: "//a"`:                func(c *signin.Config) { c.BasePath = "//a" },
		`console.public_url: "soc.example.org"`:   func(c *signin.Config) { c.PublicURL = "soc.example.org" },
		`console.public_url: "https://x.org/?a=1`: func(c *signin.Config) { c.PublicURL = "https://x.org/?a=1" },
		"console.public_url, console.base_path: ": func(c *signin.Config) { c.PublicURL, c.BasePath = "https://x.org/a", "/b" },
		`console.trusted_proxies: "all"`:          func(c *signin.Config) { c.TrustedProxies = []string{"10.0.0.0/8", "all"} },
		"console.users.bo.role: ":                 func(c *signin.Config) { c.Users = map[string]signin.User{"bo": {Password: "x"}} },
		"console.users.bo.password: ":             func(c *signin.Config) { c.Users = map[string]signin.User{"bo": {Role: signin.Viewer}} },
		"console.users.admin: ":                   func(c *signin.Config) { c.Users = map[string]signin.User{"admin": {signin.Admin, "x"}} },
		"console.users: ":                         func(c *signin.Config) { c.Users = map[string]signin.User{" ": {signin.Admin, "x"}} },
		"console.oidc.issuer: missing":            func(c *signin.Config) { c.OIDC = oidc; c.OIDC.Issuer = "" },
		`console.oidc.issuer: "login"`:            func(c *signin.Config) { c.OIDC = oidc; c.OIDC.Issuer = "login" },
		"console.oidc.client_id: ":                func(c *signin.Config) { c.OIDC = oidc; c.OIDC.ClientID = "" },
		"console.oidc.scopes: ":                   func(c *signin.Config) { c.OIDC = oidc; c.OIDC.Scopes = []string{"email"} },
		"console.oidc.roles, ":                    func(c *signin.Config) { c.OIDC = oidc; c.OIDC.DefaultRole = signin.Nobody },
		"console.oidc.role_claim: ": func(c *signin.Config) {
			c.OIDC = oidc
			c.OIDC.Roles, c.OIDC.RoleClaim = map[string]signin.Role{"soc": signin.Responder}, ""
		},
	} {
		cfg := passwords()
		change(&cfg)
		err := cfg.Validate()
		if want == "" && err != nil || want != "" && (err == nil || !strings.HasPrefix(err.Error(), want)) {
			t.Errorf("have %v\nwant %s...", err, want)
		}
	}
}

func TestSettled(t *testing.T) {
	for _, c := range []struct{ public, base, wantPublic, wantBase string }{
		{"", "/a", "", "/a"},
		{"https://x.org", "", "https://x.org", ""},
		{"https://x.org/", "/a", "https://x.org/a", "/a"},
		{"https://x.org/a/", "", "https://x.org/a", "/a"},
		{"https://x.org:8443/a/b", "/a/b", "https://x.org:8443/a/b", "/a/b"},
	} {
		got := signin.Config{PublicURL: c.public, BasePath: c.base}.Settled()
		if got.PublicURL != c.wantPublic || got.BasePath != c.wantBase {
			t.Errorf("%q %q: %q %q", c.public, c.base, got.PublicURL, got.BasePath)
		}
	}
}
