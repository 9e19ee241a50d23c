package kafka_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/ingest/kafka"
	"github.com/twmb/franz-go/pkg/kgo"
)

// How much BenchmarkFetch reads in each round: records of about 750 bytes from eight partitions.
const (
	benchRecords    = 1_000_000
	benchPartitions = 8
)

// BenchmarkFetch compares the CPU that a record costs the client, from the socket to a slice of bytes, with franz-go's.
// The broker is another process: Apache Kafka where it is installed (`make kafka`), and kfake otherwise. Each
// operation reads the whole topic once with each client, by turns; the figures are medians over the operations.
//
//	go test -run '^$' -bench Fetch -benchtime 5x ./ingest/kafka
func BenchmarkFetch(b *testing.B) {
	broker := benchBroker(b)
	for _, c := range []struct {
		compression string
		batch       int // records in one of the producer's batches, which share their compression
	}{
		{"lz4", 1000}, {"lz4", 100}, {"lz4", 20}, {"none", 1000}, {"zstd", 1000}, {"snappy", 1000}, {"gzip", 1000},
	} {
		b.Run(fmt.Sprintf("%s/batch=%d", c.compression, c.batch), func(b *testing.B) {
			cfg := kafka.DefaultConfig()
			cfg.Brokers, cfg.Compression = []string{broker}, c.compression
			cfg.Topic = fmt.Sprintf("bench.%s.%d.%d", c.compression, c.batch, time.Now().UnixNano())
			cfg.SessionTimeout = 30 * time.Second
			if err := kafka.EnsureTopic(b.Context(), cfg, benchPartitions); err != nil {
				b.Fatal(err)
			}
			fillBench(b, cfg, c.batch)
			var own, franz []float64
			for b.Loop() {
				own = append(own, cpuOf(func() { readOwn(b, cfg) }))
				franz = append(franz, cpuOf(func() { readFranz(b, cfg) }))
			}
			b.ReportMetric(median(own), "cpu-ns/record")
			b.ReportMetric(median(franz), "franz-cpu-ns/record")
			b.ReportMetric(median(own)/median(franz), "ratio")
		})
	}
}

// readOwn reads the topic with Claim.Fetch.
func readOwn(b *testing.B, cfg kafka.Config) {
	cfg.Group = fmt.Sprint("bench-", rand.Uint64())
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	var read atomic.Int64
	work := func(ctx context.Context, claim *kafka.Claim) error {
		n := int64(0) // a counter of its own: the partitions would share a cache line
		return claim.Fetch(ctx, 0, func(offset int64, _ time.Time, value []byte) error {
			if len(value) == 0 {
				b.Error("a record is empty")
			}
			if n++; n%512 == 0 || offset+1 == claim.HighWater() {
				if read.Add(n) == benchRecords {
					cancel()
				}
				n = 0
			}
			return nil
		})
	}
	if err := kafka.Consume(ctx, cfg, discard, work); err != nil {
		b.Error(err)
	}
	if n := read.Load(); n != benchRecords {
		b.Errorf("read %d records, want %d", n, benchRecords)
	}
}

