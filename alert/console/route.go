package console

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/tokenwatch/tokenwatch/alert/console/signin"
)

// handler answers a request, or says why it cannot; the error becomes a page.
type handler func(w http.ResponseWriter, r *http.Request) error

// route has a pattern ("GET /incidents/{id}") answered to those with the role. A GET pattern answers HEAD too.
func (s *Server) route(pattern string, role signin.Role, h handler) {
	s.public(pattern, func(w http.ResponseWriter, r *http.Request) error {
		session, known := s.parts.Door.Who(r)
		if !known {
			return s.askWho(w, r)
		}
		r = r.WithContext(context.WithValue(r.Context(), sessionKey{}, session))
		if err := s.permit(r, session, role); err != nil {
			return err
		}
		if looks(r) {
			return h(w, r)
		}
		acts := &noted{}
		err := guarded(h)(w, r.WithContext(context.WithValue(r.Context(), notedKey{}, acts)))
		s.conclude(r, acts, err)
		return err
	})
}

// public has a pattern answered to everybody.
func (s *Server) public(pattern string, h handler) { s.patiently(pattern, patience, h) }

// patiently has a pattern answered by a handler that may take so long.
func (s *Server) patiently(pattern string, most time.Duration, h handler) {
	method, path, _ := strings.Cut(pattern, " ")
	s.mux.HandleFunc(method+" "+s.cfg.BasePath+path, s.answer(most, h))
}

// answer makes a page of whatever goes wrong, and of a handler that has not begun to answer in time.
func (s *Server) answer(most time.Duration, h handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), most)
		defer cancel()
		r = r.WithContext(ctx)
		if err := s.admissible(w, r); err != nil {
			s.fail(w, r, err)
			return
		}
		reply := newReply(w)
		err := reply.wait(ctx, func() error { return guarded(h)(reply, r) })
		switch began := reply.take(); {
		case err == nil:
		case errors.Is(err, http.ErrAbortHandler):
			panic(http.ErrAbortHandler)
		case began: // half a page is no page: the browser is to see that it was cut off
			s.parts.Log.Warn("console: an answer was cut off", "path", clip(r.URL.Path, 200), "error", err)
			panic(http.ErrAbortHandler)
		case !looks(r) && errors.Is(err, context.DeadlineExceeded) && !errors.As(err, new(Fault)):
			s.fail(w, r, errors.Join(errUnsure, err))
		default:
			s.fail(w, r, err)
		}
	}
}

// admissible refuses what no page of ours sends: a form from another site, one that is too large, or cannot be read.
func (s *Server) admissible(w http.ResponseWriter, r *http.Request) error {
	if looks(r) {
		return nil
	}
	if err := s.abroad.Check(r); err != nil {
		return errForeign
	}
	err := r.ParseForm()
	if err == nil && strings.HasPrefix(r.Header.Get("Content-Type"), "multipart/form-data") {
		err = r.ParseMultipartForm(mostBody)
	}
	if large := (*http.MaxBytesError)(nil); errors.As(err, &large) {
		return Fault{http.StatusRequestEntityTooLarge, "That is too much at once.", fmt.Sprintf("A form may have %d KB.", large.Limit>>10)}
	}
	if err != nil {
		return refused("What was sent cannot be read.", "Go back, reload the page, and try again.")
	}
	_ = http.NewResponseController(w).SetReadDeadline(time.Time{}) // it was all there in time
	return nil
}

// errUnsure is what somebody is told whose act was cut off.
var errUnsure = Fault{http.StatusServiceUnavailable, "ClickHouse did not answer in time: whether this was done is not known.", "Look at the page that it was about before you try again."}

// errForeign is what a forged form is told.
var errForeign = Fault{http.StatusForbidden, "This did not come from a page of yours.", "Go back, reload the page, and try again."}

// permit refuses what somebody who is signed in may not do, and writes it down when it would have changed something.
func (s *Server) permit(r *http.Request, session signin.Session, role signin.Role) error {
	var err error
	switch {
	case !looks(r) && !session.Genuine(r):
		err = errForeign
	case !session.Person.May(role):
		err = Fault{http.StatusForbidden, "That takes the role " + role.String() + "; yours is " + session.Person.Role.String() + ".", "Ask an administrator of tokenwatch."}
	}
	if err != nil && !looks(r) {
		s.conclude(r, &noted{}, err)
	}
	return err
}

// looks tells a request that only looks from one that may change something.
func looks(r *http.Request) bool { return r.Method == http.MethodGet || r.Method == http.MethodHead }

type sessionKey struct{}

// sessionOf is who asks.
func sessionOf(r *http.Request) signin.Session {
	session, _ := r.Context().Value(sessionKey{}).(signin.Session)
	return session
}

// panicked is a fault of the console itself.
type panicked struct {
	value any
	stack []byte
}

func (p panicked) Error() string { return fmt.Sprintf("panic: %v\n%s", p.value, p.stack) }

// guarded makes an error of a panic: of many people who look, one has an odd page, and the rest go on.
func guarded(h handler) handler {
	return func(w http.ResponseWriter, r *http.Request) (err error) {
		defer func() {
			switch v := recover(); v {
			case nil:
			case http.ErrAbortHandler:
				err = http.ErrAbortHandler
			default:
				err = panicked{v, debug.Stack()}
			}
		}()
		return h(w, r)
	}
}
