package detect

import (
	"context"
	"fmt"
	"time"

	"github.com/tokenwatch/tokenwatch/schema"
)

// History is where profiles and events are kept.
type History interface {
	// Profiles streams the newest stored profiles of a partition.
	Profiles(ctx context.Context, topic string, partition int32, each func(schema.Profile) error) error
	// Events streams a partition's events with after < offset < before that were taken
	// in at or after since, in the order of offset and item.
	Events(ctx context.Context, topic string, partition int32, after, before int64, since time.Time, each func(*schema.Event) error) error
}

// Decisions is what a History may know besides: what people decided, which a replay has to know as it was known then.
type Decisions interface {
	// Verdicts lists the verdicts that were stored at or after since.
	Verdicts(ctx context.Context, since time.Time) ([]schema.Verdict, error)
	// Allowances lists all changes of the allow-list, in their order.
	Allowances(ctx context.Context) ([]schema.Allowance, error)
	// FleetEvents lists what was found over all partitions and stored at or after since.
	FleetEvents(ctx context.Context, since time.Time) ([]schema.FleetEvent, error)
}

// Resume makes the engine that a partition had when all events before offset next had
// been processed: the stored profiles, and the events since them once more. Without
// stored profiles, or with ones of another version, it learns from the events that were
// taken in at or after since. The findings of those events were reported when they
// happened and are not reported again.
func Resume(ctx context.Context, h History, cfg Config, topic string, partition int32, next int64, since time.Time) (*Engine, error) {
	e, err := restored(ctx, h, cfg, topic, partition)
	if err != nil {
		return nil, fmt.Errorf("reading the profiles of %s/%d: %w", topic, partition, err)
	}
	if err := e.decide(ctx, h); err != nil {
		return nil, err
	}
	if e.offset >= next {
		// The topic was made anew, or the group was set back: what was learnt belongs to
		// other offsets, and replayed events are rightly learnt from once more.
		e.setBack(next - 1)
	}
	after := e.offset
	if after >= 0 {
		since = time.Time{}
	}
	err = h.Events(ctx, topic, partition, after, next, since, func(ev *schema.Event) error {
		e.Process(ev)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("replaying the events of %s/%d after offset %d: %w", topic, partition, after, err)
	}
	e.sightings = nil // they were taken when they happened
	return e, nil
}

// decide tells the engine what people decided so far.
func (e *Engine) decide(ctx context.Context, h History) error {
	known, ok := h.(Decisions)
	if !ok {
		return nil
	}
	changes, err := known.Allowances(ctx)
	if err != nil {
		return fmt.Errorf("reading the allow-list: %w", err)
	}
	e.Allow(changes)
	verdicts, err := known.Verdicts(ctx, time.Time{})
	if err != nil {
		return fmt.Errorf("reading verdicts: %w", err)
	}
	for i := range verdicts {
		e.Verdict(&verdicts[i])
	}
	events, err := known.FleetEvents(ctx, time.Time{})
	if err != nil {
		return fmt.Errorf("reading fleet events: %w", err)
	}
	e.Know(events)
	return nil
}

// restored makes an engine of the stored profiles, one by one: there may be a million.
func restored(ctx context.Context, h History, cfg Config, topic string, partition int32) (*Engine, error) {
	e, damaged := New(cfg, topic, partition), false
	err := h.Profiles(ctx, topic, partition, func(p schema.Profile) error {
		damaged = damaged || e.restore(&p) != nil
		return nil
	})
	if damaged {
		e = New(cfg, topic, partition)
	}
	e.fit()
	return e, err
}

// setBack makes the engine one that has seen the offsets up to last, and keeps the order
// in which profiles were used.
func (e *Engine) setBack(last int64) {
	by := e.offset - last
	e.each(func(p *profile) { p.offset -= by })
	e.offset = last
}
