package kafka_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/ingest/kafka"
)

// Topics that are missing are made, once; those that exist are left as they are, and counted.
func TestEnsureTopics(t *testing.T) {
	b := newBroker(t)
	cfg := b.config()
	plans := []kafka.TopicPlan{
		{Key: "alert.findings_topic", Name: "some.findings", Partitions: 3},
		{Key: "alert.incidents_topic", Name: "some.incidents", Partitions: 3, Compacted: true},
	}
	for range 2 {
		counts, err := kafka.EnsureTopics(t.Context(), cfg, plans...)
		if err != nil || !slices.Equal(counts, []int{3, 3}) {
			t.Fatalf("%v, %v", counts, err)
		}
		plans[0].Partitions = 5 // the second time it is there
	}
	_, err := kafka.EnsureTopics(t.Context(), cfg, kafka.TopicPlan{Key: "alert.findings_topic", Name: "a topic", Partitions: 1})
	if err == nil || !strings.HasPrefix(err.Error(), `alert.findings_topic: "a topic"`) {
		t.Errorf("error %v", err)
	}
	away := cfg
	away.Brokers, away.Timeout = []string{"127.0.0.1:1"}, time.Second
	if _, err := kafka.EnsureTopics(t.Context(), away, plans...); err == nil {
		t.Error("topics were made without a broker")
	}
}

// PartitionOf says where a Producer puts a key.
func TestPartitionOf(t *testing.T) {
	_, cfg := newCluster(t)
	cfg.Topic = "some.findings"
	if _, err := kafka.EnsureTopics(t.Context(), cfg, kafka.TopicPlan{Name: cfg.Topic, Partitions: 4}); err != nil {
		t.Fatal(err)
	}
	producer, err := kafka.NewProducer(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer producer.Close()
	var records []kafka.Record
	for i := range 40 {
		key := fmt.Sprintf("%032x", i*7919)
		records = append(records, kafka.Record{Key: []byte(key), Value: []byte(key)})
	}
	if err := producer.Produce(t.Context(), records); err != nil {
		t.Fatal(err)
	}
	log, err := kafka.NewLog(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	seen := 0
	for partition := range int32(4) {
		_, end, err := log.Bounds(context.Background(), cfg.Topic, partition)
		if err != nil {
			t.Fatal(err)
		}
		err = log.Between(t.Context(), cfg.Topic, partition, 0, end, func(e kafka.Entry) error {
			seen++
			if want := kafka.PartitionOf(e.Key, 4); want != partition {
				t.Errorf("%s is in partition %d, not %d", e.Key, partition, want)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if seen != len(records) {
		t.Errorf("%d of %d records", seen, len(records))
	}
}
