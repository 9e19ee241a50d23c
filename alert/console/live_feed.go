package console

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"
)

// Bounds of the live stream.
const (
	mostLive   = 1000             // who may look at the same time
	mostPast   = 64               // messages that are kept for who comes back
	mostBehind = mostPast + 8     // messages that one may be behind before the connection is given up
	longestGap = 10 * time.Minute // who was away for longer is told to reload
)

// errFull says that as many look as may.
var errFull = errors.New("too many live connections")

// feed tells all who look what changes. One reader asks the store for all of them; it starts with the first who comes
// and ends with the last who goes.
type feed struct {
	store liveStore
	log   *slog.Logger
	every time.Duration

	mu      sync.Mutex
	present map[*subscriber]struct{} // at most mostLive
	stop    context.CancelFunc       // of the reader; nil while nobody looks
	begun   bool                     // the reader knows where it begins: covers and past hold
	covers  time.Time                // past has everything since then
	past    []news                   // the newest, at most mostPast
	open    uint64                   // how many incidents are open
	silent  bool                     // the store does not answer
}

// news is a message, made once for all, and where it leads to.
type news struct {
	upto    time.Time
	open    uint64 // how many incidents are open by then
	message []byte
}

// subscriber is somebody who looks.
type subscriber struct {
	messages chan []byte // closed when it did not keep up
	since    time.Time   // what it knows already; zero: nobody can say
}

func newFeed(store liveStore, log *slog.Logger, every time.Duration) *feed {
	return &feed{store: store, log: log, every: every, present: map[*subscriber]struct{}{}}
}

// join adds somebody, who is told what changed since a time, and what will.
func (f *feed) join(since time.Time) (*subscriber, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.present) >= mostLive {
		return nil, errFull
	}
	s := &subscriber{messages: make(chan []byte, mostBehind), since: since}
	f.present[s] = struct{}{}
	if f.stop == nil {
		ctx, cancel := context.WithCancel(context.Background()) // it serves many requests, so it ends with none of them
		f.stop = cancel
		r := &liveReader{feed: f}
		go r.run(ctx)
	}
	if f.silent {
		s.messages <- stateMessage(true)
	}
	if f.begun {
		f.welcome(s)
	}
	return s, nil
}

// leave takes somebody out.
func (f *feed) leave(s *subscriber) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.drop(s)
	if len(f.present) == 0 && f.stop != nil {
		f.stop()
		f.stop, f.begun, f.silent, f.past = nil, false, false, nil
	}
}

func (f *feed) drop(s *subscriber) {
	if _, here := f.present[s]; here {
		delete(f.present, s)
		close(s.messages)
	}
}

// earliest is from when on somebody wants to know, but no longer ago than a gap may be.
func (f *feed) earliest(now time.Time) time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	begin := now
	for s := range f.present {
		if !s.since.IsZero() && s.since.Before(begin) && now.Sub(s.since) <= longestGap {
			begin = s.since
		}
	}
	return begin
}

// begin says from when on the reader reads. A reader that was stopped meanwhile has no say any more, here and in tell.
func (f *feed) begin(ctx context.Context, at time.Time, open uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if ctx.Err() != nil {
		return
	}
	f.begun, f.covers, f.past, f.open = true, at, nil, open
	for s := range f.present {
		f.welcome(s)
	}
}

// welcome tells somebody how many are open, and what was missed, or that it is not known any more. There is room for it
// in a queue that is new.
func (f *feed) welcome(s *subscriber) {
	s.messages <- openMessage(f.open)
	switch {
	case s.since.IsZero():
	case s.since.Before(f.covers):
		s.messages <- manyMessage(news{upto: f.covers, open: f.open})
	default:
		for _, n := range f.past {
			if n.upto.After(s.since) {
				s.messages <- n.message
			}
		}
	}
}

// tell passes news on to all.
func (f *feed) tell(ctx context.Context, n news) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if ctx.Err() != nil {
		return
	}
	f.open = n.open
	if f.past = append(f.past, n); len(f.past) > mostPast {
		f.covers, f.past = f.past[0].upto, f.past[1:]
	}
	f.pass(n.message)
}

// mute tells all that the store does not answer, or does again.
func (f *feed) mute(ctx context.Context, silent bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if ctx.Err() == nil {
		f.silent = silent
		f.pass(stateMessage(silent))
	}
}

// pass gives a message to all. Who is too far behind is dropped, and comes back by itself.
func (f *feed) pass(message []byte) {
	for s := range f.present {
		select {
		case s.messages <- message:
		default:
			f.drop(s)
		}
	}
}
