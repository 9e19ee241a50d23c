package kafka_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/tokenwatch/tokenwatch/ingest/kafka"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// When one partition refuses, the error names its records and no others: all others are there.
func TestUnsent(t *testing.T) {
	cluster, cfg := newCluster(t)
	topic(t, cluster, cfg, 3, nil)
	refusePartition(cluster, 1, kerr.TopicAuthorizationFailed.Code)
	producer, err := kafka.NewProducer(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer producer.Close()
	records := make([]kafka.Record, 60)
	for i := range records {
		records[i] = kafka.Record{Key: []byte{byte('a' + i%30)}, Value: []byte(strings.Repeat("x", 1+i))}
	}
	err = producer.Produce(t.Context(), records)
	var failed *kafka.ProduceError
	if !errors.As(err, &failed) || failed.TooLarge() {
		t.Fatalf("have %v", err)
	}
	unsent := failed.Unsent()
	if len(unsent) == 0 || len(unsent) == len(records) || !slices.IsSorted(unsent) {
		t.Fatalf("unsent: %v", unsent)
	}
	for _, i := range unsent { // equal keys share a partition
		if twin := (i + 30) % 60; !slices.Contains(unsent, twin) {
			t.Errorf("%d was not sent, and %d was", i, twin)
		}
	}
	appended := int64(0)
	for p := range int32(3) {
		appended += cluster.PartitionInfo(cfg.Topic, p).HighWatermark
	}
	if want := int64(len(records) - len(unsent)); appended != want {
		t.Errorf("%d records are there, want %d", appended, want)
	}
}

// A record that the broker finds too large is named, with those behind it that were not tried.
func TestUnsentTooLarge(t *testing.T) {
	cluster, cfg := newCluster(t)
	topic(t, cluster, cfg, 1, map[string]string{"max.message.bytes": "2000000"})
	cfg.Compression = "none"
	producer, err := kafka.NewProducer(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer producer.Close()
	small, large := []byte("small"), []byte(strings.Repeat("x", 3_000_000))
	err = producer.Produce(t.Context(), []kafka.Record{{Value: small}, {Value: large}, {Value: small}, {Value: small}})
	var failed *kafka.ProduceError
	if !errors.As(err, &failed) || !failed.TooLarge() || !slices.Equal(failed.Unsent(), []int{1, 2, 3}) {
		t.Fatalf("have %v", err)
	}
	if n := cluster.PartitionInfo(cfg.Topic, 0).HighWatermark; n != 1 {
		t.Errorf("%d records are there", n)
	}
}

// refusePartition has the broker refuse what is produced to a partition.
func refusePartition(cluster *kfake.Cluster, partition int32, code int16) {
	cluster.ControlKey(int16(kmsg.Produce), func(request kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		produce := request.(*kmsg.ProduceRequest)
		if produce.Topics[0].Partitions[0].Partition != partition {
			return nil, nil, false
		}
		answer := produce.ResponseKind().(*kmsg.ProduceResponse)
		topic := kmsg.NewProduceResponseTopic()
		topic.Topic = produce.Topics[0].Topic
		one := kmsg.NewProduceResponseTopicPartition()
		one.Partition, one.ErrorCode = partition, code
		topic.Partitions = append(topic.Partitions, one)
		answer.Topics = append(answer.Topics, topic)
		return answer, nil, true
	})
}
