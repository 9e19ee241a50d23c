package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/tokenwatch/tokenwatch/ingest/push"
)

// readiness collects what the parts of the process need before they can work. An empty
// reason is readiness. The parts are fixed at start, so the map is as small as they are.
type readiness struct {
	mu      sync.Mutex
	reasons map[string]string
}

func newReadiness(parts ...string) *readiness {
	r := &readiness{reasons: map[string]string{}}
	for _, part := range parts {
		r.reasons[part] = "starting"
	}
	return r
}

// set says why a part is not ready, or with "" that it is.
func (r *readiness) set(part, reason string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.reasons[part] = reason
}

// waiting lists the parts that are not ready, with their reasons.
func (r *readiness) waiting() map[string]string {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := map[string]string{}
	for part, reason := range r.reasons {
		if reason != "" {
			out[part] = reason
		}
	}
	return out
}

// slackPath is where Slack sends what was pressed, if it is given the address.
const slackPath = "/v1/slack"

// httpServer serves /metrics, /healthz and /readyz for as long as the process lives.
type httpServer struct {
	server *http.Server
	failed chan error
}

func serveHTTP(l net.Listener, registry *prometheus.Registry, ready *readiness, profiler bool, intake, presses http.Handler, log *slog.Logger) *httpServer {
	s := &httpServer{failed: make(chan error, 1), server: &http.Server{
		Handler:           routes(registry, ready, profiler, intake, presses),
		ReadHeaderTimeout: 5 * time.Second,
		IdleTimeout:       2 * time.Minute,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}}
	go func() { s.failed <- s.server.Serve(l) }()
	return s
}

// wait returns nil when ctx ends, or why the server ended before.
func (s *httpServer) wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case err := <-s.failed:
		return fmt.Errorf("serving http.listen: %w", err)
	}
}

// stop lets answers that are under way finish.
func (s *httpServer) stop(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	if err := s.server.Shutdown(ctx); err != nil {
		return errors.Join(err, s.server.Close())
	}
	return nil
}

func routes(registry *prometheus.Registry, ready *readiness, profiler bool, intake, presses http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		waiting := ready.waiting()
		if len(waiting) > 0 {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"ready": len(waiting) == 0, "waiting": waiting})
	})
	mux.Handle(push.Path, intake)
	if presses != nil {
		mux.Handle(slackPath, presses)
	}
	if profiler {
		mux.HandleFunc("GET /debug/pprof/", pprof.Index)
		mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
		mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	}
	return mux
}

// listen opens the port of the metrics, and says which key to change when it is taken.
func listen(c HTTPConfig) (net.Listener, error) {
	l, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return nil, fmt.Errorf("http.listen: %w (set http.listen to another address, or to 127.0.0.1:0 for any free port)", err)
	}
	if c.CertFile == "" {
		return l, nil
	}
	pair, err := tls.LoadX509KeyPair(c.CertFile, c.KeyFile)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("http.cert_file, http.key_file: %w", err), l.Close())
	}
	return tls.NewListener(l, &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{pair}}), nil
}
