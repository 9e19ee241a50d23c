package main

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/tokenwatch/tokenwatch/ingest"
	"github.com/tokenwatch/tokenwatch/ingest/kafka"
	"github.com/tokenwatch/tokenwatch/schema"
	"github.com/tokenwatch/tokenwatch/schema/clickhouse"
)

// keying is the ingest.Handler of the gateways' topics. Where producers key by token, a partition's lane detects in what
// it is shown. Where they do not, it appends the events to a topic of its own, by token, once they are
// stored; together detects there (deploy/adr/0010-rekeying.md).
type keying struct {
	cfg    KafkaConfig
	kafka  kafka.Config // of the gateways' topics
	events kafka.Config // of the topic of re-keyed events
	shelf  shelfOfKeying
	watch  *watch // of lanes that detect where they read
	log    *slog.Logger
	topics *kafka.Log

	deciding sync.Mutex
	on       chan struct{} // closed when events are re-keyed; what follows is set before, and stays
	since    time.Time     // when that was decided
	parts    int           // partitions of the topic of re-keyed events
}

// shelfOfKeying is where the decision is kept, and what it is made from.
type shelfOfKeying interface {
	record
	Profiles(ctx context.Context, topic string, partition int32, each func(schema.Profile) error) error
	Spread(ctx context.Context, since time.Time) (clickhouse.Spread, error)
}

func newKeying(cfg KafkaConfig, k kafka.Config, shelf shelfOfKeying, w *watch, log *slog.Logger) (*keying, error) {
	y := &keying{cfg: cfg, kafka: k, events: cfg.Rekey.events(k), shelf: shelf, watch: w, log: log, on: make(chan struct{})}
	var err error
	y.topics, err = kafka.NewLog(y.events)
	return y, err
}

func (y *keying) close() error { return y.topics.Close() }

func (y *keying) rekeys() bool {
	select {
	case <-y.on:
		return true
	default:
		return false
	}
}

// Resume begins a partition in the way that was decided on.
func (y *keying) Resume(ctx context.Context, topic string, partition int32, next int64) (ingest.Lane, error) {
	if err := y.recall(ctx); err != nil {
		return nil, err
	}
	if y.rekeys() {
		y.watch.forget(topic, partition)
		y.watch.metrics.begin(topic, partition)
		return rekeyed{y}, nil
	}
	l, err := y.watch.Resume(ctx, topic, partition, next)
	if err != nil {
		return nil, err
	}
	return inPlace{l.(*lane), y}, nil
}

// decisionRow is the partition under which the decision is stored, beside the profiles of the topic.
const decisionRow = math.MinInt32

// recall sees whether it was decided to re-key, by this process or another.
func (y *keying) recall(ctx context.Context) error {
	if y.cfg.Rekey.Keyed == keyedYes || y.rekeys() {
		return nil
	}
	since, err := y.decision(ctx)
	if err != nil || since.IsZero() && y.cfg.Rekey.Keyed == keyedAuto {
		return err
	}
	return y.begin(ctx)
}

// decision is when it was decided to re-key; zero if it was not.
func (y *keying) decision(ctx context.Context) (since time.Time, err error) {
	err = y.shelf.Profiles(ctx, y.events.Topic, decisionRow, func(p schema.Profile) error {
		since = p.Updated
		return nil
	})
	return since, err
}

// begin re-keys from now on, or goes on with it. The topic is there before the decision is.
func (y *keying) begin(ctx context.Context) error {
	y.deciding.Lock()
	defer y.deciding.Unlock()
	if y.rekeys() {
		return nil
	}
	most, err := y.partitions(ctx)
	if err != nil {
		return err
	}
	if err := kafka.EnsureTopic(ctx, y.events, most); err != nil {
		return fmt.Errorf("kafka.events_topic: %w", err)
	}
	since, err := y.decision(ctx)
	if err == nil && since.IsZero() {
		since, err = y.decide(ctx)
	}
	if err != nil {
		return err
	}
	if y.parts, err = y.topics.Partitions(ctx, y.events.Topic); err != nil {
		return err
	}
	y.since = since
	y.log.Info("events are brought together by token", "topic", y.events.Topic, "partitions", y.parts, "since", since)
	close(y.on)
	return nil
}

