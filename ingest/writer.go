package ingest

import (
	"context"
	"fmt"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/tokenwatch/tokenwatch/schema"
)

// writer takes one partition's blocks through the protocol, one after the other:
// intent, insert, handle.
type writer struct {
	pipeline *Pipeline
	claim    Claim
	in       *intake
	lane     Lane
	state    *state
	turn     func() // ends this writer's turn to store; nil: it has none
	refusals int    // rows refused by the store within the block at hand
}

// run writes blocks until ctx ends or the reader is done. A block that is begun is finished in work.
//
// It has its turn to store before the block is cut: while the store is busy, what waits are blocks that grow, so
// that a store which falls behind gets fewer and larger ones, which cost it less.
func (w *writer) run(ctx, work context.Context, done <-chan struct{}) error {
	for w.in.await(ctx, done) && w.ask(ctx) == nil {
		if err := w.store(work, w.in.take(), func() bool { return ctx.Err() == nil && w.in.more() }); err != nil {
			return err
		}
	}
	return nil
}

// ask waits for this writer's turn to store, unless it has it.
func (w *writer) ask(ctx context.Context) (err error) {
	if w.turn == nil {
		w.turn, err = w.pipeline.storing(ctx)
	}
	return err
}

// yield gives the turn to the next.
func (w *writer) yield() {
	if w.turn != nil {
		w.turn()
		w.turn = nil
	}
}

// finish writes what the reader left, so that whoever goes on begins with nothing pending.
func (w *writer) finish(work context.Context) error {
	taken, ok := w.in.rest()
	if !ok {
		return nil
	}
	return w.store(work, taken, func() bool { return false })
}

// store writes a block and commits behind it, unless the next block's intent is about to do that.
func (w *writer) store(ctx context.Context, taken cut, next func() bool) error {
	defer w.in.memory.end(taken.room)
	defer w.yield() // also of a block that has nothing to store
	w.refusals = 0
	if err := w.write(ctx, taken.block, taken.appended); err != nil {
		return err
	}
	end := taken.block.Last + 1
	w.state.advanced(end)
	if w.refusals > 0 {
		return w.anew(ctx, end)
	}
	if next() {
		return nil
	}
	return w.claim.Commit(ctx, end, "")
}

// graceful returns a context that outlives ctx by the grace.
func graceful(ctx context.Context, grace time.Duration) (context.Context, context.CancelFunc) {
	work, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		timer := time.AfterFunc(grace, func() {
			cancel(fmt.Errorf("not finished within ingest.block.grace (%s)", grace))
		})
		context.AfterFunc(work, func() { timer.Stop() })
	})
	return work, func() { stop(); cancel(context.Canceled) }
}

// write takes one block through the protocol.
func (w *writer) write(ctx context.Context, b *schema.Block, appended time.Time) error {
	if b.Count()+len(b.DeadLetters) == 0 {
		return nil // nothing but tombstones; the next commit passes over them
	}
	w.state.advanced(b.First)
	if err := w.claim.Commit(ctx, b.First, intentOf(b).String()); err != nil {
		return err
	}
	begun := time.Now()
	err := w.insert(ctx, b)
	if err != nil && w.pipeline.Refused != nil && w.pipeline.Refused(err) {
		return w.writeAround(ctx, b, appended, err)
	}
	if err != nil {
		return fmt.Errorf("storing offsets %d to %d of %s/%d: %w", b.First, b.Last, b.Topic, b.Partition, err)
	}
	w.pipeline.observer().Stored(b, appended, time.Since(begun))
	return w.handle(ctx, b)
}

func (w *writer) handle(ctx context.Context, b *schema.Block) error {
	begun := time.Now()
	if err := w.lane.Handle(ctx, b); err != nil {
		return fmt.Errorf("handling offsets %d to %d of %s/%d: %w", b.First, b.Last, b.Topic, b.Partition, err)
	}
	w.pipeline.observer().Handled(b, time.Since(begun))
	return nil
}

// insert stores a block, and again while the store's trouble may pass. An error does not say that
// nothing was stored; that does not matter as long as the same block is stored again.
func (w *writer) insert(ctx context.Context, b *schema.Block) error {
	pause := newPause()
	for {
		err := w.attempt(ctx, b)
		if err == nil {
			w.recovered()
			return nil
		}
		if ctx.Err() != nil {
			return fmt.Errorf("%w: %w", context.Cause(ctx), err)
		}
		if w.pipeline.Retryable != nil && !w.pipeline.Retryable(err) {
			return err
		}
		w.stalled(b, err)
		timer := time.NewTimer(pause.NextBackOff())
		select {
		case <-ctx.Done():
		case <-timer.C:
		}
		timer.Stop()
	}
}

// attempt stores a block once. While it waits to be repeated, others have their turn.
func (w *writer) attempt(ctx context.Context, b *schema.Block) error {
	if err := w.ask(ctx); err != nil {
		return err
	}
	defer w.yield()
	return w.pipeline.Store.InsertBlock(ctx, b)
}

func (w *writer) stalled(b *schema.Block, err error) {
	w.pipeline.observer().Retried(b.Topic, b.Partition, err)
	if _, before := w.state.stalled(err); before == nil {
		w.pipeline.Log.Warn("ingest: the store does not take a block; trying again until it does, fetching no more meanwhile",
			"topic", b.Topic, "partition", b.Partition, "first", b.First, "last", b.Last, "error", err)
	}
}

func (w *writer) recovered() {
	if since, before := w.state.stalled(nil); before != nil {
		w.pipeline.Log.Info("ingest: the store takes blocks again",
			"topic", w.claim.Topic(), "partition", w.claim.Partition(), "after", time.Since(since).Round(time.Millisecond))
	}
}

// newPause is how long to wait between attempts to store: from a quarter of a second, to be
// back soon after a blip, to ten seconds, with jitter so that partitions do not return at once.
func newPause() *backoff.ExponentialBackOff {
	pause := backoff.NewExponentialBackOff()
	pause.InitialInterval = 250 * time.Millisecond
	pause.MaxInterval = 10 * time.Second
	return pause
}
