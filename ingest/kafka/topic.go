package kafka

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"syscall"

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
	return net.topicSettled(ctx)
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

// topicExists asks whether there is a topic, over connections of its own, since the client answers from a cache.
// It does not use the simpler call that kafka-go's connections have: that one makes brokers
// which may create topics create this one.
func (n *network) topicExists(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, n.cfg.Timeout)
	defer cancel()
	if err := n.signIn(ctx); err != nil {
		return fmt.Errorf("%s: %w", n.blame(err), err)
	}
	fresh := n.newTransport()
	defer fresh.CloseIdleConnections()
	client := &kafkago.Client{Addr: n.client.Addr, Transport: fresh}
	answer, err := client.Metadata(ctx, &kafkago.MetadataRequest{Topics: []string{n.cfg.Topic}})
	if err != nil {
		return fmt.Errorf("%s: %w", n.blame(err), err)
	}
	var found error = kafkago.UnknownTopicOrPartition
	for _, topic := range answer.Topics {
		if topic.Name == n.cfg.Topic {
			found = topic.Error
		}
	}
	switch {
	case found == nil, errors.Is(found, kafkago.LeaderNotAvailable):
		return nil
	case errors.Is(found, kafkago.UnknownTopicOrPartition):
		return fmt.Errorf("kafka.topic: %s: no topic %q: %w", strings.Join(n.cfg.Brokers, ", "), n.cfg.Topic, found)
	case errors.Is(found, kafkago.TopicAuthorizationFailed):
		return fmt.Errorf("kafka.topic: not allowed to read %q: %w", n.cfg.Topic, found)
	}
	return fmt.Errorf("kafka.topic: %q: %w", n.cfg.Topic, found)
}

// signIn connects to whichever broker lets this client in: errors of the client itself do not say why not.
func (n *network) signIn(ctx context.Context) error {
	var failed error
	for _, broker := range n.cfg.Brokers {
		conn, err := n.dialer.DialContext(ctx, "tcp", broker)
		if err == nil {
			return conn.Close()
		}
		failed = errors.Join(failed, err)
	}
	return failed
}

// blame names the key of the configuration that an error to connect points at.
func (n *network) blame(err error) string {
	text, brokers := err.Error(), strings.Join(n.cfg.Brokers, ", ")
	switch {
	case errors.Is(err, kafkago.UnsupportedSASLMechanism):
		return "kafka.sasl.mechanism: the broker does not offer " + n.cfg.SASL.Mechanism
	case strings.Contains(text, "SASL"):
		return "kafka.sasl: the broker refused " + n.cfg.SASL.Username
	case strings.Contains(text, "tls: "), strings.Contains(text, "x509: "):
		return "kafka.tls: no encrypted connection to " + brokers
	case n.cfg.TLS.on() && errors.Is(err, context.DeadlineExceeded):
		return "kafka.brokers, kafka.tls: nobody who speaks TLS at " + brokers
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET):
		return "kafka.brokers: " + brokers + " hang up (do they want kafka.tls or kafka.sasl?)"
	}
	return "kafka.brokers: cannot reach " + brokers
}

// topicSettled waits until a new topic is known to the brokers.
func (n *network) topicSettled(ctx context.Context) error {
	pause := newPause()
	for {
		err := n.topicExists(ctx)
		if err == nil || !errors.Is(err, kafkago.UnknownTopicOrPartition) {
			return err
		}
		if ctx.Err() != nil {
			return fmt.Errorf("waiting for a new topic: %w", err)
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
