package signin_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/alert/console/signin"
)

// door is one whose clock the test turns.
type door struct {
	*signin.Door
	t   *testing.T
	now time.Time
}

func newDoor(t *testing.T, cfg signin.Config, options ...signin.Option) *door {
	t.Helper()
	d := &door{t: t, now: time.Now()}
	if err := cfg.Validate(); err != nil {
		t.Fatal(err)
	}
	var err error
	d.Door, err = signin.New(cfg, append(options, signin.WithClock(func() time.Time { return d.now }))...)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func passwords() signin.Config {
	cfg := signin.DefaultConfig()
	cfg.Password = "of the administrator"
	cfg.Users = map[string]signin.User{"ana": {Role: signin.Responder, Password: "of ana"}, "vic": {Role: signin.Viewer, Password: "of vic"}}
	return cfg
}

// request is one that a browser with these cookies makes.
func request(cookies []*http.Cookie, change ...func(*http.Request)) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/", nil)
	r.RemoteAddr = "192.0.2.1:4000"
	for _, c := range cookies {
		if c.MaxAge >= 0 {
			r.AddCookie(c)
		}
	}
	for _, c := range change {
		c(r)
	}
	return r
}

// enter signs in with a password and gives the browser's cookies.
func (d *door) enter(name, password string, change ...func(*http.Request)) ([]*http.Cookie, error) {
	w := httptest.NewRecorder()
	_, err := d.Password(w, request(nil, change...), name, password)
	return w.Result().Cookies(), err
}

func (d *door) mustEnter(name, password string) []*http.Cookie {
	d.t.Helper()
	cookies, err := d.enter(name, password)
	if err != nil || len(cookies) != 1 {
		d.t.Fatalf("%s: %v, %d cookies", name, err, len(cookies))
	}
	return cookies
}

func (d *door) who(cookies []*http.Cookie) string {
	s, known := d.Who(request(cookies))
	if !known {
		return "nobody"
	}
	return s.Person.Name + " " + s.Person.Role.String()
}

func TestPasswords(t *testing.T) {
	d := newDoor(t, passwords())
	for _, c := range []struct{ name, password, want string }{
		{"admin", "of the administrator", "admin admin"},
		{" ana ", "of ana", "ana responder"},
		{"vic", "of vic", "vic viewer"},
		{"vic", "of ana", ""},
		{"ana", "", ""},
		{"", "of ana", ""},
		{"Ana", "of ana", ""},
		{"nobody", "of ana", ""},
		{strings.Repeat("a", 1<<20), "of ana", ""},
		{"ana\x00", "of ana ", ""},
	} {
		cookies, err := d.enter(c.name, c.password)
		if c.want == "" && (!errors.Is(err, signin.ErrWrong) || len(cookies) > 0) {
			t.Errorf("%.20q, %q: %v", c.name, c.password, err)
		}
		if c.want != "" && (err != nil || d.who(cookies) != c.want) {
			t.Errorf("%.20q, %q: %v, %s", c.name, c.password, err, d.who(cookies))
		}
	}
}

func TestWithoutPasswordsNobodyEnters(t *testing.T) {
	d := newDoor(t, signin.DefaultConfig())
	if _, err := d.enter("admin", ""); !errors.Is(err, signin.ErrWrong) {
		t.Errorf("an empty password where none is configured: %v", err)
	}
}

// A session ends by its age, by rest, by signing out; and a cookie that was not given opens nothing.
func TestSessions(t *testing.T) {
	d := newDoor(t, passwords())
	old := d.mustEnter("ana", "of ana")
	used := d.mustEnter("vic", "of vic")
	for range 3 {
		d.now = d.now.Add(3 * time.Hour)
		if got := d.who(used); got != "vic viewer" {
			t.Fatalf("used every three hours: %s", got)
		}
	}
	if got := d.who(old); got != "nobody" {
		t.Errorf("not used for nine hours: %s", got)
	}
	d.now = d.now.Add(3 * time.Hour)
	if got := d.who(used); got != "nobody" {
		t.Errorf("twelve hours old: %s", got)
	}
	watched := d.mustEnter("vic", "of vic")
	for range 3 {
		d.now = d.now.Add(time.Hour)
		d.Who(request(watched, header("Accept", "text/event-stream")))
	}
	if d.now = d.now.Add(time.Hour); d.who(watched) != "nobody" {
		t.Error("a page that is left open keeps somebody signed in")
	}
	left := d.mustEnter("vic", "of vic")
	other := d.mustEnter("vic", "of vic")
	w := httptest.NewRecorder()
	d.Leave(w, request(left))
	if got := w.Result().Cookies(); len(got) != 1 || got[0].MaxAge >= 0 {
		t.Errorf("the cookie is not taken back: %v", got)
	}
	if d.who(left) != "nobody" || d.who(other) != "vic viewer" {
		t.Errorf("signed out: %s; another browser: %s", d.who(left), d.who(other))
	}
	forged := *other[0]
	forged.Value = strings.Repeat("A", len(forged.Value))
	if got := d.who([]*http.Cookie{&forged}); got != "nobody" {
		t.Errorf("a made-up id: %s", got)
	}
}

