package console

import (
	"context"
	"crypto/rand"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/tokenwatch/tokenwatch/alert/console/signin"
	"github.com/tokenwatch/tokenwatch/schema"
)

func (s *Server) entered(r *http.Request, p signin.Person) {
	s.saveSessions()
	s.happened(r, p, "sign in", schema.ActDone, "")
}

func (s *Server) saveSessions() {
	if err := s.parts.Door.Save(); err != nil { // Run tries again
		s.parts.Log.Warn("console: people will have to sign in again after a restart", "error", err)
	}
}

// turnedAway writes down a sign-in that failed. Strangers can cause any number of them, so that some a minute are
// written; how many more there were is said by the first of the next minute.
func (s *Server) turnedAway(r *http.Request, name, via, why string) {
	more, write := s.refused.another(time.Now())
	if !write {
		return
	}
	if more > 0 {
		why += " (" + strconv.Itoa(more) + " more were not written down)"
	}
	s.happened(r, signin.Person{Name: name, Via: via}, "sign in", schema.ActRefused, why)
}

// happened writes down what has been done already.
func (s *Server) happened(r *http.Request, p signin.Person, action string, outcome schema.ActOutcome, why string) {
	s.audit.add(context.WithoutCancel(r.Context()), schema.Act{
		ID: rand.Text(), At: time.Now().UTC().Truncate(time.Millisecond), Person: clip(p.Name, 100), Role: p.Role.String(), Via: p.Via,
		Address: s.parts.Door.Address(r), Action: action, Outcome: outcome, Reason: clip(why, 300),
	})
}

// mostRefusals of a minute are written down.
const mostRefusals = 60

// refusals counts the sign-ins that failed in a minute.
type refusals struct {
	mu      sync.Mutex
	began   time.Time
	count   int
	dropped int
}

// another tells whether one more is written down, and how many were not before.
func (f *refusals) another(now time.Time) (more int, write bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if now.Sub(f.began) >= time.Minute {
		f.began, f.count = now, 0
	}
	if f.count++; f.count > mostRefusals {
		f.dropped++
		return 0, false
	}
	more, f.dropped = f.dropped, 0
	return more, true
}
