package console

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/tokenwatch/tokenwatch/alert/console/signin"
	"github.com/tokenwatch/tokenwatch/schema"
)

func (s *Server) enterRoutes() {
	s.public("GET /sign-in", s.signInPage)
	s.public("POST /sign-in", s.signIn)
	s.patiently("GET /sign-in/oidc", signin.ProviderPatience, s.toProvider)
	s.patiently("GET /sign-in/oidc/callback", signin.ProviderPatience, s.fromProvider)
	s.public("POST /sign-out", s.signOut)
}

// entrance is what the sign-in page shows.
type entrance struct {
	Wrong     string
	Name      string
	To        string // the page that was asked for
	Passwords bool
	Provider  string // host of the OpenID Connect provider; empty: none
}

func (s *Server) entrance(w http.ResponseWriter, status int, e entrance) error {
	e.Passwords, e.Provider = s.parts.Door.HasPasswords(), s.parts.Door.Provider()
	return s.write(w, status, "signin.html", view{Title: "Sign in", Base: s.cfg.BasePath, Data: e})
}

// askWho sends somebody unknown to the sign-in page, and back to the page that was asked for. A script that asks gets
// no page in the place of its data.
func (s *Server) askWho(w http.ResponseWriter, r *http.Request) error {
	if r.Header.Get("Sec-Fetch-Dest") == "empty" || r.Header.Get("Accept") == "text/event-stream" {
		return Fault{http.StatusUnauthorized, "You are not signed in.", "Reload the page to sign in."}
	}
	to := strings.TrimPrefix(r.URL.RequestURI(), s.cfg.BasePath)
	if !looks(r) { // the page that the form stood in
		referer, err := url.Parse(r.Referer())
		if err != nil || referer.Host != r.Host {
			referer = &url.URL{}
		}
		to = strings.TrimPrefix(referer.RequestURI(), s.cfg.BasePath)
	}
	target := s.cfg.BasePath + "/sign-in"
	if to = s.ours(to); to != "" && to != "/incidents" {
		target += "?to=" + url.QueryEscape(to)
	}
	http.Redirect(w, r, target, http.StatusSeeOther)
	return nil
}

// signInPage asks who it is.
func (s *Server) signInPage(w http.ResponseWriter, r *http.Request) error {
	to := s.ours(r.FormValue("to"))
	if _, known := s.parts.Door.Who(r); known {
		return s.onward(w, r, to)
	}
	return s.entrance(w, http.StatusOK, entrance{To: to})
}

// onward brings somebody who is signed in to the page that was asked for.
func (s *Server) onward(w http.ResponseWriter, r *http.Request, to string) error {
	if to = s.ours(to); to == "" {
		to = "/incidents"
	}
	http.Redirect(w, r, s.cfg.BasePath+to, http.StatusSeeOther)
	return nil
}

// signIn takes a name and a password. A form of another site does not get this far (Server.admissible).
func (s *Server) signIn(w http.ResponseWriter, r *http.Request) error {
	name, to := r.PostFormValue("name"), s.ours(r.PostFormValue("to"))
	p, err := s.parts.Door.Password(w, r, name, r.PostFormValue("password"))
	if err == nil {
		s.entered(r, p)
		return s.onward(w, r, to)
	}
	status, text := http.StatusUnauthorized, "That name and password do not go together."
	if wait := (signin.WaitError{}); errors.As(err, &wait) {
		status, text = http.StatusTooManyRequests, wait.Error()
		w.Header().Set("Retry-After", strconv.Itoa(int(wait.For/time.Second)+1))
	}
	if !s.parts.Door.Knows(name) { // people type passwords into the wrong field
		s.turnedAway(r, "", "password", text+" There is nobody of that name.")
	} else {
		s.turnedAway(r, name, "password", text)
	}
	return s.entrance(w, status, entrance{Wrong: text, Name: clip(name, 100), To: to})
}

// toProvider sends somebody to the OpenID Connect provider.
func (s *Server) toProvider(w http.ResponseWriter, r *http.Request) error {
	at, err := s.parts.Door.Begin(w, r, s.ours(r.FormValue("to")))
	if err != nil {
		return s.unproven(w, r, err, s.ours(r.FormValue("to")))
	}
	http.Redirect(w, r, at, http.StatusSeeOther)
	return nil
}

// fromProvider signs in who comes back.
func (s *Server) fromProvider(w http.ResponseWriter, r *http.Request) error {
	p, to, err := s.parts.Door.Finish(w, r)
	if err != nil {
		return s.unproven(w, r, err, to)
	}
	s.entered(r, p)
	return s.onward(w, r, to)
}

// unproven says why somebody could not sign in at the provider, on a page that has another try at hand.
func (s *Server) unproven(w http.ResponseWriter, r *http.Request, err error, to string) error {
	var why signin.Refusal
	if !errors.As(err, &why) {
		return err
	}
	status := http.StatusForbidden
	if why.Away {
		status = http.StatusServiceUnavailable
	}
	s.parts.Log.Warn("console: somebody could not sign in at the provider", "address", s.parts.Door.Address(r), "error", err)
	s.turnedAway(r, why.Name, "oidc", why.Text)
	return s.entrance(w, status, entrance{Wrong: strings.TrimSpace(why.Text + " " + why.Help), To: to})
}

// signOut ends the session. Who has none any more gets the sign-in page all the same.
func (s *Server) signOut(w http.ResponseWriter, r *http.Request) error {
	if session, known := s.parts.Door.Who(r); known {
		if !session.Genuine(r) {
			return errForeign
		}
		s.parts.Door.Leave(w, r)
		s.saveSessions()
		s.happened(r, session.Person, "sign out", schema.ActDone, "")
	}
	http.Redirect(w, r, s.cfg.BasePath+"/sign-in", http.StatusSeeOther)
	return nil
}

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
