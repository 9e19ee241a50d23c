package kafka

import (
	"context"
	"fmt"

	kafkago "github.com/segmentio/kafka-go"
)

// Partitions is how many partitions a topic has. It asks over connections of its own, since the client answers from
// a cache that does not know of a new topic.
func (l *Log) Partitions(ctx context.Context, topic string) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, l.net.cfg.Timeout)
	defer cancel()
	fresh := l.net.newTransport()
	fresh.MetadataTopics = []string{topic}
	defer fresh.CloseIdleConnections()
	client := &kafkago.Client{Addr: l.net.client.Addr, Transport: fresh}
	answer, err := client.Metadata(ctx, &kafkago.MetadataRequest{Topics: []string{topic}})
	if err != nil {
		return 0, fmt.Errorf("asking for the partitions of %s: %w", topic, err)
	}
	for _, t := range answer.Topics {
		if t.Name == topic && t.Error == nil && len(t.Partitions) > 0 {
			return len(t.Partitions), nil
		}
		if t.Name == topic && t.Error != nil {
			err = t.Error
		}
	}
	if err == nil {
		err = kafkago.UnknownTopicOrPartition
	}
	return 0, fmt.Errorf("asking for the partitions of %s: %w", topic, err)
}
