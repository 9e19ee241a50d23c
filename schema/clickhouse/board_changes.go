package clickhouse

import (
	"context"
	"fmt"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/tokenwatch/tokenwatch/schema/board"
)

// This file tells what became of incidents lately. It is asked every few seconds for as long as somebody looks, so where
// nothing changed it reads nothing but when rows were stored.

// IncidentChanges gives the incidents of which a revision was stored at or after since, by the store's clock; those are
// at most as many as most, or none and Many.
func (db *DB) IncidentChanges(ctx context.Context, since time.Time, most int) (board.IncidentChanges, error) {
	changes, ids, err := db.changedIncidents(ctx, since, most)
	if err == nil && ids > 0 && !changes.Many {
		changes.Lines, err = db.incidentLines(ctx, "id IN (SELECT id FROM incidents WHERE "+storedSince(since)+")", most)
	}
	for _, l := range changes.Lines { // some may have come since it was asked what there is
		if l.Stored.After(changes.Upto) {
			changes.Upto = l.Stored
		}
	}
	if err == nil && ids > 0 { // after the lines: what comes between is told the next time, and counted again
		changes.Open, err = db.OpenIncidents(ctx)
	}
	if err != nil {
		return changes, fmt.Errorf("reading what incidents changed: %w", err)
	}
	return changes, nil
}

func (db *DB) changedIncidents(ctx context.Context, since time.Time, most int) (changes board.IncidentChanges, ids uint64, err error) {
	changes.Upto = since
	err = db.each(ctx, "SELECT uniqExact(id), max(stored_at) FROM incidents WHERE "+storedSince(since), func(rows driver.Rows) error {
		var upto time.Time
		if err := rows.Scan(&ids, &upto); err != nil {
			return err
		}
		if ids > 0 {
			changes.Upto, changes.Many = upto, ids > uint64(most)
		}
		return nil
	})
	return changes, ids, err
}

func storedSince(since time.Time) string {
	return fmt.Sprintf("stored_at >= fromUnixTimestamp64Milli(toInt64(%d), 'UTC')", millis(since))
}

// OpenIncidents counts the incidents that are open.
func (db *DB) OpenIncidents(ctx context.Context) (n uint64, err error) {
	err = db.each(ctx, "SELECT count() FROM incidents FINAL WHERE state = 'open'", func(rows driver.Rows) error { return rows.Scan(&n) })
	if err != nil {
		return 0, fmt.Errorf("counting open incidents: %w", err)
	}
	return n, nil
}

// Now is the time by the store's clock.
func (db *DB) Now(ctx context.Context) (now time.Time, err error) {
	if err = db.each(ctx, "SELECT now64(3, 'UTC')", func(rows driver.Rows) error { return rows.Scan(&now) }); err != nil {
		return now, fmt.Errorf("asking clickhouse for the time: %w", err)
	}
	return now, nil
}

// LiveIncidents gives the ids of incidents that are not resolved and were known before a time, at most so many. An
// incident that changed since then may be missing: the server drops older revisions when it likes.
func (db *DB) LiveIncidents(ctx context.Context, before time.Time, most int) (ids []string, err error) {
	sql := fmt.Sprintf("SELECT DISTINCT id FROM incidents WHERE NOT (%s) AND id IN (SELECT id FROM incidents FINAL WHERE state != 'resolved') LIMIT %d", storedSince(before), most)
	err = db.each(ctx, sql, func(rows driver.Rows) error {
		var id string
		err := rows.Scan(&id)
		ids = append(ids, id)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("reading which incidents are not resolved: %w", err)
	}
	return ids, nil
}
