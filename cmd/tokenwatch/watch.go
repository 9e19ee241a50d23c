package main

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/tokenwatch/tokenwatch/detect"
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
	log     *slog.Logger
	metrics *metrics

	mu    sync.Mutex
	parts map[part]*lane // bounded by the topic's partitions
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

// lane is the state of one partition. Its pipeline is the only one to touch it, but for
// the metrics, which read the counts.
type lane struct {
	mu     sync.Mutex
	engine *detect.Engine
	unsent []schema.Finding // found, and not yet both stored and handed on
	saved  time.Time
}

// Resume rebuilds the engine of a partition that this process takes over.
func (w *watch) Resume(ctx context.Context, topic string, partition int32, next int64) error {
	began := time.Now()
	since := began.Add(-w.cfg.History)
	engine, err := detect.Resume(ctx, w.history, w.cfg, topic, partition, next, since)
	if err != nil {
		return err
	}
	w.log.Info("partition taken over", "topic", topic, "partition", partition, "next_offset", next,
		"profiles", engine.Tokens(), "took", time.Since(began).Round(time.Millisecond))
	w.metrics.begin(topic, partition)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.parts[part{topic, partition}] = &lane{engine: engine, saved: time.Now()}
	return nil
}

// Handle detects in a block that is stored. It returns when its findings are stored and
// taken over by alert: only then may the block's offsets be committed.
func (w *watch) Handle(ctx context.Context, b *schema.Block) error {
	l := w.lane(part{b.Topic, b.Partition})
	if l == nil {
		return fmt.Errorf("block %s/%d %d-%d came before its partition was resumed", b.Topic, b.Partition, b.First, b.Last)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	// A snapshot holds whole blocks whose offsets are committed, never the one at hand: after a
	// crash between the two the block would be learnt twice.
	if time.Since(l.saved) >= w.cfg.SnapshotEvery {
		if err := w.save(ctx, l); err != nil {
			return err
		}
	}
	l.process(b)
	return w.report(ctx, l, b)
}

// report stores findings and hands them on. After an error the pipeline brings the same
// block again, and the findings are still there.
func (w *watch) report(ctx context.Context, l *lane, b *schema.Block) error {
	if len(l.unsent) == 0 {
		return nil
	}
	block := fmt.Sprintf("%s:%d:%d-%d@%d", b.Topic, b.Partition, b.First, b.Last, b.Ingested.UnixMilli())
	if err := w.record.InsertFindings(ctx, block, l.unsent); err != nil {
		return fmt.Errorf("storing findings: %w", err)
	}
	if err := w.accept(ctx, l.unsent); err != nil {
		return fmt.Errorf("handing findings to alert: %w", err)
	}
	w.metrics.found(l.unsent)
	l.unsent = nil
	return nil
}

// process runs the block's events through the engine, which must see each only once:
// events up to its offset are from a block that came before.
func (l *lane) process(b *schema.Block) {
	done := l.engine.Offset()
	for i := range b.Events {
		if b.Events[i].Offset <= done {
			continue
		}
		if f := l.engine.Process(&b.Events[i]); f != nil {
			l.unsent = append(l.unsent, *f)
		}
	}
}

func (w *watch) save(ctx context.Context, l *lane) error {
	if err := w.record.SaveProfiles(ctx, l.engine.Snapshot()); err != nil {
		return fmt.Errorf("storing profiles: %w", err)
	}
	l.engine.Stored()
	l.saved = time.Now()
	return nil
}

// saveAll stores all profiles, at the end of a process.
func (w *watch) saveAll(ctx context.Context) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for p, l := range w.parts {
		l.mu.Lock()
		err := w.save(ctx, l)
		l.mu.Unlock()
		if err != nil {
			return fmt.Errorf("%s/%d: %w", p.topic, p.partition, err)
		}
	}
	return nil
}

// forget drops a partition whose pipeline failed. What its last block came to may not be
// committed, so its profiles may be ahead of the offsets; whoever takes the partition
// over rebuilds them from what was stored before.
func (w *watch) forget(topic string, partition int32) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.parts, part{topic, partition})
}

func (w *watch) lane(p part) *lane {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.parts[p]
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
