package kafka

import (
	"context"
	"errors"
	"fmt"

	kafkago "github.com/segmentio/kafka-go"
)

// TopicPlan is how a topic is made that is missing.
type TopicPlan struct {
	Key        string // of the configuration that names it
	Name       string
	Partitions int
	// Compacted keeps the last record of each key rather than those of the last days. What was replaced is cleaned up
	// soon, so that the topic can be read whole at every start.
	Compacted bool
}

// compaction cleans up every hour or 16 MiB, where Kafka's own defaults wait for a week or 1 GiB.
var compaction = []kafkago.ConfigEntry{
	{ConfigName: "cleanup.policy", ConfigValue: "compact"},
	{ConfigName: "segment.bytes", ConfigValue: "16777216"},
	{ConfigName: "segment.ms", ConfigValue: "3600000"},
	{ConfigName: "min.cleanable.dirty.ratio", ConfigValue: "0.3"},
}

// EnsureTopics makes the topics that are missing, and gives the number of partitions of each. A topic that exists is
// left as it is. Errors begin with the key that names the topic.
func EnsureTopics(ctx context.Context, cfg Config, plans ...TopicPlan) ([]int, error) {
	net, err := newNetwork(cfg)
	if err != nil {
		return nil, err
	}
	defer net.close()
	net.transport.MetadataTopics = nil // these are none of the configured topics
	counts := make([]int, len(plans))
	for i, plan := range plans {
		if err := net.make(ctx, plan); err != nil {
			return nil, fmt.Errorf("%s: %q: %w", plan.Key, plan.Name, err)
		}
		if counts[i], err = net.partitions(ctx, plan.Name); err != nil {
			return nil, fmt.Errorf("%s: %q: %w", plan.Key, plan.Name, err)
		}
	}
	return counts, nil
}

func (n *network) make(ctx context.Context, plan TopicPlan) error {
	if err := validTopic(plan.Name); err != nil {
		return err
	}
	if _, err := n.partitions(ctx, plan.Name); err == nil || !errors.Is(err, kafkago.UnknownTopicOrPartition) {
		return err
	}
	wanted := kafkago.TopicConfig{Topic: plan.Name, NumPartitions: plan.Partitions, ReplicationFactor: -1}
	if plan.Compacted {
		wanted.ConfigEntries = compaction
	}
	answer, err := n.client.CreateTopics(ctx, &kafkago.CreateTopicsRequest{Topics: []kafkago.TopicConfig{wanted}})
	if err == nil {
		err = answer.Errors[plan.Name]
	}
	if err != nil && !errors.Is(err, kafkago.TopicAlreadyExists) {
		return fmt.Errorf("creating it: %w", err)
	}
	pause := newPause()
	for {
		_, err := n.partitions(ctx, plan.Name)
		if err == nil || !errors.Is(err, kafkago.UnknownTopicOrPartition) || ctx.Err() != nil {
			return err
		}
		sleep(ctx, pause.NextBackOff())
	}
}

// partitions asks how many a topic has, over connections of its own, since the client answers from a cache.
func (n *network) partitions(ctx context.Context, topic string) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, n.cfg.Timeout)
	defer cancel()
	fresh := n.newTransport()
	fresh.MetadataTopics = []string{topic}
	defer fresh.CloseIdleConnections()
	answer, err := (&kafkago.Client{Addr: n.client.Addr, Transport: fresh}).Metadata(ctx, &kafkago.MetadataRequest{Topics: []string{topic}})
	if err != nil {
		return 0, err
	}
	for _, t := range answer.Topics {
		if t.Name == topic && t.Error == nil && len(t.Partitions) > 0 {
			return len(t.Partitions), nil
		}
		if t.Name == topic && t.Error != nil && !errors.Is(t.Error, kafkago.LeaderNotAvailable) {
			return 0, t.Error
		}
	}
	return 0, kafkago.UnknownTopicOrPartition
}

// PartitionOf is the partition that a Producer puts a key into, of so many.
func PartitionOf(key []byte, partitions int) int32 {
	all := make([]int, partitions)
	for i := range all {
		all[i] = i
	}
	return int32(kafkago.Murmur2Balancer{}.Balance(kafkago.Message{Key: key}, all...))
}
