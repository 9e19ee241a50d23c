package kafka

import (
	"context"
	"fmt"

	kafkago "github.com/segmentio/kafka-go"
)

// Partitions is how many partitions a topic has.
func (l *Log) Partitions(ctx context.Context, topic string) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, l.net.cfg.Timeout)
	defer cancel()
	answer, err := l.net.client.Metadata(ctx, &kafkago.MetadataRequest{Topics: []string{topic}})
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
