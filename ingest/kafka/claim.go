package kafka

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"

	kafkago "github.com/segmentio/kafka-go"
)

// Claim is the right to work on one partition for one generation of the group. Its
// methods may be called from several goroutines, except that there is one Fetch at a time.
type Claim struct {
	cfg        Config
	log        *slog.Logger
	net        *network
	outages    *outages
	topic      string
	partition  int32
	generation int
	member     string
	highWater  atomic.Int64
}

// Topic is the topic's name.
func (c *Claim) Topic() string { return c.topic }

// Partition is the partition's number.
func (c *Claim) Partition() int32 { return c.partition }

// HighWater is the offset after the last record that can be read, as far as is known;
// -1 before anything is. It is refreshed every few seconds even when nothing is fetched.
func (c *Claim) HighWater() int64 { return c.highWater.Load() }

// String names the partition, e.g. "gateway.access/3".
func (c *Claim) String() string { return fmt.Sprintf("%s/%d", c.topic, c.partition) }

func (c *Claim) sawEnd(offset int64) {
	for {
		known := c.highWater.Load()
		if offset <= known || c.highWater.CompareAndSwap(known, offset) {
			return
		}
	}
}

// Committed reads the group's offset and its metadata; the offset is -1 when the group never
// committed one for this partition. Temporary trouble is retried until ctx ends.
func (c *Claim) Committed(ctx context.Context) (offset int64, metadata string, err error) {
	pause := newPause()
	for {
		offset, metadata, err = c.committed(ctx)
		if err == nil || ctx.Err() != nil || !worthRetrying(err) {
			break
		}
		sleep(ctx, pause.NextBackOff())
	}
	if err != nil {
		return 0, "", fmt.Errorf("reading the committed offset of %s: %w", c, err)
	}
	return offset, metadata, nil
}

func (c *Claim) committed(ctx context.Context) (int64, string, error) {
	answer, err := c.net.client.OffsetFetch(ctx, &kafkago.OffsetFetchRequest{
		GroupID: c.cfg.Group,
		Topics:  map[string][]int{c.topic: {int(c.partition)}},
	})
	if err != nil {
		return 0, "", err
	}
	if answer.Error != nil {
		return 0, "", answer.Error
	}
	for _, p := range answer.Topics[c.topic] {
		if p.Partition == int(c.partition) {
			return p.CommittedOffset, p.Metadata, p.Error
		}
	}
	return 0, "", fmt.Errorf("the broker's answer does not mention partition %d", c.partition)
}

// Commit stores the offset of the next record to be worked on, and a note of at most 4 KiB,
// with the group. It returns [ErrFenced] when the group has moved on, [ErrUncertain]
// when the answer was lost; in both cases the claim is over. A broker that is not ready is asked
// again until ctx ends.
func (c *Claim) Commit(ctx context.Context, offset int64, metadata string) error {
	pause := newPause()
	for {
		err, retry := committed(c.commit(ctx, offset, metadata))
		if err == nil {
			return nil
		}
		if !retry || ctx.Err() != nil {
			return fmt.Errorf("committing offset %d of %s: %w", offset, c, err)
		}
		sleep(ctx, pause.NextBackOff())
	}
}

func (c *Claim) commit(ctx context.Context, offset int64, metadata string) error {
	answer, err := c.net.client.OffsetCommit(ctx, &kafkago.OffsetCommitRequest{
		GroupID:      c.cfg.Group,
		GenerationID: c.generation,
		MemberID:     c.member,
		Topics: map[string][]kafkago.OffsetCommit{
			c.topic: {{Partition: int(c.partition), Offset: offset, Metadata: metadata}},
		},
	})
	if err != nil {
		return err
	}
	for _, p := range answer.Topics[c.topic] {
		if p.Partition == int(c.partition) {
			return p.Error
		}
	}
	return fmt.Errorf("the broker's answer does not mention partition %d", c.partition)
}
