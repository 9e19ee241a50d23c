package clickhouse

import (
	"context"
	"fmt"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/tokenwatch/tokenwatch/schema"
)

// AllowList gives the entries that hold now, the newest first: at most so many, after those that are skipped.
func (db *DB) AllowList(ctx context.Context, limit, skip int) ([]schema.Allowance, error) {
	return db.allowances(ctx, "SELECT id, 'add', since, by, toString(kind), value, CAST(detectors, 'Array(String)'), owner, reason, until FROM allow_list "+
		fmt.Sprintf("ORDER BY since DESC, id LIMIT %d OFFSET %d", limit, skip))
}

// AllowHistory gives the changes of the allow-list, of one entry (an empty id: of all), the last first.
func (db *DB) AllowHistory(ctx context.Context, id string, limit, skip int) ([]schema.Allowance, error) {
	where := "1"
	if id != "" {
		where = "id = " + literal(id)
	}
	return db.allowances(ctx, "SELECT id, toString(action), at, by, toString(kind), value, CAST(detectors, 'Array(String)'), owner, reason, until FROM allowances WHERE "+where+
		fmt.Sprintf(" ORDER BY at DESC, stored_at DESC, id LIMIT %d OFFSET %d", limit, skip))
}

func (db *DB) allowances(ctx context.Context, sql string) ([]schema.Allowance, error) {
	var list []schema.Allowance
	err := db.each(ctx, sql, func(rows driver.Rows) error {
		var a schema.Allowance
		var action, kind string
		var until *time.Time
		if err := rows.Scan(&a.ID, &action, &a.At, &a.By, &kind, &a.Value, &a.Detectors, &a.Owner, &a.Reason, &until); err != nil {
			return err
		}
		a.Action, a.Kind = schema.AllowAction(action), schema.AllowKind(kind)
		if until != nil {
			a.Until = *until
		}
		list = append(list, a)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading the allow-list: %w", err)
	}
	return list, nil
}