// readFranz reads the topic with franz-go as it comes.
func readFranz(b *testing.B, cfg kafka.Config) {
	client, err := kgo.NewClient(kgo.SeedBrokers(cfg.Brokers...), kgo.ConsumeTopics(cfg.Topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		b.Fatal(err)
	}
	defer client.Close()
	for n := 0; n < benchRecords && b.Context().Err() == nil; {
		fetches := client.PollFetches(b.Context())
		if err := fetches.Err0(); err != nil {
			b.Fatal(err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			if len(r.Value) == 0 {
				b.Error("a record is empty")
			}
			n++
		})
	}
}

// fillBench writes the topic in batches of about so many records.
func fillBench(b *testing.B, cfg kafka.Config, batch int) {
	codec := map[string]kgo.CompressionCodec{
		"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(), "snappy": kgo.SnappyCompression(), "lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression(),
	}[cfg.Compression]
	client, err := kgo.NewClient(kgo.SeedBrokers(cfg.Brokers...), kgo.DefaultProduceTopic(cfg.Topic), kgo.ProducerBatchCompression(codec),
		kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.MaxBufferedRecords(batch*benchPartitions*4), kgo.ProducerLinger(20*time.Millisecond),
		kgo.ProducerBatchMaxBytes(int32(min(batch*800, 1_000_000))))
	if err != nil {
		b.Fatal(err)
	}
	defer client.Close()
	source := newAccessLog(7)
	for n := range benchRecords {
		record := &kgo.Record{Key: fmt.Appendf(nil, "token-%d", n%997), Value: source.record(), Partition: int32(n % benchPartitions)}
		client.Produce(b.Context(), record, func(_ *kgo.Record, err error) {
			if err != nil {
				b.Error(err)
			}
		})
	}
	if err := client.Flush(b.Context()); err != nil {
		b.Fatal(err)
	}
}

// accessLog makes records that compress about as well as a gateway's: names that repeat, identifiers that do not.
type accessLog struct {
	random *rand.Rand
	agents []string
	n      int
}

func newAccessLog(seed uint64) *accessLog {
	return &accessLog{random: rand.New(rand.NewPCG(seed, seed)), agents: []string{
		"python-requests/2.32.3", "curl/8.5.0", "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0", "huggingface_hub/0.26.2; python/3.11.9",
	}}
}

func (l *accessLog) record() []byte {
	r := l.random
	l.n++
	return fmt.Appendf(nil, `{"@timestamp":"2026-03-01T%02d:%02d:%02d.%03dZ","request_id":"%016x%016x","client_ip":"%d.%d.%d.%d","forwarded_for":"%d.%d.%d.%d, 10.0.3.%d",`+
		`"method":"%s","host":"api.example.org","uri":"/v1/models/%d/versions/%x?page=%d&sort=created","status":%d,"bytes_sent":%d,"bytes_received":%d,"duration_ms":%d.%03d,`+
		`"upstream":"10.12.%d.%d:8080","upstream_ms":%d.%03d,"user_agent":"%s","authorization":"Bearer sk-test-%016x%016x","consumer":{"id":"%08x-%04x","name":"team-%d","plan":"enterprise"},`+
		`"service":{"name":"model-registry","route":"/v1/models/{id}/versions/{version}","port":8443,"protocol":"https"},"tls":{"version":"TLSv1.3","cipher":"TLS_AES_256_GCM_SHA384"},"trace":"%032x","sequence":%d}`,
		l.n/3600000%24, l.n/60000%60, l.n/1000%60, l.n%1000, r.Uint64(), r.Uint64(), r.IntN(223), r.IntN(256), r.IntN(256), r.IntN(256), r.IntN(223), r.IntN(256), r.IntN(256), r.IntN(256), r.IntN(256),
		[]string{"GET", "GET", "GET", "POST", "PUT"}[r.IntN(5)], r.IntN(100000), r.Uint32(), r.IntN(40), []int{200, 200, 200, 201, 404, 429}[r.IntN(6)], r.IntN(90000), r.IntN(4000), r.IntN(900), r.IntN(1000),
		r.IntN(256), r.IntN(256), r.IntN(800), r.IntN(1000), l.agents[r.IntN(len(l.agents))], r.Uint64(), r.Uint64(), r.Uint32(), r.IntN(1<<16), r.IntN(400), r.Uint64(), l.n)
}

// cpuOf is what f costs this process, in nanoseconds a record of the topic.
func cpuOf(f func()) float64 {
	before := cpuTime()
	f()
	return float64(cpuTime()-before) / benchRecords
}

func cpuTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return (sorted[len(sorted)/2] + sorted[(len(sorted)-1)/2]) / 2
}
