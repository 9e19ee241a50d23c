package clickhouse_test

import (
	"fmt"
	"math"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/schema"
	"github.com/tokenwatch/tokenwatch/schema/clickhouse"
)

// oddBlock is a block of ordinary events and of some with values at their edges.
func oddBlock() *schema.Block {
	b := newFleet(4, 30).block(0, 700, noon, time.Second)
	for i, e := range odd() {
		e.Topic, e.Partition, e.Offset, e.Item, e.Ingested = b.Topic, b.Partition, 700, uint32(i), b.Ingested
		b.Events = append(b.Events, e)
	}
	b.Events[3].Former, b.Events[9].Former = under(1, 1), under(1, 2)
	b.Last = 700
	return b
}

// packed is the same block with its events packed, a few at a time.
func packed(db *clickhouse.DB, b *schema.Block) *schema.Block {
	p := *b
	p.Packed, p.Events = db.Pack(), nil
	p.Packed.Grow(len(b.Events) / 3)
	for few := range slices.Chunk(b.Events, 7) {
		p.Packed.Add(few)
	}
	return &p
}

// A block is stored as one and the same whether its events come packed or not, and once if it comes in both ways.
func TestPackedBlock(t *testing.T) {
	b := oddBlock()
	loose, tight := migrated(t), migrated(t)
	half := packed(tight, b)
	half.Packed.Reset()
	half.Packed.Add(b.Events[:100])
	half.Events = b.Events[100:]
	for name, p := range map[string]*schema.Block{"packed": packed(tight, b), "half packed": half} {
		if have, want := p.Count(), len(b.Events); have != want {
			t.Errorf("%s: %d events, want %d", name, have, want)
		}
	}
	insert(t, loose, b)
	insert(t, tight, packed(tight, b), packed(tight, b), b, half)
	if have, want := contents(t, tight), contents(t, loose); have != want {
		t.Errorf("packed, the tables hold\n%s\nwant\n%s", have, want)
	}
	if have, want := ask(t, tight, "SELECT count() FROM token_renames"), ask(t, loose, "SELECT count() FROM token_renames"); have != want || have != "4" {
		t.Errorf("%s renames, want %s, and 4", have, want)
	}
	have, want := events(t, tight, b.Topic, b.Partition, -1, math.MaxInt64, time.Time{}), events(t, loose, b.Topic, b.Partition, -1, math.MaxInt64, time.Time{})
	if !slices.Equal(have, want) {
		t.Error("packed events are read back as others")
	}
}

// What is packed comes back as the table would give it, until it is forgotten.
func TestPackedEventsComeBack(t *testing.T) {
	b := oddBlock()
	p := packed(new(clickhouse.DB), b)
	for range 2 {
		u := p.Unpacked()
		if u.Packed != nil || len(u.Events) != len(b.Events) {
			t.Fatalf("%d events, want %d", len(u.Events), len(b.Events))
		}
		for i, e := range b.Events {
			if want := kept(e); u.Events[i] != want {
				t.Errorf("event %d:\n have %+v\n want %+v", i, u.Events[i], want)
			}
		}
		p.Packed.Reset()
		if p.Count() != 0 {
			t.Errorf("%d events after they were forgotten", p.Count())
		}
		p.Packed.Add(b.Events)
	}
}

// Ingest counts what blocks take in memory by what a row is said to take.
func TestRowSize(t *testing.T) {
	const rows = 100_000
	p := new(clickhouse.DB).Pack()
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	p.Grow(rows)
	after := heap()
	if p.Cap() != rows || p.Len() != 0 {
		t.Errorf("room for %d, with %d", p.Cap(), p.Len())
	}
	if have, said := (float64(after)-float64(before))/rows, float64(p.RowSize()); have < said*0.98 || have > said*1.05 {
		t.Errorf("a row takes %.1f bytes, and is said to take %.0f", have, said)
	}
	p.Add([]schema.Event{{}})
	if p.Grow(10); p.Cap() != rows {
		t.Errorf("there was room for 10 more, and now there is for %d", p.Cap())
	}
	if p.Grow(rows); fmt.Sprint(p.Cap(), p.Len()) != "100001 1" {
		t.Errorf("room for %d, with %d", p.Cap(), p.Len())
	}
}
