package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/tokenwatch/tokenwatch/ingest"
	"github.com/tokenwatch/tokenwatch/ingest/format"
	"github.com/tokenwatch/tokenwatch/ingest/kafka"
	"github.com/tokenwatch/tokenwatch/schema"
	"github.com/tokenwatch/tokenwatch/schema/clickhouse"
)

// together detects in the events that keying has brought together by token. It is the ingest.RecordDecoder and
// ingest.Handler of that topic's pipelines, and the detect.History of its engines: what was not
// learnt yet is in the topic itself.
type together struct {
	settled
	keying   *keying
	watch    *watch
	db       *clickhouse.DB
	metrics  *metrics
	pipeline *ingest.Pipeline
	consumer *kafka.Consumer

	mu    sync.Mutex
	parts map[int32]*brought // bounded by the topic's partitions
}

// brought is what is known of one partition of the topic. Its pipeline reads it in one goroutine.
type brought struct {
	repeats *ingest.Repeats
	begun   bool // a snapshot was stored before the first record came
}

func newTogether(y *keying, w *watch, block ingest.BlockConfig, db *clickhouse.DB, observer ingestMetrics) (*together, error) {
	d := &together{settled: settled{db, db}, keying: y, db: db, metrics: w.metrics, parts: map[int32]*brought{}}
	d.watch = &watch{cfg: w.cfg, history: d, record: w.record, accept: w.accept, log: w.log, metrics: w.metrics, parts: map[part]*lane{}, urgent: w.urgent, sighted: w.sighted}
	block.FlushInterval /= 4 // what it finds has waited once already
	block.FlushInterval = max(block.FlushInterval, time.Millisecond)
	d.pipeline = &ingest.Pipeline{
		Config: block, Decoder: d, Store: refusedOnly{db}, Handler: d, Log: w.log,
		Retryable: clickhouse.Retryable, Observer: togetherMetrics{observer},
	}
	var err error
	d.consumer, err = kafka.NewConsumer(y.events, w.log)
	return d, err
}

// run begins when it is decided to re-key.
func (d *together) run(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case <-d.keying.on:
	}
	return d.consumer.Run(ctx, func(ctx context.Context, c *kafka.Claim) error {
		err := d.pipeline.Run(ctx, c)
		if err != nil {
			d.watch.forget(c.Topic(), c.Partition())
		}
		return err
	})
}

// follow brings what people decide, and what tokens do together, to the engines, when there are some.
func (d *together) follow(ctx context.Context, every time.Duration) error {
	select {
	case <-ctx.Done():
		return nil
	case <-d.keying.on:
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return d.watch.follow(ctx, every) })
	group.Go(func() error {
		return newFleetwide(d.watch, d.db, part{d.keying.events.Topic, 0}).run(ctx, every)
	})
	return group.Wait()
}

func (d *together) trouble() error {
	if !d.keying.rekeys() {
		return nil
	}
	return d.consumer.Trouble()
}

func (d *together) brought(partition int32) *brought {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.parts[partition]
}

// Resume rebuilds the engine of a partition, and what is known of repeats.
func (d *together) Resume(ctx context.Context, topic string, partition int32, next int64) (ingest.Lane, error) {
	at := &brought{repeats: ingest.NewRepeats()}
	d.mu.Lock()
	d.parts[partition] = at
	d.mu.Unlock()
	l, err := d.watch.Resume(ctx, topic, partition, next)
	if err != nil {
		return nil, err
	}
	l.(*lane).beside = func(last int64) []schema.Profile {
		state, err := json.Marshal(at.repeats)
		if err != nil {
			panic(err) // numbers by name always marshal
		}
		return []schema.Profile{{Topic: topic, Partition: repeatsRow(partition), Offset: last, Updated: time.Now().UTC(), State: state}}
	}
	return l, nil
}

// repeatsRow is the partition under which a partition's repeats are stored: none has a negative number.
func repeatsRow(partition int32) int32 { return ^partition }

// Decode appends the events of a record that did not come before.
func (d *together) Decode(dst *schema.Block, value []byte, pos ingest.Position) {
	before := len(dst.Events)
	var err error
	dst.Events, err = d.brought(pos.Partition).repeats.Read(dst.Events, value, pos.Topic, pos.Partition, pos.Offset)
	if err != nil {
		dst.DeadLetters = append(dst.DeadLetters, schema.DeadLetter{
			Ingested: pos.At, Topic: pos.Topic, Partition: pos.Partition, Offset: pos.Offset, Source: "tokenwatch.events",
			Reason: string(format.UnknownFormat), Detail: err.Error(), Size: uint32(min(len(value), math.MaxUint32)),
		})
	}
	if len(dst.Events) > before {
		d.metrics.looked.Observe(time.Since(dst.Events[before].Ingested).Seconds())
	}
}

