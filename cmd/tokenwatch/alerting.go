package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"

	"github.com/tokenwatch/tokenwatch/alert"
	"github.com/tokenwatch/tokenwatch/ingest/kafka"
	"github.com/tokenwatch/tokenwatch/schema"
	"github.com/tokenwatch/tokenwatch/schema/clickhouse"
)

// alerting is the hand-over from detection to whoever has the incidents, and those incidents that are handled here.
type alerting struct {
	cfg        alert.Config
	slog       *slog.Logger
	producer   *kafka.Producer // of findings
	log        *kafka.Log      // of incidents
	consumer   *kafka.Consumer // of findings
	dispatcher *alert.Dispatcher
	revoker    *alert.Revoker
	work       *alert.Consumer
}

// alertGroup is the group that shares out the incidents.
func (c Config) alertGroup() string { return c.Kafka.Group + "-alert" }

func openAlerting(ctx context.Context, cfg Config, k kafka.Config, db *clickhouse.DB, notifiers []alert.Notifier, m *metrics, log *slog.Logger) (*alerting, error) {
	a := &alerting{cfg: cfg.Alert, slog: log}
	partitions, err := a.topics(ctx, k)
	if err != nil {
		return a, err
	}
	if err := a.openRevoker(cfg, db, log); err != nil {
		return a, err
	}
	a.dispatcher, err = alert.New(cfg.Alert, nil, notifiers, alert.WithFollower(a.revoker),
		alert.WithObserver(alertMetrics{m}), alert.WithLogger(log), alert.WithOrders(db), alert.WithPicture(newGallery(db).draw))
	if err != nil {
		return a, err
	}
	k.Group, k.FurtherTopics = cfg.alertGroup(), nil
	k.Topic = cfg.Alert.FindingsTopic
	if a.producer, err = kafka.NewProducer(k); err != nil {
		return a, err
	}
	if a.log, err = kafka.NewLog(k); err != nil {
		return a, err
	}
	if a.consumer, err = kafka.NewConsumer(k, log); err != nil {
		return a, err
	}
	a.work = &alert.Consumer{
		Dispatcher: a.dispatcher, Journal: journal{a.log, cfg.Alert.IncidentsTopic}, Archive: db, Partitions: partitions,
		PartitionOf: func(key []byte) int32 { return kafka.PartitionOf(key, partitions) }, Log: log,
	}
	return a, nil
}

func (a *alerting) openRevoker(cfg Config, db *clickhouse.DB, log *slog.Logger) error {
	gateways, err := cfg.Revoke.gateways()
	if err != nil {
		return err
	}
	a.revoker, err = alert.NewRevoker(cfg.Revoke.RevokeConfig, alert.RevokerParts{
		Gateways: gateways, Audit: db, Find: db.Incident, Log: log, Instance: instanceName(cfg),
		Show: func(ctx context.Context, id string, rev schema.Revocation) error {
			return a.dispatcher.Show(ctx, id, rev)
		},
		Owns: func(id string) bool { return a.dispatcher.Owns(id) },
		Near: func(token schema.TokenID) bool { return a.work.Near(token) },
	})
	return err
}

// topics makes the two topics where they are missing. Incidents stay with the findings of their tokens, so there have
// to be as many partitions of the one as of the other.
func (a *alerting) topics(ctx context.Context, k kafka.Config) (partitions int, err error) {
	err = a.patiently(ctx, func() error {
		partitions, err = a.makeTopics(ctx, k)
		return err
	})
	return partitions, err
}

// publish hands findings over. It returns when they are in their topic.
func (a *alerting) publish(ctx context.Context, findings []schema.Finding) error {
	records := make([]kafka.Record, len(findings))
	for i := range findings {
		value, err := json.Marshal(&findings[i])
		if err != nil {
			return fmt.Errorf("writing finding %s as JSON: %w", findings[i].ID, err)
		}
		records[i] = kafka.Record{Key: alert.FindingKey(&findings[i]), Value: value}
	}
	return a.producer.Produce(ctx, records)
}

// run takes findings in and delivers until ctx ends.
func (a *alerting) run(ctx context.Context) error {
	delivering := make(chan error, 1)
	go func() { delivering <- a.dispatcher.Run(ctx) }()
	err := a.consumer.Run(ctx, func(ctx context.Context, claim *kafka.Claim) error { return a.work.Work(ctx, claim) })
	return errors.Join(err, <-delivering)
}

func (a *alerting) close() error {
	var wrong []error
	if a.producer != nil {
		wrong = append(wrong, a.producer.Close())
	}
	if a.log != nil {
		wrong = append(wrong, a.log.Close())
	}
	return errors.Join(wrong...)
}

// journal is the alert.Journal of a topic.
type journal struct {
	log   *kafka.Log
	topic string
}

func (j journal) Bounds(ctx context.Context, partition int32) (first, end int64, err error) {
	return j.log.Bounds(ctx, j.topic, partition)
}

func (j journal) Read(ctx context.Context, partition int32, from, to int64, each func(key string, value []byte) error) error {
	return j.log.Between(ctx, j.topic, partition, from, to, func(e kafka.Entry) error { return each(string(e.Key), e.Value) })
}

func (j journal) Append(ctx context.Context, partition int32, records []alert.JournalRecord) (first int64, err error) {
	entries := make([]kafka.Entry, len(records))
	for i, r := range records {
		entries[i] = kafka.Entry{Key: []byte(r.Key), Value: r.Value}
	}
	return j.log.Append(ctx, j.topic, partition, entries)
}
