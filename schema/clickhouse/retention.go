package clickhouse

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// kept is one table's retention: the key that configures it, and the expression of the
// row's age in its TTL.
type kept struct {
	key, table, age string
	keep            time.Duration
}

func (r Retention) tables() []kept {
	return []kept{
		{"events", "events", "toDateTime(ingested_at)", r.Events},
		{"events", "missing_offsets", "toDateTime(ingested_at)", r.Events},
		{"dead_letters", "dead_letters", "toDateTime(ingested_at)", r.DeadLetters},
		{"dead_letters", "dead_letter_replays", "toDateTime(ingested_at)", r.DeadLetters},
		{"hours", "activity_hours", "hour", r.Hours},
		{"hours", "token_renames", "seen", r.Hours},
		{"hours", "token_summaries", "toDateTime(last_seen)", r.Hours},
		{"hours", "fleet_days", "day", r.Hours},
		{"findings", "findings", "toDateTime(ingested_at)", r.Findings},
		{"profiles", "profiles", "stored_at", r.Profiles},
		{"incidents", "incidents", "toDateTime(stored_at)", r.Incidents},
		{"console_audit", "console_audit", "toDateTime(at)", r.ConsoleAudit},
	}
}

// forEver tells of the one table that may keep its rows without end. Its rows go by when they were written, so that an
// incident's older revisions go before the newest: none of them comes back.
func (k kept) forEver() bool { return k.key == "incidents" && k.keep == 0 }

// retain changes the tables whose TTL is not the configured one. The comparison is with
// what the server keeps of the table's definition, which it writes in this very form.
func (db *DB) retain(ctx context.Context) error {
	for _, t := range db.config.Retention.tables() {
		want := fmt.Sprintf("TTL %s + toIntervalSecond(%d)", t.age, int64(t.keep/time.Second))
		var engine string
		err := db.conn.QueryRow(ctx,
			"SELECT engine_full FROM system.tables WHERE database = currentDatabase() AND name = $1", t.table).Scan(&engine)
		if err != nil {
			return fmt.Errorf("reading the retention of %s: %w", t.table, err)
		}
		change := "MODIFY " + want
		if t.forEver() {
			change, want = "REMOVE TTL", ""
		}
		if strings.Contains(engine+" ", want+" ") && (want != "" || !strings.Contains(engine, " TTL ")) {
			continue
		}
		if err := db.conn.Exec(ctx, "ALTER TABLE "+t.table+" "+change); err != nil {
			return fmt.Errorf("applying clickhouse.retention.%s: %w", t.key, err)
		}
	}
	return nil
}
