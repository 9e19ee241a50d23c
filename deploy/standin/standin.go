// Package standin plays the parts of Slack, Telegram, a revoke endpoint and an OpenID Connect
// provider, for the demo and for tests: HTTP servers that speak the vendors' wire formats as these document
// them, check what the vendors check, remember what they got, and print it as the person
// on the other side would see it.
//
//	notifier ──HTTP──► standin.Slack ──► Messages() for a test
//	                        │
//	                        └──► a card on the terminal, drawn from the blocks received
//
// It refuses to know tokenwatch: it imports none of its packages, so what it shows is what
// went over the wire and not what was meant. It is no Slack: what a vendor does beyond its
// documentation, it does not.
package standin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

// Options are common to the stand-ins. The zero value listens on a free port of the
// loopback interface and prints nothing.
type Options struct {
	Addr   string    // host:port; empty for a free port of 127.0.0.1
	Out    io.Writer // where cards are printed, one Write each; nil for nowhere
	Color  bool      // whether the terminal shows colours
	Width  int       // columns of a card, 84 if 0
	Lines  int       // lines of a card that are printed, all if 0
	Secret string    // token or signing secret that requests must carry; empty accepts any
	Faults Faults    // what goes wrong; nil for nothing
}

// Faults says what goes wrong with a call, counted from 1 in the order of arrival.
type Faults func(call int) Fault

// Fault is something that goes wrong with one call. Its parts combine.
type Fault struct {
	Delay      time.Duration // answer late
	Status     int           // answer with this status instead of doing what was asked
	RetryAfter time.Duration // beside status 429: when to come back, in whole seconds
	Reset      bool          // do nothing and cut the connection
	Lost       bool          // do what was asked, but cut the connection instead of answering
}

const kept = 20_000 // messages remembered; the oldest are forgotten

// server is what the stand-ins share: a listener, faults, and a place to print.
type server struct {
	opts Options
	http http.Server
	addr string
	done chan struct{}

	mu     sync.Mutex
	calls  int
	faults Faults
}

// start listens and serves until Close. Fail answers a fault in the vendor's words.
func (s *server) start(opts Options, handle http.Handler, fail func(http.ResponseWriter, Fault)) error {
	if opts.Addr == "" {
		opts.Addr = "127.0.0.1:0"
	}
	if opts.Width == 0 {
		opts.Width = 84
	}
	listener, err := net.Listen("tcp", opts.Addr)
	if err != nil {
		return fmt.Errorf("stand-in: %w", err)
	}
	s.opts, s.faults, s.addr, s.done = opts, opts.Faults, listener.Addr().String(), make(chan struct{})
	s.http.Handler = s.faulty(handle, fail)
	s.http.ReadHeaderTimeout = 10 * time.Second
	go func() {
		defer close(s.done)
		_ = s.http.Serve(listener) // it ends with Close, and has nobody to tell before
	}()
	return nil
}

// URL is the base URL of the stand-in, without a slash at its end.
func (s *server) URL() string { return "http://" + s.addr }

// Close ends the stand-in, giving calls under way a second.
func (s *server) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	err := s.http.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		err = s.http.Close()
	}
	<-s.done
	return err
}

// Calls is the number of requests so far, failed ones included.
func (s *server) Calls() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls
}

// Break changes what goes wrong from the next call on; nil heals.
func (s *server) Break(faults Faults) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = faults
}

func (s *server) next() Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls++
	if s.faults == nil {
		return Fault{}
	}
	return s.faults(s.calls)
}

// faulty has calls go wrong before, or after, they are handled.
func (s *server) faulty(handle http.Handler, fail func(http.ResponseWriter, Fault)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fault := s.next()
		if fault.Delay > 0 {
			select {
			case <-time.After(fault.Delay):
			case <-r.Context().Done():
				return
			}
		}
		switch {
		case fault.Reset:
			cut(w)
		case fault.Lost:
			handle.ServeHTTP(discard{http.Header{}}, r)
			cut(w)
		case fault.Status != 0:
			fail(w, fault)
		default:
			handle.ServeHTTP(w, r)
		}
	})
}

// cut ends a connection the hard way.
func cut(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // a reset, not an orderly end
	}
	_ = conn.Close()
}

// discard takes an answer that nobody will get.
type discard struct{ header http.Header }

func (d discard) Header() http.Header         { return d.header }
func (d discard) Write(b []byte) (int, error) { return len(b), nil }
func (d discard) WriteHeader(int)             {}

// print writes a card in one go, so that cards of several stand-ins do not mix.
func (s *server) print(c card) {
	if s.opts.Out != nil {
		c.lines = c.shortened(s.opts.Lines)
		_, _ = io.WriteString(s.opts.Out, c.draw(s.opts.Width, s.opts.Color))
	}
}
