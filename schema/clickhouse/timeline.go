package clickhouse

import (
	"context"
	"fmt"
	"time"

	"github.com/ClickHouse/ch-go/proto"

	"github.com/tokenwatch/tokenwatch/schema"
)

// Extent says what events there are in a span of time.
type Extent struct {
	Events uint64
	First  time.Time // of the events
	Last   time.Time
	pages  []page
	where  string // which of the events of that span; empty: all
	pace   string // settings of the queries
}

// page is a span of event time, from inclusive, to exclusive, in milliseconds since 1970.
type page struct{ from, to int64 }

const (
	// pageRows is how many events a page has at most, unless one pageSlot has more: what the server sorts
	// in one go.
	pageRows = 400_000
	// pageSpan is how long a page is at most. Events lie on disk by day, and by token within it, so a page
	// reads all that came in on its days: shorter pages than busy days need would read them several times.
	pageSpan = 24 * time.Hour
	// pageSlot is what events are counted by to find the pages.
	pageSlot = 5 * time.Minute
)

// EventExtent counts the events with from <= ts < to, and prepares to read them in the order of time.
func (db *DB) EventExtent(ctx context.Context, from, to time.Time) (Extent, error) {
	return db.extent(ctx, from, to, Extent{})
}

// extent counts those events of a span that x is to be of.
func (db *DB) extent(ctx context.Context, from, to time.Time, x Extent) (Extent, error) {
	var at, first, last proto.ColInt64
	var n proto.ColUInt64
	query := fmt.Sprintf("(SELECT intDiv(toUnixTimestamp64Milli(ts), %d) AS slot, min(toUnixTimestamp64Milli(ts)) AS first, max(toUnixTimestamp64Milli(ts)) AS last, count() AS n "+
		"FROM events WHERE %s%s GROUP BY slot) ORDER BY slot%s", pageSlot.Milliseconds(), between(millis(from), millis(to)), x.where, settings(x.pace))
	columns := []column{{"slot", &at}, {"first", &first}, {"last", &last}, {"n", &n}}
	var rows uint64 // of the page at hand
	err := db.stream(ctx, query, columns, func(i int) error {
		if x.Events == 0 {
			x.First = time.UnixMilli(first[i]).UTC()
		}
		x.Last = time.UnixMilli(last[i]).UTC()
		x.Events += n[i]
		begin, end := at[i]*pageSlot.Milliseconds(), (at[i]+1)*pageSlot.Milliseconds()
		if k := len(x.pages); k > 0 && rows+n[i] <= pageRows && end-x.pages[k-1].from <= pageSpan.Milliseconds() {
			x.pages[k-1].to, rows = end, rows+n[i]
			return nil
		}
		x.pages, rows = append(x.pages, page{begin, end}), n[i]
		return nil
	})
	if err != nil {
		return Extent{}, fmt.Errorf("counting events: %w", err)
	}
	if k := len(x.pages); k > 0 {
		x.pages[0].from = max(x.pages[0].from, millis(from))
		x.pages[k-1].to = min(x.pages[k-1].to, millis(to))
	}
	return x, nil
}

// EventsByTime calls each for the events of an extent in the order of their times, page by page, so that
// neither side holds more than one. Events of the same millisecond come in the order in which they stood in Kafka. An
// error of each ends it and is returned. What was stored since the extent was counted may come or not.
func (db *DB) EventsByTime(ctx context.Context, x Extent, each func(*schema.Event) error) error {
	for _, p := range x.pages {
		c := newEventColumns()
		from := fmt.Sprintf("events WHERE %s%s ORDER BY ts, topic, `partition`, offset, item SETTINGS max_bytes_before_external_sort = %d%s",
			between(p.from, p.to), x.where, sortMemory, x.pace)
		err := db.stream(ctx, from, c.columns(), func(i int) error {
			e := c.event(i)
			return each(&e)
		})
		if err != nil {
			return fmt.Errorf("reading events from %s on: %w", timeText(time.UnixMilli(p.from)), err)
		}
	}
	return nil
}

// between is a condition on event times in milliseconds.
func between(from, to int64) string {
	return fmt.Sprintf("ts >= fromUnixTimestamp64Milli(toInt64(%d)) AND ts < fromUnixTimestamp64Milli(toInt64(%d))", from, to)
}
