package kafka_test

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/ingest/kafka"
	"github.com/twmb/franz-go/pkg/kfake"
)

// newCluster starts a broker that speaks Kafka's protocol, in this process.
func newCluster(t testing.TB, opts ...kfake.Opt) (*kfake.Cluster, kafka.Config) {
	t.Helper()
	cluster, err := kfake.NewCluster(append([]kfake.Opt{kfake.NumBrokers(1)}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	return cluster, configFor(cluster)
}

func configFor(cluster *kfake.Cluster) kafka.Config { return patient(cluster.ListenAddrs()...) }

// topic creates the configured topic.
func topic(t testing.TB, cluster *kfake.Cluster, cfg kafka.Config, partitions int32, configs map[string]string) {
	t.Helper()
	if err := cluster.CreateTopic(cfg.Topic, partitions, configs); err != nil {
		t.Fatal(err)
	}
}

// produce appends values with the keys k0, k1, ...
func produce(t testing.TB, cfg kafka.Config, values ...string) {
	t.Helper()
	producer, err := kafka.NewProducer(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer producer.Close()
	records := make([]kafka.Record, len(values))
	for i, value := range values {
		records[i] = kafka.Record{Key: fmt.Appendf(nil, "k%d", i), Value: []byte(value)}
	}
	if err := producer.Produce(t.Context(), records); err != nil {
		t.Fatal(err)
	}
}

// consuming runs a consumer until the test ends or stop is called.
func consuming(t testing.TB, cfg kafka.Config, work kafka.Work) (consumer *kafka.Consumer, stop func()) {
	t.Helper()
	consumer, err := kafka.NewConsumer(cfg, slog.New(slog.NewTextHandler(t.Output(), nil)))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := consumer.Run(ctx, work); err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	stop = func() { cancel(); running.Wait() }
	t.Cleanup(stop)
	return consumer, stop
}

// eventually polls a condition.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(60 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if holds() {
			return
		}
	}
	t.Fatalf("not within a minute: %s", what)
}

// log collects what was delivered.
type recorder struct {
	mu     sync.Mutex
	values map[int32][]string
	where  map[int32][]int64
}

func newRecorder() *recorder {
	return &recorder{values: map[int32][]string{}, where: map[int32][]int64{}}
}

func (r *recorder) deliver(partition int32) kafka.Deliver {
	return func(offset int64, at time.Time, value []byte) error {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.values[partition] = append(r.values[partition], string(value))
		r.where[partition] = append(r.where[partition], offset)
		return nil
	}
}

func (r *recorder) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := 0
	for _, values := range r.values {
		n += len(values)
	}
	return n
}

func (r *recorder) partition(p int32) ([]string, []int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string(nil), r.values[p]...), append([]int64(nil), r.where[p]...)
}

func (r *recorder) offsets(p int32) []int64 {
	_, offsets := r.partition(p)
	return offsets
}

// last is the last offset delivered; -1 when there is none.
func (r *recorder) last(p int32) int64 {
	offsets := r.offsets(p)
	if len(offsets) == 0 {
		return -1
	}
	return offsets[len(offsets)-1]
}

var discard = slog.New(slog.DiscardHandler)