// decide stores the decision. Of two that are stored at a time the earlier holds.
func (y *keying) decide(ctx context.Context) (time.Time, error) {
	now := time.Now().UTC().Truncate(time.Millisecond)
	row := schema.Profile{Topic: y.events.Topic, Partition: decisionRow, Offset: -now.UnixMilli(), Updated: now, State: []byte("re-keyed")}
	if err := y.shelf.SaveProfiles(ctx, []schema.Profile{row}); err != nil {
		return now, err
	}
	return y.decision(ctx)
}

// partitions is how many the gateways' topics have, the largest of them.
func (y *keying) partitions(ctx context.Context) (most int, err error) {
	for _, topic := range y.kafka.Topics() {
		n, err := y.topics.Partitions(ctx, topic)
		if err != nil {
			return 0, err
		}
		most = max(most, n)
	}
	return most, nil
}

const (
	// spreadWindow is how far back tokens are looked at.
	spreadWindow = 24 * time.Hour
	// spreadEvery is how often, in the long run.
	spreadEvery = 5 * time.Minute
)

// run looks from time to time whether tokens are spread, until it is decided to re-key, or ctx ends.
func (y *keying) run(ctx context.Context) error {
	for pause := time.Second; y.cfg.Rekey.Keyed != keyedYes && !y.rekeys(); pause = min(2*pause, spreadEvery) {
		if err := y.look(ctx); err != nil && ctx.Err() == nil {
			y.log.Warn("could not see whether the records of a token are on one partition; trying again", "error", err)
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-timer.C:
		}
	}
	return nil
}

func (y *keying) look(ctx context.Context) error {
	if err := y.recall(ctx); err != nil || y.rekeys() {
		return err
	}
	if n, err := y.partitions(ctx); err != nil || n < 2 {
		return err
	}
	s, err := y.shelf.Spread(ctx, time.Now().Add(-spreadWindow))
	if err != nil || !s.Clear() {
		return err
	}
	y.log.Warn("producers do not key by token: the requests of one token are on several partitions, and would be learnt in parts; "+
		"from now on events are brought together by token on a topic of their own, which makes detection about a second slower. "+
		"Better: key by token and set kafka.keyed to yes; to keep it as it is now, set it to no",
		"tokens", s.Tokens, "spread", s.Spread, "topic", y.events.Topic)
	return y.begin(ctx)
}

// inPlace is a lane that detects in what it is shown, until it is decided to re-key.
type inPlace struct {
	*lane
	keying *keying
}

// Handle gives a block up that was not handled when it was decided to re-key: the next lane is given the same.
func (l inPlace) Handle(ctx context.Context, b *schema.Block) error {
	if l.keying.rekeys() {
		return ingest.ErrAnew
	}
	return l.lane.Handle(ctx, b)
}

// rekeyed is a lane that appends stored events to the topic of re-keyed events.
type rekeyed struct{ *keying }

// Look does nothing: only what is stored is passed on.
func (rekeyed) Look([]schema.Event) {}

// Cut does nothing: there is no state.
func (rekeyed) Cut(int64) {}

// Handle returns when the brokers have the block's events. After an error the whole block comes again.
func (y rekeyed) Handle(ctx context.Context, b *schema.Block) error {
	group, ctx := errgroup.WithContext(ctx)
	for partition, records := range ingest.Rekey(b, y.parts) {
		group.Go(func() error {
			for _, record := range records { // each when the one before is acknowledged
				if _, err := y.topics.Append(ctx, y.events.Topic, int32(partition), []kafka.Entry{{Value: record}}); err != nil {
					return fmt.Errorf("re-keying events: %w", err)
				}
			}
			return nil
		})
	}
	return group.Wait()
}

// sourceMetrics is the observer of the pipelines of the gateways' topics. A lane that only passes events on has
// not looked at them.
type sourceMetrics struct {
	ingestMetrics
	keying *keying
}

func (m sourceMetrics) Looked(topic string, partition int32, appended time.Time) {
	if !m.keying.rekeys() {
		m.ingestMetrics.Looked(topic, partition, appended)
	}
}
