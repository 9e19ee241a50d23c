package ingest_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/deploy/local/realkafka"
	"github.com/tokenwatch/tokenwatch/ingest"
	"github.com/tokenwatch/tokenwatch/ingest/kafka"
	"github.com/tokenwatch/tokenwatch/schema"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// A group's claims are what a pipeline works on.
var _ ingest.Claim = (*kafka.Claim)(nil)

// kafkaTopic is a topic of a broker in this process, or of a real Apache Kafka with `make test-kafka`.
func kafkaTopic(t testing.TB, partitions int) kafka.Config {
	t.Helper()
	cfg := kafka.DefaultConfig()
	cfg.SessionTimeout, cfg.MaxWait = 6*time.Second, 50*time.Millisecond
	if realkafka.Wanted() {
		broker, err := realkafka.Start(t.Context(), realkafka.Config{Dir: t.TempDir()})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = broker.Kill() }) // its data is thrown away
		cfg.Brokers = []string{broker.Address()}
	} else {
		cluster, err := kfake.NewCluster(kfake.NumBrokers(1))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(cluster.Close)
		cfg.Brokers = cluster.ListenAddrs()
	}
	if err := kafka.EnsureTopic(t.Context(), cfg, partitions); err != nil {
		t.Fatal(err)
	}
	return cfg
}

// settled is the sum of a group's offsets that nothing is pending behind, asked for by another client.
func settled(t testing.TB, client *kgo.Client, cfg kafka.Config, partitions int32) (sum int64) {
	t.Helper()
	of := kmsg.NewOffsetFetchRequestTopic()
	of.Topic = cfg.Topic
	for p := range partitions {
		of.Partitions = append(of.Partitions, p)
	}
	request := kmsg.NewPtrOffsetFetchRequest()
	request.Group = cfg.Group
	request.Topics = append(request.Topics, of)
	answer, err := request.RequestWith(t.Context(), client)
	if err != nil {
		t.Fatal(err)
	}
	for _, topic := range answer.Topics {
		for _, p := range topic.Partitions {
			if p.Offset > 0 && (p.Metadata == nil || *p.Metadata == "") {
				sum += p.Offset
			}
		}
	}
	return sum
}

// ends are the offsets after the last records of a topic.
func ends(t testing.TB, client *kgo.Client, cfg kafka.Config, partitions int32) map[int32]int64 {
	t.Helper()
	of := kmsg.NewListOffsetsRequestTopic()
	of.Topic = cfg.Topic
	for p := range partitions {
		part := kmsg.NewListOffsetsRequestTopicPartition()
		part.Partition, part.Timestamp = p, -1
		of.Partitions = append(of.Partitions, part)
	}
	request := kmsg.NewPtrListOffsetsRequest()
	request.ReplicaID = -1
	request.Topics = append(request.Topics, of)
	answer, err := request.RequestWith(t.Context(), client)
	if err != nil {
		t.Fatal(err)
	}
	all := map[int32]int64{}
	for _, p := range answer.Topics[0].Partitions {
		all[p.Partition] = p.Offset
	}
	return all
}

// instance is one process of the group, until it is stopped.
func instance(t testing.TB, cfg kafka.Config, p *ingest.Pipeline) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		err := kafka.Consume(ctx, cfg, slog.New(slog.DiscardHandler), func(ctx context.Context, claim *kafka.Claim) error {
			return p.Run(ctx, claim)
		})
		if err != nil {
			t.Errorf("Consume: %v", err)
		}
	})
	return func() { cancel(); running.Wait() }
}

// Instances come and go, inserts fail before and after they worked, handlers fail, the broker hangs up: each
// produced record is stored exactly once, and seen by a handler at least once.
func TestExactlyOnceThroughKafka(t *testing.T) {
	const partitions, records = 4, 4000
	cfg := kafkaTopic(t, partitions)
	client, err := kgo.NewClient(kgo.SeedBrokers(cfg.Brokers...))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	s, seen := newStore(t), &sightings{}
	var dice sync.Mutex
	random := rand.New(rand.NewPCG(3, 4))
	chance := func(n int) bool {
		dice.Lock()
		defer dice.Unlock()
		return random.IntN(n) == 0
	}
	s.fail = func(*schema.Block, int, bool) error {
		if chance(10) {
			return errors.New("connection reset by peer")
		}
		return nil
	}
	start := func() func() {
		h := newHandler(t)
		h.fail = func(b *schema.Block) error {
			if chance(40) {
				return errors.New("no room for findings")
			}
			seen.add(b)
			return nil
		}
		p := pipeline(s, h)
		dice.Lock()
		p.Config.Rows = 20 + random.IntN(80)
		dice.Unlock()
		return instance(t, cfg, p)
	}
	stops := []func(){start()}
	go produceSlowly(t, cfg, records)
	for range 6 {
		stops = append(stops, start())
		time.Sleep(300 * time.Millisecond) // records flow meanwhile
		stops[0]()
		stops = stops[1:]
	}
	defer func() { stops[0]() }()
	for deadline := time.Now().Add(60 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		have := settled(t, client, cfg, partitions)
		if have == records {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d of %d records are committed after a minute", have, records)
		}
	}
	end := ends(t, client, cfg, partitions)
	for p := range int32(partitions) {
		want := upTo(end[p])
		if got := s.offsets(p); !slices.Equal(got, want) {
			t.Errorf("partition %d: stored %d offsets, %d of them different, want %d", p, len(got), len(slices.Compact(got)), len(want))
		}
		if got := seen.offsets(p); !slices.Equal(got, want) {
			t.Errorf("partition %d: handled %d different offsets, want %d", p, len(got), len(want))
		}
	}
}