// Whoever signs in again has a new id, and the old one is worth nothing.
func TestRotation(t *testing.T) {
	d := newDoor(t, passwords())
	before := d.mustEnter("vic", "of vic")
	w := httptest.NewRecorder()
	if _, err := d.Password(w, request(before), "ana", "of ana"); err != nil {
		t.Fatal(err)
	}
	after := w.Result().Cookies()
	if after[0].Value == before[0].Value || d.who(after) != "ana responder" || d.who(before) != "nobody" {
		t.Errorf("before %s, after %s", d.who(before), d.who(after))
	}
}

func TestSessionsAreBounded(t *testing.T) {
	d := newDoor(t, passwords())
	first := d.mustEnter("vic", "of vic")
	ana := d.mustEnter("ana", "of ana")
	for range 50 {
		d.now = d.now.Add(time.Second)
		d.mustEnter("vic", "of vic")
	}
	if d.who(first) != "nobody" || d.who(ana) != "ana responder" {
		t.Errorf("the least recently used of 51: %s; somebody else's: %s", d.who(first), d.who(ana))
	}
}

// People stay signed in over a restart, unless what let them in has changed. The file opens nothing.
func TestRestart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sessions")
	d := newDoor(t, passwords(), signin.WithFile(path))
	ana, vic, left := d.mustEnter("ana", "of ana"), d.mustEnter("vic", "of vic"), d.mustEnter("admin", "of the administrator")
	session, _ := d.Who(request(ana))
	if err := d.Save(); err != nil {
		t.Fatal(err)
	}
	d.Leave(httptest.NewRecorder(), request(left))
	if err := d.Save(); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{ana[0].Value, session.CSRF, "of ana"} {
		if strings.Contains(string(text), secret) {
			t.Errorf("the file holds %s", secret)
		}
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info.Mode(), err)
	}
	again := newDoor(t, passwords(), signin.WithFile(path))
	if again.who(ana) != "ana responder" || again.who(vic) != "vic viewer" || again.who(left) != "nobody" {
		t.Errorf("after a restart: %s, %s; signed out: %s", again.who(ana), again.who(vic), again.who(left))
	}
	if s, _ := again.Who(request(ana)); s.CSRF != session.CSRF {
		t.Error("forms that were open are refused after a restart")
	}
	changed := passwords()
	changed.Users = map[string]signin.User{"ana": {Role: signin.Responder, Password: "another"}, "vic": {Role: signin.Admin, Password: "of vic"}}
	third := newDoor(t, changed, signin.WithFile(path))
	if third.who(ana) != "nobody" || third.who(vic) != "nobody" {
		t.Errorf("with another password: %s; with another role: %s", third.who(ana), third.who(vic))
	}
	if err := os.WriteFile(path, []byte(`[{"hash":"zz"},{"hash":"`+strings.Repeat("ab", 40)+`"},{}] and more`), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := newDoor(t, passwords(), signin.WithFile(path)).who(ana); got != "nobody" {
		t.Errorf("with a broken file: %s", got)
	}
}

func TestGenuine(t *testing.T) {
	d := newDoor(t, passwords())
	ana, vic := d.mustEnter("ana", "of ana"), d.mustEnter("vic", "of vic")
	mine, _ := d.Who(request(ana))
	theirs, _ := d.Who(request(vic))
	for token, want := range map[string]bool{mine.CSRF: true, theirs.CSRF: false, "": false, mine.CSRF + "x": false} {
		r := request(ana, func(r *http.Request) { r.Header.Set("X-CSRF-Token", token) })
		if mine.Genuine(r) != want {
			t.Errorf("%q: want %v", token, want)
		}
	}
	if (signin.Session{}).Genuine(request(nil)) {
		t.Error("nobody's form is genuine")
	}
}

