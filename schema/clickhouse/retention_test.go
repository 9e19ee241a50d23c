package clickhouse_test

import (
	"strings"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/schema/clickhouse"
)

func ttl(t *testing.T, db *clickhouse.DB, table string) string {
	t.Helper()
	engine := ask(t, db, "SELECT engine_full FROM system.tables WHERE database = currentDatabase() AND name = $1", table)
	_, after, _ := strings.Cut(engine, "TTL ")
	expression, _, _ := strings.Cut(after, " SETTINGS")
	return expression
}

func TestRetentionIsApplied(t *testing.T) {
	config := engine.Fresh(t)
	db := open(t, config)
	if err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := ask(t, db, "SELECT count() FROM system.mutations WHERE database = currentDatabase() AND command ILIKE '%TTL%'"); n != "0" {
		t.Errorf("the default retention took %s mutations, want none: the migrations have it", n)
	}
	for table, want := range map[string]string{
		"events":         "toDateTime(ingested_at) + toIntervalSecond(7776000)",
		"dead_letters":   "toDateTime(ingested_at) + toIntervalSecond(2592000)",
		"activity_hours": "hour + toIntervalSecond(34560000)",
		"findings":       "toDateTime(ingested_at) + toIntervalSecond(34560000)",
		"profiles":       "stored_at + toIntervalSecond(34560000)",
	} {
		if got := ttl(t, db, table); got != want {
			t.Errorf("%s: TTL %s, want %s", table, got, want)
		}
	}

	if got := ttl(t, db, "incidents"); got != "" {
		t.Errorf("incidents: TTL %s, want none", got)
	}
	config.Retention.Events, config.Retention.Hours, config.Retention.Incidents = 48*time.Hour, 90*time.Minute, 720*time.Hour
	changed := open(t, config)
	for range 2 {
		if err := changed.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if got := ttl(t, db, "events"); got != "toDateTime(ingested_at) + toIntervalSecond(172800)" {
		t.Errorf("events: TTL %s", got)
	}
	if got := ttl(t, db, "missing_offsets"); got != "toDateTime(ingested_at) + toIntervalSecond(172800)" {
		t.Errorf("missing_offsets: TTL %s", got)
	}
	if got := ttl(t, db, "incidents"); got != "toDateTime(stored_at) + toIntervalSecond(2592000)" {
		t.Errorf("incidents: TTL %s", got)
	}
	config.Retention.Incidents = 0
	if err := open(t, config).Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := ttl(t, db, "incidents"); got != "" {
		t.Errorf("incidents for ever again: TTL %s", got)
	}
	if got := ttl(t, db, "activity_hours"); got != "hour + toIntervalSecond(5400)" {
		t.Errorf("activity_hours: TTL %s", got)
	}
}

func TestOldEventsGo(t *testing.T) {
	db := migrated(t)
	f := newFleet(1, 20)
	old := f.block(0, 100, noon.Add(-100*24*time.Hour), time.Second)
	old.Ingested = noon.Add(-100 * 24 * time.Hour)
	for i := range old.Events {
		old.Events[i].Ingested = old.Ingested
	}
	insert(t, db, old, f.block(100, 10, noon, time.Second))
	exec(t, db, "OPTIMIZE TABLE events FINAL")
	if got := ask(t, db, "SELECT count(), min(offset) FROM events"); got != "10 100" {
		t.Errorf("events and the first offset: %s, want 10 100", got)
	}
}
