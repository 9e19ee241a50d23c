package console

import (
	"context"
	"errors"
	"fmt"
	"html/template"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"github.com/tokenwatch/tokenwatch/alert"
	"github.com/tokenwatch/tokenwatch/alert/console/signin"
)

// patience is how long a page waits for the store before it says that there is no answer. With what comes on top, on a busy
// machine, that is within five seconds.
const patience = 3500 * time.Millisecond

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
	cfg     Config
	parts   Parts
	pages   *template.Template
	mux     *http.ServeMux
	files   *files
	abroad  *http.CrossOriginProtection
	audit   *audit
	refused refusals
}

// New makes a console.
func New(cfg Config, parts Parts) (*Server, error) {
	cfg.Config = cfg.Settled()
	s := &Server{cfg: cfg, parts: parts, mux: http.NewServeMux(), abroad: http.NewCrossOriginProtection(), audit: &audit{store: parts.Store, log: parts.Log}}
	if err := s.know(cfg.PublicURL); err != nil {
		return nil, err
	}
	var err error
	if s.files, err = openFiles(static, cfg.BasePath); err != nil {
		return nil, err
	}
	if s.pages, err = parsePages(s.files); err != nil {
		return nil, err
	}
	for _, routes := range []func(){
		s.frameRoutes, s.enterRoutes, s.auditRoutes,
		s.incidentsRoutes, s.liveRoutes, s.incidentRoutes, s.tokenRoutes, s.fleetRoutes, s.systemRoutes, s.silencesRoutes, s.allowRoutes, s.backtestRoutes,
	} {
		routes()
	}
	return s, s.checkBase()
}

// know has forms accepted that a browser sent from the public address, whatever a proxy has made of the Host header.
func (s *Server) know(public string) error {
	u, err := url.Parse(public)
	if public == "" || err != nil {
		return err
	}
	if err := s.abroad.AddTrustedOrigin(u.Scheme + "://" + u.Host); err != nil {
		return fmt.Errorf("console.public_url: %w", err)
	}
	return nil
}

// Run writes down, until ctx ends, what could not be written at once.
func (s *Server) Run(ctx context.Context) error {
	tick := time.NewTicker(5 * time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			s.catchUp(context.WithoutCancel(ctx), "what waits is in this log, and people may have to sign in again")
			return nil
		case <-tick.C:
			s.catchUp(ctx, "tried again in some seconds")
		}
	}
}

func (s *Server) catchUp(ctx context.Context, otherwise string) {
	if err := errors.Join(s.audit.flush(ctx), s.parts.Door.Save()); err != nil {
		s.parts.Log.Warn("console: "+otherwise, "error", err)
	}
}

// Bounds of one request.
const (
	mostBody      = 1 << 20
	bodyPatience  = 15 * time.Second
	writePatience = time.Minute
)

// ServeHTTP puts around every answer what keeps a browser from doing more than it should, and what keeps a client from
// holding on to a connection. The live stream moves the deadline on with each message.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
	h.Set("Vary", "Cookie")

	control := http.NewResponseController(w)
	now := time.Now()
	_ = control.SetWriteDeadline(now.Add(writePatience)) // a recorder of a test has none
	if r.ContentLength != 0 {
		_ = control.SetReadDeadline(now.Add(bodyPatience))
		r.Body = http.MaxBytesReader(w, r.Body, mostBody)
	}
	s.mux.ServeHTTP(w, s.below(r))
}
