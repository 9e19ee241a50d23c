package kafka

import (
	"context"
	"errors"
	"fmt"
	"strings"

	kafkago "github.com/segmentio/kafka-go"
)

// EnsureTopic creates the configured topic when it is missing. An existing topic is left as it is.
func EnsureTopic(ctx context.Context, cfg Config, partitions int) error {
	net, err := newNetwork(cfg)
	if err != nil {
		return err
	}
	defer net.close()
	if err := net.topicExists(ctx); err == nil || !errors.Is(err, kafkago.UnknownTopicOrPartition) {
		return err
	}
	answer, err := net.client.CreateTopics(ctx, &kafkago.CreateTopicsRequest{
		Topics: []kafkago.TopicConfig{{Topic: cfg.Topic, NumPartitions: partitions, ReplicationFactor: -1}},
	})
	if err == nil {
		err = answer.Errors[cfg.Topic]
	}
	if err != nil && !errors.Is(err, kafkago.TopicAlreadyExists) {
		return fmt.Errorf("kafka.topic: creating %q: %w", cfg.Topic, err)
	}
	return net.topicLed(ctx)
}

// Check reports whether the brokers can be reached, let this client in, and have the topic.
// Its errors begin with the key of the configuration that is to blame.
func Check(ctx context.Context, cfg Config) error {
	if err := cfg.Validate(); err != nil {
		return err
	}
	net, err := newNetwork(cfg)
	if err != nil {
		return err
	}
	defer net.close()
	return net.topicExists(ctx)
}

// topicExists asks one broker after the other, over a connection of its own: the client's
// answers come from a cache, and it reports a broker that is away only after its timeout.
func (n *network) topicExists(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, n.cfg.Timeout)
	defer cancel()
	var failed error
	for _, broker := range n.cfg.Brokers {
		conn, err := n.dialer.DialContext(ctx, "tcp", broker)
		if err != nil {
			failed = errors.Join(failed, err)
			continue
		}
		stop := context.AfterFunc(ctx, func() { conn.Close() })
		found, err := conn.ReadPartitions(n.cfg.Topic)
		stop()
		conn.Close()
		if err == nil && len(found) > 0 || errors.Is(err, kafkago.LeaderNotAvailable) {
			return nil
		}
		if errors.Is(err, kafkago.UnknownTopicOrPartition) || err == nil {
			return fmt.Errorf("kafka.topic: %s has no topic %q: %w", broker, n.cfg.Topic, kafkago.UnknownTopicOrPartition)
		}
		failed = errors.Join(failed, err)
	}
	if errors.Is(failed, kafkago.TopicAuthorizationFailed) {
		return fmt.Errorf("kafka.topic: not allowed to read %q: %w", n.cfg.Topic, failed)
	}
	return fmt.Errorf("%s: %w", n.blame(failed), failed)
}

// blame names the key of the configuration that an error to connect points at.
func (n *network) blame(err error) string {
	text := err.Error()
	switch {
	case errors.Is(err, kafkago.UnsupportedSASLMechanism):
		return "kafka.sasl.mechanism: the broker does not offer " + n.cfg.SASL.Mechanism
	case strings.Contains(text, "SASL"):
		return "kafka.sasl: the broker refused " + n.cfg.SASL.Username
	case strings.Contains(text, "tls: ") || strings.Contains(text, "x509: "):
		return "kafka.tls: no encrypted connection to " + strings.Join(n.cfg.Brokers, ", ")
	}
	return "kafka.brokers: cannot reach " + strings.Join(n.cfg.Brokers, ", ")
}

// topicLed waits until every partition of a new topic has a leader.
func (n *network) topicLed(ctx context.Context) error {
	pause := newPause()
	for {
		partitions, err := n.dialer.LookupPartitions(ctx, "tcp", n.cfg.Brokers[0], n.cfg.Topic)
		if err == nil && len(partitions) > 0 {
			return nil
		}
		if ctx.Err() != nil {
			return fmt.Errorf("kafka.topic: waiting for %q to be ready: %w", n.cfg.Topic, errors.Join(ctx.Err(), err))
		}
		sleep(ctx, pause.NextBackOff())
	}
}

// ends asks for the offsets after the last records.
func (n *network) ends(ctx context.Context, partitions []int32) (map[int32]int64, error) {
	var wanted []kafkago.OffsetRequest
	for _, p := range partitions {
		wanted = append(wanted, kafkago.LastOffsetOf(int(p)))
	}
	answer, err := n.client.ListOffsets(ctx, &kafkago.ListOffsetsRequest{
		Topics: map[string][]kafkago.OffsetRequest{n.cfg.Topic: wanted},
	})
	if err != nil {
		return nil, err
	}
	ends := make(map[int32]int64, len(partitions))
	for _, p := range answer.Topics[n.cfg.Topic] {
		if p.Error == nil {
			ends[int32(p.Partition)] = p.LastOffset
		}
	}
	return ends, nil
}
