package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/tokenwatch/tokenwatch/deploy/local"
	"github.com/tokenwatch/tokenwatch/ingest/kafka"
	"github.com/tokenwatch/tokenwatch/schema/clickhouse"
)

// engines are the Kafka and the ClickHouse that the process works with: the configured
// ones, or embedded ones that it starts and stops itself. Both are reached the same way.
type engines struct {
	log        *slog.Logger
	ready      *readiness
	clickhouse clickhouse.Config // complete with the address of an embedded one
	kafka      kafka.Config
	db         *clickhouse.DB

	mu       sync.Mutex
	child    *local.ClickHouse // nil when configured
	childCfg local.ClickHouseConfig
	broker   *local.Kafka // nil when configured
}

func newEngines(cfg Config, log *slog.Logger, ready *readiness) *engines {
	return &engines{log: log, ready: ready, clickhouse: cfg.ClickHouse.Config, kafka: cfg.Kafka.Config}
}

// start starts what is not configured, and waits for what is, as long as it takes: an
// engine that is away may come back, but a wrong password or topic does not mend itself
// and is returned at once. After an error, stop still has to be called.
func (e *engines) start(ctx context.Context, cfg Config) error {
	err := e.openClickHouse(ctx, cfg)
	if err == nil {
		err = e.patiently(ctx, "clickhouse", clickhouse.Retryable, func() error { return e.db.Migrate(ctx) })
	}
	if err == nil {
		err = e.startKafka(ctx, cfg)
	}
	return err
}

// openClickHouse connects to the configured ClickHouse, or to one that it starts.
func (e *engines) openClickHouse(ctx context.Context, cfg Config) error {
	if cfg.ClickHouse.DSN == "" {
		if err := e.startClickHouse(ctx, cfg); err != nil {
			return fmt.Errorf("starting the embedded ClickHouse: %w", err)
		}
	}
	return e.patiently(ctx, "clickhouse", clickhouse.Retryable, func() (err error) {
		e.db, err = clickhouse.Open(ctx, e.clickhouse)
		return err
	})
}

func (e *engines) startClickHouse(ctx context.Context, cfg Config) error {
	c := cfg.ClickHouse.ClickHouseConfig
	c.Dir = cfg.DataDir
	child, err := local.StartClickHouse(ctx, c)
	if err != nil {
		return err
	}
	e.child, e.childCfg = child, c
	e.clickhouse.DSN = clickhouse.DSN(child.DSN())
	e.log.Info("embedded ClickHouse started", "engine", child.Engine(), "native", child.TCPAddress(), "http", child.HTTPAddress(), "pid", child.PID())
	return nil
}

func (e *engines) startKafka(ctx context.Context, cfg Config) error {
	if len(cfg.Kafka.Brokers) > 0 {
		return e.patiently(ctx, "kafka", kafka.Passing, func() error { return kafka.Check(ctx, e.kafka) })
	}
	c := cfg.Kafka.KafkaConfig
	c.Dir, c.Log = cfg.DataDir, e.log
	broker, err := local.StartKafka(c)
	if err != nil {
		return fmt.Errorf("starting the embedded Kafka: %w", err)
	}
	e.broker = broker
	e.kafka.Brokers = broker.Brokers()
	e.log.Info("embedded Kafka started", "brokers", broker.Brokers(), "topics", e.kafka.Topics())
	if err := kafka.EnsureTopic(ctx, e.kafka, e.kafka.Partitions); err != nil {
		return err
	}
	e.ready.set("kafka", "")
	return nil
}

// patiently repeats an attempt while its error may pass. It says so once when the
// trouble begins, not at every try; readyz tells it for as long as it lasts.
func (e *engines) patiently(ctx context.Context, part string, passing func(error) bool, attempt func() error) error {
	pause := backoff.NewExponentialBackOff()
	pause.MaxInterval = 10 * time.Second
	for tries := 0; ; tries++ {
		err := attempt()
		if err == nil {
			e.ready.set(part, "")
			if tries > 0 {
				e.log.Info(part + " is there now")
			}
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if !passing(err) {
			return err
		}
		if tries == 0 {
			e.log.Warn(part+" is away; trying until it is back", "error", err)
		}
		e.ready.set(part, err.Error())
		timer := time.NewTimer(pause.NextBackOff())
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-timer.C:
		}
	}
}

// keep restarts the embedded ClickHouse when it dies by itself, until ctx ends. Nothing
// is lost meanwhile: inserts are repeated until they succeed.
func (e *engines) keep(ctx context.Context) error {
	if e.child == nil {
		<-ctx.Done()
		return nil
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-e.child.Done():
		}
		if ctx.Err() != nil {
			return nil
		}
		e.log.Error("the embedded ClickHouse ended; starting it again", "error", e.child.Err())
		e.ready.set("clickhouse", "restarting")
		if err := e.restart(ctx); err != nil {
			return fmt.Errorf("restarting the embedded ClickHouse: %w", err)
		}
		e.ready.set("clickhouse", "")
	}
}

func (e *engines) restart(ctx context.Context) error {
	c := e.childCfg
	// The same ports again: the database's connections are made to them.
	if _, err := fmt.Sscanf(e.child.TCPAddress(), "127.0.0.1:%d", &c.TCPPort); err != nil {
		return err
	}
	if err := e.child.Stop(ctx); err != nil { // it is dead already: this gives its lock back
		e.log.Debug("closing the old ClickHouse", "error", err)
	}
	child, err := local.StartClickHouse(ctx, c)
	if err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.child = child
	return nil
}

// stop closes connections and ends what was started here.
func (e *engines) stop(ctx context.Context) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 20*time.Second)
	defer cancel()
	var wrong []error
	if e.db != nil {
		wrong = append(wrong, e.db.Close())
	}
	if e.broker != nil {
		wrong = append(wrong, e.broker.Close())
	}
	if e.child != nil {
		wrong = append(wrong, e.child.Stop(ctx))
	}
	return errors.Join(wrong...)
}
