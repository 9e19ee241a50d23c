package console_test

import (
	"os"
	"testing"

	"github.com/tokenwatch/tokenwatch/deploy/local"
	"github.com/tokenwatch/tokenwatch/deploy/local/testdb"
	"github.com/tokenwatch/tokenwatch/schema/clickhouse"
)

// engine is the embedded ClickHouse that the tests share, each with a database of its own.
var engine testdb.Server

func TestMain(m *testing.M) {
	local.ChildMain()
	code := m.Run()
	engine.Stop()
	os.Exit(code)
}

// store opens a database of the test's own, with empty tables.
func store(t testing.TB) *clickhouse.DB {
	t.Helper()
	db, err := clickhouse.Open(t.Context(), engine.Migrated(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}
