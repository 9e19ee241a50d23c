package testdb

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/tokenwatch/tokenwatch/schema/clickhouse"
)

// original is the database that is copied. Its name is one that no text in a definition has.
const original = "tokenwatch_test_original"

// template is a migrated database, and the statements that make one like it. BACKUP and RESTORE would do that in one
// statement, but a database that is restored under another name loses the aliases of its views (ClickHouse 26.7).
type template struct {
	making sync.Once
	db     *clickhouse.DB
	err    error
	makes  []string // statements, as for the original
}

// copyTo makes a database.
func (t *template) copyTo(ctx context.Context, name string) error {
	for _, statement := range append([]string{"CREATE DATABASE " + original}, t.makes...) {
		if err := t.db.Exec(ctx, strings.ReplaceAll(statement, original, name)); err != nil {
			return fmt.Errorf("copying the template: %w", err)
		}
	}
	return t.db.Exec(ctx, fmt.Sprintf("INSERT INTO %s.goose_db_version SELECT * FROM %s.goose_db_version", name, original))
}

// migrate makes the original.
func (t *template) migrate(ctx context.Context, config clickhouse.Config) (err error) {
	if t.db, err = clickhouse.Open(ctx, config); err != nil {
		return err
	}
	if err := t.db.Migrate(ctx); err != nil {
		return err
	}
	// Views come behind the tables that they read or write. A view that reads another asks for it when it is read.
	_, rows, err := t.db.Query(ctx, `SELECT create_table_query FROM system.tables WHERE database = currentDatabase()
		ORDER BY engine = 'MaterializedView', engine = 'View', name`)
	if err != nil {
		return fmt.Errorf("reading the template: %w", err)
	}
	for _, row := range rows {
		t.makes = append(t.makes, row[0])
	}
	return nil
}
