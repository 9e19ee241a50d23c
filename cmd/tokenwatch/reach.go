package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"

	"github.com/tokenwatch/tokenwatch/deploy/local"
	"github.com/tokenwatch/tokenwatch/ingest/kafka"
	"github.com/tokenwatch/tokenwatch/ingest/replay"
	"github.com/tokenwatch/tokenwatch/schema/clickhouse"
)

// withStore runs a command that asks the database: the configured one, the embedded one of a tokenwatch that is
// running, or the embedded one, started for as long as the command takes.
func (p *process) withStore(do func(*engines) error) (err error) {
	cfg, err := p.load()
	if err != nil {
		return err
	}
	e := newEngines(cfg, p.quietLogger(cfg.Log), newReadiness())
	defer func() {
		if stopped := e.stop(p.ctx); err == nil {
			err = stopped
		}
	}()
	if err := e.reachClickHouse(p.ctx, cfg); err != nil {
		return err
	}
	if err := e.db.Migrate(p.ctx); err != nil {
		return err
	}
	return do(e)
}

func (e *engines) reachClickHouse(ctx context.Context, cfg Config) (err error) {
	if cfg.ClickHouse.DSN == "" {
		err = e.startClickHouse(ctx, cfg)
	}
	if errors.Is(err, local.ErrInUse) {
		var dsn string
		dsn, err = local.RunningClickHouse(cfg.DataDir)
		e.clickhouse.DSN = clickhouse.DSN(dsn)
	}
	if err != nil {
		return fmt.Errorf("reaching the embedded ClickHouse: %w", err)
	}
	e.db, err = clickhouse.Open(ctx, e.clickhouse)
	return err
}

// positions reaches Kafka by position, in the same three ways.
func (e *engines) positions(ctx context.Context, cfg Config) (positions, error) {
	var err error
	if len(cfg.Kafka.Brokers) == 0 {
		err = e.startKafka(ctx, cfg)
	}
	if errors.Is(err, local.ErrInUse) {
		if cfg.Kafka.Port == 0 {
			return positions{}, errors.New("kafka.port: is 0, so nobody knows where the embedded Kafka of the tokenwatch that is running listens; give it a port")
		}
		e.kafka.Brokers, err = []string{net.JoinHostPort(local.Loopback, strconv.Itoa(cfg.Kafka.Port))}, nil
	}
	if err != nil {
		return positions{}, fmt.Errorf("reaching Kafka: %w", err)
	}
	log, err := kafka.NewLog(e.kafka)
	return positions{log}, err
}

// positions is Kafka as replay sees it.
type positions struct{ *kafka.Log }

// At reads the record at an offset.
func (l positions) At(ctx context.Context, topic string, partition int32, offset int64) (replay.Record, error) {
	entry, err := l.Log.At(ctx, topic, partition, offset)
	if errors.Is(err, kafka.ErrGone) {
		err = fmt.Errorf("%w: %w", replay.ErrGone, err)
	}
	return recordOf(entry), err
}

// Between reads the records between two offsets.
func (l positions) Between(ctx context.Context, topic string, partition int32, from, to int64, each func(replay.Record) error) error {
	return l.Log.Between(ctx, topic, partition, from, to, func(e kafka.Entry) error { return each(recordOf(e)) })
}

// Append adds records to a partition.
func (l positions) Append(ctx context.Context, topic string, partition int32, records []replay.Record) (int64, error) {
	entries := make([]kafka.Entry, len(records))
	for i, r := range records {
		entries[i] = kafka.Entry{Key: r.Key, Value: r.Value}
		for key, value := range r.Headers {
			entries[i].Headers = append(entries[i].Headers, kafka.Header{Key: key, Value: value})
		}
	}
	return l.Log.Append(ctx, topic, partition, entries)
}

func recordOf(e kafka.Entry) replay.Record {
	r := replay.Record{Offset: e.Offset, Time: e.Time, Key: e.Key, Value: e.Value, Headers: map[string][]byte{}}
	for _, h := range e.Headers {
		r.Headers[h.Key] = h.Value
	}
	return r
}

// quietLogger leaves out what a command that only asks does to get there.
func (p *process) quietLogger(c LogConfig) *slog.Logger {
	c.Level = max(c.Level, slog.LevelWarn)
	return p.logger(c)
}
