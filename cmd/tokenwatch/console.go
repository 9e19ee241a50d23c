package main

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/tokenwatch/tokenwatch/alert"
	"github.com/tokenwatch/tokenwatch/alert/console"
	"github.com/tokenwatch/tokenwatch/alert/console/signin"
)

// webConsole serves the console. Its port is taken before the engines start, so that a port that is taken is known at
// once; until they have started it says so. A nil one is off.
type webConsole struct {
	cfg      console.Config
	log      *slog.Logger
	listener net.Listener
	server   *http.Server
	failed   chan error
	pages    atomic.Pointer[console.Server]
	bench    *workbench // nil until there are pages
	sessions string     // file that keeps people signed in over a restart
}

// Files in data_dir: the generated password, and who is signed in.
const (
	consolePassword = "console-password"
	consoleSessions = "console-sessions"
)

func openConsole(cfg Config, log *slog.Logger) (*webConsole, error) {
	if cfg.Console.Listen == "" {
		return nil, nil
	}
	c := &webConsole{cfg: cfg.Console, log: log, failed: make(chan error, 1)}
	c.cfg.Config = c.cfg.Settled()
	if err := os.MkdirAll(cfg.DataDir, 0o700); err != nil {
		return nil, fmt.Errorf("data_dir: %w", err)
	}
	c.sessions = filepath.Join(cfg.DataDir, consoleSessions)
	if err := c.ensurePassword(cfg.DataDir); err != nil {
		return nil, err
	}
	c.warnOfShort()
	var err error
	if c.listener, err = net.Listen("tcp", c.cfg.Listen); err != nil {
		return nil, fmt.Errorf("console.listen: %w (set console.listen to another address, to 127.0.0.1:0 for any free port, or to nothing to turn the console off)", err)
	}
	c.server = &http.Server{
		Handler: c, ReadHeaderTimeout: 5 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10, // of bodies and answers: console.Server
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	return c, c.serve()
}

// serve begins to answer, over HTTP/2 where there is TLS: a browser opens only six connections of HTTP/1 to one host, and
// each page that is looked at live takes one.
func (c *webConsole) serve() error {
	if c.cfg.CertFile == "" {
		go func() { c.failed <- c.server.Serve(c.listener) }()
		return nil
	}
	pair, err := tls.LoadX509KeyPair(c.cfg.CertFile, c.cfg.KeyFile)
	if err != nil {
		return errors.Join(fmt.Errorf("console.cert_file, console.key_file: %w", err), c.listener.Close())
	}
	c.server.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{pair}}
	go func() { c.failed <- c.server.ServeTLS(c.listener, "", "") }()
	return nil
}

// ensurePassword reads or makes the password of a console for which none is configured.
func (c *webConsole) ensurePassword(dir string) error {
	if !c.cfg.Unguarded() {
		return nil
	}
	file := filepath.Join(dir, consolePassword)
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		text = []byte(rand.Text() + "\n")
		err = os.WriteFile(file, text, 0o600)
	}
	if err != nil {
		return fmt.Errorf("console.password: none is configured, and its file cannot be used: %w", err)
	}
	if c.cfg.Password = alert.Secret(strings.TrimSpace(string(text))); c.cfg.Password == "" {
		return fmt.Errorf("console.password: none is configured, and %s is empty: delete it, and tokenwatch makes another", file)
	}
	c.log.Info("console: sign in as admin with the password in this file", "file", file)
	return nil
}

// shortPassword is below what resists guessing for long, even slowly.
const shortPassword = 10

func (c *webConsole) warnOfShort() {
	short := c.cfg.Password != "" && len(c.cfg.Password.Reveal()) < shortPassword
	for _, u := range c.cfg.Users {
		short = short || len(u.Password.Reveal()) < shortPassword
	}
	if short {
		c.log.Warn("console: a password has fewer characters than it should", "want", shortPassword)
	}
}

// open has the console's pages served, from when the engines are there.
func (c *webConsole) open(a *app) error {
	if c == nil {
		return nil
	}
	door, err := signin.New(c.cfg.Config, signin.WithFile(c.sessions))
	if err != nil {
		return err
	}
	c.bench = newWorkbench(a.cfg, a.engines.db)
	pages, err := console.New(c.cfg, console.Parts{
		Store: a.engines.db, Desk: console.RevokingDesk{Desk: a.desk, RevokeConfig: a.cfg.Revoke.RevokeConfig}, Door: door, Log: c.log,
		Explain: explainer{a.cfg.Detect, a.engines.db}, Vitals: a.vitals, Backtest: c.bench,
	})
	if err != nil {
		return err
	}
	c.pages.Store(pages)
	c.log.Info("console", "url", c.url())
	return nil
}

// url is where people find it.
func (c *webConsole) url() string { return consoleURL(c.cfg, c.listener.Addr().String()) }

// consoleURL is console.public_url, or else where it listens, by this machine's name if that is everywhere.
func consoleURL(cfg console.Config, at string) string {
	if public := cfg.Settled().PublicURL; public != "" {
		return public + "/"
	}
	scheme := "http"
	if cfg.CertFile != "" {
		scheme = "https"
	}
	if host, port, err := net.SplitHostPort(at); err == nil && (host == "" || net.ParseIP(host).IsUnspecified()) {
		if name, err := os.Hostname(); err == nil {
			at = net.JoinHostPort(name, port)
		}
	}
	return scheme + "://" + at + cfg.BasePath + "/"
}

// link is where messages link to: what is configured for them, or else the console.
func (c *webConsole) link(configured string) string {
	if configured != "" || c == nil {
		return configured
	}
	return c.url()
}

// ServeHTTP passes requests on as soon as there are pages.
func (c *webConsole) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	pages := c.pages.Load()
	if pages == nil {
		w.Header().Set("Retry-After", "2")
		w.Header().Set("Cache-Control", "no-store")
		http.Error(w, "tokenwatch is starting; reload in a moment", http.StatusServiceUnavailable)
		return
	}
	pages.ServeHTTP(w, r)
}

// wait returns nil when ctx ends, or why the server ended before.
func (c *webConsole) wait(ctx context.Context) error {
	if c == nil {
		return nil
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return c.pages.Load().Run(ctx) })
	group.Go(func() error {
		select {
		case <-ctx.Done():
			return nil
		case err := <-c.failed:
			return fmt.Errorf("serving console.listen: %w", err)
		}
	})
	return group.Wait()
}

// stop lets answers that are under way finish.
func (c *webConsole) stop(ctx context.Context) error {
	if c == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	defer c.bench.stop()
	if err := c.server.Shutdown(ctx); err != nil {
		return c.server.Close() // live connections do not end by themselves
	}
	return nil
}
