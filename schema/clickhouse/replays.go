package clickhouse

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/ClickHouse/ch-go/proto"

	"github.com/tokenwatch/tokenwatch/schema"
)

// LetterFilter chooses dead letters. Empty fields choose all.
type LetterFilter struct {
	Reasons  []string
	Topic    string
	Since    time.Time
	Replayed bool               // those that were replayed, too
	At       *schema.DeadLetter // those at its topic, partition and offset
	Limit    int                // the newest so many; 0: all
}

func (f LetterFilter) from() string {
	table := "dead_letters_waiting"
	if f.Replayed {
		table = "dead_letters"
	}
	where := []string{fmt.Sprintf("ingested_at >= fromUnixTimestamp64Milli(toInt64(%d))", millis(f.Since))}
	if len(f.Reasons) > 0 {
		reasons := make([]string, len(f.Reasons))
		for i, reason := range f.Reasons {
			reasons[i] = literal(reason)
		}
		where = append(where, "reason IN ("+strings.Join(reasons, ", ")+")")
	}
	if f.Topic != "" {
		where = append(where, "topic = "+literal(f.Topic))
	}
	if f.At != nil {
		where = append(where, fmt.Sprintf("topic = %s AND `partition` = %d AND offset = %d", literal(f.At.Topic), f.At.Partition, f.At.Offset))
	}
	return table + " WHERE " + strings.Join(where, " AND ")
}

// ChooseDeadLetters calls each for the dead letters that a filter chooses, the newest first. An error of
// each ends it and is returned.
func (db *DB) ChooseDeadLetters(ctx context.Context, f LetterFilter, each func(*schema.DeadLetter) error) error {
	c := newDeadLetterColumns()
	from := f.from() + " ORDER BY ingested_at DESC, topic, `partition`, offset DESC, item DESC"
	if f.Limit > 0 {
		from += fmt.Sprintf(" LIMIT %d", f.Limit)
	}
	err := db.stream(ctx, from, c.columns(), func(i int) error {
		d := c.deadLetter(i)
		return each(&d)
	})
	if err != nil {
		return fmt.Errorf("reading dead letters: %w", err)
	}
	return nil
}

type replayColumns struct {
	topic     words
	partition proto.ColInt32
	offset    proto.ColInt64
	item      proto.ColUInt32
	ingested  timeColumn
	run       proto.ColStr
	state     enumColumn
	newOffset proto.ColInt64
}

func newReplayColumns() *replayColumns {
	return &replayColumns{ingested: newTime(), state: enumColumn{ddl: "Enum8('intended' = 1, 'done' = 2, 'given_up' = 3)"}}
}

func (c *replayColumns) columns() []column {
	return []column{
		{"topic", &c.topic}, {"partition", &c.partition}, {"offset", &c.offset}, {"item", &c.item}, {"ingested_at", &c.ingested},
		{"run", &c.run}, {"state", &c.state}, {"new_offset", &c.newOffset},
	}
}

// WriteReplays adds lines to the book. They are there for everybody when it returns.
func (db *DB) WriteReplays(ctx context.Context, lines []schema.Replay) error {
	if len(lines) == 0 {
		return nil
	}
	c := newReplayColumns()
	for _, l := range lines {
		c.topic.Append(l.Topic)
		c.partition.Append(l.Partition)
		c.offset.Append(l.Offset)
		c.item.Append(l.Item)
		c.ingested.Append(l.Ingested)
		c.run.Append(l.Run)
		c.state.Append(proto.Enum8(l.State))
		c.newOffset.Append(l.NewOffset)
	}
	if err := db.insert(ctx, "dead_letter_replays", "", c.columns()); err != nil {
		return fmt.Errorf("writing replays down: %w", err)
	}
	return nil
}

