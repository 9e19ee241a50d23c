package local

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Special timestamps of Kafka's ListOffsets.
const (
	latestOffset   = -1
	earliestOffset = -2
)

// CreateTopic makes a topic with so many partitions. A topic of that name that exists is left as it is.
func (k *Kafka) CreateTopic(ctx context.Context, topic string, partitions int32) error {
	wanted := kmsg.NewCreateTopicsRequestTopic()
	wanted.Topic, wanted.NumPartitions, wanted.ReplicationFactor = topic, partitions, 1
	request := kmsg.NewPtrCreateTopicsRequest()
	request.Topics = append(request.Topics, wanted)
	response, err := request.RequestWith(ctx, k.admin)
	if err != nil {
		return fmt.Errorf("create topic %s: %w", topic, err)
	}
	for _, answer := range response.Topics {
		err := kerr.ErrorForCode(answer.ErrorCode)
		if err != nil && !errors.Is(err, kerr.TopicAlreadyExists) {
			return fmt.Errorf("create topic %s with %d partitions: %w", topic, partitions, err)
		}
	}
	return nil
}

// Trim deletes the records of a partition below the offset before, so that the disk does not fill for ever.
// It always leaves the partition's last record (see Kafka for why), frees the disk in pieces of 32 MiB, and does
// nothing when there is nothing below before. After a crash some trimmed records can be back.
func (k *Kafka) Trim(ctx context.Context, topic string, partition int32, before int64) error {
	start, err := k.offset(ctx, topic, partition, earliestOffset)
	if err != nil {
		return err
	}
	end, err := k.offset(ctx, topic, partition, latestOffset)
	if err != nil {
		return err
	}
	before = min(before, end-1)
	if before <= start {
		return nil
	}
	return k.deleteRecords(ctx, topic, partition, before)
}

func (k *Kafka) deleteRecords(ctx context.Context, topic string, partition int32, before int64) error {
	part := kmsg.NewDeleteRecordsRequestTopicPartition()
	part.Partition, part.Offset = partition, before
	of := kmsg.NewDeleteRecordsRequestTopic()
	of.Topic = topic
	of.Partitions = append(of.Partitions, part)
	request := kmsg.NewPtrDeleteRecordsRequest()
	request.Topics = append(request.Topics, of)
	response, err := request.RequestWith(ctx, k.admin)
	if err != nil {
		return fmt.Errorf("trim %s/%d: %w", topic, partition, err)
	}
	for _, t := range response.Topics {
		for _, p := range t.Partitions {
			if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
				return fmt.Errorf("trim %s/%d before %d: %w", topic, partition, before, err)
			}
		}
	}
	return nil
}

// offset asks for the first (earliestOffset) or the next (latestOffset) offset of a partition.
func (k *Kafka) offset(ctx context.Context, topic string, partition int32, which int64) (int64, error) {
	part := kmsg.NewListOffsetsRequestTopicPartition()
	part.Partition, part.Timestamp = partition, which
	of := kmsg.NewListOffsetsRequestTopic()
	of.Topic = topic
	of.Partitions = append(of.Partitions, part)
	request := kmsg.NewPtrListOffsetsRequest()
	request.ReplicaID = -1
	request.Topics = append(request.Topics, of)
	response, err := request.RequestWith(ctx, k.admin)
	if err != nil {
		return 0, fmt.Errorf("list offsets of %s/%d: %w", topic, partition, err)
	}
	if len(response.Topics) != 1 || len(response.Topics[0].Partitions) != 1 {
		return 0, fmt.Errorf("list offsets of %s/%d: no answer", topic, partition)
	}
	answer := response.Topics[0].Partitions[0]
	if err := kerr.ErrorForCode(answer.ErrorCode); err != nil {
		return 0, fmt.Errorf("list offsets of %s/%d: %w", topic, partition, err)
	}
	return answer.Offset, nil
}
