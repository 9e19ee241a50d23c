package clickhouse_test

import (
	"context"
	"os"
	"strings"
	"testing"

	"github.com/tokenwatch/tokenwatch/deploy/local"
	"github.com/tokenwatch/tokenwatch/deploy/local/testdb"
	"github.com/tokenwatch/tokenwatch/schema/clickhouse"
)

// engine is the ClickHouse that the package's tests share, each with a database of its
// own. It starts with the first test that asks for it: fuzzing needs none.
var engine testdb.Server

func TestMain(m *testing.M) {
	local.ChildMain()
	code := m.Run()
	engine.Stop()
	os.Exit(code)
}

// own starts an engine that the test may break.
func own(t *testing.T) *local.ClickHouse {
	t.Helper()
	engine.Engine(t) // skips where there is none
	server, err := testdb.Start(t.TempDir(), 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Stop(context.Background()) }) // the test may have ended it
	return server
}

// open connects to the test's own database, with nothing in it.
func open(t testing.TB, config clickhouse.Config) *clickhouse.DB {
	t.Helper()
	db, err := clickhouse.Open(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

// migrated connects to the test's own database, with empty tables in it.
func migrated(t testing.TB) *clickhouse.DB {
	t.Helper()
	return open(t, engine.Migrated(t))
}

// ask is a query's first row, its columns joined by a space.
func ask(t testing.TB, db *clickhouse.DB, query string, args ...any) string {
	t.Helper()
	_, rows, err := db.Query(t.Context(), query, args...)
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) == 0 {
		return ""
	}
	return strings.Join(rows[0], " ")
}

// exec runs a statement that returns no rows.
func exec(t testing.TB, db *clickhouse.DB, statement string) {
	t.Helper()
	if err := db.Exec(t.Context(), statement); err != nil {
		t.Fatal(err)
	}
}
