package clickhouse

import (
	"context"
	"fmt"

	"github.com/ClickHouse/ch-go/proto"

	"github.com/tokenwatch/tokenwatch/schema"
)

// profileColumns is a block of the profiles table.
type profileColumns struct {
	topic     words
	partition proto.ColInt32
	token     proto.ColFixedStr16
	offset    proto.ColInt64
	updated   timeColumn
	status    words
	days      proto.ColUInt16
	events    proto.ColUInt64
	state     proto.ColStr
}

func (c *profileColumns) columns() []column {
	return []column{
		{"topic", &c.topic}, {"partition", &c.partition}, {"token", &c.token}, {"offset", &c.offset},
		{"updated", &c.updated}, {"status", &c.status}, {"days", &c.days}, {"events", &c.events}, {"state", &c.state},
	}
}

func (c *profileColumns) append(p *schema.Profile) {
	c.topic.Append(p.Topic)
	c.partition.Append(p.Partition)
	c.token.Append(p.Token)
	c.offset.Append(p.Offset)
	c.updated.Append(p.Updated)
	c.status.Append(string(p.Status))
	c.days.Append(p.Days)
	c.events.Append(p.Events)
	c.state.AppendBytes(p.State)
}

func (c *profileColumns) profile(i int) schema.Profile {
	return schema.Profile{
		Topic:     c.topic.Row(i),
		Partition: c.partition[i],
		Token:     c.token[i],
		Offset:    c.offset[i],
		Updated:   c.updated.Row(i),
		Status:    schema.ProfileState(c.status.Row(i)),
		Days:      c.days[i],
		Events:    c.events[i],
		State:     append([]byte(nil), c.state.RowBytes(i)...),
	}
}

// profileBatch bounds one insert of profiles: a few megabytes of state.
const profileBatch = 20_000

// SaveProfiles stores profiles; of those with one topic, partition and token the one with
// the highest offset holds, and of equal offsets the last. After an error some may be
// stored: save them all again.
func (db *DB) SaveProfiles(ctx context.Context, profiles []schema.Profile) error {
	for len(profiles) > 0 {
		n := min(len(profiles), profileBatch)
		c := &profileColumns{updated: newTime()}
		for i := range profiles[:n] {
			c.append(&profiles[i])
		}
		if err := db.insert(ctx, "profiles", "", c.columns()); err != nil {
			return fmt.Errorf("storing profiles: %w", err)
		}
		profiles = profiles[n:]
	}
	return nil
}

// Profiles calls each for the newest profile of every token of a partition, in no order.
// An error of each ends it and is returned.
func (db *DB) Profiles(ctx context.Context, topic string, partition int32, each func(schema.Profile) error) error {
	c := &profileColumns{updated: newTime()}
	from := fmt.Sprintf("profiles FINAL WHERE topic = %s AND `partition` = %d", literal(topic), partition)
	err := db.stream(ctx, from, c.columns(), func(i int) error { return each(c.profile(i)) })
	if err != nil {
		return fmt.Errorf("reading profiles of %s:%d: %w", topic, partition, err)
	}
	return nil
}
