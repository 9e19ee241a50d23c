package clickhouse_test

import (
	"reflect"
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

// gapless is a block with what its reader was told about offsets without a record.
func gapless(b *schema.Block, missing ...schema.Missing) *schema.Block {
	b.Missing = missing
	return b
}

// ingested gives a block another time.
func ingested(b *schema.Block, at time.Time) *schema.Block {
	b.Ingested = at
	for i := range b.Events {
		b.Events[i].Ingested = at
	}
	return b
}

// What tells a gap that is right from one that is not.
func TestAuditExplains(t *testing.T) {
	f := newFleet(1, 20)
	at := time.Now().UTC().Truncate(time.Millisecond)
	block := func(first int64, n int) *schema.Block { return ingested(f.block(first, n, at, time.Second), at) }
	both := block(0, 10) // offset 4 is an event and a dead letter
	refuse(both, 4)
	absent := func(first, last int64) schema.Missing {
		return schema.Missing{First: first, Last: last, Kind: schema.MissingAbsent}
	}
	lost := func(first, last int64) schema.Missing {
		return schema.Missing{First: first, Last: last, Kind: schema.MissingLost}
	}
	old := ingested(block(100, 10), at.Add(-5*time.Hour))
	anew := ingested(block(0, 12), at.Add(time.Second))
	anew.Missing = []schema.Missing{{First: 0, Last: 9, Kind: schema.MissingReset}}
	type want struct {
		first, last                   int64
		events, letters               clickhouse.Counts
		offsets, absent, lost, repeat uint64
		gaps, repeated                []clickhouse.Range
	}
	for _, c := range []struct {
		name   string
		blocks []*schema.Block
		want   want
	}{
		{"whole", []*schema.Block{block(0, 10), block(10, 10)}, want{last: 19, events: clickhouse.Counts{Rows: 20, Offsets: 20}, offsets: 20}},
		{"a gap", []*schema.Block{block(0, 10), block(15, 5)},
			want{last: 19, events: clickhouse.Counts{Rows: 15, Offsets: 15}, offsets: 15, gaps: []clickhouse.Range{{First: 10, Last: 14}}}},
		{"compacted", []*schema.Block{block(0, 10), gapless(block(15, 5), absent(10, 14))},
			want{last: 19, events: clickhouse.Counts{Rows: 15, Offsets: 15}, offsets: 15, absent: 5}},
		{"lost to retention", []*schema.Block{block(0, 10), gapless(block(1000, 5), lost(10, 999))},
			want{last: 1004, events: clickhouse.Counts{Rows: 15, Offsets: 15}, offsets: 15, lost: 990}},
		{"partly explained", []*schema.Block{block(0, 10), gapless(block(20, 5), absent(12, 13), absent(13, 15), lost(17, 17))},
			want{last: 24, events: clickhouse.Counts{Rows: 15, Offsets: 15}, offsets: 15, absent: 5, lost: 1,
				gaps: []clickhouse.Range{{First: 10, Last: 11}, {First: 16, Last: 16}, {First: 18, Last: 19}}}},
		{"explained twice", []*schema.Block{block(0, 10), gapless(block(15, 5), absent(10, 14)), gapless(block(20, 5), absent(10, 14))},
			want{last: 24, events: clickhouse.Counts{Rows: 20, Offsets: 20}, offsets: 20, absent: 5}},
		{"an event and a dead letter", []*schema.Block{both},
			want{last: 9, events: clickhouse.Counts{Rows: 10, Offsets: 10}, letters: clickhouse.Counts{Rows: 1, Offsets: 1}, offsets: 10,
				repeat: 1, repeated: []clickhouse.Range{{First: 4, Last: 4}}}},
		{"clocks that differ", []*schema.Block{block(0, 10), ingested(block(10, 10), at.Add(-2*time.Hour-time.Minute)), block(20, 10)},
			want{last: 29, events: clickhouse.Counts{Rows: 30, Offsets: 30}, offsets: 30}},
		{"older than asked for", []*schema.Block{old, block(200, 10)},
			want{first: 200, last: 209, events: clickhouse.Counts{Rows: 10, Offsets: 10}, offsets: 10}},
		{"made anew", []*schema.Block{block(0, 10), anew},
			want{last: 11, events: clickhouse.Counts{Rows: 12, Offsets: 12}, offsets: 12}},
	} {
		t.Run(c.name, func(t *testing.T) {
			db := migrated(t)
			insert(t, db, c.blocks...)
			insert(t, db, c.blocks...) // as after an error: nothing changes
			list, err := db.Audit(t.Context(), at.Add(-2*time.Hour))
			if err != nil || len(list) != 1 {
				t.Fatalf("%d partitions, %v", len(list), err)
			}
			a := list[0]
			have := want{a.First, a.Last, a.Events, a.DeadLetters, a.Offsets, a.Absent, a.Lost, a.Repeats, a.Gaps, a.Repeated}
			if !reflect.DeepEqual(have, c.want) {
				t.Errorf("have %+v, want %+v", have, c.want)
			}
			if well := len(c.want.gaps) == 0 && c.want.repeat == 0; a.Well() != well || (a.Missing() == 0) != (len(c.want.gaps) == 0) {
				t.Errorf("well: %t, %d offsets missing", a.Well(), a.Missing())
			}
		})
	}
}

// Partitions and topics are judged apart, and nothing at all is no trouble.
func TestAuditPartitions(t *testing.T) {
	db := migrated(t)
	if list, err := db.Audit(t.Context(), time.Time{}); err != nil || len(list) != 0 {
		t.Errorf("of empty tables: %v, %v", list, err)
	}
	f := newFleet(1, 20)
	for p := range int32(3) {
		for _, topic := range []string{"a.topic", "it's another"} {
			b := f.block(10*int64(p), 10, noon, time.Second)
			b.Topic, b.Partition = topic, p
			for i := range b.Events {
				b.Events[i].Topic, b.Events[i].Partition = topic, p
			}
			insert(t, db, b)
		}
	}
	list, err := db.Audit(t.Context(), time.Time{})
	if err != nil || len(list) != 6 {
		t.Fatalf("%d partitions, %v", len(list), err)
	}
	for i, a := range list {
		if a.Partition != int32(i%3) || a.First != 10*int64(i%3) || a.Offsets != 10 || !a.Well() || !a.Since.Equal(noon) {
			t.Errorf("%d: %+v", i, a)
		}
	}
}
