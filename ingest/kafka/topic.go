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

// EnsureTopic creates the configured topics that are missing. An existing topic is left as it is.
func EnsureTopic(ctx context.Context, cfg Config, partitions int) error {
	net, err := newNetwork(cfg)
	if err != nil {
		return err
	}
	defer net.close()
	for _, topic := range cfg.Topics() {
		if err := net.ensure(ctx, topic, partitions); err != nil {
			return err
		}
	}
	return nil
}

func (n *network) ensure(ctx context.Context, topic string, partitions int) error {
	if err := n.topicExists(ctx, topic); err == nil || !errors.Is(err, kafkago.UnknownTopicOrPartition) {
		return err
	}
	answer, err := n.client.CreateTopics(ctx, &kafkago.CreateTopicsRequest{
		Topics: []kafkago.TopicConfig{{Topic: topic, NumPartitions: partitions, ReplicationFactor: -1}},
	})
	if err == nil {
		err = answer.Errors[topic]
	}
	if err != nil && !errors.Is(err, kafkago.TopicAlreadyExists) {
		return fmt.Errorf("%s: creating %q: %w", n.topicKey(topic), topic, err)
	}
	return n.topicSettled(ctx, topic)
}

// topicKey is the key of the configuration that names the topic.
func (n *network) topicKey(topic string) string {
	if topic == n.cfg.Topic {
		return "kafka.topic"
	}
	return "kafka.further_topics"
}

// Check reports whether the brokers can be reached, let this client in, and have the topics.
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
	return net.topicsExist(ctx)
}

func (n *network) topicsExist(ctx context.Context) error {
	for _, topic := range n.cfg.Topics() {
		if err := n.topicExists(ctx, topic); err != nil {
			return err
		}
	}
	return nil
}

// topicExists asks whether there is a topic, over connections of its own, since the client answers from a cache.
// It does not use the simpler call that kafka-go's connections have: that one makes brokers
// which may create topics create this one.
func (n *network) topicExists(ctx context.Context, name string) error {
	ctx, cancel := context.WithTimeout(ctx, n.cfg.Timeout)
	defer cancel()
	if err := n.signIn(ctx); err != nil {
		return fmt.Errorf("%s: %w", n.blame(err), err)
	}
	fresh := n.newTransport()
	defer fresh.CloseIdleConnections()
	client := &kafkago.Client{Addr: n.client.Addr, Transport: fresh}
	answer, err := client.Metadata(ctx, &kafkago.MetadataRequest{Topics: []string{name}})
	if err != nil {
		return fmt.Errorf("%s: %w", n.blame(err), err)
	}
	var found error = kafkago.UnknownTopicOrPartition
	for _, topic := range answer.Topics {
		if topic.Name == name {
			found = topic.Error
		}
	}
	switch {
	case found == nil, errors.Is(found, kafkago.LeaderNotAvailable):
		return nil
	case errors.Is(found, kafkago.UnknownTopicOrPartition):
		return fmt.Errorf("%s: %s: no topic %q: %w", n.topicKey(name), strings.Join(n.cfg.Brokers, ", "), name, found)
	case errors.Is(found, kafkago.TopicAuthorizationFailed):
		return fmt.Errorf("%s: not allowed to read %q: %w", n.topicKey(name), name, found)
	}
	return fmt.Errorf("%s: %q: %w", n.topicKey(name), name, found)
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
	case errors.Is(err, errToken):
		return "kafka.sasl: not signed in to " + brokers
	case strings.Contains(text, "SASL"):
		return "kafka.sasl: the broker refused " + n.cfg.SASL.who()
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
func (n *network) topicSettled(ctx context.Context, topic string) error {
	pause := newPause()
	for {
		err := n.topicExists(ctx, topic)
		if err == nil || !errors.Is(err, kafkago.UnknownTopicOrPartition) {
			return err
		}
		if ctx.Err() != nil {
			return fmt.Errorf("waiting for a new topic: %w", err)
		}
		sleep(ctx, pause.NextBackOff())
	}
}

// ends asks for the offsets after the last records, and tells the claims.
func (n *network) ends(ctx context.Context, claims []*Claim) error {
	wanted := map[string][]kafkago.OffsetRequest{}
	for _, claim := range claims {
		wanted[claim.topic] = append(wanted[claim.topic], kafkago.LastOffsetOf(int(claim.partition)))
	}
	answer, err := n.client.ListOffsets(ctx, &kafkago.ListOffsetsRequest{Topics: wanted})
	if err != nil {
		return err
	}
	for _, claim := range claims {
		for _, p := range answer.Topics[claim.topic] {
			if p.Error == nil && int32(p.Partition) == claim.partition {
				claim.sawEnd(p.LastOffset)
			}
		}
	}
	return nil
}
