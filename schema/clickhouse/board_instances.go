package clickhouse

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/ClickHouse/ch-go/proto"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/tokenwatch/tokenwatch/schema/board"
)

// SaveVitals stores how an instance is, in place of what it said before.
func (db *DB) SaveVitals(ctx context.Context, v board.Vitals) error {
	whole, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("writing vitals as JSON: %w", err)
	}
	var instance, vitals proto.ColStr
	var version words
	at, started := newTime(), newTime()
	instance.Append(v.Instance)
	version.Append(v.Version)
	at.Append(v.At)
	started.Append(v.Started)
	vitals.AppendBytes(whole)
	columns := []column{{"instance", &instance}, {"at", &at}, {"version", &version}, {"started", &started}, {"vitals", &vitals}}
	if err := db.insert(ctx, "instances", "", columns); err != nil {
		return fmt.Errorf("storing how this instance is: %w", err)
	}
	return nil
}

// maxInstances bounds how many instances are shown.
const maxInstances = 100

// Instances gives what instances said of themselves since a time, the last heard of first.
func (db *DB) Instances(ctx context.Context, since time.Time) ([]board.Vitals, error) {
	var list []board.Vitals
	err := db.each(ctx, fmt.Sprintf("SELECT vitals FROM instances FINAL WHERE at > fromUnixTimestamp64Milli(toInt64(%d)) ORDER BY at DESC, instance LIMIT %d", millis(since), maxInstances),
		func(rows driver.Rows) error {
			var whole string
			if err := rows.Scan(&whole); err != nil {
				return err
			}
			var v board.Vitals
			if err := json.Unmarshal([]byte(whole), &v); err != nil {
				return nil //nolint:nilerr // a newer version may write it in another way: it shows itself
			}
			list = append(list, v)
			return nil
		})
	if err != nil {
		return nil, fmt.Errorf("reading which instances there are: %w", err)
	}
	return list, nil
}
