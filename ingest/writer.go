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
	state    *state
	refusals int // rows refused by the store within the block at hand
}

// run writes blocks until ctx ends or the reader is done.
func (w *writer) run(ctx context.Context, done <-chan struct{}) error {
	work, cancel := graceful(ctx, w.pipeline.Config.Grace)
	defer cancel()
	for ctx.Err() == nil {
		taken, ok := w.in.take(ctx, done)
		if !ok {
			return nil
		}
		w.refusals = 0
		if err := w.write(work, taken.block, taken.appended); err != nil {
			return err
		}
		next := taken.block.Last + 1
		w.in.giveBack(taken)
		w.state.advanced(next)
		if more, _ := w.in.ready(); more && ctx.Err() == nil {
			continue // its intent commits the offset
		}
		if err := w.claim.Commit(work, next, ""); err != nil {
			return err
		}
	}
	return nil
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
	if len(b.Events)+len(b.DeadLetters) == 0 {
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
	if err := w.pipeline.Handler.Handle(ctx, b); err != nil {
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
		err := w.pipeline.Store.InsertBlock(ctx, b)
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
