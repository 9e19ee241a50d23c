package clickhouse

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/tokenwatch/tokenwatch/schema"
)

// Audit is what is stored of one partition, held against what should be: every offset
// from First to Last in events or dead_letters, every entry of it once.
type Audit struct {
	Topic       string    `json:"topic"`
	Partition   int32     `json:"partition"`
	Since       time.Time `json:"since"` // of the first block that was looked at
	First       int64     `json:"first"`
	Last        int64     `json:"last"`
	Events      Counts    `json:"events"`
	DeadLetters Counts    `json:"dead_letters"`
	Offsets     uint64    `json:"offsets"` // distinct, in either table
	// Absent and Lost are offsets that held no record when they were read: compacted away or the end of
	// a transaction; or deleted before they were read.
	Absent uint64 `json:"absent"`
	Lost   uint64 `json:"lost"`
	// Gaps are offsets that are in neither table, and nobody knows why.
	Gaps []Range `json:"gaps"`
	// Repeats are entries, an offset and an item each, that are stored more than once.
	Repeats  uint64  `json:"repeats"`
	Repeated []Range `json:"repeated"`
}

// Counts is what a table holds of a partition.
type Counts struct {
	Rows    uint64 `json:"rows"`
	Offsets uint64 `json:"offsets"` // distinct
}

// Range is a run of offsets, both ends included.
type Range struct {
	First int64 `json:"first"`
	Last  int64 `json:"last"`
}

// Len is how many offsets it has.
func (r Range) Len() int64 { return r.Last - r.First + 1 }

// Missing is how many offsets the gaps have together.
func (a *Audit) Missing() (n int64) {
	for _, r := range a.Gaps {
		n += r.Len()
	}
	return n
}

// Well tells that nothing is repeated and no gap is without a reason.
func (a *Audit) Well() bool { return len(a.Gaps) == 0 && a.Repeats == 0 }

// maxRanges bounds how many gaps, and how many repeats, are listed of all partitions together.
const maxRanges = 10_000

// auditSlack is how much longer than asked for blocks are looked back at: instances whose
// clocks differ store neighbouring blocks with times in another order than their offsets.
const auditSlack = time.Hour

// Audit looks at the blocks that were ingested at or after since, partition by partition.
// Blocks from before a topic was made anew are left out: their offsets mean other records.
//
// A block that is being stored while it is looked at may look like a gap: its events
// come before its dead letters. Such a gap is gone a moment later.
func (db *DB) Audit(ctx context.Context, since time.Time) ([]Audit, error) {
	list, err := db.auditCounts(ctx, since)
	if err != nil {
		return nil, fmt.Errorf("auditing: %w", err)
	}
	for _, what := range []struct {
		wanted bool
		sql    string
		add    func(*Audit, Range)
	}{
		{anyOf(list, holes), auditGaps, func(a *Audit, r Range) { a.Gaps = append(a.Gaps, r) }},
		{anyOf(list, func(a *Audit) bool { return a.Repeats > 0 }), auditRepeats, func(a *Audit, r Range) { a.Repeated = append(a.Repeated, r) }},
	} {
		if !what.wanted {
			continue
		}
		if err := db.auditRanges(ctx, what.sql, since, list, what.add); err != nil {
			return nil, fmt.Errorf("auditing: %w", err)
		}
	}
	return list, nil
}

func holes(a *Audit) bool { return uint64(a.Last-a.First+1) != a.Offsets }

func anyOf(list []Audit, is func(*Audit) bool) bool {
	for i := range list {
		if is(&list[i]) {
			return true
		}
	}
	return false
}

func (db *DB) auditCounts(ctx context.Context, since time.Time) (list []Audit, err error) {
	err = db.each(ctx, auditSQL(auditTotals, since), func(rows driver.Rows) error {
		var a Audit
		err := rows.Scan(&a.Topic, &a.Partition, &a.Since, &a.First, &a.Last, &a.Events.Rows, &a.DeadLetters.Rows,
			&a.Events.Offsets, &a.DeadLetters.Offsets, &a.Offsets, &a.Repeats, &a.Absent, &a.Lost)
		list = append(list, a)
		return err
	})
	return list, err
}

func (db *DB) auditRanges(ctx context.Context, sql string, since time.Time, list []Audit, add func(*Audit, Range)) error {
	return db.each(ctx, auditSQL(sql, since), func(rows driver.Rows) error {
		var topic string
		var partition int32
		var r Range
		if err := rows.Scan(&topic, &partition, &r.First, &r.Last); err != nil {
			return err
		}
		for i := range list {
			if list[i].Topic == topic && list[i].Partition == partition {
				add(&list[i], r)
			}
		}
		return nil
	})
}

