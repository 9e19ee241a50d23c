package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync"
	"time"

	"github.com/tokenwatch/tokenwatch/deploy/local"
	"github.com/tokenwatch/tokenwatch/ingest"
	"github.com/tokenwatch/tokenwatch/ingest/kafka"
	"github.com/tokenwatch/tokenwatch/ingest/push"
)

// stopGrace is how long a batch that is on its way to Kafka may take when the process is told to stop.
const stopGrace = 10 * time.Second

// reachedKafka is the configured Kafka, or the embedded one of a `tokenwatch run` on this machine.
func (c Config) reachedKafka() (kafka.Config, error) {
	k := c.Kafka.Config
	if len(k.Brokers) > 0 {
		return k, nil
	}
	if c.Kafka.Port == 0 {
		return k, errors.New("kafka.port: 0 means any free port, so nobody can tell where the embedded Kafka listens; set kafka.port, or kafka.brokers")
	}
	k.Brokers = []string{net.JoinHostPort(local.Loopback, strconv.Itoa(c.Kafka.Port))}
	return k, nil
}

// outlet is a way to a topic for the commands that bring records there.
type outlet struct {
	sender   *ingest.Sender
	producer *kafka.Producer
}

func (c Config) outlet(k kafka.Config, topic string) (*outlet, error) {
	pepper, err := c.pepper()
	if err != nil {
		return nil, err
	}
	splitter, err := ingest.NewSplitter(c.Ingest.DecodeConfig, topic, pepper)
	if err != nil {
		return nil, fmt.Errorf("ingest.%w", err)
	}
	producer, err := producerOf(k, topic)
	if err != nil {
		return nil, err
	}
	sender := &ingest.Sender{Splitter: splitter, Producer: courier{producer}, Retry: kafka.Passing, Grace: stopGrace}
	return &outlet{sender, producer}, nil
}

func producerOf(k kafka.Config, topic string) (*kafka.Producer, error) {
	k.Topic, k.FurtherTopics = topic, nil
	return kafka.NewProducer(k)
}

// topicOr checks a topic that was named on the command line, and gives the configured one where none was.
func (c Config) topicOr(name string) (string, error) {
	if name == "" {
		return c.Kafka.Topic, nil
	}
	for _, topic := range c.Kafka.Topics() {
		if topic == name {
			return name, nil
		}
	}
	return "", fmt.Errorf("--topic: tokenwatch does not read %q: name it in kafka.further_topics first", name)
}

// courier is the ingest.Producer of a kafka.Producer.
type courier struct{ to *kafka.Producer }

func (c courier) Produce(ctx context.Context, records []ingest.Keyed) error {
	out := make([]kafka.Record, len(records))
	for i, r := range records {
		out[i] = kafka.Record{Key: r.Key, Value: r.Value}
	}
	return c.to.Produce(ctx, out)
}

// intake passes on what comes in over HTTP. Splitters are costly to make and serve one body at a time, so
// those that were needed at once are kept.
type intake struct {
	cfg       Config
	pepper    ingest.Pepper
	producers map[string]*kafka.Producer // of the configured topics

	mu   sync.Mutex
	idle map[string][]*ingest.Splitter
}

func openIntake(cfg Config, k kafka.Config) (*intake, error) {
	pepper, err := cfg.pepper()
	if err != nil {
		return nil, err
	}
	in := &intake{cfg: cfg, pepper: pepper, producers: map[string]*kafka.Producer{}, idle: map[string][]*ingest.Splitter{}}
	for _, topic := range k.Topics() {
		if in.producers[topic], err = producerOf(k, topic); err != nil {
			return nil, errors.Join(err, in.close())
		}
	}
	return in, nil
}

// deliver is the push.Deliver.
func (in *intake) deliver(ctx context.Context, topic string, body []byte) (push.Result, error) {
	splitter, err := in.take(topic)
	if err != nil {
		return push.Result{}, err
	}
	defer in.rest(topic, splitter)
	sender := &ingest.Sender{Splitter: splitter, Producer: courier{in.producers[topic]}}
	_, err = sender.Send(ctx, body, true)
	return push.Result{Records: sender.Tally.Records, Unkeyed: sender.Tally.Unkeyed, Cut: sender.Tally.Cut}, err
}

func (in *intake) take(topic string) (*ingest.Splitter, error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if idle := in.idle[topic]; len(idle) > 0 {
		in.idle[topic] = idle[:len(idle)-1]
		return idle[len(idle)-1], nil
	}
	return ingest.NewSplitter(in.cfg.Ingest.DecodeConfig, topic, in.pepper)
}

func (in *intake) rest(topic string, s *ingest.Splitter) {
	s.Reset()
	in.mu.Lock()
	in.idle[topic] = append(in.idle[topic], s)
	in.mu.Unlock()
}

func (in *intake) close() error {
	var wrong []error
	for _, producer := range in.producers {
		if producer != nil {
			wrong = append(wrong, producer.Close())
		}
	}
	return errors.Join(wrong...)
}
