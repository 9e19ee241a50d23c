package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/tokenwatch/tokenwatch/ingest/kafka"
)

var errPartitions = errors.New("it needs as many partitions as the findings")

func (a *alerting) makeTopics(ctx context.Context, k kafka.Config) (partitions int, err error) {
	counts, err := kafka.EnsureTopics(ctx, k, kafka.TopicPlan{Key: "alert.findings_topic", Name: a.cfg.FindingsTopic, Partitions: a.cfg.Partitions})
	if err != nil {
		return 0, err
	}
	incidents, err := kafka.EnsureTopics(ctx, k, kafka.TopicPlan{Key: "alert.incidents_topic", Name: a.cfg.IncidentsTopic, Partitions: counts[0], Compacted: true})
	if err != nil {
		return 0, err
	}
	if incidents[0] != counts[0] {
		return 0, fmt.Errorf("alert.incidents_topic: %w: %q has %d, %q has %d", errPartitions,
			a.cfg.IncidentsTopic, incidents[0], a.cfg.FindingsTopic, counts[0])
	}
	return counts[0], nil
}

// patiently repeats what failed while it may pass by itself: Kafka can be away for a moment after it was there.
func (a *alerting) patiently(ctx context.Context, attempt func() error) error {
	pause := backoff.NewExponentialBackOff()
	for {
		err := attempt()
		if err == nil || ctx.Err() != nil || !kafka.Passing(err) || errors.Is(err, errPartitions) {
			return err
		}
		wait := pause.NextBackOff()
		a.slog.Warn("kafka does not make the topics of alerts yet", "error", err, "retry_in", wait.Round(time.Millisecond))
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
	}
}
