package kafka

import (
	"context"
	"errors"
	"time"

	kafkago "github.com/segmentio/kafka-go"
)

// Record is one message to be produced.
type Record struct {
	Key   []byte // decides the partition, as Java's clients do; nil means any
	Value []byte
	Time  time.Time // zero means now
}

// Producer appends records to the configured topic. It is safe for concurrent use.
type Producer struct {
	topic string
	net   *network
	small *kafkago.Writer
	large *kafkago.Writer
}

const (
	// batchBytes keeps a batch below the 1 MiB that brokers accept unless they were told otherwise.
	batchBytes = 900 << 10
	// batchRecords is how many records go into a batch at most.
	batchRecords = 10_000
	// linger is how long a batch that is not full waits for more records of the same partition.
	linger = 5 * time.Millisecond
)

// NewProducer prepares a producer. It connects when it is first used.
func NewProducer(cfg Config) (*Producer, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	net, err := newNetwork(cfg)
	if err != nil {
		return nil, err
	}
	codec, err := cfg.codec()
	if err != nil {
		return nil, err
	}
	writer := func(records int, bytes int64) *kafkago.Writer {
		return &kafkago.Writer{
			Addr:         kafkago.TCP(cfg.Brokers...),
			Topic:        cfg.Topic,
			Balancer:     kafkago.Murmur2Balancer{},
			RequiredAcks: kafkago.RequireAll,
			BatchSize:    records,
			BatchBytes:   bytes,
			BatchTimeout: linger,
			ReadTimeout:  cfg.Timeout,
			WriteTimeout: cfg.Timeout,
			Compression:  codec,
			Transport:    net.transport,
		}
	}
	return &Producer{topic: cfg.Topic, net: net, small: writer(batchRecords, batchBytes), large: writer(1, maxFetch)}, nil
}

// Produce appends the records and returns when every in-sync replica has them. The order
// of records with equal keys is kept. After an error some may have been appended and others
// not, which a *ProduceError tells; producing them again may append them twice.
func (p *Producer) Produce(ctx context.Context, records []Record) error {
	run := make([]kafkago.Message, 0, len(records))
	for i, r := range records {
		message := kafkago.Message{Key: r.Key, Value: r.Value, Time: r.Time}
		if len(r.Key)+len(r.Value) < batchBytes/2 {
			run = append(run, message)
			continue
		}
		// A large record travels alone, after those before it.
		if err := p.write(ctx, p.small, run); err != nil {
			return unsent(err, i-len(run), len(records))
		}
		run = run[:0]
		if err := p.write(ctx, p.large, []kafkago.Message{message}); err != nil {
			return unsent(err, i, len(records))
		}
	}
	return unsent(p.write(ctx, p.small, run), len(records)-len(run), len(records))
}

func (p *Producer) write(ctx context.Context, writer *kafkago.Writer, messages []kafkago.Message) error {
	if len(messages) == 0 {
		return nil
	}
	return p.failure(writer.WriteMessages(ctx, messages...), len(messages))
}

// Close sends what is under way and closes the connections.
func (p *Producer) Close() error {
	err := errors.Join(p.small.Close(), p.large.Close())
	p.net.close()
	return err
}
