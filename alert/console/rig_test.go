package console_test

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/tokenwatch/tokenwatch/alert"
	"github.com/tokenwatch/tokenwatch/alert/console"
	"github.com/tokenwatch/tokenwatch/alert/console/signin"
	"github.com/tokenwatch/tokenwatch/schema/clickhouse"
)

const password = "a password of the tests"

// rig is a console over a real ClickHouse, and somebody who is signed in.
type rig struct {
	t       testing.TB
	db      *clickhouse.DB
	console *console.Server
	server  *httptest.Server
	client  *http.Client // follows redirects within the console
}

// newRig starts a console. Change alters its configuration and parts before.
func newRig(t testing.TB, change ...func(*console.Config, *console.Parts)) *rig {
	t.Helper()
	db := store(t)
	cfg := console.DefaultConfig()
	cfg.Password = password
	parts := console.Parts{Store: db, Desk: &alert.Clerk{Registry: db}, Log: slog.New(slog.DiscardHandler)}
	for _, c := range change {
		c(&cfg, &parts)
	}
	var err error
	if parts.Door, err = signin.New(cfg.Config); err != nil {
		t.Fatal(err)
	}
	pages, err := console.New(cfg, parts)
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t, db: db, console: pages, server: httptest.NewServer(pages)}
	t.Cleanup(r.server.Close)
	r.client = r.signIn("admin", password, cfg.BasePath)
	return r
}

// signIn gives a browser of its own to somebody.
func (r *rig) signIn(name, password, base string) *http.Client {
	r.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		r.t.Fatal(err)
	}
	client := &http.Client{Jar: jar}
	answer, err := client.PostForm(r.server.URL+base+"/sign-in", url.Values{"name": {name}, "password": {password}})
	if err != nil {
		r.t.Fatal(err)
	}
	_ = answer.Body.Close()
	return client
}

// get gives a page and its status.
func (r *rig) get(path string) (int, string) {
	r.t.Helper()
	answer, err := r.client.Get(r.server.URL + path)
	if err != nil {
		r.t.Fatal(err)
	}
	return read(r.t, answer)
}

// post sends a form as a page would, with the token that stands in the page.
func (r *rig) post(path string, form url.Values) (int, string) {
	r.t.Helper()
	_, page := r.get("/nowhere")
	found := regexp.MustCompile(`<meta name="csrf" content="([^"]+)"`).FindStringSubmatch(page)
	if found == nil {
		r.t.Fatal("the page carries no token")
	}
	form.Set("csrf", found[1])
	answer, err := r.client.PostForm(r.server.URL+path, form)
	if err != nil {
		r.t.Fatal(err)
	}
	return read(r.t, answer)
}

func read(t testing.TB, answer *http.Response) (int, string) {
	t.Helper()
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(body)
}

// A page that does not exist says so within the console, and nobody sees any who is not signed in.
func TestNoSuchPage(t *testing.T) {
	r := newRig(t)
	status, page := r.get("/nowhere")
	if status != http.StatusNotFound || !strings.Contains(page, "There is no page /nowhere.") || !strings.Contains(page, "Incidents</a>") {
		t.Errorf("%d:\n%s", status, page)
	}
	answer, err := http.Get(r.server.URL + "/nowhere")
	if err != nil {
		t.Fatal(err)
	}
	if _, page := read(t, answer); !strings.Contains(page, "<h1>Sign in</h1>") || strings.Contains(page, "Fleet") {
		t.Errorf("somebody unknown sees:\n%s", page)
	}
}

// The world of the tests is stored as pages will find it.
func TestWorld(t *testing.T) {
	r := newRig(t)
	w := settle(t, r.db)
	inc, found, err := r.db.Incident(t.Context(), w.inc.ID)
	if err != nil || !found || inc.Seen.Requests != 120 {
		t.Errorf("%+v %v %v", inc, found, err)
	}
}
