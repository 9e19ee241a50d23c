package clickhouse_test

import (
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/schema"
	"github.com/tokenwatch/tokenwatch/schema/clickhouse"
)

func audit(t *testing.T, db *clickhouse.DB) string {
	t.Helper()
	return ask(t, db, "SELECT min_offset, max_offset, entries, distinct_offsets, gaps, repeats FROM ingest_audit WHERE topic = 'gateway.access' AND `partition` = 3")
}

func TestAudit(t *testing.T) {
	f := newFleet(1, 20)
	block := func(first int64, n int) *schema.Block { return f.block(first, n, noon, time.Second) }
	batched := block(20, 6) // offsets 20 and 21, three entries each
	for i := range batched.Events {
		batched.Events[i].Offset, batched.Events[i].Item = 20+int64(i/3), uint32(i%3)
	}
	refused := block(10, 10)
	refused.Events = append(refused.Events[:3], refused.Events[5:]...)
	refuse(refused, 13, 14)
	partly := block(22, 2) // a batch of which one entry was refused
	partly.Events = partly.Events[:1]
	partly.Events[0].Item = 1
	refuse(partly, 22)
	again := block(0, 10)
	again.Last++ // a block of other bounds, so it is not recognised
	for _, c := range []struct {
		name   string
		blocks []*schema.Block
		want   string // min, max, entries, distinct, gaps, repeats
	}{
		{"whole", []*schema.Block{block(0, 10), block(10, 10)}, "0 19 20 20 0 0"},
		{"repeated and recognised", []*schema.Block{block(0, 10), block(0, 10)}, "0 9 10 10 0 0"},
		{"with dead letters", []*schema.Block{block(0, 10), refused}, "0 19 20 20 0 0"},
		{"batched", []*schema.Block{block(0, 10), refused, batched, partly}, "0 22 28 23 0 0"},
		{"a gap", []*schema.Block{block(0, 10), block(15, 5)}, "0 19 15 15 5 0"},
		{"two copies", []*schema.Block{block(0, 10), again}, "0 9 20 10 0 10"},
		{"not from 0", []*schema.Block{block(1<<40, 10)}, "1099511627776 1099511627785 10 10 0 0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			db := migrated(t)
			insert(t, db, c.blocks...)
			if got := audit(t, db); got != c.want {
				t.Errorf("have %s, want %s", got, c.want)
			}
		})
	}
}
