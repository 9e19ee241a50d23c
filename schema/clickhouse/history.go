package clickhouse

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/tokenwatch/tokenwatch/schema"
)

// Bounds of what is read of one token's history: an hour of the clock each for more than two
// months, and more places than anybody looks at.
const (
	mostHours  = 2000
	mostPlaces = 100
)

// HourCount is how often a token was used within an hour of the clock.
type HourCount struct {
	At       time.Time
	Requests uint64
}

// RequestHours counts a token's requests by hours of the clock, in their order, the
// newest where there are too many. Hours without any are left out.
func (db *DB) RequestHours(ctx context.Context, token schema.TokenID, from, to time.Time) ([]HourCount, error) {
	ctx, cancel := db.bounded(ctx)
	defer cancel()
	rows, err := db.conn.Query(ctx, fmt.Sprintf(`SELECT toInt64(toUnixTimestamp(hour)), sum(requests) AS n FROM activity_hours
WHERE token = unhex('%s') AND hour >= toDateTime(%d, 'UTC') AND hour < toDateTime(%d, 'UTC')
GROUP BY hour ORDER BY hour DESC LIMIT %d`, token, max(from.Unix(), 0), max(to.Unix(), 0), mostHours))
	if err != nil {
		return nil, fmt.Errorf("counting requests by hour: %w", err)
	}
	defer func() { _ = rows.Close() }() // what matters of it is in rows.Err
	var list []HourCount
	for rows.Next() {
		var (
			at int64
			n  uint64
		)
		if err := rows.Scan(&at, &n); err != nil {
			return nil, fmt.Errorf("counting requests by hour: %w", err)
		}
		list = append(list, HourCount{At: time.Unix(at, 0).UTC(), Requests: n})
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("counting requests by hour: %w", err)
	}
	slices.Reverse(list)
	return list, nil
}

// PlaceCount is how often a token was used from a place, before a time and since.
type PlaceCount struct {
	City, Country string
	Before, Since uint64
}

// RequestPlaces counts a token's requests by place. An hour of the clock is the least that is
// told apart, so the one that split falls into counts as after it.
func (db *DB) RequestPlaces(ctx context.Context, token schema.TokenID, from, split, to time.Time) ([]PlaceCount, error) {
	ctx, cancel := db.bounded(ctx)
	defer cancel()
	at := fmt.Sprintf("toDateTime(%d, 'UTC')", max(split.UTC().Truncate(time.Hour).Unix(), 0))
	rows, err := db.conn.Query(ctx, fmt.Sprintf(`SELECT city, country, sumIf(requests, hour < %s) AS before, sumIf(requests, hour >= %s) AS since FROM activity_hours
WHERE token = unhex('%s') AND hour >= toDateTime(%d, 'UTC') AND hour < toDateTime(%d, 'UTC')
GROUP BY city, country ORDER BY since > 0 AND before = 0 DESC, before + since DESC, country, city LIMIT %d`,
		at, at, token, max(from.Unix(), 0), max(to.Unix(), 0), mostPlaces))
	if err != nil {
		return nil, fmt.Errorf("counting requests by place: %w", err)
	}
	defer func() { _ = rows.Close() }() // what matters of it is in rows.Err
	var list []PlaceCount
	for rows.Next() {
		var p PlaceCount
		if err := rows.Scan(&p.City, &p.Country, &p.Before, &p.Since); err != nil {
			return nil, fmt.Errorf("counting requests by place: %w", err)
		}
		list = append(list, p)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("counting requests by place: %w", err)
	}
	return list, nil
}
