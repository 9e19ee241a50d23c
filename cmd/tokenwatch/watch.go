package main

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tokenwatch/tokenwatch/detect"
	"github.com/tokenwatch/tokenwatch/ingest"
	"github.com/tokenwatch/tokenwatch/schema"
)

// watch is what the pipelines hand their stored blocks to: it runs one detect.Engine a
// partition, stores findings and profiles, and passes findings on to alert. It is the
// ingest.Handler of the process.
type watch struct {
	cfg     detect.Config
	history detect.History
	record  record
	accept  func(context.Context, []schema.Finding) error
	urgent  func(f *schema.Finding, now time.Time) bool // whether a finding must not wait for others; nil: none
	log     *slog.Logger
	metrics *metrics

	mu    sync.Mutex
	parts map[part]*lane // bounded by the topic's partitions

	sighted sighted     // nil: each partition is judged by itself
	wide    atomic.Bool // there are several partitions: what tokens did together is told by fleetwide
}

// record is where findings and profiles are kept.
type record interface {
	InsertFindings(ctx context.Context, token string, findings []schema.Finding) error
	SaveProfiles(ctx context.Context, profiles []schema.Profile) error
}

type part struct {
	topic     string
	partition int32
}

// lane is the state of one partition, the ingest.Lane of its pipeline.
type lane struct {
	watch *watch

	hurry atomic.Bool // a finding was made just now that must not wait

	mu     sync.Mutex
	engine *detect.Engine
	seen   []schema.Sighting // as unsent
	unsent []schema.Finding  // found, and not yet both stored and handed on; in the order of their offsets
	saved  time.Time
	// A snapshot holds whole blocks whose offsets are committed, never more: after a crash the rest would be learnt
	// twice. So it is taken where a block ends, and stored when a block behind it has come to be handled.
	snapshot []schema.Profile
	cut      int64 // offset up to which snapshot holds
	handled  int64 // last offset that was handled
	// beside, if there is one, gives rows that are to be stored behind the profiles of a snapshot up to an offset.
	beside func(last int64) []schema.Profile
}

// Resume rebuilds the engine of a partition that this process takes over.
func (w *watch) Resume(ctx context.Context, topic string, partition int32, next int64) (ingest.Lane, error) {
	began := time.Now()
	since := began.Add(-w.cfg.History)
	engine, err := detect.Resume(ctx, w.history, w.cfg, topic, partition, next, since)
	if err != nil {
		return nil, err
	}
	w.log.Info("partition taken over", "topic", topic, "partition", partition, "next_offset", next,
		"profiles", engine.Tokens(), "took", time.Since(began).Round(time.Millisecond))
	w.metrics.begin(topic, partition)
	l := &lane{watch: w, engine: engine, saved: time.Now(), handled: next - 1}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.parts[part{topic, partition}] = l
	return l, nil
}

// Look detects in events that are not stored yet. What is found waits until they are.
func (l *lane) Look(events []schema.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	// The engine must see each event only once: those up to its offset are from a block that came before.
	done := l.engine.Offset()
	for i := range events {
		if i%detect.Ahead == 0 {
			l.engine.Prefetch(events[i:])
		}
		if events[i].Offset <= done {
			continue
		}
		if f := l.engine.Process(&events[i]); f != nil && (f.Kind == schema.FindingToken || !l.watch.wide.Load()) {
			l.unsent = append(l.unsent, *f)
			if l.watch.urgent != nil && !f.Simulated && l.watch.urgent(f, time.Now()) {
				l.hurry.Store(true)
			}
		}
	}
	l.seen = append(l.seen, l.engine.Sightings()...)
}

// Hurry implements ingest.Hasty: a token that is to be revoked at once does not wait for its block to become old.
func (l *lane) Hurry() bool { return l.hurry.Load() && l.hurry.Swap(false) }

// Cut takes a snapshot when it is time for one, and there is none that waits to be stored.
func (l *lane) Cut(last int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.snapshot != nil || time.Since(l.saved) < l.watch.cfg.SnapshotEvery {
		return
	}
	l.snapshot, l.cut = l.take(last), last
	l.engine.Stored() // if it cannot be, the partition fails, and its engine is forgotten
}

func (l *lane) take(last int64) []schema.Profile {
	if l.beside == nil {
		return l.engine.Snapshot()
	}
	return append(l.engine.Snapshot(), l.beside(last)...)
}

