package console

import (
	"context"
	"html/template"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/tokenwatch/tokenwatch/alert"
	"github.com/tokenwatch/tokenwatch/alert/console/signin"
)

// patience is how long a page waits for the store before it says that there is no answer.
const patience = 4 * time.Second

// Store is what pages are read from. Each page says what it asks, beside its handler.
type Store interface {
	incidentsStore
	liveStore
	incidentStore
	tokenStore
	fleetStore
	systemStore
	silencesStore
	allowStore
	backtestStore
	auditStore
}

// Desk is what people do through the console.
type Desk interface {
	// Take keeps a press as a verdict, and gives the words for the person who pressed.
	Take(ctx context.Context, p alert.Press) (string, error)
}

// Parts are what a Server works with.
type Parts struct {
	Store Store
	Desk  Desk
	Door  *signin.Door
	Log   *slog.Logger

	Explain  Explainer
	Vitals   Vitals
	Backtest Backtester
}

// Server serves the console. It is an http.Handler.
type Server struct {
	cfg   Config
	parts Parts
	pages *template.Template
	mux   *http.ServeMux
	audit *audit
}

// New makes a console.
func New(cfg Config, parts Parts) (*Server, error) {
	s := &Server{cfg: cfg, parts: parts, mux: http.NewServeMux(), audit: &audit{store: parts.Store, log: parts.Log}}
	var err error
	if s.pages, err = parsePages(); err != nil {
		return nil, err
	}
	s.mux.Handle("GET "+cfg.BasePath+"/static/", http.StripPrefix(cfg.BasePath, staticFiles()))
	s.mux.HandleFunc("GET "+cfg.BasePath+"/sign-in", s.signInPage)
	s.mux.HandleFunc("POST "+cfg.BasePath+"/sign-in", s.signIn)
	for _, routes := range []func(){
		s.incidentsRoutes, s.liveRoutes, s.incidentRoutes, s.tokenRoutes, s.fleetRoutes, s.systemRoutes, s.silencesRoutes, s.allowRoutes, s.backtestRoutes,
	} {
		routes()
	}
	s.route("GET /", signin.Viewer, func(_ http.ResponseWriter, r *http.Request) error {
		return absent("There is no page "+clip(r.URL.Path, 80)+".", "The menu above leads to those that there are.")
	})
	return s, nil
}

// handler answers a request, or says why it cannot; the error becomes a page.
type handler func(w http.ResponseWriter, r *http.Request) error

// route has a pattern ("GET /incidents/{id}") answered to those with the role.
func (s *Server) route(pattern string, role signin.Role, h handler) {
	method, path, _ := strings.Cut(pattern, " ")
	s.mux.HandleFunc(method+" "+s.cfg.BasePath+path, func(w http.ResponseWriter, r *http.Request) {
		session, known := s.parts.Door.Who(r)
		switch {
		case !known:
			http.Redirect(w, r, s.cfg.BasePath+"/sign-in", http.StatusSeeOther)
			return
		case !looks(r) && !session.Genuine(r):
			s.fail(w, r, Fault{http.StatusForbidden, "This did not come from a page of yours.", "Go back, reload the page, and try again."})
			return
		case !session.Person.May(role):
			s.fail(w, r, Fault{http.StatusForbidden, "That takes the role " + role.String() + "; yours is " + session.Person.Role.String() + ".", "Ask an administrator of tokenwatch."})
			return
		}
		ctx, cancel := context.WithTimeout(context.WithValue(r.Context(), sessionKey{}, session), patience)
		defer cancel()
		err := s.answer(w, r.WithContext(ctx), h)
		if err != nil {
			s.fail(w, r, err)
		}
	})
}

// answer lets the handler answer, and writes down what came of it if it does more than look.
func (s *Server) answer(w http.ResponseWriter, r *http.Request, h handler) error {
	if looks(r) {
		return h(w, r)
	}
	acts := &noted{}
	r = r.WithContext(context.WithValue(r.Context(), notedKey{}, acts))
	err := h(w, r)
	s.conclude(r, acts, err)
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

// ServeHTTP puts around every answer what keeps a browser from doing more than it should.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	s.mux.ServeHTTP(w, r)
}
