package main

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/deploy/local"
	"github.com/tokenwatch/tokenwatch/deploy/local/realkafka"
)

// realBroker is a real Apache Kafka.
type realBroker struct {
	cfg    realkafka.Config
	broker *realkafka.Broker
}

func newRealBroker(t *testing.T, advertised string) tortureBroker {
	t.Helper()
	b := &realBroker{cfg: realkafka.Config{
		Dir: t.TempDir(), Port: freePorts(t, 1)[0], Advertised: advertised,
		Properties: map[string]string{
			"group.min.session.timeout.ms": "1000", "group.initial.rebalance.delay.ms": "0",
			"offsets.topic.replication.factor": "1", "offsets.topic.num.partitions": "1",
		},
	}}
	t.Cleanup(func() {
		if b.broker != nil {
			_ = b.broker.Kill() // a test that failed may have left it dead
		}
	})
	return b
}

func (b *realBroker) address() string { return fmt.Sprintf("%s:%d", local.Loopback, b.cfg.Port) }

func (b *realBroker) session() time.Duration { return time.Second }

func (b *realBroker) forgets() bool { return false }

func (b *realBroker) start(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	var err error
	if b.broker == nil {
		b.broker, err = realkafka.Start(ctx, b.cfg)
	} else {
		err = b.broker.Start(ctx)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func (b *realBroker) stop(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := b.broker.Stop(ctx); err != nil {
		t.Fatal(err)
	}
}

func (b *realBroker) kill(t *testing.T) {
	t.Helper()
	if err := b.broker.Kill(); err != nil {
		t.Fatal(err)
	}
}
