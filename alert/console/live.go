package console

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/tokenwatch/tokenwatch/alert/console/signin"
	"github.com/tokenwatch/tokenwatch/schema/board"
)

// liveStore is what the live stream asks the store.
type liveStore interface {
	// IncidentChanges gives what was stored since, as far as that is not more than most incidents.
	IncidentChanges(ctx context.Context, since time.Time, most int) (board.IncidentChanges, error)
	// LiveIncidents gives the ids of those that are not resolved and were known before a time.
	LiveIncidents(ctx context.Context, before time.Time, most int) ([]string, error)
	OpenIncidents(ctx context.Context) (uint64, error)
	// Now is the time by the store's clock.
	Now(ctx context.Context) (time.Time, error)
}

// tempo says how often a live stream does what it does.
type tempo struct {
	ask   time.Duration // between two questions to the store
	check time.Duration // between two looks whether somebody is still signed in
	beat  time.Duration // between two signs of life
	write time.Duration // that one message may take
}

var livePace = tempo{ask: 2 * time.Second, check: 5 * time.Second, beat: 15 * time.Second, write: 10 * time.Second}

func (s *Server) liveRoutes() {
	s.mux.Handle("GET "+s.cfg.BasePath+"/live", newLive(s.parts.Store, s.parts.Door, s.parts.Log, livePace))
}

// live is the stream of what changes (server-sent events). It is no page: it has no end, so the time that pages have to
// answer does not hold, and what goes wrong is told by a status rather than a page.
type live struct {
	feed *feed
	door *signin.Door
	pace tempo
}

func newLive(store liveStore, door *signin.Door, log *slog.Logger, pace tempo) *live {
	return &live{feed: newFeed(store, log, pace.ask), door: door, pace: pace}
}

func (l *live) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	session, known := l.door.Who(r)
	switch {
	case !known:
		http.Error(w, "Sign in first.", http.StatusUnauthorized)
		return
	case !session.Person.May(signin.Viewer):
		http.Error(w, "That takes the role viewer.", http.StatusForbidden)
		return
	}
	s, err := l.feed.join(sinceOf(r))
	if errors.Is(err, errFull) {
		w.Header().Set("Retry-After", "30")
		http.Error(w, "Too many people look at the same time; reload the page to see what is new.", http.StatusServiceUnavailable)
		return
	}
	defer l.feed.leave(s)
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // or nginx would keep messages back
	l.run(&stream{w: w, to: http.NewResponseController(w), patience: l.pace.write}, r, s)
}

// run passes messages on until the reader is gone, too slow, or not signed in any more.
func (l *live) run(to *stream, r *http.Request, s *subscriber) {
	check, beat := time.NewTicker(l.pace.check), time.NewTicker(l.pace.beat)
	defer check.Stop()
	defer beat.Stop()
	err := to.send([]byte("retry: 5000\n: hello\n\n"))
	for err == nil {
		select {
		case <-r.Context().Done():
			return
		case <-check.C:
			if _, known := l.door.Who(r); !known {
				_ = to.send([]byte("event: end\ndata: {}\n\n")) // it ends either way
				return
			}
		case <-beat.C:
			err = to.send([]byte(": still here\n\n"))
		case message, open := <-s.messages:
			if _, known := l.door.Who(r); !open || !known {
				return // the browser comes back, and is told why it may not
			}
			err = to.send(message)
		}
	}
}

// sinceOf is how far the page knows what happened: as of its last message, or else as it was made.
func sinceOf(r *http.Request) time.Time {
	text := r.Header.Get("Last-Event-ID")
	if text == "" {
		text = r.URL.Query().Get("since")
	}
	ms, err := strconv.ParseInt(text, 10, 64)
	if err != nil || ms <= 0 || ms > 1<<50 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// stream writes messages, each within its time: a reader that takes nothing must not keep a connection for ever.
type stream struct {
	w        http.ResponseWriter
	to       *http.ResponseController
	patience time.Duration
}

func (s *stream) send(message []byte) error {
	if err := s.to.SetWriteDeadline(time.Now().Add(s.patience)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	if _, err := s.w.Write(message); err != nil {
		return err
	}
	return s.to.Flush()
}
