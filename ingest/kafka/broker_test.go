package kafka_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/deploy/local/realkafka"
	"github.com/tokenwatch/tokenwatch/ingest/kafka"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// broker is what most tests here are about: a broker in this process, or a real Apache Kafka with `make test-kafka`. Tests that
// need a broker's faults use newCluster instead.
type broker struct {
	address string
	cluster *kfake.Cluster // nil with the real one
	admin   *kgo.Client
}

func newBroker(t testing.TB) *broker {
	t.Helper()
	b := &broker{}
	if realkafka.Wanted() {
		b.address = apache(t).Address()
	} else {
		b.cluster, _ = newCluster(t)
		b.address = b.cluster.ListenAddrs()[0]
	}
	admin, err := kgo.NewClient(kgo.SeedBrokers(b.address))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(admin.Close)
	b.admin = admin
	return b
}

// real is the one Apache Kafka of this process. It ends with TestMain.
var real struct {
	once   sync.Once
	dir    string
	broker *realkafka.Broker
	err    error
}

func apache(t testing.TB) *realkafka.Broker {
	t.Helper()
	real.once.Do(func() {
		if real.dir, real.err = os.MkdirTemp("", "kafka"); real.err != nil {
			return
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		real.broker, real.err = realkafka.Start(ctx, realkafka.Config{Dir: real.dir, Properties: map[string]string{
			"log.retention.check.interval.ms": "200",
			"log.segment.delete.delay.ms":     "0",
			"log.initial.task.delay.ms":       "100",
			"log.cleaner.backoff.ms":          "100",
			"log.cleaner.min.cleanable.ratio": "0.001",
		}})
	})
	if real.err != nil {
		t.Fatal(real.err)
	}
	return real.broker
}

func endApache() {
	if real.broker != nil {
		_ = real.broker.Kill() // its data is thrown away
	}
	if real.dir != "" {
		_ = os.RemoveAll(real.dir)
	}
}

var topics atomic.Int32

// config has a topic and a group of its own.
func (b *broker) config() kafka.Config {
	cfg := patient(b.address)
	n := topics.Add(1)
	cfg.Topic, cfg.Group = fmt.Sprintf("access.%d", n), fmt.Sprintf("group-%d", n)
	return cfg
}

// patient is a configuration for tests: short waits, but long enough for a machine that is busy.
func patient(brokers ...string) kafka.Config {
	cfg := kafka.DefaultConfig()
	cfg.Brokers = brokers
	cfg.SessionTimeout = 6 * time.Second
	cfg.MaxWait = 100 * time.Millisecond
	cfg.Timeout = 5 * time.Second
	return cfg
}

// topic creates the configured topic.
func (b *broker) topic(t testing.TB, cfg kafka.Config, partitions int32, configs map[string]string) {
	t.Helper()
	wanted := kmsg.NewCreateTopicsRequestTopic()
	wanted.Topic, wanted.NumPartitions, wanted.ReplicationFactor = cfg.Topic, partitions, 1
	for name, value := range configs {
		c := kmsg.NewCreateTopicsRequestTopicConfig()
		c.Name, c.Value = name, &value
		wanted.Configs = append(wanted.Configs, c)
	}
	request := kmsg.NewPtrCreateTopicsRequest()
	request.Topics = append(request.Topics, wanted)
	answer, err := request.RequestWith(t.Context(), b.admin)
	if err == nil {
		err = kerr.ErrorForCode(answer.Topics[0].ErrorCode)
	}
	// A request whose answer was late is made again, and finds the topic there.
	if err != nil && !errors.Is(err, kerr.TopicAlreadyExists) {
		t.Fatal(err)
	}
	eventually(t, "the topic is known", func() bool { return kafka.Check(t.Context(), cfg) == nil })
	eventually(t, "every partition has its leader", func() bool {
		for p := range partitions {
			if _, err := b.listFirst(t, cfg, p); err != nil {
				return false
			}
		}
		return true
	})
}

// deleteRecords deletes what precedes an offset of partition 0.
func (b *broker) deleteRecords(t testing.TB, cfg kafka.Config, before int64) {
	t.Helper()
	part := kmsg.NewDeleteRecordsRequestTopicPartition()
	part.Offset = before
	of := kmsg.NewDeleteRecordsRequestTopic()
	of.Topic = cfg.Topic
	of.Partitions = append(of.Partitions, part)
	request := kmsg.NewPtrDeleteRecordsRequest()
	request.Topics = append(request.Topics, of)
	answer, err := request.RequestWith(t.Context(), b.admin)
	if err == nil {
		err = kerr.ErrorForCode(answer.Topics[0].Partitions[0].ErrorCode)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// committed is what the group has for a partition; offset -1 when it has nothing.
type committed struct {
	offset int64
	note   string
}

func (b *broker) committed(t testing.TB, cfg kafka.Config, partition int32) committed {
	t.Helper()
	of := kmsg.NewOffsetFetchRequestTopic()
	of.Topic, of.Partitions = cfg.Topic, []int32{partition}
	request := kmsg.NewPtrOffsetFetchRequest()
	request.Group = cfg.Group
	request.Topics = append(request.Topics, of)
	answer, err := request.RequestWith(t.Context(), b.admin)
	if err != nil {
		t.Fatal(err)
	}
	if len(answer.Topics) == 0 {
		return committed{offset: -1}
	}
	found := answer.Topics[0].Partitions[0]
	note := ""
	if found.Metadata != nil {
		note = *found.Metadata
	}
	return committed{found.Offset, note}
}

// members is how many the group has.
func (b *broker) members(t testing.TB, cfg kafka.Config) int {
	t.Helper()
	request := kmsg.NewPtrDescribeGroupsRequest()
	request.Groups = []string{cfg.Group}
	answer, err := request.RequestWith(t.Context(), b.admin)
	if err != nil {
		t.Fatal(err)
	}
	return len(answer.Groups[0].Members)
}

// first is the first offset of partition 0 that there is.
func (b *broker) first(t testing.TB, cfg kafka.Config) int64 {
	t.Helper()
	offset, err := b.listFirst(t, cfg, 0)
	if err != nil {
		t.Fatal(err)
	}
	return offset
}

func (b *broker) listFirst(t testing.TB, cfg kafka.Config, partition int32) (int64, error) {
	t.Helper()
	part := kmsg.NewListOffsetsRequestTopicPartition()
	part.Partition, part.Timestamp = partition, -2
	of := kmsg.NewListOffsetsRequestTopic()
	of.Topic = cfg.Topic
	of.Partitions = append(of.Partitions, part)
	request := kmsg.NewPtrListOffsetsRequest()
	request.ReplicaID = -1
	request.Topics = append(request.Topics, of)
	answer, err := request.RequestWith(t.Context(), b.admin)
	if err != nil {
		t.Fatal(err)
	}
	found := answer.Topics[0].Partitions[0]
	return found.Offset, kerr.ErrorForCode(found.ErrorCode)
}

// read is what another client, franz-go, sees of partition 0 up to an offset.
func (b *broker) read(t testing.TB, cfg kafka.Config, end int64) (values []string, offsets []int64) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(b.address), kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.KeepControlRecords(),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{cfg.Topic: {0: kgo.NewOffset().AtStart()}}))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for next := int64(0); next < end; {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			t.Fatalf("%s/0 up to offset %d: %v", cfg.Topic, end, err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			if next = r.Offset + 1; !r.Attrs.IsControl() {
				values, offsets = append(values, string(r.Value)), append(offsets, r.Offset)
			}
		})
	}
	return values, offsets
}
