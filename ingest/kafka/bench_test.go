package kafka_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"syscall"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/ingest/kafka"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
)

const benchRecords = 200_000

// BenchmarkFetch reads records of about 750 bytes from a broker in the same process, whose
// share of the CPU is therefore included. One operation is one record.
func BenchmarkFetch(b *testing.B) {
	for _, compression := range []string{"none", "lz4"} {
		b.Run(compression, func(b *testing.B) {
			cluster, cfg := benchTopic(b, compression)
			defer cluster.Close()
			enough := errors.New("enough")
			done := make(chan struct{})
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			work := func(ctx context.Context, claim *kafka.Claim) error {
				n := 0
				b.ResetTimer()
				cpu := cpuTime()
				for n < b.N {
					err := claim.Fetch(ctx, 0, func(offset int64, _ time.Time, value []byte) error {
						if n++; n == b.N {
							return enough
						}
						if offset == benchRecords-1 {
							return errAgain
						}
						return nil
					})
					if !errors.Is(err, errAgain) && !errors.Is(err, enough) {
						return err
					}
				}
				b.StopTimer()
				b.ReportMetric(float64(cpuTime()-cpu)/float64(b.N), "cpu-ns/op")
				b.SetBytes(benchSize)
				close(done)
				<-ctx.Done()
				return nil
			}
			go kafka.Consume(ctx, cfg, discard, work)
			<-done
		})
	}
}

// BenchmarkFranz reads the same with franz-go, as a yardstick.
func BenchmarkFranz(b *testing.B) {
	for _, compression := range []string{"none", "lz4"} {
		b.Run(compression, func(b *testing.B) {
			cluster, cfg := benchTopic(b, compression)
			defer cluster.Close()
			b.ResetTimer()
			cpu := cpuTime()
			for n := 0; n < b.N; {
				client, err := kgo.NewClient(kgo.SeedBrokers(cfg.Brokers...), kgo.ConsumeTopics(cfg.Topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
				if err != nil {
					b.Fatal(err)
				}
				for here := 0; n < b.N && here < benchRecords; {
					client.PollFetches(b.Context()).EachRecord(func(*kgo.Record) { n++; here++ })
				}
				client.Close()
			}
			b.StopTimer()
			b.ReportMetric(float64(cpuTime()-cpu)/float64(b.N), "cpu-ns/op")
			b.SetBytes(benchSize)
		})
	}
}

var errAgain = errors.New("from the start again")

const benchSize = 750

func benchTopic(b *testing.B, compression string) (*kfake.Cluster, kafka.Config) {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		b.Fatal(err)
	}
	cfg := configFor(cluster)
	cfg.Compression = compression
	topic(b, cluster, cfg, 1, nil)
	producer, err := kafka.NewProducer(cfg)
	if err != nil {
		b.Fatal(err)
	}
	defer producer.Close()
	records := make([]kafka.Record, 10_000)
	for range benchRecords / len(records) {
		for i := range records {
			records[i] = kafka.Record{Key: []byte("key"), Value: benchRecord()}
		}
		if err := producer.Produce(context.Background(), records); err != nil {
			b.Fatal(err)
		}
	}
	return cluster, cfg
}

// benchRecord compresses about as well as a log line.
func benchRecord() []byte {
	line := fmt.Appendf(nil, `{"time":"2026-03-01T12:00:00.%06dZ","client":"203.0.113.%d","request_id":"%032x"`, rand.IntN(1e6), rand.IntN(256), rand.Uint64())
	for i := 0; len(line) < benchSize-30; i++ {
		line = fmt.Appendf(line, `,"field_%d":"value %d"`, i, rand.IntN(1000))
	}
	return append(line, '}')
}

func cpuTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
