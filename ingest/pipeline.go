package ingest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// Pipeline takes partitions from Kafka into the store, exactly once, and past the
// handler, at least once, always in order.
type Pipeline struct {
	Config  BlockConfig
	Decoder RecordDecoder
	Store   Store
	Handler Handler
	Log     *slog.Logger

	// Retryable tells errors of the store after which the same block is stored again, for as long as it
	// takes, from those that end the run. Nil means all.
	Retryable func(error) bool
	// Refused tells errors that blame some row of the block: the block is split until the row is found,
	// which becomes a dead letter. Nil means none. It must not be true of errors that any row would get.
	Refused func(error) bool
	// Observer may be nil.
	Observer Observer

	states states
}

// Run works on one partition until ctx ends, which gives it Config.Grace to finish the block it is
// storing; then it returns nil, or what kept it from finishing. Run may be called for many
// partitions at a time. After an error it can be called again: it continues where the
// committed offset and its note say.
func (p *Pipeline) Run(ctx context.Context, claim Claim) error {
	next, pending, err := p.position(ctx, claim)
	if err != nil {
		return stopped(ctx, err)
	}
	state := p.states.begin(claim, next)
	defer p.states.end(state)
	if err := p.Handler.Resume(ctx, claim.Topic(), claim.Partition(), max(next, 0)); err != nil {
		return stopped(ctx, fmt.Errorf("resuming %s/%d at offset %d: %w", claim.Topic(), claim.Partition(), next, err))
	}
	in := newIntake(p, claim, next, pending)
	reading, stop := context.WithCancel(ctx)
	defer stop()
	done := make(chan struct{})
	var failed error
	go func() {
		defer close(done)
		failed = in.read(reading)
	}()
	err = (&writer{pipeline: p, claim: claim, in: in, state: state}).run(ctx, done)
	stop()
	<-done
	if err == nil && !errors.Is(failed, context.Canceled) {
		err = failed
	}
	return stopped(ctx, err)
}

// stopped turns the error of being told to stop into none.
func stopped(ctx context.Context, err error) error {
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return nil
	}
	return err
}

// position reads where to go on, and which range a former owner may have stored already.
func (p *Pipeline) position(ctx context.Context, claim Claim) (next int64, pending *intent, err error) {
	next, metadata, err := claim.Committed(ctx)
	if err != nil {
		return 0, nil, err
	}
	pending, err = readIntent(next, metadata)
	if err != nil {
		// Offsets set by hand come without our note. Nothing of ours is pending then.
		p.Log.Warn("ingest: going on without the committed note", "topic", claim.Topic(), "partition", claim.Partition(), "error", err)
	}
	return next, pending, nil
}

func (p *Pipeline) observer() Observer {
	if p.Observer == nil {
		return quiet{}
	}
	return p.Observer
}

// Status tells how each partition that this pipeline works on is doing, in no order.
func (p *Pipeline) Status() []PartitionStatus { return p.states.all() }

// PartitionStatus is how one partition is doing.
type PartitionStatus struct {
	Topic     string
	Partition int32
	Next      int64     // offset after the last one stored and handled; -1 when unknown
	HighWater int64     // offset after the last one in Kafka; -1 when unknown
	Stalled   error     // why the store does not take the block at hand; nil when it does
	Since     time.Time // when it stalled
}

// Lag is how many offsets are in Kafka and not stored yet; 0 when that is unknown.
func (s PartitionStatus) Lag() int64 {
	if s.HighWater < 0 || s.Next < 0 {
		return 0
	}
	return max(0, s.HighWater-s.Next)
}

// states holds the partitions being worked on; the broker bounds their number.
type states struct {
	mu   sync.Mutex
	live map[*state]struct{}
}

type state struct {
	claim  Claim
	mu     sync.Mutex
	status PartitionStatus
}

func (s *states) begin(claim Claim, next int64) *state {
	st := &state{claim: claim, status: PartitionStatus{Topic: claim.Topic(), Partition: claim.Partition(), Next: next}}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.live == nil {
		s.live = map[*state]struct{}{}
	}
	s.live[st] = struct{}{}
	return st
}

func (s *states) end(st *state) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.live, st)
}

func (s *states) all() []PartitionStatus {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []PartitionStatus
	for st := range s.live {
		st.mu.Lock()
		status := st.status
		st.mu.Unlock()
		status.HighWater = st.claim.HighWater()
		all = append(all, status)
	}
	return all
}

func (s *state) advanced(next int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.status.Next = next
}

// stalled notes why the store does not take a block, nil when it does again, and
// tells for how long it did not.
func (s *state) stalled(err error) (before error, since time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	before, since = s.status.Stalled, s.status.Since
	s.status.Stalled = err
	if err != nil && before == nil {
		s.status.Since = time.Now()
	}
	return before, since
}

// newPause is how long to wait between attempts to store: from a quarter of a second, to be
// back soon after a blip, to ten seconds, with jitter so that partitions do not return at once.
func newPause() *backoff.ExponentialBackOff {
	pause := backoff.NewExponentialBackOff()
	pause.InitialInterval = 250 * time.Millisecond
	pause.MaxInterval = 10 * time.Second
	return pause
}
