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

// sortMemory is from how many bytes on the server sorts on disk rather than in memory:
// events lie there by token and have to be read back by offset, in one go, since
// reading them window by window would read every part of the table once a window.
const sortMemory = 256 << 20

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
	c := newEventColumns()
	from := fmt.Sprintf("events WHERE %s AND offset > %d AND offset < %d ORDER BY offset, item SETTINGS max_bytes_before_external_sort = %d",
		where, after, before, sortMemory)
	err := db.stream(ctx, from, c.columns(), func(i int) error {
		e := c.event(i)
		return each(&e)
	})
	if err != nil {
		return fmt.Errorf("reading events of %s:%d: %w", topic, partition, err)
	}
	return nil
}

// patience is how long the rest of an answer is read after its reader had enough. An
// answer that ends in good order leaves the connection to the next query; cutting it off
// costs a new connection, and an error on the other side.
const patience = time.Second

// stream selects the columns and calls each with every row's number in them. It has no
// deadline of its own: it cannot be known here how long a reader takes over its rows.
func (db *DB) stream(ctx context.Context, from string, columns []column, each func(row int) error) error {
	names := make([]string, len(columns))
	results := make(proto.Results, len(columns))
	for i, c := range columns {
		names[i] = quote(c.name)
		results[i] = proto.ResultColumn{Name: c.name, Data: c.data}
	}
	reader := reader{each: each}
	err := db.wire.do(ctx, ch.Query{
		Body:     fmt.Sprintf("SELECT %s FROM %s", strings.Join(names, ", "), from),
		Result:   results,
		OnResult: reader.read,
	})
	if reader.enough != nil {
		return reader.enough
	}
	return err
}

// reader hands rows on until it is told that it is enough.
type reader struct {
	each   func(row int) error
	enough error
	at     time.Time // of enough
}

func (r *reader) read(_ context.Context, b proto.Block) error {
	if r.enough != nil && time.Since(r.at) > patience {
		return r.enough
	}
	for i := 0; i < b.Rows && r.enough == nil; i++ {
		if r.enough = r.each(i); r.enough != nil {
			r.at = time.Now()
		}
	}
	return nil
}

// literal writes a string so that any bytes in it are harmless.
func literal(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, "'", `\'`).Replace(s) + "'"
}
