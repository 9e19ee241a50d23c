package kafka_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/ingest/kafka"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
)

func TestEveryCompressionIsRead(t *testing.T) {
	for _, compression := range []string{"none", "gzip", "snappy", "lz4", "zstd"} {
		t.Run(compression, func(t *testing.T) {
			cluster, cfg := newCluster(t)
			topic(t, cluster, cfg, 1, nil)
			cfg.Compression = compression
			want := []string{strings.Repeat("compressible ", 5000), "short", strings.Repeat("x", 100)}
			produce(t, cfg, want...)
			got := newRecorder()
			consuming(t, cfg, fetchAll(got))
			eventually(t, "all records", func() bool { return got.count() == len(want) })
			values, _ := got.partition(0)
			for i, value := range values {
				if value != want[i] {
					t.Errorf("record %d is %d bytes, want %d", i, len(value), len(want[i]))
				}
			}
		})
	}
}

// Records far larger than a fetch come through, between ordinary ones, and in order.
func TestLargeRecords(t *testing.T) {
	cluster, cfg := newCluster(t, kfake.BrokerConfigs(map[string]string{"message.max.bytes": "40000000"}))
	topic(t, cluster, cfg, 1, map[string]string{"max.message.bytes": "40000000"})
	cfg.Compression = "none"
	cfg.MaxBytes = 64 << 10
	noise := make([]byte, 10<<20)
	for i := range noise {
		noise[i] = byte(rand.Int())
	}
	want := []string{"before", string(noise), "between", string(noise[:700<<10]), "after"}
	produce(t, cfg, want...)
	got := newRecorder()
	consuming(t, cfg, fetchAll(got))
	eventually(t, "all records", func() bool { return got.count() == len(want) })
	values, _ := got.partition(0)
	for i, value := range values {
		if value != want[i] {
			t.Errorf("record %d is %d bytes and not the %d that were produced", i, len(value), len(want[i]))
		}
	}
}

