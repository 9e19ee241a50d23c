package signin

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"sync"
	"time"
)

// Bounds of what is kept of people who are signed in; the one that was used least recently goes first.
const (
	maxSessions       = 10_000
	maxPersonSessions = 50
)

// sessions are kept by the SHA-256 of their ids, so that neither memory nor the file that they outlive a restart in
// holds anything that a browser could present. Each is sealed with what let the person in: whoever's password, role or
// provider is changed has to sign in again.
type sessions struct {
	ttl, idle time.Duration
	now       func() time.Time

	mu    sync.Mutex
	byID  map[hashed]*session // bounded by maxSessions
	dirty bool                // not in the file yet
}

type hashed [sha256.Size]byte

type session struct {
	person Person
	seal   string
	began  time.Time
	seen   time.Time
}

// derive makes, from the id that only the browser has, further secrets that need not be stored.
func derive(id, purpose, text string) string {
	mac := hmac.New(sha256.New, []byte(id))
	mac.Write([]byte(purpose + "\x00" + text))
	return hex.EncodeToString(mac.Sum(nil))
}

// begin opens a session and gives its id: 128 bits and more of chance.
func (s *sessions) begin(p Person, credential string) string {
	id := rand.Text()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.makeRoom(p)
	now := s.now()
	s.byID[sha256.Sum256([]byte(id))] = &session{person: p, seal: derive(id, "seal", credential), began: now, seen: now}
	s.dirty = true
	return id
}

// makeRoom drops what is over, and then the least recently used of the person, or of all, where there are too many.
func (s *sessions) makeRoom(p Person) {
	var oldest, oldestOwn hashed
	own := 0
	for h, e := range s.byID {
		if s.over(e) {
			delete(s.byID, h)
			continue
		}
		if o := s.byID[oldest]; o == nil || e.seen.Before(o.seen) {
			oldest = h
		}
		if e.person.Name != p.Name || e.person.Via != p.Via {
			continue
		}
		own++
		if o := s.byID[oldestOwn]; o == nil || e.seen.Before(o.seen) {
			oldestOwn = h
		}
	}
	if own >= maxPersonSessions {
		delete(s.byID, oldestOwn)
	}
	if len(s.byID) >= maxSessions {
		delete(s.byID, oldest)
	}
}

func (s *sessions) over(e *session) bool {
	now := s.now()
	return now.Sub(e.began) >= s.ttl || now.Sub(e.seen) >= s.idle
}

// find gives the person of a session that is not over. Credential is what would let that person in today; used says
// that the person is there.
func (s *sessions) find(id string, credential func(Person) (string, bool), used bool) (Person, bool) {
	h := hashed(sha256.Sum256([]byte(id)))
	s.mu.Lock()
	defer s.mu.Unlock()
	e, found := s.byID[h]
	if !found {
		return Person{}, false
	}
	today, known := credential(e.person)
	if !known || s.over(e) || !hmac.Equal([]byte(e.seal), []byte(derive(id, "seal", today))) {
		delete(s.byID, h)
		s.dirty = true
		return Person{}, false
	}
	if now := s.now(); used && now.Sub(e.seen) > min(time.Minute, s.idle/4) { // not every request need be written down
		e.seen, s.dirty = now, true
	}
	return e.person, true
}

func (s *sessions) end(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := hashed(sha256.Sum256([]byte(id)))
	if _, found := s.byID[h]; found {
		delete(s.byID, h)
		s.dirty = true
	}
}
