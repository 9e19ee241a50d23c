package clickhouse

import (
	"context"

	"github.com/ClickHouse/ch-go/proto"

	"github.com/tokenwatch/tokenwatch/schema"
)

// missingColumns is a block of the missing_offsets table.
type missingColumns struct {
	ingestedAt timeColumn
	topic      words
	partition  proto.ColInt32
	first      proto.ColInt64
	last       proto.ColInt64
	kind       words
}

func (c *missingColumns) columns() []column {
	return []column{
		{"ingested_at", &c.ingestedAt}, {"topic", &c.topic}, {"partition", &c.partition},
		{"first_offset", &c.first}, {"last_offset", &c.last}, {"kind", &c.kind},
	}
}

// insertMissing goes before the block's rows: a gap that is seen between rows then has
// its explanation.
func (db *DB) insertMissing(ctx context.Context, token string, b *schema.Block) error {
	if len(b.Missing) == 0 {
		return nil
	}
	c := &missingColumns{ingestedAt: newTime()}
	for _, m := range b.Missing {
		c.ingestedAt.Append(b.Ingested)
		c.topic.Append(b.Topic)
		c.partition.Append(b.Partition)
		c.first.Append(m.First)
		c.last.Append(m.Last)
		c.kind.Append(m.Kind)
	}
	return db.insert(ctx, "missing_offsets", token, c.columns())
}