// Profiles streams a partition's stored profiles.
func (d *together) Profiles(ctx context.Context, topic string, partition int32, each func(schema.Profile) error) error {
	at := d.brought(partition)
	return d.db.Profiles(ctx, topic, partition, func(p schema.Profile) error {
		at.begun = at.begun || p.Token.IsZero() && p.Offset < 0
		return each(p)
	})
}

// Events streams what a partition's engine has to learn again: the topic's records behind its profiles. An engine that
// has no profiles learns first from the events that were stored before it was decided to re-key.
func (d *together) Events(ctx context.Context, topic string, partition int32, after, before int64, since time.Time, each func(*schema.Event) error) error {
	at := d.brought(partition)
	first, end, err := d.keying.topics.Bounds(ctx, topic, partition)
	if err != nil {
		return err
	}
	from, known, err := d.recall(ctx, at, topic, partition, after)
	if err == nil && !known {
		err = d.past(ctx, at, topic, partition, first, end, since, each)
	}
	if err != nil {
		return err
	}
	if first > from && from > 0 {
		d.watch.log.Warn("re-keyed events were deleted before they were learnt again", "topic", topic, "partition", partition, "from", from, "to", first)
	}
	var events []schema.Event
	return d.keying.topics.Between(ctx, topic, partition, max(from, first), min(before, end), func(e kafka.Entry) error {
		events, err = at.repeats.Read(events[:0], e.Value, topic, partition, e.Offset)
		if err != nil || e.Offset <= after {
			return nil // it became a dead letter when it was read first; or the profiles hold it
		}
		for i := range events {
			if err := each(&events[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

// recall takes back what is known of repeats, and says from where on it has to be completed. What an engine
// without profiles has seen is nothing.
func (d *together) recall(ctx context.Context, at *brought, topic string, partition int32, after int64) (from int64, known bool, err error) {
	if after < 0 && !at.begun {
		return 0, false, nil
	}
	err = d.db.Profiles(ctx, topic, repeatsRow(partition), func(p schema.Profile) error {
		from = min(after, p.Offset) + 1
		return json.Unmarshal(p.State, at.repeats)
	})
	if err != nil {
		return 0, true, fmt.Errorf("reading what was seen of %s/%d: %w", topic, partition, err)
	}
	return from, true, nil
}

// past streams the events of the partition's tokens from before there were re-keyed ones.
func (d *together) past(ctx context.Context, at *brought, topic string, partition int32, first, end int64, since time.Time, each func(*schema.Event) error) error {
	until := d.keying.since
	if first > 0 && first < end { // older records are gone: the tables have their events
		e, err := d.keying.topics.At(ctx, topic, partition, first)
		if err != nil {
			return err
		}
		if begun, err := ingest.RekeyedAt(e.Value); err == nil {
			until = begun
		}
	}
	return d.db.EventsKeyed(ctx, partition, d.keying.parts, since, until, func(e *schema.Event) error {
		at.repeats.Saw(e)
		e.Topic, e.Partition, e.Offset, e.Item = topic, partition, -1, 0
		return each(e)
	})
}

// refusedOnly is a Store that keeps nothing of a block but its dead letters: its events are stored already.
type refusedOnly struct{ db *clickhouse.DB }

// InsertBlock implements ingest.Store.
func (s refusedOnly) InsertBlock(ctx context.Context, b *schema.Block) error {
	if len(b.DeadLetters) == 0 {
		return nil
	}
	letters := *b
	letters.Events, letters.Missing = nil, nil
	return s.db.InsertBlock(ctx, &letters)
}

// togetherMetrics is the observer of the pipelines of re-keyed events, which store no rows: how long after its block
// was begun an event is looked at, Decode tells.
type togetherMetrics struct{ ingestMetrics }

func (togetherMetrics) Looked(string, int32, time.Time)                {}
func (togetherMetrics) Stored(*schema.Block, time.Time, time.Duration) {}

// read has the gateways' topics read, and the topic of re-keyed events if there is one.
func (a *app) read(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return a.consumer.Run(ctx, a.work) })
	group.Go(func() error { return a.keying.run(ctx) })
	group.Go(func() error { return a.together.run(ctx) })
	return group.Wait()
}

// status is how all partitions are doing.
func (a *app) status() []ingest.PartitionStatus {
	return append(a.pipeline.Status(), a.together.pipeline.Status()...)
}

// counts sums up the profiles of both ways.
func (a *app) counts() (tokens int, evicted uint64) {
	tokens, evicted = a.watch.counts()
	more, gone := a.together.watch.counts()
	return tokens + more, evicted + gone
}
