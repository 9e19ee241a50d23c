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
)

func TestEveryCompressionIsRead(t *testing.T) {
	for _, compression := range []string{"none", "gzip", "snappy", "lz4", "zstd"} {
		t.Run(compression, func(t *testing.T) {
			broker := newBroker(t)
			cfg := broker.config()
			broker.topic(t, cfg, 1, nil)
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
	broker := newBroker(t)
	cfg := broker.config()
	broker.topic(t, cfg, 1, map[string]string{"max.message.bytes": "40000000"})
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
	broker := newBroker(t)
	cfg := broker.config()
	broker.topic(t, cfg, 1, nil)
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
		broker := newBroker(t)
		cfg := broker.config()
		broker.topic(t, cfg, 1, nil)
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
	broker := newBroker(t)
	cfg := broker.config()
	broker.topic(t, cfg, 1, nil)
	produce(t, cfg, "now")
	seen := make(chan time.Time, 1)
	consuming(t, cfg, func(ctx context.Context, claim *kafka.Claim) error {
		return claim.Fetch(ctx, 0, func(_ int64, at time.Time, _ []byte) error { seen <- at; return nil })
	})
	if at := <-seen; time.Since(at).Abs() > time.Minute {
		t.Errorf("appended at %v", at)
	}
}

// A topic that was deleted and created again ends before the committed offset.
func TestRecreatedTopicIsReported(t *testing.T) {
	broker := newBroker(t)
	cfg := broker.config()
	broker.topic(t, cfg, 1, nil)
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

// While deliver is held up, nothing more is read; then reading goes on where it was.
func TestSlowReaderLosesNothing(t *testing.T) {
	broker := newBroker(t)
	cfg := broker.config()
	broker.topic(t, cfg, 1, nil)
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
	broker := newBroker(t)
	cfg := broker.config()
	broker.topic(t, cfg, 1, nil)
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
	broker := newBroker(t)
	cfg := broker.config()
	broker.topic(t, cfg, 1, nil)
	want := []string{"a", "\x00\x00\x00\x00\x00\x01", "b", "\x00\x00\x00\x00\x00\x02"}
	produce(t, cfg, want...)
	got := newRecorder()
	consuming(t, cfg, fetchAll(got))
	eventually(t, "all records", func() bool { return got.count() == len(want) })
	if values, offsets := got.partition(0); fmt.Sprintf("%q", values) != fmt.Sprintf("%q", want) {
		t.Errorf("got %q at %v", values, offsets)
	}
}
