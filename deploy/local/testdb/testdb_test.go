package testdb_test

import (
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/tokenwatch/tokenwatch/deploy/local"
	"github.com/tokenwatch/tokenwatch/deploy/local/testdb"
	"github.com/tokenwatch/tokenwatch/schema/clickhouse"
)

var server testdb.Server

func TestMain(m *testing.M) {
	local.ChildMain()
	code := m.Run()
	server.Stop()
	os.Exit(code)
}

func open(t *testing.T, config clickhouse.Config) *clickhouse.DB {
	t.Helper()
	db, err := clickhouse.Open(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() }) // all that was asked of it was checked
	return db
}

// rows are what a query gives, with the database's own name left out of them.
func rows(t *testing.T, db *clickhouse.DB, query string) (lines []string) {
	t.Helper()
	_, name, err := db.Query(t.Context(), "SELECT currentDatabase()")
	if err != nil {
		t.Fatal(err)
	}
	_, all, err := db.Query(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range all {
		lines = append(lines, strings.ReplaceAll(strings.Join(row, " | "), name[0][0], "DATABASE"))
	}
	return lines
}

// A copy has what the migrations make: every table, view, column, comment and setting, and which steps were taken.
func TestACopyIsWhatMigrationsMake(t *testing.T) {
	copied, migrated := open(t, server.Migrated(t)), open(t, server.Fresh(t))
	if err := migrated.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	for what, query := range map[string]string{
		"tables": `SELECT name, engine, create_table_query, engine_full, as_select, comment, partition_key, sorting_key, sampling_key, arrayStringConcat(arraySort(dependencies_table), ' ')
			FROM system.tables WHERE database = currentDatabase() ORDER BY name`,
		"columns": "SELECT * EXCEPT (database, data_compressed_bytes, data_uncompressed_bytes, marks_bytes) FROM system.columns WHERE database = currentDatabase() ORDER BY table, position",
		"indices": "SELECT table, name, type_full, expr, granularity FROM system.data_skipping_indices WHERE database = currentDatabase() ORDER BY table, name",
		"steps":   "SELECT version_id, is_applied FROM goose_db_version ORDER BY version_id",
	} {
		have, want := rows(t, copied, query), rows(t, migrated, query)
		if len(have) != len(want) || len(want) < 2 {
			t.Errorf("%s: the copy has %d, migrations make %d", what, len(have), len(want))
		}
		for i := range min(len(have), len(want)) {
			if have[i] != want[i] {
				same := 0
				for same < min(len(have[i]), len(want[i])) && have[i][same] == want[i][same] {
					same++
				}
				name, _, _ := strings.Cut(want[i], " | ")
				t.Errorf("%s of %s: the copy has, from where they differ on,\n%s\nmigrations make\n%s", what, name, have[i][same:], want[i][same:])
			}
		}
	}
	if err := copied.Migrate(t.Context()); err != nil {
		t.Errorf("migrating a copy: %v", err)
	}
}

// What one test writes, no other sees, also through materialized views; several ask at once.
func TestCopiesAreApart(t *testing.T) {
	var dbs [4]*clickhouse.DB
	var asking sync.WaitGroup
	for i := range dbs {
		asking.Go(func() { dbs[i] = open(t, server.Migrated(t)) })
	}
	asking.Wait()
	if t.Failed() {
		return
	}
	if err := dbs[0].Exec(t.Context(), "INSERT INTO events (ts, ingested_at, token) VALUES (now(), now(), 'token00000000001')"); err != nil {
		t.Fatal(err)
	}
	for i, db := range dbs {
		want := "0 | 0"
		if i == 0 {
			want = "1 | 1"
		}
		if have := rows(t, db, "SELECT (SELECT count() FROM events), (SELECT sum(requests) FROM activity_hours)"); have[0] != want {
			t.Errorf("database %d has %q, want %q", i, have[0], want)
		}
	}
}
