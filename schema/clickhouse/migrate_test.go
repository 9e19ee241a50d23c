package clickhouse_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/schema/clickhouse"
)

func status(t *testing.T, db *clickhouse.DB) (applied, pending int) {
	t.Helper()
	list, err := db.MigrationStatus(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range list {
		if m.Version == 0 || !strings.HasSuffix(m.Name, ".sql") {
			t.Errorf("a migration without version or name: %+v", m)
		}
		if m.Applied.IsZero() {
			pending++
		} else {
			applied++
		}
	}
	return applied, pending
}

// stepwise connects to a database that took every migration, which others are copies of.
func stepwise(t *testing.T) *clickhouse.DB {
	t.Helper()
	db := open(t, engine.Fresh(t))
	if err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return db
}

// definitions is everything that migrations made.
func definitions(t *testing.T, db *clickhouse.DB) string {
	t.Helper()
	return ask(t, db, `SELECT groupArray(create_table_query) FROM
		(SELECT create_table_query FROM system.tables WHERE database = currentDatabase() AND name != 'goose_db_version' ORDER BY name)`)
}

func TestMigrateFromNothing(t *testing.T) {
	db := open(t, engine.Fresh(t))
	applied, pending := status(t, db)
	if applied != 0 || pending < 5 {
		t.Fatalf("%d applied and %d pending in an empty database", applied, pending)
	}
	all := pending
	if err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if applied, pending = status(t, db); applied != all || pending != 0 {
		t.Errorf("%d applied and %d pending, want %d and 0", applied, pending, all)
	}
	made := definitions(t, db)
	if err := db.Migrate(t.Context()); err != nil {
		t.Fatal("the second time:", err)
	}
	if again := definitions(t, db); again != made {
		t.Errorf("migrating again changed\n%s\nto\n%s", made, again)
	}
}

// Instances that start at once, on a database that does not exist.
func TestMigrateTogether(t *testing.T) {
	config := engine.Fresh(t)
	var instances sync.WaitGroup
	for range 4 {
		db := open(t, config)
		instances.Go(func() {
			if err := db.Migrate(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	instances.Wait()
	db := open(t, config)
	if applied, pending := status(t, db); pending != 0 {
		t.Errorf("%d applied, %d pending", applied, pending)
	}
	if err := db.Migrate(t.Context()); err != nil {
		t.Error(err)
	}
}

// A migration of which only a part was done, as after kill -9.
func TestMigrateAfterHalfAStep(t *testing.T) {
	db := stepwise(t)
	made := definitions(t, db)
	exec(t, db, "DROP VIEW activity_hours_mv")
	exec(t, db, "DROP VIEW token_rate")
	exec(t, db, "ALTER TABLE goose_db_version DELETE WHERE version_id >= 4 SETTINGS mutations_sync = 2")
	if err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if again := definitions(t, db); again != made {
		t.Errorf("have\n%s\nwant\n%s", again, made)
	}
}

func TestDatabaseWithAnOddName(t *testing.T) {
	config := engine.Fresh(t)
	config.DSN += clickhouse.DSN("%20it's%20%60odd%60")
	db := open(t, config)
	if err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	insert(t, db, newFleet(1, 5).block(0, 10, noon, time.Second))
	if got := ask(t, db, "SELECT currentDatabase(), count() FROM events"); !strings.HasSuffix(got, " it's `odd` 10") {
		t.Errorf("have %s", got)
	}
}

func TestEveryColumnHasItsComment(t *testing.T) {
	db := stepwise(t)
	_, rows, err := db.Query(t.Context(), `SELECT table, name FROM system.columns
		WHERE database = currentDatabase() AND comment = '' AND table NOT LIKE '%\_mv' AND table != 'goose_db_version'
			AND table IN (SELECT name FROM system.tables WHERE database = currentDatabase() AND engine LIKE '%MergeTree')`)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		t.Errorf("%s has no comment", strings.Join(row, "."))
	}
	_, rows, err = db.Query(t.Context(), `SELECT name FROM system.tables
		WHERE database = currentDatabase() AND comment = '' AND engine != 'MaterializedView' AND name != 'goose_db_version'`)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		t.Errorf("%s has no comment", row[0])
	}
}