// Replays gives the book's lines on the dead letters at these places of a partition, in the order in which
// they were written.
func (db *DB) Replays(ctx context.Context, topic string, partition int32, offsets []int64) ([]schema.Replay, error) {
	if len(offsets) == 0 {
		return nil, nil
	}
	c := newReplayColumns()
	var at proto.ColDateTime64
	at.WithPrecision(proto.PrecisionMicro).WithLocation(time.UTC)
	from := fmt.Sprintf("dead_letter_replays WHERE topic = %s AND `partition` = %d AND offset IN (%s) ORDER BY at, run",
		literal(topic), partition, numbers(offsets))
	var lines []schema.Replay
	err := db.stream(ctx, from, append(c.columns(), column{"at", &at}), func(i int) error {
		lines = append(lines, schema.Replay{
			At: at.Row(i), Topic: c.topic.Row(i), Partition: c.partition[i], Offset: c.offset[i], Item: c.item[i], Ingested: c.ingested.Row(i),
			Run: c.run.Row(i), State: schema.ReplayState(c.state.Row(i)), NewOffset: c.newOffset[i],
		})
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading replays: %w", err)
	}
	return lines, nil
}

// StoredItems counts the entries of records that are stored: events and dead letters, by offset.
func (db *DB) StoredItems(ctx context.Context, topic string, partition int32, offsets []int64) (events, letters map[int64]uint64, err error) {
	if len(offsets) == 0 {
		return nil, nil, nil
	}
	count := func(table string) (map[int64]uint64, error) {
		var offset proto.ColInt64
		var n proto.ColUInt64
		counts := map[int64]uint64{}
		from := fmt.Sprintf("(SELECT offset, count() AS n FROM %s WHERE topic = %s AND `partition` = %d AND offset IN (%s) GROUP BY offset)",
			table, literal(topic), partition, numbers(offsets))
		return counts, db.stream(ctx, from, []column{{"offset", &offset}, {"n", &n}}, func(i int) error {
			counts[offset[i]] = n[i]
			return nil
		})
	}
	if events, err = count("events"); err == nil {
		letters, err = count("dead_letters")
	}
	if err != nil {
		return nil, nil, fmt.Errorf("counting what is stored of %s/%d: %w", topic, partition, err)
	}
	return events, letters, nil
}

func numbers(list []int64) string {
	texts := make([]string, len(list))
	for i, n := range list {
		texts[i] = fmt.Sprint(n)
	}
	return strings.Join(texts, ", ")
}

// LetterReason sums up the dead letters that have one reason, format and topic.
type LetterReason struct {
	Reason   string    `json:"reason"`
	Source   string    `json:"source"`
	Topic    string    `json:"topic"`
	Letters  uint64    `json:"letters"`
	First    time.Time `json:"first"`
	Last     time.Time `json:"last"`
	Detail   string    `json:"detail"`   // of the newest
	Examples []string  `json:"examples"` // the newest ones' topic/partition/offset/item
}

// DeadLetterReasons counts the dead letters that a filter chooses, the most frequent reason first. The filter's
// limit is how many reasons.
func (db *DB) DeadLetterReasons(ctx context.Context, f LetterFilter) ([]LetterReason, error) {
	query := `SELECT reason, source, topic, count(), min(ingested_at), max(ingested_at), argMax(detail, ingested_at),
		arrayMap(x -> x.2, arraySlice(arrayReverseSort(groupArraySorted(3)((-toUnixTimestamp64Milli(ingested_at),
			concat(topic, '/', toString(` + "`partition`" + `), '/', toString(offset), '/', toString(item))))), -3))
		FROM ` + f.from() + ` GROUP BY reason, source, topic ORDER BY count() DESC, reason, source, topic`
	if f.Limit > 0 {
		query += fmt.Sprintf(" LIMIT %d", f.Limit)
	}
	ctx, cancel := db.bounded(ctx)
	defer cancel()
	rows, err := db.conn.Query(ctx, query)
	if err != nil {
		return nil, fmt.Errorf("counting dead letters: %w", err)
	}
	defer func() { _ = rows.Close() }() // what matters of it is in rows.Err
	var list []LetterReason
	for rows.Next() {
		var l LetterReason
		if err := rows.Scan(&l.Reason, &l.Source, &l.Topic, &l.Letters, &l.First, &l.Last, &l.Detail, &l.Examples); err != nil {
			return nil, fmt.Errorf("counting dead letters: %w", err)
		}
		list = append(list, l)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("counting dead letters: %w", err)
	}
	return list, nil
}