func produceSlowly(t *testing.T, cfg kafka.Config, records int) {
	producer, err := kafka.NewProducer(cfg)
	if err != nil {
		t.Error(err)
		return
	}
	defer producer.Close()
	for n := 0; n < records; {
		var batch []kafka.Record
		for range 50 {
			batch = append(batch, kafka.Record{Key: fmt.Append(nil, n%97), Value: fmt.Append(nil, "value ", n)})
			n++
		}
		if err := producer.Produce(context.Background(), batch); err != nil {
			t.Error(err)
			return
		}
		time.Sleep(15 * time.Millisecond)
	}
}

// sightings are the offsets that any handler has seen.
type sightings struct {
	mu  sync.Mutex
	all map[int32][]int64
}

func (s *sightings) add(b *schema.Block) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all == nil {
		s.all = map[int32][]int64{}
	}
	for _, e := range b.Events {
		s.all[b.Partition] = append(s.all[b.Partition], e.Offset)
	}
}

func (s *sightings) offsets(p int32) []int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	offsets := slices.Clone(s.all[p])
	slices.Sort(offsets)
	return slices.Compact(offsets)
}

// BenchmarkPipeline takes records of about 750 bytes from a broker in the same process, whose share of the CPU is included, to
// a store that does nothing, with a decoder that does nearly nothing. One operation is one record.
func BenchmarkPipeline(b *testing.B) {
	const records, partitions = 400_000, 4
	cfg := kafkaTopic(b, partitions)
	producer, err := kafka.NewProducer(cfg)
	if err != nil {
		b.Fatal(err)
	}
	defer producer.Close()
	batch := make([]kafka.Record, 10_000)
	for n := 0; n < records; n += len(batch) {
		for i := range batch {
			value := fmt.Appendf(nil, `{"time":"2026-03-01T12:00:00.%06dZ","request_id":"%032x"`, i, n+i)
			for len(value) < 720 {
				value = fmt.Appendf(value, `,"field_%d":"value %d"`, len(value), (n+i)*len(value))
			}
			batch[i] = kafka.Record{Key: fmt.Append(nil, i), Value: append(value, '}')}
		}
		if err := producer.Produce(context.Background(), batch); err != nil {
			b.Fatal(err)
		}
	}
	sink := &sink{}
	p := pipeline(sink, sink)
	p.Config = ingest.DefaultBlockConfig()
	p.Decoder = copying{}
	for b.Loop() {
		sink.reset()
		cfg.Group = fmt.Sprint("group-", time.Now().UnixNano())
		before := cpu()
		begun := time.Now()
		stop := instance(b, cfg, p)
		for sink.count() < records {
			time.Sleep(time.Millisecond)
		}
		took := time.Since(begun)
		stop()
		b.ReportMetric(float64(records)/took.Seconds(), "records/s")
		b.ReportMetric(float64(cpu()-before)/records, "cpu-ns/record")
	}
}

type copying struct{}

func (copying) Decode(dst *schema.Block, value []byte, pos ingest.Position) {
	dst.Events = append(dst.Events, schema.Event{
		Ingested: pos.At, Topic: pos.Topic, Partition: pos.Partition, Offset: pos.Offset, Path: string(value[:64]),
	})
}

type sink struct {
	mu sync.Mutex
	n  int
}

func (s *sink) InsertBlock(_ context.Context, b *schema.Block) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.n += len(b.Events)
	return nil
}
func (s *sink) Resume(context.Context, string, int32, int64) (ingest.Lane, error) { return s, nil }

func (*sink) Look([]schema.Event)                         {}
func (*sink) Cut(int64)                                   {}
func (*sink) Handle(context.Context, *schema.Block) error { return nil }
func (s *sink) reset()                                    { s.mu.Lock(); defer s.mu.Unlock(); s.n = 0 }
func (s *sink) count() int                                { s.mu.Lock(); defer s.mu.Unlock(); return s.n }

func cpu() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
