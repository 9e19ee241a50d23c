package kafka

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"time"

	kafkago "github.com/segmentio/kafka-go"
)

// Config says which topic is read as which member of which group, and how.
type Config struct {
	// Brokers are host:port addresses; one that answers is enough to find the others.
	Brokers []string `yaml:"brokers"`
	// Topic holds the gateways' access logs. What comes in over HTTP or from files goes there too.
	Topic string `yaml:"topic"`
	// FurtherTopics are read as well, for gateways that write to topics of their own.
	FurtherTopics []string `yaml:"further_topics"`
	// Group is the consumer group. Instances that share it share the partitions.
	Group string `yaml:"group"`
	// ClientID is how the brokers' logs and quotas name this client.
	ClientID string `yaml:"client_id"`
	// Partitions is how many a topic gets that is created here. An existing topic keeps its own.
	Partitions int `yaml:"partitions"`

	// MinBytes is how much the broker collects before it answers a fetch, at most
	// for MaxWait. 1 gives the lowest latency.
	MinBytes int `yaml:"min_bytes"`
	// MaxBytes bounds one fetch response of one partition. A record larger than that still
	// comes through, alone.
	MaxBytes int `yaml:"max_bytes"`
	// MaxWait is how long the broker holds a fetch for which it has nothing.
	MaxWait time.Duration `yaml:"max_wait"`

	// SessionTimeout is how long after its last heartbeat a killed instance keeps its partitions.
	// Brokers allow 6 s to 30 min unless they were told otherwise.
	SessionTimeout time.Duration `yaml:"session_timeout"`
	// RebalanceTimeout is how long the group waits for a member to finish its block.
	RebalanceTimeout time.Duration `yaml:"rebalance_timeout"`
	// Timeout bounds one request, and one attempt to connect.
	Timeout time.Duration `yaml:"timeout"`

	// Compression of produced records: none, gzip, snappy, lz4 or zstd.
	Compression string `yaml:"compression"`

	TLS  TLS  `yaml:"tls"`
	SASL SASL `yaml:"sasl"`
}

// DefaultConfig is complete except for Brokers.
func DefaultConfig() Config {
	return Config{
		Topic:            "gateway.access",
		Group:            "tokenwatch",
		ClientID:         "tokenwatch",
		Partitions:       1,
		MinBytes:         1,
		MaxBytes:         1 << 20,
		MaxWait:          500 * time.Millisecond,
		SessionTimeout:   10 * time.Second,
		RebalanceTimeout: 30 * time.Second,
		Timeout:          10 * time.Second,
		Compression:      "lz4",
	}
}

// maxFetch bounds both max_bytes and the buffer of a single record: Kafka's own limit on a
// request, and so on a record, is 100 MiB unless somebody raised it.
const maxFetch = 256 << 20

// Validate reports the first key that cannot work, by its name in the configuration.
func (c Config) Validate() error {
	if err := c.validateNames(); err != nil {
		return err
	}
	for _, check := range []struct {
		key      string
		have     int64
		min, max int64
	}{
		{"partitions", int64(c.Partitions), 1, 10_000},
		{"min_bytes", int64(c.MinBytes), 1, int64(c.MaxBytes)},
		{"max_bytes", int64(c.MaxBytes), 1 << 10, maxFetch},
	} {
		if check.have < check.min || check.have > check.max {
			return fmt.Errorf("kafka.%s: %d is not between %d and %d", check.key, check.have, check.min, check.max)
		}
	}
	return errors.Join(
		between("max_wait", c.MaxWait, 10*time.Millisecond, 30*time.Second),
		between("session_timeout", c.SessionTimeout, time.Second, 30*time.Minute),
		between("rebalance_timeout", c.RebalanceTimeout, time.Second, 30*time.Minute),
		between("timeout", c.Timeout, 100*time.Millisecond, 5*time.Minute),
		c.TLS.validate(),
		c.SASL.validate(),
	)
}

func (c Config) validateNames() error {
	if len(c.Brokers) == 0 {
		return errors.New("kafka.brokers: at least one host:port is needed")
	}
	for _, broker := range c.Brokers {
		if _, _, err := net.SplitHostPort(broker); err != nil {
			return fmt.Errorf("kafka.brokers: %q is not host:port: %w", broker, err)
		}
	}
	if err := validTopic(c.Topic); err != nil {
		return fmt.Errorf("kafka.topic: %w", err)
	}
	for i, topic := range c.FurtherTopics {
		if err := validTopic(topic); err != nil {
			return fmt.Errorf("kafka.further_topics: %w", err)
		}
		if topic == c.Topic || slices.Contains(c.FurtherTopics[:i], topic) {
			return fmt.Errorf("kafka.further_topics: %q is named twice", topic)
		}
	}
	if c.Group == "" {
		return errors.New("kafka.group: must not be empty")
	}
	if _, err := c.codec(); err != nil {
		return fmt.Errorf("kafka.compression: %w", err)
	}
	return nil
}

// Topics are all topics that are read, the main one first.
func (c Config) Topics() []string { return append([]string{c.Topic}, c.FurtherTopics...) }

// validTopic holds a name to Kafka's own rule.
func validTopic(name string) error {
	if name == "" || len(name) > 249 || name == "." || name == ".." {
		return fmt.Errorf("%q is not a topic's name", name)
	}
	for _, r := range name {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
		if !letter && r != '.' && r != '_' && r != '-' {
			return fmt.Errorf("%q has the character %q: only letters, digits, '.', '_' and '-' are allowed", name, r)
		}
	}
	return nil
}

func between(key string, have, least, most time.Duration) error {
	if have < least || have > most {
		return fmt.Errorf("kafka.%s: %s is not between %s and %s", key, have, least, most)
	}
	return nil
}

func (c Config) codec() (kafkago.Compression, error) {
	var codec kafkago.Compression
	switch c.Compression {
	case "", "none":
		return 0, nil
	case "gzip", "snappy", "lz4", "zstd":
		err := codec.UnmarshalText([]byte(c.Compression))
		return codec, err
	}
	return 0, fmt.Errorf("%q is none of none, gzip, snappy, lz4, zstd", c.Compression)
}
