package clickhouse_test

import (
	"errors"
	"testing"
	"time"

	"github.com/ClickHouse/ch-go"

	"github.com/tokenwatch/tokenwatch/schema"
	"github.com/tokenwatch/tokenwatch/schema/clickhouse"
)

// A constraint refuses a row before anything is stored; a view refuses it when the events
// are stored already. Only the first may be split around the row.
func TestRefused(t *testing.T) {
	f := newFleet(1, 20)
	poisoned := func(first int64) *schema.Block {
		b := f.block(first, 10, noon, time.Second)
		b.Events[7].Status = 418
		return b
	}
	for _, c := range []struct {
		name, poison, cure string
		code               int
		refused            bool
		stored             string
	}{
		{"constraint", "ALTER TABLE events ADD CONSTRAINT no_tea CHECK status != 418", "ALTER TABLE events DROP CONSTRAINT no_tea", 469, true, "0"},
		{"view", "CREATE MATERIALIZED VIEW no_tea ENGINE = Memory AS SELECT throwIf(status = 418) AS x FROM events", "DROP VIEW no_tea SYNC", 395, false, "10"},
		{"table", "ALTER TABLE events MODIFY SETTING table_readonly = 1", "ALTER TABLE events MODIFY SETTING table_readonly = 0", 774, false, "0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			db := migrated(t)
			exec(t, db, c.poison)
			b := poisoned(0)
			err := db.InsertBlock(t.Context(), b)
			if err == nil || clickhouse.ErrorCode(err) != c.code || clickhouse.Refused(err) != c.refused {
				t.Errorf("refused: %t: %v", clickhouse.Refused(err), err)
			}
			if c.refused && clickhouse.Retryable(err) {
				t.Error("a refusal is no trouble that passes")
			}
			if have := ask(t, db, "SELECT count() FROM events"); have != c.stored {
				t.Errorf("%s events are stored, want %s", have, c.stored)
			}
			exec(t, db, c.cure)
			insert(t, db, b)
			if have := ask(t, db, "SELECT count(), (SELECT sum(requests) FROM activity_hours), (SELECT sum(requests) FROM activity_minutes) FROM events"); have != "10 10 10" {
				t.Errorf("in the end %s", have)
			}
		})
	}
	if clickhouse.Refused(nil) || clickhouse.Refused(errors.New("no")) || clickhouse.Refused(&ch.Exception{Code: 469}) {
		t.Error("an error by itself does not say that nothing is stored")
	}
}
