package alert

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/tokenwatch/tokenwatch/schema"
)

// Share is the part of the tokens whose incidents this dispatcher owns at the moment, and the Log that keeps them. A
// dispatcher that works alone has one share for ever; instances that share the work have one a partition of the
// findings, which come and go as instances do. Destinations know nothing of it: each has one queue and one pace.
type Share struct {
	d   *Dispatcher
	log Log

	loading sync.Mutex
	loaded  bool
	whole   atomic.Bool // everything has been put into the outboxes: a digest that was announced can go out again as it was

	leaving context.Context // ends when the share is about to be given up
	leave   context.CancelFunc

	mu    sync.Mutex
	over  bool
	calls sync.WaitGroup // deliveries under way
}

func (d *Dispatcher) share(log Log) *Share {
	s := &Share{d: d, log: batched(log)}
	s.leaving, s.leave = context.WithCancel(context.Background())
	return s
}

// Own takes over the incidents that a Log keeps: what is open goes on, what was not delivered is. Nobody else must own
// them at the same time, or people are told twice.
func (d *Dispatcher) Own(ctx context.Context, log Log) (*Share, error) {
	s := d.share(log)
	return s, s.load(ctx)
}

// Release gives the incidents up, once the calls about them that are under way have ended.
func (s *Share) Release(ctx context.Context) error {
	s.mu.Lock()
	s.over = true
	s.mu.Unlock()
	s.leave()
	s.calls.Wait()
	err := s.d.saveUnsaved(ctx, s)
	for _, id := range s.d.book.leave(s) {
		for _, box := range s.d.boxes {
			box.forget(id)
		}
	}
	return err
}

// enter reports whether a delivery about the share's incidents may begin; if so, calls.Done has to be called at its end.
func (s *Share) enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over {
		return false
	}
	s.calls.Add(1)
	return true
}

var errReleased = errors.New("the incidents belong to somebody else by now")

// Accept takes findings in, in the order in which they were made, and returns once every
// incident that they open or change is in the Log. After an error the caller repeats the
// same findings: those that got through change nothing a second time.
func (s *Share) Accept(ctx context.Context, findings []schema.Finding) error {
	if len(findings) == 0 {
		return nil
	}
	if !s.enter() {
		return errReleased
	}
	defer s.calls.Done()
	if err := s.load(ctx); err != nil {
		return err
	}
	// Tokens and groups are independent, and a save takes milliseconds: many at once.
	group, inner := errgroup.WithContext(ctx)
	group.SetLimit(stripes)
	for _, together := range bySubject(findings) {
		group.Go(func() error { return s.accept(inner, together) })
	}
	if err := group.Wait(); err != nil {
		return fmt.Errorf("accepting findings: %w", err)
	}
	return s.d.shed(ctx)
}

func (s *Share) accept(ctx context.Context, findings []schema.Finding) error {
	d := s.d
	about, former := subjectFound(&findings[0]), formerName(findings)
	defer d.book.lock(about, former)()
	var open *schema.Incident
	if p := d.book.openFor(about); p != nil {
		open = &p.inc
	} else if p := d.book.openFor(former); p != nil {
		open = &p.inc // it goes on under the new name
	}
	var outcomes []string
	changed := d.cfg.Fold(open, findings, d.book.knows, func(o string) { outcomes = append(outcomes, o) })
	for _, inc := range changed {
		if err := d.changeIn(ctx, s, inc); err != nil {
			return err
		}
	}
	// Counted only now: after an error the same findings come again.
	for _, o := range outcomes {
		d.observer.Finding(o)
	}
	d.observer.Open(d.book.size())
	return nil
}
