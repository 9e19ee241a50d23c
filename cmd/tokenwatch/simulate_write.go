package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/tokenwatch/tokenwatch/deploy/simulate"
	"github.com/tokenwatch/tokenwatch/ingest/kafka"
	"github.com/tokenwatch/tokenwatch/ingest/unpack"
)

// recordSink is where simulated records go.
type recordSink interface {
	write(ctx context.Context, r simulate.Record) error
	close() error
}

func (c simulateCommand) sink(p *process, cfg Config) (recordSink, error) {
	if !c.Kafka {
		if c.Topic != "" {
			return nil, errors.New("--topic: is for --kafka")
		}
		return openFileSink(c.Out, p.stdout)
	}
	topic, err := cfg.topicOr(c.Topic)
	if err != nil {
		return nil, err
	}
	to, err := cfg.reachedKafka()
	if err != nil {
		return nil, err
	}
	if err := kafka.Check(p.ctx, to); err != nil {
		if len(cfg.Kafka.Brokers) == 0 {
			err = fmt.Errorf("%w\nIs `tokenwatch run` running on this machine? Without kafka.brokers its Kafka is where records go", err)
		}
		return nil, err
	}
	producer, err := producerOf(to, topic)
	if err != nil {
		return nil, err
	}
	return &kafkaSink{ctx: p.ctx, producer: producer}, nil
}

// play writes all that the fleet does.
func (c simulateCommand) play(ctx context.Context, fleet *simulate.Fleet, to recordSink, told *simulateReport) error {
	for r := range fleet.All() {
		if err := to.write(ctx, r); err != nil {
			return err
		}
		if told.wrote(r.Time) && ctx.Err() != nil {
			return fmt.Errorf("interrupted: %w", context.Cause(ctx))
		}
	}
	return nil
}

// fileSink writes records to a file, one a line.
type fileSink struct {
	file   io.Closer
	packed io.WriteCloser
	lines  *bufio.Writer
}

func openFileSink(name string, stdout io.Writer) (*fileSink, error) {
	var to io.Writer = stdout
	s := &fileSink{}
	if name != "-" {
		file, err := os.Create(name)
		if err != nil {
			return nil, fmt.Errorf("--out: %w", err)
		}
		to, s.file = file, file
	}
	var err error
	if s.packed, err = unpack.Pack(to, name); err != nil {
		return nil, fmt.Errorf("--out: %w", err)
	}
	s.lines = bufio.NewWriterSize(s.packed, 1<<20)
	return s, nil
}

func (s *fileSink) write(_ context.Context, r simulate.Record) error {
	_, _ = s.lines.Write(r.Value) // a bufio.Writer keeps its error
	if err := s.lines.WriteByte('\n'); err != nil {
		return fmt.Errorf("writing records: %w", err)
	}
	return nil
}

func (s *fileSink) close() error {
	err := errors.Join(s.lines.Flush(), s.packed.Close())
	if s.file != nil {
		err = errors.Join(err, s.file.Close())
	}
	if err != nil {
		return fmt.Errorf("writing records: %w", err)
	}
	return nil
}

// kafkaSink produces records, keyed by token.
type kafkaSink struct {
	ctx      context.Context // of the command, for what is left when it ends
	producer *kafka.Producer
	batch    []kafka.Record
}

func (s *kafkaSink) write(ctx context.Context, r simulate.Record) error {
	s.batch = append(s.batch, kafka.Record{Key: r.Key, Value: r.Value, Time: r.Time})
	if len(s.batch) < produceBatch {
		return nil
	}
	return s.flush(ctx)
}

func (s *kafkaSink) flush(ctx context.Context) error {
	if err := s.producer.Produce(ctx, s.batch); err != nil {
		return fmt.Errorf("producing records: %w", err)
	}
	s.batch = s.batch[:0]
	return nil
}

func (s *kafkaSink) close() error {
	var err error
	if s.ctx.Err() == nil && len(s.batch) > 0 {
		err = s.flush(s.ctx)
	}
	return errors.Join(err, s.producer.Close())
}

// truth opens the file of the labels, if one is wanted, before hours go by: what cannot be written is said at once.
func (c simulateCommand) truth() (*os.File, error) {
	if c.Labels == "" {
		return nil, nil
	}
	file, err := os.Create(c.Labels)
	if err != nil {
		return nil, fmt.Errorf("--labels: %w", err)
	}
	return file, nil
}

// writeLabels writes the truth.
func writeLabels(file *os.File, labels []simulate.Label) error {
	w := bufio.NewWriter(file)
	fmt.Fprintln(w, "token,start,end,kind")
	for _, l := range labels {
		fmt.Fprintln(w, l)
	}
	if err := errors.Join(w.Flush(), file.Close()); err != nil {
		return fmt.Errorf("--labels: %w", err)
	}
	return nil
}
