package clickhouse

import (
	"context"
	"fmt"
	"time"

	"github.com/ClickHouse/ch-go/proto"

	"github.com/tokenwatch/tokenwatch/schema"
)

// deadLetterColumns is a block of the dead_letters table.
type deadLetterColumns struct {
	ingestedAt timeColumn
	topic      words
	partition  proto.ColInt32
	offset     proto.ColInt64
	item       proto.ColUInt32
	source     words
	reason     words
	detail     proto.ColStr
	payload    proto.ColStr
	size       proto.ColUInt32
}

func newDeadLetterColumns() *deadLetterColumns {
	return &deadLetterColumns{ingestedAt: newTime()}
}

func (c *deadLetterColumns) columns() []column {
	return []column{
		{"ingested_at", &c.ingestedAt}, {"topic", &c.topic}, {"partition", &c.partition},
		{"offset", &c.offset}, {"item", &c.item}, {"source", &c.source}, {"reason", &c.reason},
		{"detail", &c.detail}, {"payload", &c.payload}, {"size", &c.size},
	}
}

func (c *deadLetterColumns) append(d *schema.DeadLetter) {
	c.ingestedAt.Append(d.Ingested)
	c.topic.Append(d.Topic)
	c.partition.Append(d.Partition)
	c.offset.Append(d.Offset)
	c.item.Append(d.Item)
	c.source.Append(d.Source)
	c.reason.Append(d.Reason)
	c.detail.Append(d.Detail)
	c.payload.Append(d.Payload)
	c.size.Append(d.Size)
}

func (c *deadLetterColumns) deadLetter(i int) schema.DeadLetter {
	return schema.DeadLetter{
		Ingested:  c.ingestedAt.Row(i),
		Topic:     c.topic.Row(i),
		Partition: c.partition[i],
		Offset:    c.offset[i],
		Item:      c.item[i],
		Source:    c.source.Row(i),
		Reason:    c.reason.Row(i),
		Detail:    c.detail.Row(i),
		Payload:   c.payload.Row(i),
		Size:      c.size[i],
	}
}

// DeadLetters calls each for the dead letters of blocks ingested at or after since, in the
// order of those times, topics, partitions, offsets and items. An error of each ends it
// and is returned.
func (db *DB) DeadLetters(ctx context.Context, since time.Time, each func(*schema.DeadLetter) error) error {
	c := newDeadLetterColumns()
	from := fmt.Sprintf("dead_letters WHERE ingested_at >= fromUnixTimestamp64Milli(toInt64(%d)) "+
		"ORDER BY ingested_at, topic, `partition`, offset, item", millis(since))
	err := db.stream(ctx, from, c.columns(), func(i int) error {
		d := c.deadLetter(i)
		return each(&d)
	})
	if err != nil {
		return fmt.Errorf("reading dead letters: %w", err)
	}
	return nil
}
