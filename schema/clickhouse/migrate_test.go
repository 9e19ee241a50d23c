package clickhouse_test

import (
	"testing"
)

func TestMigrateFromNothing(t *testing.T) {
	db := open(t, configure(t))
	pending, err := db.MigrationStatus(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(pending) < 5 {
		t.Fatalf("%d migrations, want at least 5", len(pending))
	}
	for _, m := range pending {
		if !m.Applied.IsZero() {
			t.Errorf("%s is applied in an empty database", m.Name)
		}
	}
	if err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := db.Migrate(t.Context()); err != nil {
		t.Fatal("the second time:", err)
	}
	applied, err := db.MigrationStatus(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range applied {
		if m.Applied.IsZero() {
			t.Errorf("%s is still pending", m.Name)
		}
	}
	if got := ask(t, db, "SELECT count() FROM goose_db_version"); got != "6" {
		t.Errorf("%s rows of versions, want 6", got)
	}
}