func from(address string) func(*http.Request) {
	return func(r *http.Request) { r.RemoteAddr = address + ":4000" }
}

// tries counts how many attempts are answered with a yes or no before there is a wait.
func (d *door) tries(most int, name func(int) string, address func(int) string) int {
	for n := range most {
		_, err := d.enter(name(n), "wrong", from(address(n)))
		if wait := (signin.WaitError{}); errors.As(err, &wait) {
			return n
		}
	}
	return most
}

func always(s string) func(int) string { return func(int) string { return s } }

func TestThrottle(t *testing.T) {
	numbered := func(format string) func(int) string {
		return func(n int) string { return fmt.Sprintf(format, n) }
	}
	for _, c := range []struct {
		what          string
		name, address func(int) string
		want          int
	}{
		{"one name from one address", always("ana"), always("192.0.2.1"), 5},
		{"a name that does not exist", always("x"), always("192.0.2.1"), 5},
		{"many names from one address", numbered("name%d"), always("192.0.2.1"), 20},
		{"many names from one household", numbered("name%d"), numbered("[2001:db8::%x]"), 20},
		{"one name from many addresses", always("ana"), numbered("198.51.100.%d"), 50},
	} {
		d := newDoor(t, passwords())
		if got := d.tries(100, c.name, c.address); got != c.want {
			t.Errorf("%s: %d attempts, want %d", c.what, got, c.want)
		}
	}
}

// The wait grows, is said, is not made longer by asking, and passes; the right password waits too.
func TestThrottleWaits(t *testing.T) {
	d := newDoor(t, passwords())
	var waits []time.Duration
	for range 14 {
		wait := signin.WaitError{}
		if _, err := d.enter("ana", "of ana?"); !errors.As(err, &wait) {
			continue
		}
		if _, err := d.enter("ana", "of ana"); !errors.As(err, &wait) {
			t.Fatalf("the right password, too early: %v", err)
		}
		waits = append(waits, wait.For)
		d.now = d.now.Add(wait.For)
	}
	if len(waits) < 4 || waits[3] != 8*waits[0] {
		t.Errorf("waits: %v", waits)
	}
	if _, err := d.enter("ana", "of ana"); err != nil {
		t.Errorf("after the wait: %v", err)
	}
	if err := (signin.WaitError{For: 14 * time.Minute}); !strings.Contains(err.Error(), "15 minutes") {
		t.Error(err)
	}
}

// Strangers cannot keep somebody out from where that person came in before.
func TestThrottleSparesFriends(t *testing.T) {
	d := newDoor(t, passwords())
	d.mustEnter("ana", "of ana") // from 192.0.2.1
	d.tries(100, always("ana"), func(n int) string { return fmt.Sprintf("198.51.100.%d", n) })
	if _, err := d.enter("ana", "of ana", from("203.0.113.9")); err == nil {
		t.Error("a new address does not wait")
	}
	if _, err := d.enter("ana", "of ana"); err != nil {
		t.Errorf("the known one: %v", err)
	}
}

func TestThrottleIsBounded(t *testing.T) {
	d := newDoor(t, passwords())
	d.tries(4, always("ana"), always("192.0.2.1"))
	for n := range 11_000 {
		d.now = d.now.Add(time.Millisecond)
		if n%1000 == 0 { // whoever is guessed at goes on being guessed at
			_, _ = d.enter("ana", "wrong", from("192.0.2.2"))
		}
		_, _ = d.enter(fmt.Sprintf("n%d", n), "wrong", from(fmt.Sprintf("[2001:db8:%x::1]", n)))
	}
	if got := d.tries(10, always("ana"), always("192.0.2.1")); got != 5 {
		t.Errorf("after many others, an old failure is still remembered: %d more attempts", got)
	}
	if got := d.tries(10, always("ana"), always("192.0.2.2")); got != 0 {
		t.Errorf("after many others, one that goes on is forgotten: %d more attempts", got)
	}
}