// Handle returns when a stored block's findings are stored and taken over by alert: only then may
// the block's offsets be committed.
func (l *lane) Handle(ctx context.Context, b *schema.Block) error {
	if err := l.save(ctx, b.First); err != nil {
		return err
	}
	found, seen := l.found(b.Last), l.sightings(b.Last)
	if err := l.watch.report(ctx, found, b); err != nil {
		return err
	}
	if err := l.watch.storeSightings(ctx, seen, b); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.seen = slices.Clone(l.seen[len(seen):])
	l.unsent = l.unsent[len(found):]
	if len(l.unsent) == 0 {
		l.unsent = nil
	}
	l.handled = b.Last
	return nil
}

// save stores the snapshot, if there is one, and everything in it precedes offset next, which is committed.
func (l *lane) save(ctx context.Context, next int64) error {
	l.mu.Lock()
	snapshot := l.snapshot
	if l.cut >= next {
		snapshot = nil
	}
	l.mu.Unlock()
	if snapshot == nil {
		return nil
	}
	if err := l.watch.record.SaveProfiles(ctx, snapshot); err != nil {
		return fmt.Errorf("storing profiles: %w", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.snapshot, l.saved = nil, time.Now()
	return nil
}

// found are the findings up to an offset that were not handed on yet.
func (l *lane) found(last int64) []schema.Finding {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := 0
	for n < len(l.unsent) && l.unsent[n].Offset <= last {
		n++
	}
	return l.unsent[:n:n]
}

// sightings are those up to an offset that were not stored yet.
func (l *lane) sightings(last int64) []schema.Sighting {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := 0
	for n < len(l.seen) && l.seen[n].Offset <= last {
		n++
	}
	return l.seen[:n:n]
}

// report stores findings and hands them on. After an error the pipeline brings the same
// block again, and its findings with it.
func (w *watch) report(ctx context.Context, found []schema.Finding, b *schema.Block) error {
	if len(found) == 0 {
		return nil
	}
	block := fmt.Sprintf("%s:%d:%d-%d@%d", b.Topic, b.Partition, b.First, b.Last, b.Ingested.UnixMilli())
	if err := w.record.InsertFindings(ctx, block, found); err != nil {
		return fmt.Errorf("storing findings: %w", err)
	}
	if err := w.tell(ctx, alertable(found)); err != nil {
		return fmt.Errorf("handing findings to alert: %w", err)
	}
	w.metrics.found(found)
	return nil
}

// tell hands findings to alert.
func (w *watch) tell(ctx context.Context, found []schema.Finding) error {
	if len(found) == 0 {
		return nil
	}
	return w.accept(ctx, found)
}

// alertable are the findings that people are told of: those of detectors on trial are for the record only.
func alertable(found []schema.Finding) []schema.Finding {
	if !slices.ContainsFunc(found, func(f schema.Finding) bool { return f.Simulated }) {
		return found
	}
	return slices.DeleteFunc(slices.Clone(found), func(f schema.Finding) bool { return f.Simulated })
}

// saveAll stores all profiles, at the end of a process: all that was handled is committed by then. A lane that has
// looked further than it was given to handle keeps its last snapshot; the rest is learnt again from what is stored.
func (w *watch) saveAll(ctx context.Context) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for p, l := range w.parts {
		if err := l.save(ctx, l.last()); err != nil {
			return fmt.Errorf("%s/%d: %w", p.topic, p.partition, err)
		}
	}
	return nil
}

// last takes a snapshot of a lane that has stopped where a block ended, and returns the offset that comes next.
func (l *lane) last() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.engine.Offset() <= l.handled {
		l.snapshot, l.cut = append(l.snapshot, l.take(l.handled)...), l.handled
		l.engine.Stored()
	}
	return l.handled + 1
}

// forget drops a partition whose pipeline failed. What its last block came to may not be
// committed, so its profiles may be ahead of the offsets; whoever takes the partition
// over rebuilds them from what was stored before.
func (w *watch) forget(topic string, partition int32) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.parts, part{topic, partition})
}

// counts sums up the profiles in memory and those dropped for want of room.
func (w *watch) counts() (tokens int, evicted uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, l := range w.parts {
		l.mu.Lock()
		tokens += l.engine.Tokens()
		evicted += l.engine.Evicted()
		l.mu.Unlock()
	}
	return tokens, evicted
}
