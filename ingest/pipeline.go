package ingest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
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
	shared struct { // by all partitions
		once   sync.Once
		memory *memory
		stores chan struct{} // one for each block that is being stored
	}
}

// Run works on one partition until ctx ends, which gives it Config.Grace to store what it has
// read; then it returns nil, or what kept it from finishing. Run may be called for many
// partitions at a time. After an error it can be called again: it continues where the
// committed offset and its note say.
func (p *Pipeline) Run(ctx context.Context, claim Claim) error {
	for {
		if err := p.run(ctx, claim); !errors.Is(err, errAnew) || ctx.Err() != nil {
			return err
		}
	}
}

func (p *Pipeline) run(ctx context.Context, claim Claim) error {
	next, pending, err := p.position(ctx, claim)
	if err != nil {
		return stopped(ctx, err)
	}
	state := p.states.begin(claim, next)
	defer p.states.end(state)
	lane, err := p.Handler.Resume(ctx, claim.Topic(), claim.Partition(), max(next, 0))
	if err != nil {
		return stopped(ctx, fmt.Errorf("resuming %s/%d at offset %d: %w", claim.Topic(), claim.Partition(), next, err))
	}
	in := newIntake(p, claim, lane, next, pending)
	return p.work(ctx, &writer{pipeline: p, claim: claim, in: in, lane: lane, state: state})
}

// work reads and writes until ctx ends or one of the two fails.
func (p *Pipeline) work(ctx context.Context, w *writer) error {
	reading, stop := context.WithCancel(ctx)
	defer stop()
	done := make(chan struct{})
	var failed error
	go func() {
		defer close(done)
		failed = w.in.read(reading)
	}()
	writing, cancel := graceful(ctx, p.Config.Grace)
	defer cancel()
	err := w.run(ctx, writing, done)
	stop()
	<-done
	defer w.in.close()
	if err == nil && ctx.Err() != nil {
		err = w.finish(writing)
	}
	if err == nil && !errors.Is(failed, context.Canceled) {
		err = stopped(ctx, failed)
	}
	return err // of a block that was not finished, being told to stop is no excuse: the lane may be ahead of the offsets
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

// share makes what all partitions share, with the first of them.
func (p *Pipeline) share() {
	p.shared.once.Do(func() {
		p.shared.memory = newMemory(int64(p.Config.Memory), p.Config.Rows, packing(p.Store))
		p.shared.stores = make(chan struct{}, max(1, p.Config.Inserts))
	})
}

func (p *Pipeline) memory() *memory {
	p.share()
	return p.shared.memory
}

// storing waits for its turn to store a block; done gives the turn to the next.
func (p *Pipeline) storing(ctx context.Context) (done func(), err error) {
	p.share()
	select {
	case p.shared.stores <- struct{}{}:
		return func() { <-p.shared.stores }, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("waiting to store a block: %w", context.Cause(ctx))
	}
}

func (p *Pipeline) observer() Observer {
	if p.Observer == nil {
		return quiet{}
	}
	return p.Observer
}