func TestRecordsWithoutAValue(t *testing.T) {
	cluster, cfg := newCluster(t)
	topic(t, cluster, cfg, 1, nil)
	producer, err := kafka.NewProducer(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer producer.Close()
	records := []kafka.Record{{Key: []byte("k"), Value: []byte("v")}, {Key: []byte("k")}, {Key: []byte("k"), Value: []byte{}}, {Value: []byte("w")}}
	if err := producer.Produce(t.Context(), records); err != nil {
		t.Fatal(err)
	}
	got := newRecorder()
	consuming(t, cfg, fetchAll(got))
	eventually(t, "all records", func() bool { return got.count() == 4 })
	values, offsets := got.partition(0)
	if fmt.Sprintf("%q %v", values, offsets) != `["v" "" "" "w"] [0 1 2 3]` {
		t.Errorf("got %q at %v", values, offsets)
	}
}

func TestFetchStartsWithinABatch(t *testing.T) {
	for _, compression := range []string{"none", "zstd"} {
		cluster, cfg := newCluster(t)
		topic(t, cluster, cfg, 1, nil)
		cfg.Compression = compression
		produce(t, cfg, "0", "1", "2", "3", "4", "5")
		got := newRecorder()
		consuming(t, cfg, func(ctx context.Context, claim *kafka.Claim) error {
			return claim.Fetch(ctx, 4, got.deliver(0))
		})
		eventually(t, "two records", func() bool { return got.count() == 2 })
		if values, offsets := got.partition(0); fmt.Sprint(values, offsets) != "[4 5] [4 5]" {
			t.Errorf("%s: got %v at %v", compression, values, offsets)
		}
	}
}

func TestTimeOfAppending(t *testing.T) {
	cluster, cfg := newCluster(t)
	topic(t, cluster, cfg, 1, nil)
	produce(t, cfg, "now")
	seen := make(chan time.Time, 1)
	consuming(t, cfg, func(ctx context.Context, claim *kafka.Claim) error {
		return claim.Fetch(ctx, 0, func(_ int64, at time.Time, _ []byte) error { seen <- at; return nil })
	})
	if at := <-seen; time.Since(at).Abs() > time.Minute {
		t.Errorf("appended at %v", at)
	}
}

// Retention that overtakes a slow reader is reported, with the offsets that are lost.
func TestRetentionOvertakes(t *testing.T) {
	cluster, cfg := newCluster(t)
	topic(t, cluster, cfg, 1, nil)
	for i := range 10 { // a batch each
		produce(t, cfg, fmt.Sprint(i))
	}
	if err := cluster.DeleteRecords(cfg.Topic, 0, 6); err != nil {
		t.Fatal(err)
	}
	got := newRecorder()
	gaps := make(chan *kafka.GapError, 1)
	consuming(t, cfg, func(ctx context.Context, claim *kafka.Claim) error {
		err := claim.Fetch(ctx, 2, got.deliver(0))
		var gap *kafka.GapError
		if errors.As(err, &gap) {
			gaps <- gap
			err = claim.Fetch(ctx, gap.To, got.deliver(0))
		}
		return err
	})
	gap := <-gaps
	if gap.From != 2 || gap.To != 6 || gap.Reset {
		t.Errorf("gap %+v, want 2 to 6", gap)
	}
	eventually(t, "what is left", func() bool { return got.count() == 4 })
	if values, _ := got.partition(0); fmt.Sprint(values) != "[6 7 8 9]" {
		t.Errorf("got %v", values)
	}
}

// A topic that was deleted and created again ends before the committed offset.
func TestRecreatedTopicIsReported(t *testing.T) {
	cluster, cfg := newCluster(t)
	topic(t, cluster, cfg, 1, nil)
	produce(t, cfg, "only")
	gaps := make(chan *kafka.GapError, 1)
	consuming(t, cfg, func(ctx context.Context, claim *kafka.Claim) error {
		var gap *kafka.GapError
		if err := claim.Fetch(ctx, 5000, newRecorder().deliver(0)); errors.As(err, &gap) {
			gaps <- gap
		}
		<-ctx.Done()
		return nil
	})
	if gap := <-gaps; gap.From != 5000 || gap.To != 0 || !gap.Reset {
		t.Errorf("gap %+v, want a reset to 0", gap)
	}
}

// Offsets that compaction removed are passed over, in compressed batches and at their end too.
func TestCompactedTopic(t *testing.T) {
	for _, compression := range []string{"none", "lz4"} {
		t.Run(compression, func(t *testing.T) {
			cluster, cfg := newCluster(t)
			topic(t, cluster, cfg, 1, map[string]string{"cleanup.policy": "compact"})
			cfg.Compression = compression
			for round := range 3 { // the same keys every time: only the last round survives
				produce(t, cfg, fmt.Sprintf("a%d", round), fmt.Sprintf("b%d", round), fmt.Sprintf("c%d", round))
			}
			produce(t, cfg, "a3", "b3") // removes the first two of the batch before it
			produce(t, cfg, "a4")
			cluster.Compact()
			got := newRecorder()
			consuming(t, cfg, fetchAll(got))
			produce(t, cfg, "a5")
			eventually(t, "the record after the holes", func() bool {
				values, _ := got.partition(0)
				return len(values) > 0 && values[len(values)-1] == "a5"
			})
			values, offsets := got.partition(0)
			t.Log(values, offsets)
			for i := 1; i < len(offsets); i++ {
				if offsets[i] <= offsets[i-1] {
					t.Errorf("offsets go back: %v", offsets)
				}
			}
			if joined := strings.Join(values, " "); !strings.Contains(joined, "c2") || !strings.Contains(joined, "b3") {
				t.Errorf("got %v, want c2 and b3 among them", values)
			}
		})
	}
}

// What a transactional producer wrote is read; the broker's own markers hold their offsets.
func TestTransactionalTopic(t *testing.T) {
	cluster, cfg := newCluster(t)
	topic(t, cluster, cfg, 1, nil)
	client, err := kgo.NewClient(kgo.SeedBrokers(cfg.Brokers...), kgo.TransactionalID("tx"), kgo.DefaultProduceTopic(cfg.Topic))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	for i := range 3 {
		if err := client.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		if err := client.ProduceSync(t.Context(), kgo.StringRecord(fmt.Sprint("tx", i))).FirstErr(); err != nil {
			t.Fatal(err)
		}
		if err := client.EndTransaction(t.Context(), kgo.TryCommit); err != nil {
			t.Fatal(err)
		}
	}
	produce(t, cfg, "end")
	got := newRecorder()
	consuming(t, cfg, fetchAll(got))
	eventually(t, "the last record", func() bool {
		values, _ := got.partition(0)
		return len(values) > 0 && values[len(values)-1] == "end"
	})
	if values, offsets := got.partition(0); fmt.Sprintf("%q %v", values, offsets) != `["tx0" "tx1" "tx2" "end"] [0 2 4 6]` {
		t.Errorf("got %q at %v", values, offsets)
	}
}

// While deliver is held up, nothing more is read; then reading goes on where it was.
func TestSlowReaderLosesNothing(t *testing.T) {
	cluster, cfg := newCluster(t)
	topic(t, cluster, cfg, 1, nil)
	cfg.Compression = "none"
	cfg.Timeout, cfg.MaxWait = 100*time.Millisecond, 50*time.Millisecond
	value := strings.Repeat("v", 10_000)
	values := make([]string, 500)
	for i := range values {
		values[i] = value
	}
	slow := cfg
	slow.Timeout = 10 * time.Second
	produce(t, slow, values...)
	got := newRecorder()
	consuming(t, cfg, func(ctx context.Context, claim *kafka.Claim) error {
		deliver := got.deliver(0)
		return claim.Fetch(ctx, 0, func(offset int64, at time.Time, value []byte) error {
			if offset == 10 {
				time.Sleep(500 * time.Millisecond) // longer than any timeout
			}
			return deliver(offset, at, value)
		})
	})
	eventually(t, "all records", func() bool { return got.count() == len(values) })
}

func TestRefusalOfARecordEndsTheFetch(t *testing.T) {
	cluster, cfg := newCluster(t)
	topic(t, cluster, cfg, 1, nil)
	produce(t, cfg, "a", "b", "c")
	refusal := errors.New("no more")
	result := make(chan error, 1)
	seen := bytes.Buffer{}
	consuming(t, cfg, func(ctx context.Context, claim *kafka.Claim) error {
		err := claim.Fetch(ctx, 0, func(offset int64, _ time.Time, value []byte) error {
			if offset == 2 {
				return refusal
			}
			seen.Write(value)
			return nil
		})
		result <- err
		<-ctx.Done()
		return nil
	})
	if err := <-result; !errors.Is(err, refusal) || seen.String() != "ab" {
		t.Errorf("Fetch returned %v after %q", err, seen.String())
	}
}

// A record that looks like a marker, without being one, is a record.
func TestRecordThatLooksLikeAMarker(t *testing.T) {
	cluster, cfg := newCluster(t)
	topic(t, cluster, cfg, 1, nil)
	want := []string{"a", "\x00\x00\x00\x00\x00\x01", "b", "\x00\x00\x00\x00\x00\x02"}
	produce(t, cfg, want...)
	got := newRecorder()
	consuming(t, cfg, fetchAll(got))
	eventually(t, "all records", func() bool { return got.count() == len(want) })
	if values, offsets := got.partition(0); fmt.Sprintf("%q", values) != fmt.Sprintf("%q", want) {
		t.Errorf("got %q at %v", values, offsets)
	}
}
