package ingest_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/ingest"
	"github.com/tokenwatch/tokenwatch/schema"
)

// kept is a schema.Packed that keeps copies.
type kept struct {
	events []schema.Event
	room   int
}

const keptSize = 100

func (k *kept) Len() int     { return len(k.events) }
func (k *kept) Cap() int     { return max(k.room, len(k.events)) }
func (k *kept) Grow(n int)   { k.room = max(k.room, len(k.events)+n) }
func (k *kept) RowSize() int { return keptSize }
func (k *kept) Reset()       { k.events = k.events[:0] }

func (k *kept) Add(events []schema.Event) {
	for _, e := range events {
		e.Path = strings.Clone(e.Path) // its memory is somebody else's next
		k.events = append(k.events, e)
	}
}

// Events gives one after the other in the same place, as they are valid until the next.
func (k *kept) Events(yield func(*schema.Event) bool) {
	var e schema.Event
	for _, e = range k.events {
		if !yield(&e) {
			return
		}
	}
}

// packing is a store that has events packed.
type packing struct{ *store }

func (packing) Pack() schema.Packed { return &kept{} }

func (p packing) InsertBlock(ctx context.Context, b *schema.Block) error {
	if b.Packed != nil && len(b.Events) > 0 {
		p.t.Errorf("block [%d, %d]: %d events are not packed", b.First, b.Last, len(b.Events))
	}
	return p.store.InsertBlock(ctx, b.Unpacked())
}

// flocks makes as many events of a record as it is long.
type flocks struct{}

func (flocks) Decode(dst *schema.Block, value []byte, pos ingest.Position) {
	for item := range len(value) {
		dst.Events = append(dst.Events, schema.Event{Ingested: pos.At, Partition: pos.Partition, Offset: pos.Offset, Item: uint32(item), Path: dst.Texts.Copy(value[:1])})
	}
}

// Events are packed while a block is filled: all of them, in their order, once each has been looked at, however many a record has.
func TestEventsArePacked(t *testing.T) {
	var records []string
	var want []int64
	for i := range 600 {
		size := 1 + i%3
		if i%100 == 50 {
			size = 700
		}
		records = append(records, strings.Repeat(string(rune('a'+i%26)), size))
		for range size {
			want = append(want, int64(i))
		}
	}
	for _, rows := range []int{1, 100, 1000, 1_000_000} {
		s, h, log := newStore(t), newHandler(t), newLog(records...)
		p := pipeline(packing{s}, h)
		p.Decoder, p.Config.Rows = flocks{}, rows
		err := runUntil(t, p, log.claim(), "the end", func() bool { offset, note := log.group(); return offset == 600 && note == "" })
		if err != nil {
			t.Fatal(err)
		}
		if have := s.offsets(0); !slices.Equal(have, want) {
			t.Errorf("blocks of %d rows: %d events are stored, want %d", rows, len(have), len(want))
		}
		for _, r := range s.rows() {
			if r.text != records[r.offset][:1] {
				t.Fatalf("blocks of %d rows: offset %d holds %q, want %q", rows, r.offset, r.text, records[r.offset][:1])
			}
		}
		if !slices.Equal(h.looked[0], want) {
			t.Errorf("blocks of %d rows: %d events were looked at, want %d", rows, len(h.looked[0]), len(want))
		}
	}
}

// A packed block that is refused is taken apart as any other.
func TestRefusedRowsOfPackedBlocks(t *testing.T) {
	words := values(300)
	s, h, log := newStore(t), newHandler(t), newLog(words...)
	s.fail = poisonous(words[7], words[250])
	p := refusing(s, h)
	p.Store, p.Config.Rows = packing{s}, 200
	err := runUntil(t, p, log.claim(), "the end", func() bool {
		offset, note := log.group()
		return offset == 300 && note == "" && !h.knows([]int{7, 250})
	})
	if err != nil {
		t.Fatal(err)
	}
	if have := s.offsets(0); !slices.Equal(have, upTo(300)) {
		t.Errorf("%d rows are stored, want 300: %v", len(have), have)
	}
	for _, r := range s.rows() {
		if dead := strings.HasPrefix(r.text, "dead: "); dead != (r.offset == 7 || r.offset == 250) {
			t.Errorf("offset %d: %s", r.offset, r.text)
		}
	}
}

// slowPacking is slow, and has events packed.
type slowPacking struct{ *slow }

func (slowPacking) Pack() schema.Packed { return &kept{} }

// Of packed events as many are held as find room packed, and no more.
func TestMemoryOfPackedEvents(t *testing.T) {
	const memory = 4 << 20
	m := &inMemory{}
	s := &slow{memory: m, pause: 20 * time.Millisecond, stored: map[int32]int64{}}
	p := pipeline(slowPacking{s}, &sink{})
	p.Decoder = m
	p.Config.Rows, p.Config.FlushInterval, p.Config.Memory = 1_000_000, 50*time.Millisecond, memory
	log := newLog()
	of := &endless{claim: *log.claim()}
	log.owner = &of.claim
	if err := runUntil(t, p, of, "some blocks are stored", func() bool { return s.least(1) >= 5 }); err != nil {
		t.Fatal(err)
	}
	if most := m.most.Load(); most*keptSize > memory || most < memory/keptSize/4 {
		t.Errorf("%d events were held at a time, %d bytes, of %d", most, most*keptSize, memory)
	}
}

// Events that were packed are re-keyed as they would have been.
func TestPackedEventsAreRekeyed(t *testing.T) {
	b := rekeyBlock(3, 0, 2000, rekeyBegun)
	packed := *b
	packed.Packed, packed.Events = &kept{}, nil
	packed.Packed.Add(b.Events[:1500])
	packed.Events = b.Events[1500:]
	if packed.Count() != len(b.Events) {
		t.Errorf("%d events, want %d", packed.Count(), len(b.Events))
	}
	have, want := ingest.Rekey(&packed, 4), ingest.Rekey(b, 4)
	for partition := range want {
		if !slices.EqualFunc(have[partition], want[partition], slices.Equal) {
			t.Errorf("partition %d: other records", partition)
		}
	}
	seen := 0
	for range packed.All() {
		if seen++; seen == 10 {
			break
		}
	}
	if seen != 10 {
		t.Errorf("%d events after the end of the loop", seen)
	}
}
