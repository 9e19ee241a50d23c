package signin

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"net/http"
)

// Peek gives the session of a request as Who does, and does not count as something that the person did: what a page does
// by itself, for as long as it is open, must not keep anybody signed in.
func (d *Door) Peek(r *http.Request) (Session, bool) {
	c, err := r.Cookie(d.origin.cookieName(r, cookieName))
	if err != nil || len(c.Value) != len(rand.Text()) {
		return Session{}, false
	}
	p, found := d.sessions.peek(c.Value, d.credential)
	if !found {
		return Session{}, false
	}
	return Session{Person: p, CSRF: derive(c.Value, "csrf", "")}, true
}

func (s *sessions) peek(id string, credential func(Person) (string, bool)) (Person, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, found := s.byID[sha256.Sum256([]byte(id))]
	if !found || s.over(e) {
		return Person{}, false
	}
	today, known := credential(e.person)
	return e.person, known && hmac.Equal([]byte(e.seal), []byte(derive(id, "seal", today)))
}
