package clickhouse

import (
	"context"
	"fmt"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/tokenwatch/tokenwatch/schema"
)

// tokenRows asks for what is a line each on a page. What says what is read, for the error.
func tokenRows[T any](ctx context.Context, db *DB, what, query string, scan func(rows driver.Rows, to *T) error) ([]T, error) {
	ctx, cancel := db.bounded(ctx)
	defer cancel()
	rows, err := db.conn.Query(ctx, query)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", what, err)
	}
	defer func() { _ = rows.Close() }() // what matters of it is in rows.Err
	var list []T
	for rows.Next() {
		var row T
		if err := scan(rows, &row); err != nil {
			return nil, fmt.Errorf("reading %s: %w", what, err)
		}
		list = append(list, row)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("reading %s: %w", what, err)
	}
	return list, nil
}

// tokenScan reads a fingerprint as the server writes it in hexadecimal.
type tokenScan struct{ *schema.TokenID }

// Scan is for database/sql and clickhouse-go.
func (s tokenScan) Scan(v any) error {
	text, ok := v.(string)
	if !ok {
		return fmt.Errorf("a fingerprint is a %T", v)
	}
	return s.UnmarshalText([]byte(text))
}

// unhexed writes fingerprints as a list for IN.
func unhexed(tokens []schema.TokenID) string {
	list := "toFixedString('', 16)" // which no token is: an empty list would be no SQL
	for _, t := range tokens {
		list += fmt.Sprintf(", unhex('%s')", t)
	}
	return list
}
