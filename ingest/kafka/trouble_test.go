package kafka_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/deploy/local/realkafka"
	"github.com/tokenwatch/tokenwatch/ingest/kafka"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// A broker that is stopped and started again on the same port and data is found again, and
// nothing is lost or repeated within a fetch.
func TestBrokerRestart(t *testing.T) {
	dir := t.TempDir()
	start := func(port int) *kfake.Cluster {
		var cluster *kfake.Cluster
		eventually(t, "the port to be free", func() bool {
			var err error
			cluster, err = kfake.NewCluster(kfake.NumBrokers(1), kfake.DataDir(dir), kfake.Ports(port))
			return err == nil
		})
		return cluster
	}
	port := freePort(t)
	cluster := start(port)
	cfg := configFor(cluster)
	topic(t, cluster, cfg, 1, nil)
	produce(t, cfg, "before")

	got := newRecorder()
	consumer, _ := consuming(t, cfg, fetchAll(got))
	eventually(t, "the first record", func() bool { return got.count() == 1 })
	cluster.Close()
	eventually(t, "trouble is reported", func() bool { return consumer.Trouble() != nil })

	cluster = start(port)
	defer cluster.Close()
	produce(t, cfg, "after")
	eventually(t, "the record after the restart", func() bool {
		values, _ := got.partition(0)
		return len(values) > 0 && values[len(values)-1] == "after"
	})
	eventually(t, "no more trouble", func() bool { return consumer.Trouble() == nil })
}

// The same with Apache Kafka, which is stopped once and killed once: records and the group's offsets survive both.
func TestApacheRestart(t *testing.T) {
	if !realkafka.Wanted() {
		t.Skip("`make test-kafka` runs this with Apache Kafka")
	}
	node, err := realkafka.Start(t.Context(), realkafka.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = node.Kill() })
	cfg := patient(node.Address())
	if err := kafka.EnsureTopic(t.Context(), cfg, 1); err != nil {
		t.Fatal(err)
	}
	got := newRecorder()
	consumer, _ := consuming(t, cfg, func(ctx context.Context, claim *kafka.Claim) error {
		from, note, err := claim.Committed(ctx)
		if err != nil {
			return err
		}
		if from >= 0 && note != fmt.Sprint("up to ", from) {
			t.Errorf("note %q at offset %d", note, from)
		}
		deliver := got.deliver(0)
		return claim.Fetch(ctx, from, func(offset int64, at time.Time, value []byte) error {
			if err := claim.Commit(ctx, offset+1, fmt.Sprint("up to ", offset+1)); err != nil {
				return err
			}
			return deliver(offset, at, value)
		})
	})
	for i, end := range []func() error{func() error { return node.Stop(t.Context()) }, node.Kill, func() error { return nil }} {
		produce(t, cfg, fmt.Sprint("record ", i))
		eventually(t, "the record", func() bool { return got.last(0) == int64(i) })
		if err := end(); err != nil {
			t.Fatal(err)
		}
		if i == 2 {
			break
		}
		eventually(t, "trouble is reported", func() bool { return consumer.Trouble() != nil })
		if err := node.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		eventually(t, "no more trouble", func() bool { return consumer.Trouble() == nil })
	}
	if values, _ := got.partition(0); strings.Join(values, ", ") != "record 0, record 1, record 2" {
		t.Errorf("got %q", values)
	}
}

func freePort(t *testing.T) int {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	n, _ := strconv.Atoi(port)
	return n
}

func TestLeaderMoves(t *testing.T) {
	cluster, cfg := newCluster(t, kfake.NumBrokers(3))
	topic(t, cluster, cfg, 1, nil)
	got := newRecorder()
	consuming(t, cfg, fetchAll(got))
	for i := range 6 {
		produce(t, cfg, fmt.Sprint(i))
		eventually(t, "the record", func() bool { return got.count() == i+1 })
		if err := cluster.MoveTopicPartition(cfg.Topic, 0, int32(i%3)); err != nil {
			t.Fatal(err)
		}
	}
	if values, _ := got.partition(0); strings.Join(values, "") != "012345" {
		t.Errorf("got %v", values)
	}
}

func TestPassingErrorsAreRiddenOut(t *testing.T) {
	cluster, cfg := newCluster(t)
	topic(t, cluster, cfg, 1, nil)
	produce(t, cfg, "a", "b")
	for _, fault := range []kfake.Fault{
		{Keys: []kmsg.Key{kmsg.Fetch}, Err: kerr.NotLeaderForPartition, Count: 2},
		{Keys: []kmsg.Key{kmsg.OffsetFetch}, Err: kerr.CoordinatorLoadInProgress, Count: 2},
		{Keys: []kmsg.Key{kmsg.OffsetCommit}, Err: kerr.CoordinatorNotAvailable, Count: 2},
		{Keys: []kmsg.Key{kmsg.JoinGroup}, Err: kerr.CoordinatorLoadInProgress, Count: 1, TopLevel: true},
	} {
		cluster.Fault(fault)
	}
	got := newRecorder()
	consuming(t, cfg, fetchAll(got))
	eventually(t, "both records", func() bool { return got.count() == 2 })
}

// One line when trouble begins and one when it ends, however many attempts lie in between.
func TestAnOutageIsLoggedOnce(t *testing.T) {
	cluster, cfg := newCluster(t)
	var log lockedBuffer
	consumer, err := kafka.NewConsumer(cfg, slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	running := make(chan error, 1)
	go func() { running <- consumer.Run(t.Context(), fetchAll(newRecorder())) }()
	asked := cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Metadata}, Count: -1, Observe: true})
	if err := asked.Wait(t.Context(), 4); err != nil { // the topic does not exist: asked again and again
		t.Fatal(err)
	}
	if err := consumer.Trouble(); err == nil || !strings.Contains(err.Error(), "kafka.topic") {
		t.Errorf("trouble: %v, want it to name kafka.topic", err)
	}
	topic(t, cluster, cfg, 1, nil)
	eventually(t, "no more trouble", func() bool { return consumer.Trouble() == nil })
	if text := log.String(); strings.Count(text, "level=WARN") != 1 || strings.Count(text, "works again") != 1 {
		t.Errorf("log:\n%s", text)
	}
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// The lag stays right while nothing is fetched.
func TestHighWaterIsKnownWithoutFetching(t *testing.T) {
	broker := newBroker(t)
	cfg := broker.config()
	broker.topic(t, cfg, 1, nil)
	produce(t, cfg, "a", "b", "c")
	claims := make(chan *kafka.Claim, 1)
	consuming(t, cfg, func(ctx context.Context, claim *kafka.Claim) error {
		claims <- claim
		<-ctx.Done()
		return nil
	})
	claim := <-claims
	eventually(t, "the high watermark", func() bool { return claim.HighWater() == 3 })
	produce(t, cfg, "d")
	eventually(t, "the new high watermark", func() bool { return claim.HighWater() == 4 })

}
