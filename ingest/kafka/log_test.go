package kafka_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/tokenwatch/tokenwatch/ingest/kafka"
)

func newLog(t *testing.T, cfg kafka.Config) *kafka.Log {
	t.Helper()
	log, err := kafka.NewLog(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = log.Close() })
	return log
}

// Records are read where they are, with their keys and headers, whatever they were compressed with, and
// appended where they are meant to be.
func TestLogReadsAndAppendsInPlace(t *testing.T) {
	for _, compression := range []string{"none", "gzip", "snappy", "lz4", "zstd"} {
		t.Run(compression, func(t *testing.T) {
			broker := newBroker(t)
			cfg := broker.config()
			cfg.Compression = compression
			broker.topic(t, cfg, 2, nil)
			log := newLog(t, cfg)
			long := strings.Repeat("long ", 100_000)
			first, err := log.Append(t.Context(), cfg.Topic, 1, []kafka.Entry{
				{Key: []byte("k"), Value: []byte("one"), Headers: []kafka.Header{{Key: "origin", Value: []byte("a/1/2")}}}, {Value: []byte("two")}, {Key: []byte{}, Value: []byte(long)},
			})
			if err != nil || first != 0 {
				t.Fatalf("first at %d, %v", first, err)
			}
			if first, err = log.Append(t.Context(), cfg.Topic, 1, []kafka.Entry{{Key: []byte("k"), Value: []byte("four")}}); err != nil || first != 3 {
				t.Fatalf("then at %d, %v", first, err)
			}
			for partition, want := range []int64{0, 4} {
				if first, end, err := log.Bounds(t.Context(), cfg.Topic, int32(partition)); err != nil || first != 0 || end != want {
					t.Errorf("partition %d from %d to %d, %v", partition, first, end, err)
				}
			}
			for offset, want := range []string{"one", "two", long, "four"} {
				e, err := log.At(t.Context(), cfg.Topic, 1, int64(offset))
				if err != nil || string(e.Value) != want || e.Offset != int64(offset) || e.Time.IsZero() {
					t.Errorf("offset %d: %.20q at %d, %v", offset, e.Value, e.Offset, err)
				}
				if offset == 0 && (string(e.Key) != "k" || len(e.Headers) != 1 || e.Headers[0].Key != "origin" || string(e.Headers[0].Value) != "a/1/2") {
					t.Errorf("%+v", e)
				}
				if offset == 1 && e.Key != nil {
					t.Errorf("a key from nowhere: %q", e.Key)
				}
			}
			var have []string
			err = log.Between(t.Context(), cfg.Topic, 1, 1, 4, func(e kafka.Entry) error {
				have = append(have, fmt.Sprint(e.Offset, " ", len(e.Value)))
				return nil
			})
			if want := []string{"1 3", "2 500000", "3 4"}; err != nil || !slices.Equal(have, want) {
				t.Errorf("between: %q, %v", have, err)
			}
			enough := errors.New("that will do")
			if err := log.Between(t.Context(), cfg.Topic, 1, 0, 4, func(kafka.Entry) error { return enough }); !errors.Is(err, enough) {
				t.Errorf("between, stopped: %v", err)
			}
		})
	}
}

func TestLogSaysWhatIsGone(t *testing.T) {
	broker := newBroker(t)
	cfg := broker.config()
	broker.topic(t, cfg, 1, nil)
	produce(t, cfg, "a", "b", "c", "d")
	broker.deleteRecords(t, cfg, 2)
	log := newLog(t, cfg)
	for offset, gone := range []bool{true, true, false, false, true} {
		if _, err := log.At(t.Context(), cfg.Topic, 0, int64(offset)); errors.Is(err, kafka.ErrGone) != gone || !gone && err != nil {
			t.Errorf("offset %d: %v", offset, err)
		}
	}
	if _, err := log.At(t.Context(), "no.such.topic", 0, 1); !errors.Is(err, kafka.ErrGone) {
		t.Errorf("a topic that does not exist: %v", err)
	}
	var have []int64
	if err := log.Between(t.Context(), cfg.Topic, 0, 0, 4, func(e kafka.Entry) error { have = append(have, e.Offset); return nil }); err != nil || !slices.Equal(have, []int64{2, 3}) {
		t.Errorf("between: %v, %v", have, err)
	}
}
