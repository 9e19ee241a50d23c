package clickhouse

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/ClickHouse/ch-go"
	"github.com/ClickHouse/ch-go/proto"

	"github.com/tokenwatch/tokenwatch/schema"
)

// window is how many offsets are sorted at a time: it bounds the server's memory, and
// what is lost when a reader stops early.
const window = 1 << 16

// Events calls each for the events of a partition with after < offset < before that were
// ingested at or after since (a zero since: all), in the order of offset and item. An
// error of each ends it and is returned. They are what was inserted, except that times
// are in UTC and of whole milliseconds (a time before 1970 is the zero time), latencies
// are of whole microseconds and not negative, an IPv4-mapped address is IPv4 and an
// address has no zone.
func (db *DB) Events(ctx context.Context, topic string, partition int32, after, before int64, since time.Time,
	each func(*schema.Event) error,
) error {
	where := fmt.Sprintf("topic = %s AND `partition` = %d AND ingested_at >= fromUnixTimestamp64Milli(toInt64(%d))",
		literal(topic), partition, millis(since))
	windows, err := db.windows(ctx, where, after, before)
	if err != nil {
		return fmt.Errorf("looking for events of %s:%d: %w", topic, partition, err)
	}
	for _, w := range windows {
		if err := db.events(ctx, where, max(after+1, w*window), min(before-1, w*window+window-1), each); err != nil {
			return fmt.Errorf("reading events of %s:%d: %w", topic, partition, err)
		}
	}
	return nil
}

// windows lists those windows of offsets that hold anything, so that gaps cost nothing.
func (db *DB) windows(ctx context.Context, where string, after, before int64) ([]int64, error) {
	ctx, cancel := db.bounded(ctx)
	defer cancel()
	var number proto.ColInt64
	var list []int64
	err := db.wire.do(ctx, ch.Query{
		Body: fmt.Sprintf("SELECT intDiv(offset, %d) AS w FROM events WHERE %s AND offset > %d AND offset < %d GROUP BY w ORDER BY w",
			window, where, after, before),
		Result: proto.Results{{Name: "w", Data: &number}},
		OnResult: func(context.Context, proto.Block) error {
			list = append(list, number...)
			return nil
		},
	})
	return list, err
}

// events streams one window. Its deadline is the reader's: it cannot be known here how
// long a reader takes over its events.
func (db *DB) events(ctx context.Context, where string, first, last int64, each func(*schema.Event) error) error {
	c := newEventColumns()
	return db.stream(ctx, "events WHERE "+where+fmt.Sprintf(" AND offset BETWEEN %d AND %d ORDER BY offset, item", first, last),
		c.columns(), func(i int) error {
			e := c.event(i)
			return each(&e)
		})
}

// stream selects the columns and calls each with every row's number in them.
func (db *DB) stream(ctx context.Context, from string, columns []column, each func(row int) error) error {
	names := make([]string, len(columns))
	results := make(proto.Results, len(columns))
	for i, c := range columns {
		names[i] = quote(c.name)
		results[i] = proto.ResultColumn{Name: c.name, Data: c.data}
	}
	return db.wire.do(ctx, ch.Query{
		Body:   fmt.Sprintf("SELECT %s FROM %s", strings.Join(names, ", "), from),
		Result: results,
		OnResult: func(_ context.Context, b proto.Block) error {
			for i := range b.Rows {
				if err := each(i); err != nil {
					return err
				}
			}
			return nil
		},
	})
}

// literal writes a string so that any bytes in it are harmless.
func literal(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, "'", `\'`).Replace(s) + "'"
}
