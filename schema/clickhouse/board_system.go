package clickhouse

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/tokenwatch/tokenwatch/schema/board"
)

// Server tells the version of the ClickHouse server, and for how long it has run.
func (db *DB) Server(ctx context.Context) (version string, uptime time.Duration, err error) {
	err = db.each(ctx, "SELECT version(), toUInt64(uptime())", func(rows driver.Rows) error {
		var seconds uint64
		err := rows.Scan(&version, &seconds)
		uptime = time.Duration(seconds) * time.Second
		return err
	})
	return version, uptime, err
}

// Tables tells how much the tables take on disk, the largest first, and how much room the disks under them have.
func (db *DB) Tables(ctx context.Context) (tables []board.Table, free, total uint64, err error) {
	err = db.each(ctx, `SELECT table, toUInt64(sum(rows)), toUInt64(sum(bytes_on_disk)), toUInt64(sum(data_uncompressed_bytes)), toUInt64(count()), min(modification_time), max(modification_time)
		FROM system.parts WHERE active AND database = currentDatabase() GROUP BY table ORDER BY 3 DESC, table LIMIT 50`, func(rows driver.Rows) error {
		var t board.Table
		err := rows.Scan(&t.Name, &t.Rows, &t.Bytes, &t.RawSize, &t.Parts, &t.Oldest, &t.Newest)
		tables = append(tables, t)
		return err
	})
	if err != nil {
		return nil, 0, 0, fmt.Errorf("reading what tables take: %w", err)
	}
	err = db.each(ctx, "SELECT toUInt64(min(free_space)), toUInt64(argMin(total_space, free_space)) FROM system.disks WHERE total_space > 0", func(rows driver.Rows) error {
		return rows.Scan(&free, &total)
	})
	if err != nil {
		return nil, 0, 0, fmt.Errorf("reading what room disks have: %w", err)
	}
	return tables, free, total, nil
}

// maxLetters is how many reasons are shown.
const maxLetters = 30

// Letters counts the dead letters of the last 7 days by reason and format, the most of the last day first, with the
// newest of each.
func (db *DB) Letters(ctx context.Context) ([]board.Letter, error) {
	var list []board.Letter
	err := db.each(ctx, fmt.Sprintf("SELECT toString(reason), toString(source), countIf(ingested_at > now64(3) - INTERVAL 1 DAY) AS day, count() AS week, max(ingested_at), "+
		"argMax((toString(topic), `partition`, offset, item), ingested_at) AS newest, newest.1, newest.2, newest.3, newest.4 "+
		"FROM dead_letters WHERE ingested_at > now64(3) - INTERVAL 7 DAY GROUP BY reason, source ORDER BY day DESC, week DESC, reason, source LIMIT %d", maxLetters),
		func(rows driver.Rows) error {
			var l board.Letter
			var newest []any
			err := rows.Scan(&l.Reason, &l.Source, &l.Day, &l.Week, &l.Last, &newest, &l.Topic, &l.Partition, &l.Offset, &l.Item)
			list = append(list, l)
			return err
		})
	if err == nil {
		err = db.letterDetails(ctx, list)
	}
	if err != nil {
		return nil, fmt.Errorf("counting dead letters: %w", err)
	}
	return list, nil
}

// letterDetails reads what exactly was wrong with each newest letter, by key: the texts of all would be much to read.
func (db *DB) letterDetails(ctx context.Context, list []board.Letter) error {
	keys := make([]string, len(list))
	for i, l := range list {
		keys[i] = fmt.Sprintf("(%s, %d, %d, %d)", literal(l.Topic), l.Partition, l.Offset, l.Item)
	}
	if len(keys) == 0 {
		return nil
	}
	sql := "SELECT toString(topic), `partition`, offset, item, any(substring(detail, 1, 500)) FROM dead_letters " +
		"WHERE (topic, `partition`, offset, item) IN (" + strings.Join(keys, ", ") + ") GROUP BY topic, `partition`, offset, item"
	return db.each(ctx, sql, func(rows driver.Rows) error {
		var of board.Letter
		if err := rows.Scan(&of.Topic, &of.Partition, &of.Offset, &of.Item, &of.Detail); err != nil {
			return err
		}
		for i := range list {
			if l := &list[i]; l.Topic == of.Topic && l.Partition == of.Partition && l.Offset == of.Offset && l.Item == of.Item {
				l.Detail = of.Detail
			}
		}
		return nil
	})
}

// Destinations sums up what became of incidents at each channel.
func (db *DB) Destinations(ctx context.Context) ([]board.Destination, error) {
	var list []board.Destination
	err := db.each(ctx, `SELECT toString(destination), countIf(waits), minIf(wanted_at, waits), countIf(fails), minIf(failing_at, fails),
		countIf(state = 'dead' AND at > now64(3) - INTERVAL 7 DAY), maxIf(at, state IN ('told', 'digest')), ifNull(argMaxIf(substring(error, 1, 300), at, error != ''), '')
		FROM (SELECT destination, state, wanted_at, failing_at, at, error, ifNull(state = 'waiting' AND wanted_at > now64(3) - INTERVAL 7 DAY, false) AS waits, error != '' AND state != 'dead' AS fails FROM deliveries FINAL)
		GROUP BY destination ORDER BY destination LIMIT 50`, func(rows driver.Rows) error {
		var d board.Destination
		var oldest, since, told *time.Time
		if err := rows.Scan(&d.Name, &d.Waiting, &oldest, &d.Failing, &since, &d.Dead, &told, &d.LastError); err != nil {
			return err
		}
		d.Oldest, d.Since, d.LastTold = orZero(oldest), orZero(since), orZero(told)
		list = append(list, d)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading what became of deliveries: %w", err)
	}
	return list, nil
}

func orZero(t *time.Time) time.Time {
	if t == nil || t.Unix() <= 0 {
		return time.Time{}
	}
	return *t
}

// MissingOffsets sums up the offsets of the last 7 days that held no record when they were read.
func (db *DB) MissingOffsets(ctx context.Context) ([]board.Missing, error) {
	var list []board.Missing
	err := db.each(ctx, "SELECT toString(topic), `partition`, toUInt64(sumIf(last_offset - first_offset + 1, kind = 'lost')), toUInt64(sumIf(last_offset - first_offset + 1, kind = 'absent')), max(ingested_at) "+
		"FROM missing_offsets FINAL WHERE ingested_at > now64(3) - INTERVAL 7 DAY AND kind IN ('lost', 'absent') GROUP BY topic, `partition` ORDER BY topic, `partition` LIMIT 200",
		func(rows driver.Rows) error {
			var m board.Missing
			err := rows.Scan(&m.Topic, &m.Partition, &m.Lost, &m.Absent, &m.Last)
			list = append(list, m)
			return err
		})
	if err != nil {
		return nil, fmt.Errorf("reading which offsets were missing: %w", err)
	}
	return list, nil
}
