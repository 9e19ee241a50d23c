package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tokenwatch/tokenwatch/alert"
	"github.com/tokenwatch/tokenwatch/ingest/kafka"
	"github.com/tokenwatch/tokenwatch/schema"
	"github.com/tokenwatch/tokenwatch/schema/clickhouse"
)

// verdicts brings what people said to the incident, and to what becomes of its token. It is told by the topic, and
// looks into the table besides, in case nobody could tell it. What is learnt of it the engines read from the table.
//
//	press, command ─► alert.Clerk ─► table verdicts ─► topic tokenwatch.verdicts
//	                                   │     │                │ every process reads all of it
//	                                   │     └─ every 10 s ───┴─► dispatcher, revoker
//	                                   └─────── every 2 s ──────► engines (decisions.go)
type verdicts struct {
	cfg    alert.Config
	log    *slog.Logger
	db     *clickhouse.DB
	topic  *kafka.Log
	to     *kafka.Producer
	from   []int64 // offset of the next verdict, a partition each
	began  time.Time
	first  sync.Once
	looked chan struct{} // closed once the table was read: what was said while no process ran is known

	apply func(ctx context.Context, v schema.Verdict)
}

const (
	listenEvery = 200 * time.Millisecond
	lookEvery   = 10 * time.Second
	// lookBack is how far the table is looked at: at first far enough for what was said while no process ran.
	lookBack      = 2 * time.Minute
	lookBackFirst = 24 * time.Hour
	takeover      = 5 * time.Minute // after which a process has taken over what it is going to
)

func openVerdicts(ctx context.Context, cfg alert.Config, k kafka.Config, db *clickhouse.DB, log *slog.Logger) (*verdicts, error) {
	v := &verdicts{cfg: cfg, log: log, db: db, began: time.Now(), looked: make(chan struct{})}
	counts, err := kafka.EnsureTopics(ctx, k, kafka.TopicPlan{Key: "alert.verdicts_topic", Name: cfg.VerdictsTopic, Partitions: 1})
	if err != nil {
		return v, err
	}
	if v.topic, err = kafka.NewLog(k); err != nil {
		return v, err
	}
	if v.to, err = producerOf(k, cfg.VerdictsTopic); err != nil {
		return v, err
	}
	// Where the topic ends now, before anything is read from the table: what is said later is in one of the two.
	v.from = make([]int64, counts[0])
	for partition := range v.from {
		if _, v.from[partition], err = v.topic.Bounds(ctx, cfg.VerdictsTopic, int32(partition)); err != nil {
			return v, fmt.Errorf("alert.verdicts_topic: %w", err)
		}
	}
	return v, nil
}

// announce tells every process of a verdict that is kept.
func (v *verdicts) announce(ctx context.Context, said schema.Verdict) error {
	return announce(ctx, v.to, said)
}

func announce(ctx context.Context, to *kafka.Producer, said schema.Verdict) error {
	value, err := json.Marshal(said)
	if err != nil {
		return fmt.Errorf("writing a verdict as JSON: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	return to.Produce(ctx, []kafka.Record{{Key: []byte(said.Token.String()), Value: value}})
}

// run listens and looks until ctx ends.
func (v *verdicts) run(ctx context.Context) error {
	listen, look := time.NewTicker(listenEvery), time.NewTicker(lookEvery)
	defer listen.Stop()
	defer look.Stop()
	v.look(ctx)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-listen.C:
			if err := v.listen(ctx); err != nil && ctx.Err() == nil {
				v.log.Warn("verdicts are taken from their table alone, and late", "error", err)
			}
		case <-look.C:
			v.look(ctx)
		}
	}
}

// listen applies what was announced since the last time.
func (v *verdicts) listen(ctx context.Context) error {
	for partition := range v.from {
		first, end, err := v.topic.Bounds(ctx, v.cfg.VerdictsTopic, int32(partition))
		if err != nil {
			return err
		}
		from := max(first, min(v.from[partition], end)) // a topic that was made anew counts from 0 again
		err = v.topic.Between(ctx, v.cfg.VerdictsTopic, int32(partition), from, end, func(e kafka.Entry) error {
			var said schema.Verdict
			if err := json.Unmarshal(e.Value, &said); err != nil || said.ID == "" || !said.Kind.Valid() {
				v.log.Warn("a record in the verdicts topic is none, and is ignored", "partition", partition, "offset", e.Offset)
				return nil
			}
			v.hear(ctx, said)
			return nil
		})
		if err != nil {
			return err
		}
		v.from[partition] = end
	}
	return nil
}

// hear applies a verdict that the table has: whoever can write to the topic alone has said nothing.
func (v *verdicts) hear(ctx context.Context, said schema.Verdict) {
	kept, err := v.db.Verdicts(ctx, time.Now().Add(-lookBack))
	if err != nil {
		v.log.Warn("a verdict waits for its table", "id", said.ID, "error", err)
		return
	}
	for _, k := range kept {
		if k.ID == said.ID {
			v.apply(ctx, k)
			return
		}
	}
	v.log.Warn("a verdict in the topic is not in the table, and is ignored", "id", said.ID)
}

// look applies what the table has. All of it may have been applied before: that changes nothing.
func (v *verdicts) look(ctx context.Context) {
	back := lookBack
	if time.Since(v.began) < takeover {
		back = lookBackFirst
	}
	list, err := v.db.Verdicts(ctx, time.Now().Add(-back))
	if err != nil {
		if ctx.Err() == nil {
			v.log.Warn("verdicts cannot be read from their table", "error", err)
		}
		return
	}
	for _, said := range list {
		v.apply(ctx, said)
	}
	v.first.Do(func() { close(v.looked) })
}

// after runs something once it is known what people have said: a countdown that ended while no process ran must not
// go before the no that somebody gave meanwhile.
func (v *verdicts) after(ctx context.Context, run func(context.Context) error) error {
	select {
	case <-v.looked:
		return run(ctx)
	case <-ctx.Done():
		return nil
	}
}

func (v *verdicts) close() error {
	var wrong []error
	if v.to != nil {
		wrong = append(wrong, v.to.Close())
	}
	if v.topic != nil {
		wrong = append(wrong, v.topic.Close())
	}
	return errors.Join(wrong...)
}

// desk is where presses are taken in, once there is somebody behind it: the channels are there before the engines.
type desk struct{ clerk atomic.Pointer[alert.Clerk] }

// Take implements alert.Taker.
func (d *desk) Take(ctx context.Context, p alert.Press) (string, error) {
	clerk := d.clerk.Load()
	if clerk == nil {
		return "", errors.New("tokenwatch is starting")
	}
	return clerk.Take(ctx, p)
}

// instanceName names this process in the audit. It is the same after a restart, which goes on with what it left.
func instanceName(cfg Config) string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return host + " " + cfg.HTTP.Listen
}
