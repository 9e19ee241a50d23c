package kafka_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/deploy/local/realkafka"
	"github.com/tokenwatch/tokenwatch/ingest/kafka"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Retention that overtakes a slow reader is reported, with the offsets that are lost.
func TestRetentionOvertakes(t *testing.T) {
	broker := newBroker(t)
	cfg := broker.config()
	broker.topic(t, cfg, 1, nil)
	for i := range 10 { // a batch each
		produce(t, cfg, fmt.Sprint(i))
	}
	broker.deleteRecords(t, cfg, 6)
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

// The broker's own retention, by size and by age, overtakes a reader that is held up: every offset is either delivered or
// reported as lost.
func TestRetentionOfTheBrokerOvertakes(t *testing.T) {
	if !realkafka.Wanted() {
		t.Skip("kfake deletes nothing by itself; `make test-kafka` runs this with Apache Kafka")
	}
	for name, settings := range map[string]map[string]string{
		"by size": {"segment.bytes": "1048576", "retention.bytes": "2097152"},
		"by age":  {"segment.bytes": "1048576", "retention.ms": "500"},
	} {
		t.Run(name, func(t *testing.T) {
			broker := newBroker(t)
			cfg := broker.config()
			broker.topic(t, cfg, 1, settings)
			cfg.Compression, cfg.MaxBytes = "none", 64<<10
			value := strings.Repeat("v", 10<<10)
			fill := func(n int) {
				values := make([]string, n)
				for i := range values {
					values[i] = value
				}
				produce(t, cfg, values...)
			}
			fill(20)
			release := make(chan struct{})
			got := newRecorder()
			gaps := make(chan *kafka.GapError, 10)
			consuming(t, cfg, func(ctx context.Context, claim *kafka.Claim) error {
				deliver := got.deliver(0)
				from := int64(0)
				for {
					err := claim.Fetch(ctx, from, func(offset int64, at time.Time, value []byte) error {
						if offset == 3 {
							<-release
						}
						return deliver(offset, at, value)
					})
					var gap *kafka.GapError
					if !errors.As(err, &gap) {
						return err
					}
					gaps <- gap
					from = gap.To
				}
			})
			eventually(t, "the reader is at work", func() bool { return got.count() == 3 })
			fill(800)
			produced := int64(820)
			eventually(t, "retention goes past the reader", func() bool { return broker.first(t, cfg) > 100 })
			close(release)
			gap := <-gaps
			produce(t, cfg, "after the gap")
			produced++
			eventually(t, "the last record", func() bool {
				values, _ := got.partition(0)
				return values[len(values)-1] == "after the gap"
			})
			close(gaps)
			lost := gap.To - gap.From
			for more := range gaps { // retention goes on
				lost += more.To - more.From
			}
			_, offsets := got.partition(0)
			if !slices.IsSorted(offsets) || int64(len(offsets))+lost != produced || lost == 0 {
				t.Errorf("%d delivered and %d reported lost of %d", len(offsets), lost, produced)
			}
		})
	}
}

// Offsets that compaction removed are passed over, in compressed batches and at their end too, and no gap is reported. What
// is left is what another client sees.
func TestCompactedTopic(t *testing.T) {
	for _, compression := range []string{"none", "gzip", "snappy", "lz4", "zstd"} {
		t.Run(compression, func(t *testing.T) {
			broker := newBroker(t)
			cfg := broker.config()
			broker.topic(t, cfg, 1, map[string]string{
				"cleanup.policy": "compact", "segment.ms": "1", "min.cleanable.dirty.ratio": "0.001", "delete.retention.ms": "0",
			})
			cfg.Compression = compression
			for round := range 3 { // the same keys every time: only the last round survives
				produce(t, cfg, fmt.Sprintf("a%d", round), fmt.Sprintf("b%d", round), fmt.Sprintf("c%d", round))
			}
			produce(t, cfg, "a3", "b3") // removes the first two of the batch before it
			produce(t, cfg, "a4")       // removes the first of the batch before it, and the segment of the last is left alone
			end := broker.compacted(t, cfg)
			_, before := broker.read(t, cfg, end)
			got := newRecorder()
			consuming(t, cfg, fetchAll(got)) // a gap would end it, and be logged as trouble
			eventually(t, "the last record", func() bool { return got.last(0) == end-1 })
			values, offsets := got.partition(0)
			_, after := broker.read(t, cfg, end) // the cleaner may have gone on meanwhile
			if !within(after, offsets) || !within(offsets, before) || !slices.IsSorted(offsets) {
				t.Errorf("got %v; before there were %v, and afterwards %v", offsets, before, after)
			}
			if joined := strings.Join(values, " "); !strings.Contains(joined, "c2") || !strings.Contains(joined, "b3") || strings.Contains(joined, "b1") {
				t.Errorf("got %v: want c2 and b3 among them, and b1 gone", values)
			}
		})
	}
}

func within(some, all []int64) bool {
	return !slices.ContainsFunc(some, func(o int64) bool { return !slices.Contains(all, o) })
}

// compacted waits until the topic's cleaner has been at work, and returns the offset after the last record.
func (b *broker) compacted(t *testing.T, cfg kafka.Config) (end int64) {
	t.Helper()
	if b.cluster != nil {
		b.cluster.Compact()
		produce(t, cfg, "a5")
		return 13
	}
	end = 12
	eventually(t, "compaction", func() bool {
		produce(t, cfg, "a5") // closes the segment before it, without which that is left alone
		end++
		_, offsets := b.read(t, cfg, end)
		return offsets[0] >= 8
	})
	return end
}

// Records of aborted transactions are never delivered, those of committed ones are, between others', and the broker's
// markers are neither records nor gaps.
func TestTransactions(t *testing.T) {
	for _, compression := range []string{"none", "lz4", "zstd"} {
		t.Run(compression, func(t *testing.T) {
			broker := newBroker(t)
			cfg := broker.config()
			broker.topic(t, cfg, 1, nil)
			cfg.Compression = compression
			one, two := broker.producer(t, cfg, "one"), broker.producer(t, cfg, "two")
			one.begin().write("1a", "1b")
			two.begin().write("2a ABORTED", "2b ABORTED")
			produce(t, cfg, "plain 1")
			one.write("1c").end(kgo.TryCommit)
			two.write("2c ABORTED").end(kgo.TryAbort)
			two.begin().write("2d").end(kgo.TryCommit) // the same producer, after its abort
			one.begin().write("1d ABORTED").end(kgo.TryAbort)
			one.begin().write("1e ABORTED").end(kgo.TryAbort)
			produce(t, cfg, "plain 2")
			one.begin().write("1f").end(kgo.TryCommit)

			want := []string{"1a", "1b", "plain 1", "1c", "2d", "plain 2", "1f"}
			got := newRecorder()
			_, stop := consuming(t, cfg, fetchAll(got))
			eventually(t, "all that is committed", func() bool { return got.count() >= len(want) })
			two.begin().write("open")
			produce(t, cfg, "behind the open one")
			if _, offsets := broker.read(t, cfg, got.last(0)+1); !slices.Equal(offsets, got.offsets(0)) {
				t.Errorf("offsets %v, want %v", got.offsets(0), offsets)
			}
			if values, _ := got.partition(0); !slices.Equal(values, want) {
				t.Errorf("got %q, want %q", values, want)
			}
			two.end(kgo.TryCommit)
			eventually(t, "what was behind the open transaction", func() bool { return got.count() >= len(want)+2 })
			stop()
			if values, _ := got.partition(0); !slices.Equal(values[len(want):], []string{"open", "behind the open one"}) {
				t.Errorf("in the end got %q", values)
			}
			// From any offset on, the same is to be seen: also from within an aborted transaction.
			for from := range got.last(0) {
				again := newRecorder()
				at := cfg
				at.Group = fmt.Sprintf("%s-from-%d", cfg.Group, from)
				_, stop := consuming(t, at, func(ctx context.Context, claim *kafka.Claim) error {
					return claim.Fetch(ctx, from, again.deliver(0))
				})
				eventually(t, "the last record", func() bool { return again.last(0) == got.last(0) })
				stop()
				after := slices.IndexFunc(got.offsets(0), func(o int64) bool { return o >= from })
				if want := got.offsets(0)[after:]; !slices.Equal(again.offsets(0), want) {
					t.Errorf("from %d: offsets %v, want %v", from, again.offsets(0), want)
				}
			}
		})
	}
}

// txn is a transactional producer.
type txn struct {
	t      *testing.T
	client *kgo.Client
}

func (b *broker) producer(t *testing.T, cfg kafka.Config, id string) txn {
	t.Helper()
	codec := map[string]kgo.CompressionCodec{"none": kgo.NoCompression(), "lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression()}
	client, err := kgo.NewClient(kgo.SeedBrokers(b.address), kgo.TransactionalID(cfg.Topic+id), kgo.DefaultProduceTopic(cfg.Topic),
		kgo.ProducerBatchCompression(codec[cfg.Compression]))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return txn{t, client}
}

func (x txn) begin() txn {
	x.t.Helper()
	if err := x.client.BeginTransaction(); err != nil {
		x.t.Fatal(err)
	}
	return x
}

func (x txn) write(values ...string) txn {
	x.t.Helper()
	for _, value := range values {
		if err := x.client.ProduceSync(x.t.Context(), kgo.StringRecord(value)).FirstErr(); err != nil {
			x.t.Fatal(err)
		}
	}
	return x
}

func (x txn) end(how kgo.TransactionEndTry) {
	x.t.Helper()
	if err := x.client.EndTransaction(x.t.Context(), how); err != nil {
		x.t.Fatal(err)
	}
}