// each runs a query and hands on its rows.
func (db *DB) each(ctx context.Context, sql string, row func(driver.Rows) error, args ...any) error {
	ctx, cancel := db.bounded(ctx)
	defer cancel()
	rows, err := db.conn.Query(ctx, sql, args...)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }() // what matters of it is in rows.Err
	for rows.Next() {
		if err := row(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// auditSQL puts the parts that all three queries share before one of them:
//
//	rows     what both tables hold since the time asked for, or since the topic was made anew
//	bounds   the first offset of that time, in each partition
//	audited  the rows from that offset on
func auditSQL(query string, since time.Time) string {
	at := func(t time.Time) string {
		return fmt.Sprintf("fromUnixTimestamp64Milli(toInt64(%d), 'UTC')", millis(t))
	}
	return strings.NewReplacer("{since}", at(since), "{slack}", at(since.Add(-auditSlack)), "{reset}", literal(schema.MissingReset),
		"{absent}", literal(schema.MissingAbsent), "{lost}", literal(schema.MissingLost), "{limit}", fmt.Sprint(maxRanges),
		"{memory}", fmt.Sprint(sortMemory)).Replace(auditRows + query)
}

const auditRows = `
WITH resets AS
(
    SELECT topic, ` + "`partition`" + `, max(ingested_at) AS reset FROM missing_offsets WHERE kind = {reset} GROUP BY topic, ` + "`partition`" + `
),
recent AS
(
    SELECT topic, ` + "`partition`" + `, offset, item, ingested_at, 0 AS refused FROM events WHERE ingested_at >= {slack}
    UNION ALL
    SELECT topic, ` + "`partition`" + `, offset, item, ingested_at, 1 AS refused FROM dead_letters WHERE ingested_at >= {slack}
),
bounds AS
(
    SELECT r.topic AS topic, r.` + "`partition`" + ` AS ` + "`partition`" + `, min(r.offset) AS lower, min(r.ingested_at) AS begun, any(s.reset) AS reset
    FROM recent AS r LEFT JOIN resets AS s ON s.topic = r.topic AND s.` + "`partition`" + ` = r.` + "`partition`" + `
    WHERE r.ingested_at >= {since} AND r.ingested_at >= s.reset
    GROUP BY topic, ` + "`partition`" + `
),
audited AS
(
    SELECT r.topic AS topic, r.` + "`partition`" + ` AS ` + "`partition`" + `, r.offset AS offset, r.item AS item, r.refused AS refused, b.begun AS begun
    FROM recent AS r INNER JOIN bounds AS b ON b.topic = r.topic AND b.` + "`partition`" + ` = r.` + "`partition`" + `
    WHERE r.offset >= b.lower AND r.ingested_at >= b.reset
),
missing AS
(
    SELECT DISTINCT m.topic AS topic, m.` + "`partition`" + ` AS ` + "`partition`" + `, m.kind AS kind, greatest(m.first_offset, b.lower) AS first, m.last_offset AS last
    FROM missing_offsets AS m INNER JOIN bounds AS b ON b.topic = m.topic AND b.` + "`partition`" + ` = m.` + "`partition`" + `
    WHERE m.kind IN ({absent}, {lost}) AND m.last_offset >= b.lower AND m.ingested_at >= b.reset
)
`

// Offsets are gathered in bitmaps, an item each: a run of offsets takes next to no room there.
const auditTotals = `
SELECT a.topic, a.` + "`partition`" + `, a.since, a.first, a.last, a.events, a.letters, a.event_offsets, a.letter_offsets, a.offsets, toUInt64(a.repeats),
    toUInt64(m.absent), toUInt64(m.lost)
FROM
(
    SELECT topic, ` + "`partition`" + `, min(since) AS since, min(low) AS first, max(high) AS last, sum(e) AS events, sum(d) AS letters,
        groupBitmapMerge(es) AS event_offsets, groupBitmapMerge(ds) AS letter_offsets, groupBitmapMerge(os) AS offsets, sum(e + d - once) AS repeats
    FROM
    (
        SELECT topic, ` + "`partition`" + `, item, min(begun) AS since, min(offset) AS low, max(offset) AS high, countIf(refused = 0) AS e, countIf(refused = 1) AS d,
            groupBitmap(toUInt64(offset)) AS once, groupBitmapState(toUInt64(offset)) AS os,
            groupBitmapStateIf(toUInt64(offset), refused = 0) AS es, groupBitmapStateIf(toUInt64(offset), refused = 1) AS ds
        FROM audited GROUP BY topic, ` + "`partition`" + `, item
    )
    GROUP BY topic, ` + "`partition`" + `
) AS a
LEFT JOIN
(
    SELECT topic, ` + "`partition`" + `, sumIf(last - first + 1, kind = {absent}) AS absent, sumIf(last - first + 1, kind = {lost}) AS lost
    FROM missing GROUP BY topic, ` + "`partition`" + `
) AS m ON m.topic = a.topic AND m.` + "`partition`" + ` = a.` + "`partition`" + `
ORDER BY a.topic, a.` + "`partition`"

// Offsets with a row, and runs of offsets without a record, are laid side by side; where
// one begins behind the end of all before it, something is not accounted for.
const auditGaps = `
SELECT topic, ` + "`partition`" + `, reached + 1, first - 1
FROM
(
    SELECT topic, ` + "`partition`" + `, first,
        max(last) OVER (PARTITION BY topic, ` + "`partition`" + ` ORDER BY first, last ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS reached,
        row_number() OVER (PARTITION BY topic, ` + "`partition`" + ` ORDER BY first, last) AS n
    FROM
    (
        SELECT DISTINCT topic, ` + "`partition`" + `, offset AS first, offset AS last FROM audited
        UNION ALL
        SELECT topic, ` + "`partition`" + `, first, last FROM missing
    )
)
WHERE n > 1 AND first > reached + 1
ORDER BY topic, ` + "`partition`" + `, first
LIMIT {limit}
SETTINGS max_bytes_before_external_sort = {memory}`

const auditRepeats = `
SELECT DISTINCT topic, ` + "`partition`" + `, offset, offset
FROM (SELECT topic, ` + "`partition`" + `, offset, item FROM audited GROUP BY topic, ` + "`partition`" + `, offset, item HAVING count() > 1)
ORDER BY topic, ` + "`partition`" + `, offset
LIMIT {limit}
SETTINGS max_bytes_before_external_group_by = {memory}`
