package signin

import (
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// cookieName of a session; see origin.cookie for its prefixes.
const cookieName = "tokenwatch"

// Session is one sign-in.
type Session struct {
	Person Person
	CSRF   string // what a form of this session carries
}

// Door lets people in.
type Door struct {
	cfg      Config
	now      func() time.Time
	origin   origin
	people   *people
	throttle *throttle
	sessions *sessions
	file     file
	provider *provider // nil where there is none
}

// Option changes a Door.
type Option func(*Door)

// WithFile keeps people signed in over a restart. The file holds hashes of sessions, of which none can be made.
func WithFile(path string) Option { return func(d *Door) { d.file.path = path } }

// WithClock has the door use another clock.
func WithClock(now func() time.Time) Option { return func(d *Door) { d.now = now } }

// New makes a door.
func New(cfg Config, options ...Option) (*Door, error) {
	d := &Door{cfg: cfg.Settled(), now: time.Now}
	for _, option := range options {
		option(d)
	}
	d.sessions = &sessions{ttl: cfg.SessionTTL, idle: cfg.SessionIdle, now: d.now, byID: map[hashed]*session{}}
	d.throttle = &throttle{now: d.now, failures: map[string]*failing{}, friends: map[string]time.Time{}}
	d.people = newPeople(cfg)
	var err error
	if d.origin, err = newOrigin(d.cfg); err != nil {
		return nil, fmt.Errorf("console.trusted_proxies: %w", err)
	}
	if cfg.OIDC.Issuer != "" {
		if d.provider, err = newProvider(cfg.OIDC, d.now); err != nil {
			return nil, err
		}
	}
	return d, d.file.load(d.sessions)
}

// Who gives the session of a request. A live stream asks again and again without anybody being there, so it does not
// keep a session from ending.
func (d *Door) Who(r *http.Request) (Session, bool) {
	c, err := r.Cookie(d.origin.cookieName(r, cookieName))
	if err != nil || len(c.Value) != len(rand.Text()) {
		return Session{}, false
	}
	p, found := d.sessions.find(c.Value, d.credential, r.Header.Get("Accept") != "text/event-stream")
	if !found {
		return Session{}, false
	}
	return Session{Person: p, CSRF: derive(c.Value, "csrf", "")}, true
}

// credential is what lets a person in, as it is configured now.
func (d *Door) credential(p Person) (string, bool) {
	if p.Via == viaOIDC {
		if d.provider == nil {
			return "", false
		}
		return d.provider.credential(), true
	}
	return d.people.credential(p.Name)
}

// Genuine tells whether a request that changes something comes from a page of this session.
func (s Session) Genuine(r *http.Request) bool {
	given := r.Header.Get("X-CSRF-Token")
	if given == "" {
		given = r.PostFormValue("csrf")
	}
	return s.CSRF != "" && subtle.ConstantTimeCompare([]byte(given), []byte(s.CSRF)) == 1
}

// ErrWrong says that a name and a password do not go together, whichever of them is wrong.
var ErrWrong = errors.New("that name and password do not go together")

// Password signs somebody in, and sets the cookie. Its errors are ErrWrong and a WaitError.
func (d *Door) Password(w http.ResponseWriter, r *http.Request, name, password string) (Person, error) {
	name = bounded(name)
	ip := d.origin.address(r)
	if err := d.throttle.check(ip, name); err != nil {
		return Person{}, err
	}
	p, right := d.people.check(name, password)
	if !right {
		d.throttle.failed(ip, name)
		return Person{}, ErrWrong
	}
	d.throttle.succeeded(ip, name)
	d.open(w, r, p)
	return p, nil
}

// open begins a session, in place of the one that the browser had: an id that somebody knew before is worth nothing.
func (d *Door) open(w http.ResponseWriter, r *http.Request, p Person) {
	d.end(r)
	credential, _ := d.credential(p)
	http.SetCookie(w, d.origin.cookie(r, cookieName, d.sessions.begin(p, credential)))
}

func (d *Door) end(r *http.Request) {
	if c, err := r.Cookie(d.origin.cookieName(r, cookieName)); err == nil {
		d.sessions.end(c.Value)
	}
}

// Leave signs somebody out.
func (d *Door) Leave(w http.ResponseWriter, r *http.Request) {
	d.end(r)
	gone := d.origin.cookie(r, cookieName, "")
	gone.MaxAge = -1
	http.SetCookie(w, gone)
}

// Save writes down who is signed in, if that changed.
func (d *Door) Save() error { return d.file.save(d.sessions) }

// Cookie makes a cookie as the session's is: it goes nowhere else.
func (d *Door) Cookie(r *http.Request, name, value string) *http.Cookie {
	return d.origin.cookie(r, name, value)
}

// CookieValue reads such a cookie; it is empty where there is none.
func (d *Door) CookieValue(r *http.Request, name string) string {
	c, err := r.Cookie(d.origin.cookieName(r, name))
	if err != nil {
		return ""
	}
	return c.Value
}

// Address is where a request comes from.
func (d *Door) Address(r *http.Request) string { return d.origin.address(r).String() }

// Knows tells whether somebody of that name signs in with a password.
func (d *Door) Knows(name string) bool { return d.people.has(bounded(name)) }

// HasPasswords tells whether anybody signs in with one.
func (d *Door) HasPasswords() bool { return len(d.people.list) > 0 }
