package signin_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/alert"
	"github.com/tokenwatch/tokenwatch/alert/console/signin"
	"github.com/tokenwatch/tokenwatch/deploy/standin"
)

const clientSecret = "a secret & more of the client"

func person(groups ...any) map[string]any {
	return map[string]any{"sub": "4711", "preferred_username": "ana@example.org", "email": "ana@example.org", "groups": groups}
}

func provider(t *testing.T, opts standin.Options) (*standin.OIDC, signin.Config) {
	t.Helper()
	p, err := standin.StartOIDC(opts, standin.OIDCClient{ID: "tokenwatch", Secret: clientSecret, Redirect: "https://soc.example.org/tw/sign-in/oidc/callback"}, person("all", "soc"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	cfg := signin.DefaultConfig()
	cfg.PublicURL = "https://soc.example.org/tw"
	cfg.OIDC.Issuer, cfg.OIDC.ClientID, cfg.OIDC.ClientSecret = p.URL(), "tokenwatch", clientSecret
	cfg.OIDC.Roles = map[string]signin.Role{"all": signin.Viewer, "soc": signin.Responder, "root": signin.Admin}
	return p, cfg
}

// trip is one person's way to the provider and back.
type trip struct {
	door    *door
	cookies []*http.Cookie
	back    *url.URL // where the provider sends the browser
}

// leave begins to sign in, and goes to the provider.
func leave(t *testing.T, d *door) (*trip, error) {
	t.Helper()
	w := httptest.NewRecorder()
	at, err := d.Begin(w, request(nil), "/incidents/7?x=1")
	if err != nil {
		return nil, err
	}
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	answer, err := client.Get(at)
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	back, err := answer.Location()
	if err != nil {
		t.Fatalf("the provider answers %s to %s", answer.Status, at)
	}
	return &trip{d, w.Result().Cookies(), back}, nil
}

// arrive comes back, as the provider said or with something changed.
func (p *trip) arrive(change ...func(url.Values)) (signin.Person, string, error) {
	q := p.back.Query()
	for _, c := range change {
		c(q)
	}
	w := httptest.NewRecorder()
	r := request(p.cookies)
	r.Method, r.URL = http.MethodGet, &url.URL{Path: p.back.Path, RawQuery: q.Encode()}
	who, to, err := p.door.Finish(w, r)
	if err == nil {
		p.cookies = w.Result().Cookies()
	}
	return who, to, err
}

func TestProvider(t *testing.T) {
	_, cfg := provider(t, standin.Options{})
	path := filepath.Join(t.TempDir(), "sessions")
	d := newDoor(t, cfg, signin.WithFile(path))
	trip, err := leave(t, d)
	if err != nil {
		t.Fatal(err)
	}
	who, to, err := trip.arrive()
	if err != nil || who != (signin.Person{Name: "ana@example.org", Role: signin.Responder, Via: "oidc"}) || to != "/incidents/7?x=1" {
		t.Fatalf("%+v %q %v", who, to, err)
	}
	if got := d.who(trip.cookies); got != "ana@example.org responder" {
		t.Errorf("signed in as %s", got)
	}
	if err := d.Save(); err != nil {
		t.Fatal(err)
	}
	if got := newDoor(t, cfg, signin.WithFile(path)).who(trip.cookies); got != "ana@example.org responder" {
		t.Errorf("after a restart: %s", got)
	}
	cfg.OIDC.Roles = map[string]signin.Role{"soc": signin.Viewer}
	if got := newDoor(t, cfg, signin.WithFile(path)).who(trip.cookies); got != "nobody" {
		t.Errorf("after the roles were changed: %s", got)
	}
}

// Whatever is not exactly what was asked for is refused, and nobody is signed in.
func TestForgedAnswers(t *testing.T) {
	p, cfg := provider(t, standin.Options{})
	set := func(name string, value any) func(map[string]any) {
		return func(claims map[string]any) { claims[name] = value }
	}
	for what, c := range map[string]struct {
		tamper func(map[string]any)
		change func(url.Values)
		want   string
	}{
		"another nonce":      {tamper: set("nonce", "another"), want: "nonce"},
		"no nonce":           {tamper: func(claims map[string]any) { delete(claims, "nonce") }, want: "nonce"},
		"another audience":   {tamper: set("aud", "somebody"), want: "audience"},
		"two audiences":      {tamper: set("aud", []string{"tokenwatch", "somebody"}), want: "azp"},
		"another client's":   {tamper: set("azp", "somebody"), want: "azp"},
		"another issuer":     {tamper: set("iss", "https://example.org"), want: "different provider"},
		"expired":            {tamper: set("exp", time.Now().Add(-time.Hour).Unix()), want: "expired"},
		"a forged state":     {change: func(q url.Values) { q.Set("state", "forged") }, want: "state"},
		"no state":           {change: func(q url.Values) { q.Del("state") }, want: "state"},
		"a code made up":     {change: func(q url.Values) { q.Set("code", "made up") }, want: "invalid_grant"},
		"no code":            {change: func(q url.Values) { q.Del("code") }, want: "invalid_grant"},
		"mixed up":           {change: func(q url.Values) { q.Set("iss", "https://example.org") }, want: "issuer"},
		"the provider's no":  {change: func(q url.Values) { q.Set("error", "access_denied") }, want: "access_denied"},
		"an unknown group":   {tamper: set("groups", []string{"sales"}), want: "no role"},
		"groups of no texts": {tamper: set("groups", []any{1, nil, map[string]any{}}), want: "no role"},
		"no groups":          {tamper: func(claims map[string]any) { delete(claims, "groups") }, want: "no role"},
		"nobody in particular": {tamper: func(claims map[string]any) {
			claims["preferred_username"], claims["email"], claims["email_verified"], claims["sub"] = "\u202e\n", "x@example.org", false, ""
		}, want: "no claim names"},
	} {
		t.Run(what, func(t *testing.T) {
			p.Tamper(c.tamper)
			d := newDoor(t, cfg)
			trip, err := leave(t, d)
			if err != nil {
				t.Fatal(err)
			}
			if c.change == nil {
				c.change = func(url.Values) {}
			}
			who, _, err := trip.arrive(c.change)
			var refusal signin.Refusal
			if !errors.As(err, &refusal) || !strings.Contains(err.Error(), c.want) || refusal.Away {
				t.Errorf("%+v, %v", who, err)
			}
			if refusal.Text == "" || strings.Contains(refusal.Text+refusal.Help, clientSecret) {
				t.Errorf("a person is told %q %q", refusal.Text, refusal.Help)
			}
		})
	}
}

// An answer opens one door only: not in another browser, not twice, not after a long time.
func TestAnswersAreNotForOthers(t *testing.T) {
	_, cfg := provider(t, standin.Options{})
	d := newDoor(t, cfg)
	mine, err := leave(t, d)
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := leave(t, d)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := (&trip{d, theirs.cookies, mine.back}).arrive(); err == nil {
		t.Error("my answer signs somebody else's browser in as me")
	}
	if _, _, err := (&trip{d, nil, mine.back}).arrive(); err == nil {
		t.Error("an answer without a browser that asked")
	}
	ticket := mine.cookies
	if _, _, err := mine.arrive(); err != nil {
		t.Error("the one it was for:", err)
	}
	if _, _, err := (&trip{d, ticket, mine.back}).arrive(); err == nil {
		t.Error("it is taken twice")
	}
	d.now = d.now.Add(11 * time.Minute)
	if _, _, err := theirs.arrive(); err == nil || !strings.Contains(err.Error(), "too long") {
		t.Errorf("after eleven minutes: %v", err)
	}
}

func TestClaims(t *testing.T) {
	p, cfg := provider(t, standin.Options{})
	cfg.Users = map[string]signin.User{"bo": {Role: signin.Admin, Password: "of bo"}}
	for what, c := range map[string]struct {
		claims, info map[string]any
		change       func(*signin.OIDCConfig)
		want         string
	}{
		"the highest role":     {claims: person("soc", "root", "all"), want: "ana@example.org admin"},
		"one group as a text":  {claims: map[string]any{"sub": "1", "groups": "soc"}, want: "1 responder"},
		"below another claim":  {claims: map[string]any{"sub": "1", "realm_access": map[string]any{"roles": []any{"root"}}}, change: func(c *signin.OIDCConfig) { c.RoleClaim = "realm_access.roles" }, want: "1 admin"},
		"a name with dots":     {claims: map[string]any{"sub": "1", "https://x.org/roles": []any{"root"}}, change: func(c *signin.OIDCConfig) { c.RoleClaim = "https://x.org/roles" }, want: "1 admin"},
		"another name":         {claims: map[string]any{"sub": "1", "upn": "bob", "groups": "all"}, change: func(c *signin.OIDCConfig) { c.NameClaim = "upn" }, want: "bob viewer"},
		"a role for everybody": {claims: person("sales"), change: func(c *signin.OIDCConfig) { c.DefaultRole = signin.Viewer }, want: "ana@example.org viewer"},
		"groups in userinfo":   {claims: map[string]any{"sub": "1"}, info: map[string]any{"sub": "1", "groups": []any{"soc"}}, want: "1 responder"},
		"somebody else's info": {claims: map[string]any{"sub": "1"}, info: map[string]any{"sub": "2", "groups": []any{"soc"}}, want: "refused"},
		"an unverified e-mail": {claims: map[string]any{"sub": "1", "email": "boss@example.org", "email_verified": "false", "groups": "all"}, want: "1 viewer"},
		"a known name":         {claims: map[string]any{"sub": "bo", "groups": "all"}, want: "bo (oidc) viewer"},
		"a very long name":     {claims: map[string]any{"sub": strings.Repeat("ä", 5000), "groups": "all"}, want: strings.Repeat("ä", 50) + " viewer"},
	} {
		t.Run(what, func(t *testing.T) {
			p.Person(c.claims, c.info)
			cfg := cfg
			if c.change != nil {
				c.change(&cfg.OIDC)
			}
			trip, err := leave(t, newDoor(t, cfg))
			if err != nil {
				t.Fatal(err)
			}
			who, _, err := trip.arrive()
			got := who.Name + " " + who.Role.String()
			if err != nil {
				got = "refused"
			}
			if got != c.want {
				t.Errorf("have %s, want %s (%v)", got, c.want, err)
			}
		})
	}
}

// The provider may be away when tokenwatch starts, and for a while.
func TestProviderIsAway(t *testing.T) {
	p, cfg := provider(t, standin.Options{Faults: func(int) standin.Fault { return standin.Fault{Status: 503} }})
	d := newDoor(t, cfg)
	_, err := leave(t, d)
	var refusal signin.Refusal
	if !errors.As(err, &refusal) || !refusal.Away || !strings.Contains(err.Error(), "503") {
		t.Fatalf("while it is away: %v", err)
	}
	if p.Calls() < 2 {
		t.Errorf("%d calls: it is asked once more at least", p.Calls())
	}
	p.Break(func(call int) standin.Fault { return standin.Fault{Reset: call%2 == 0} }) // and it comes back limping
	trip, err := leave(t, d)
	if err != nil {
		t.Fatal(err)
	}
	p.Break(func(int) standin.Fault { return standin.Fault{Status: 502} })
	if _, _, err := trip.arrive(); !errors.As(err, &refusal) || !refusal.Away {
		t.Errorf("away again: %v", err)
	}
	p.Break(nil)
	if trip, err = leave(t, d); err != nil {
		t.Fatal(err)
	}
	if who, _, err := trip.arrive(); err != nil {
		t.Errorf("%+v %v", who, err)
	}
}

// Clients are known by their secret, or have none; another one gets nothing.
func TestClients(t *testing.T) {
	for _, c := range []struct {
		has, says string
		enters    bool
	}{{clientSecret, clientSecret, true}, {"", "", true}, {clientSecret, "guessed", false}, {clientSecret, "", false}} {
		p, err := standin.StartOIDC(standin.Options{}, standin.OIDCClient{ID: "tokenwatch", Secret: c.has}, person("soc"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = p.Close() })
		_, cfg := provider(t, standin.Options{})
		cfg.OIDC.Issuer, cfg.OIDC.ClientSecret = p.URL(), alert.Secret(c.says)
		trip, err := leave(t, newDoor(t, cfg))
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := trip.arrive(); (err == nil) != c.enters {
			t.Errorf("the secret is %q, and we say %q: %v", c.has, c.says, err)
		}
	}
}

func TestAnotherIssuer(t *testing.T) {
	_, cfg := provider(t, standin.Options{})
	cfg.OIDC.Issuer += "/"
	_, err := leave(t, newDoor(t, cfg))
	if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("calls itself %q", strings.TrimSuffix(cfg.OIDC.Issuer, "/"))) {
		t.Errorf("%v", err)
	}
}
