package console_test

import (
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"

	"github.com/tokenwatch/tokenwatch/alert"
	"github.com/tokenwatch/tokenwatch/alert/console"
	"github.com/tokenwatch/tokenwatch/alert/console/signin"
	"github.com/tokenwatch/tokenwatch/deploy/standin"
)

// page has the rig show something at a path of the test's own.
func (r *rig) page(path string, role signin.Role) {
	r.console.Route("GET "+path, role, func(w http.ResponseWriter, _ *http.Request) error {
		_, err := w.Write([]byte("a page of the test"))
		return err
	})
}

// stranger is a browser that nobody is signed in with; it follows no redirects.
func stranger(t *testing.T) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

func (r *rig) send(client *http.Client, method, path, body string, headers ...string) (*http.Response, string) {
	r.t.Helper()
	request, err := http.NewRequest(method, r.server.URL+path, strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	if body != "" {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	answer, err := client.Do(request)
	if err != nil {
		r.t.Fatal(err)
	}
	_, text := read(r.t, answer)
	return answer, text
}

// Whoever follows a link from an alert signs in and stands before what the link names; and nowhere else.
func TestLinkLeadsThroughSignIn(t *testing.T) {
	r := newRig(t)
	r.page("/seen/{id}", signin.Viewer)
	client := stranger(t)
	answer, _ := r.send(client, "GET", "/seen/inc%201?tab=a&b=%2F", "")
	at := answer.Header.Get("Location")
	if answer.StatusCode != http.StatusSeeOther || !strings.HasPrefix(at, "/sign-in?to=") {
		t.Fatalf("%d %s", answer.StatusCode, at)
	}
	_, form := r.send(client, "GET", at, "")
	if !strings.Contains(form, `name="to" value="/seen/inc%201?tab=a&amp;b=%2F"`) {
		t.Fatalf("the form forgets where to:\n%s", form)
	}
	to := "/seen/inc%201?tab=a&b=%2F"
	answer, page := r.send(client, "POST", "/sign-in", url.Values{"name": {"admin"}, "password": {"wrong"}, "to": {to}}.Encode())
	if answer.StatusCode != http.StatusUnauthorized || !strings.Contains(page, "do not go together") || !strings.Contains(page, "tab=a") {
		t.Errorf("a wrong password: %d\n%s", answer.StatusCode, page)
	}
	answer, _ = r.send(client, "POST", "/sign-in", url.Values{"name": {"admin"}, "password": {password}, "to": {to}}.Encode())
	if answer.StatusCode != http.StatusSeeOther || answer.Header.Get("Location") != to {
		t.Errorf("%d %s", answer.StatusCode, answer.Header.Get("Location"))
	}
	if answer, page = r.send(client, "GET", answer.Header.Get("Location"), ""); page != "a page of the test" {
		t.Errorf("%d %s", answer.StatusCode, page)
	}
	if answer, _ = r.send(client, "GET", "/sign-in?to="+url.QueryEscape(to), ""); answer.Header.Get("Location") != to {
		t.Errorf("signed in already: %s", answer.Header.Get("Location"))
	}
}

// The link as alert writes it: console_url, /incidents/ and the id.
func TestAlertLinkShowsItsIncident(t *testing.T) {
	r := newRig(t, func(c *console.Config, _ *console.Parts) { c.BasePath = "/tw" })
	inc := settle(t, r.db).inc
	client := stranger(t)
	client.CheckRedirect = nil
	link := "/tw/incidents/" + inc.ID
	if answer, page := r.send(client, "GET", link, ""); answer.Request.URL.Path != "/tw/sign-in" || strings.Contains(page, inc.TokenHint) {
		t.Fatalf("somebody unknown is at %s", answer.Request.URL)
	}
	answer, page := r.send(client, "POST", "/tw/sign-in", url.Values{"name": {"admin"}, "password": {password}, "to": {"/incidents/" + inc.ID}}.Encode())
	if answer.Request.URL.Path != link || answer.StatusCode != http.StatusOK || !strings.Contains(page, inc.TokenHint) {
		t.Errorf("%s: %d\n%.2000s", answer.Request.URL, answer.StatusCode, page)
	}
}

func TestOnlyPagesOfOurs(t *testing.T) {
	for _, base := range []string{"", "/tw"} {
		r := newRig(t, func(c *console.Config, _ *console.Parts) { c.BasePath = base })
		r.page("/seen/{id}", signin.Viewer)
		for to, want := range map[string]string{
			"/seen/1?x=1#y": "/seen/1?x=1", "/audit": "/audit", "/seen/%2e%2e": "/seen/%2e%2e", "/seen/a%2Fb": "/seen/a%2Fb",
			"": "", "seen/1": "", "//evil.example/seen/1": "", "///evil.example": "", `/\evil.example`: "", `/seen/\..\..\x`: "", "https://evil.example/seen/1": "", "javascript:alert(1)": "",
			"/%2Fevil.example/": "", "/%5Cevil.example": "", "/seen/1\r\nSet-Cookie: a=b": "", "/\t/evil.example": "", "/nowhere": "", "/sign-out": "", "/sign-in?to=/sign-in": "",
			"/static/console.css": "", "/seen/" + strings.Repeat("a", 1000): "", "/seen/%zz": "", "/..//evil.example": "",
		} {
			if got := r.console.Ours(to); got != want {
				t.Errorf("%q below %q: %q, want %q", to, base, got, want)
			}
		}
	}
}

// The sign-in page does not take a form that another site sends, and throttles.
func TestSignInIsGuarded(t *testing.T) {
	r := newRig(t)
	form := url.Values{"name": {"admin"}, "password": {password}}.Encode()
	for _, headers := range [][]string{{"Origin", "https://evil.example"}, {"Origin", "null"}, {"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}} {
		answer, page := r.send(stranger(t), "POST", "/sign-in", form, headers...)
		if answer.StatusCode != http.StatusForbidden || len(answer.Cookies()) > 0 || !strings.Contains(page, "did not come from a page of yours") {
			t.Errorf("%v: %d", headers, answer.StatusCode)
		}
	}
	for _, headers := range [][]string{{"Origin", r.server.URL}, {"Sec-Fetch-Site", "same-origin"}, {}} {
		if answer, _ := r.send(stranger(t), "POST", "/sign-in", form, headers...); answer.StatusCode != http.StatusSeeOther {
			t.Errorf("%v: %d", headers, answer.StatusCode)
		}
	}
	var answer *http.Response
	for range 8 {
		answer, _ = r.send(stranger(t), "POST", "/sign-in", "name=admin&password=wrong")
	}
	if answer.StatusCode != http.StatusTooManyRequests || answer.Header.Get("Retry-After") == "" {
		t.Errorf("after eight failures: %d", answer.StatusCode)
	}
}

func TestSignOut(t *testing.T) {
	r := newRig(t)
	if status, _ := r.get("/audit"); status != http.StatusOK {
		t.Fatalf("signed in: %d", status)
	}
	if answer, _ := r.send(r.client, "POST", "/sign-out", "csrf=forged"); answer.StatusCode != http.StatusForbidden {
		t.Errorf("a forged sign-out: %d", answer.StatusCode)
	}
	if _, page := r.post("/sign-out", url.Values{}); !strings.Contains(page, "<h1>Sign in</h1>") {
		t.Errorf("after it:\n%s", page)
	}
	if _, page := r.get("/audit"); !strings.Contains(page, "<h1>Sign in</h1>") {
		t.Error("signed out, and still in")
	}
}

// The whole way through an OpenID Connect provider, below a path, and back to what was asked for.
func TestProviderRoundTrip(t *testing.T) {
	p, err := standin.StartOIDC(standin.Options{}, standin.OIDCClient{ID: "tw", Secret: "s"}, map[string]any{"sub": "ana <b>", "groups": []string{"soc"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	r := newRig(t, func(c *console.Config, _ *console.Parts) {
		c.BasePath = "/tw"
		c.OIDC.Issuer, c.OIDC.ClientID, c.OIDC.ClientSecret = p.URL(), "tw", alert.Secret("s")
		c.OIDC.Roles = map[string]signin.Role{"soc": signin.Responder}
	})
	r.page("/seen/{id}", signin.Viewer)
	client := stranger(t)
	_, page := r.send(client, "GET", "/tw/sign-in?to=/seen/7", "")
	if !strings.Contains(page, `href="/tw/sign-in/oidc?to=%2fseen%2f7"`) || !strings.Contains(page, "Sign in with 127.0.0.1:") || !strings.Contains(page, `name="password"`) {
		t.Fatalf("the sign-in page:\n%s", page)
	}
	client.CheckRedirect = nil
	if _, page = r.send(client, "GET", "/tw/sign-in/oidc?to=%2fseen%2f7", ""); page != "a page of the test" {
		t.Errorf("at its end:\n%s", page)
	}
	if answer, page := r.send(client, "GET", "/tw/audit", ""); answer.StatusCode != http.StatusForbidden || !strings.Contains(page, "ana &lt;b&gt;") {
		t.Errorf("a responder reads the audit: %d\n%s", answer.StatusCode, page)
	}
	p.Person(map[string]any{"sub": "bo", "groups": []string{"sales"}}, nil)
	fresh := stranger(t)
	fresh.CheckRedirect = nil
	if answer, page := r.send(fresh, "GET", "/tw/sign-in/oidc", ""); answer.StatusCode != http.StatusForbidden || !strings.Contains(page, "bo has no role here.") {
		t.Errorf("somebody without a role: %d\n%s", answer.StatusCode, page)
	}
	if _, page := r.get("/tw/audit?person=bo"); !strings.Contains(page, "refused") || !strings.Contains(page, "bo has no role here") {
		t.Errorf("the audit:\n%s", page)
	}
	if answer, page := r.send(stranger(t), "GET", "/tw/sign-in/oidc/callback?state=x&code=y", ""); answer.StatusCode != http.StatusForbidden || !strings.Contains(page, "Begin again") {
		t.Errorf("an answer that nobody asked for: %d", answer.StatusCode)
	}
}
