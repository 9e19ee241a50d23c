package ingest_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/ingest"
	"github.com/tokenwatch/tokenwatch/schema"
)

func TestEveryRecordIsStoredAndHandledOnceInOrder(t *testing.T) {
	s, h, log := newStore(t), newHandler(t), newLog(values(101)...)
	p := pipeline(s, h)
	err := runUntil(t, p, log.claim(), "all records are committed", func() bool { offset, _ := log.group(); return offset == 101 })
	if err != nil {
		t.Fatal(err)
	}
	if got := s.offsets(0); !slices.Equal(got, upTo(101)) {
		t.Errorf("stored %v", got)
	}
	if got := h.offsets(0); !slices.Equal(got, upTo(101)) {
		t.Errorf("handled %v", got)
	}
	if offset, note := log.group(); offset != 101 || note != "" {
		t.Errorf("committed %d %q at the end, want nothing pending", offset, note)
	}
	for _, b := range s.attempts() {
		if b.Last-b.First >= 4 {
			t.Errorf("block [%d, %d] is larger than four rows", b.First, b.Last)
		}
	}
}

// The intent is committed before the block it announces is stored.
func TestIntentPrecedesTheInsert(t *testing.T) {
	s, h, log := newStore(t), newHandler(t), newLog(values(20)...)
	s.fail = func(b *schema.Block, _ int, stored bool) error {
		want := fmt.Sprintf(`{"pending":[%d,%d],"at":%d}`, b.First, b.Last, b.Ingested.UnixMilli())
		if offset, note := log.group(); offset != b.First || note != want {
			t.Errorf("inserting [%d, %d] with %d %s committed", b.First, b.Last, offset, note)
		}
		return nil
	}
	err := runUntil(t, pipeline(s, h), log.claim(), "all stored", func() bool { return len(h.offsets(0)) == 20 })
	if err != nil {
		t.Fatal(err)
	}
}

// An insert that worked and yet failed is repeated as the same block, with the same time.
func TestUnknownOutcomeIsRepeatedAsTheSameBlock(t *testing.T) {
	s, h, log := newStore(t), newHandler(t), newLog(values(8)...)
	s.fail = func(_ *schema.Block, attempt int, stored bool) error {
		if stored && attempt <= 2 {
			return errors.New("connection reset by peer")
		}
		return nil
	}
	err := runUntil(t, pipeline(s, h), log.claim(), "all handled", func() bool { return len(h.offsets(0)) == 8 })
	if err != nil {
		t.Fatal(err)
	}
	if got := s.offsets(0); !slices.Equal(got, upTo(8)) {
		t.Errorf("stored %v", got)
	}
	attempts := s.attempts()
	for i := range 2 {
		if attempts[i+1].First != attempts[0].First || attempts[i+1].Last != attempts[0].Last || attempts[i+1].Ingested != attempts[0].Ingested {
			t.Errorf("attempt %d is %+v, the first was %+v", i+2, attempts[i+1], attempts[0])
		}
	}
}

// While the store is away the pipeline says so, and reads at most one block ahead.
func TestStoreAway(t *testing.T) {
	s, h, log := newStore(t), newHandler(t), newLog(values(100)...)
	away := make(chan struct{})
	s.fail = func(*schema.Block, int, bool) error {
		select {
		case <-away:
			return nil
		default:
			return errors.New("connection refused")
		}
	}
	var decoded atomic.Int32
	p := pipeline(s, h)
	p.Decoder = counting{&decoded}
	var status ingest.PartitionStatus
	err := runUntil(t, p, log.claim(), "everything after the store is back", func() bool {
		for _, now := range p.Status() {
			if now.Stalled != nil && status.Stalled == nil && len(s.attempts()) >= 2 {
				status = now
				if n := decoded.Load(); n > 8 {
					t.Errorf("%d records were taken in while the store is away, want two blocks of four at most", n)
				}
				close(away)
			}
		}
		return len(h.offsets(0)) == 100
	})
	if err != nil {
		t.Fatal(err)
	}
	if status.Stalled == nil || !strings.Contains(status.Stalled.Error(), "connection refused") || status.Lag() != 100 {
		t.Errorf("status while away: %+v, lag %d", status, status.Lag())
	}
}

type counting struct{ n *atomic.Int32 }

func (c counting) Decode(dst *schema.Block, value []byte, pos ingest.Position) {
	c.n.Add(1)
	words{}.Decode(dst, value, pos)
}

func TestTakeover(t *testing.T) {
	at := time.UnixMilli(1735689600123).UTC()
	for _, c := range []struct {
		name      string
		committed int64
		note      string
		resumed   int64
		first     schema.Block // the first block stored
	}{
		{"nothing committed", -1, "", 0, schema.Block{First: 0, Last: 3}},
		{"nothing pending", 5, "", 5, schema.Block{First: 5, Last: 8}},
		{"a range pending", 5, `{"pending":[5,11],"at":1735689600123}`, 5, schema.Block{First: 5, Last: 11, Ingested: at}},
		{"one record pending", 5, `{"pending":[5,5],"at":1735689600123}`, 5, schema.Block{First: 5, Last: 5, Ingested: at}},
		{"offsets moved by hand", 7, "", 7, schema.Block{First: 7, Last: 10}},
		{"a note of somebody else", 5, "consumer-1", 5, schema.Block{First: 5, Last: 8}},
		{"a note for another offset", 5, `{"pending":[4,11],"at":1735689600123}`, 5, schema.Block{First: 5, Last: 8}},
		{"a note that ends before it begins", 5, `{"pending":[5,4],"at":1735689600123}`, 5, schema.Block{First: 5, Last: 8}},
		{"a note without a time", 5, `{"pending":[5,11]}`, 5, schema.Block{First: 5, Last: 8}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, h, log := newStore(t), newHandler(t), newLog(values(40)...)
			log.committed, log.note = c.committed, c.note
			err := runUntil(t, pipeline(s, h), log.claim(), "the end", func() bool { offset, _ := log.group(); return offset == 40 })
			if err != nil {
				t.Fatal(err)
			}
			first := s.attempts()[0]
			if first.First != c.first.First || first.Last != c.first.Last {
				t.Errorf("first block [%d, %d], want [%d, %d]", first.First, first.Last, c.first.First, c.first.Last)
			}
			if !c.first.Ingested.IsZero() && !first.Ingested.Equal(c.first.Ingested) {
				t.Errorf("ingested %v, want %v", first.Ingested, c.first.Ingested)
			}
			if !slices.Equal(h.resumed, []int64{c.resumed}) {
				t.Errorf("resumed at %v, want %d", h.resumed, c.resumed)
			}
			if got := s.offsets(0); !slices.Equal(got, upTo(40)[max(0, c.committed):]) {
				t.Errorf("stored %v", got)
			}
		})
	}
}

func TestHolesTombstonesAndDeadLetters(t *testing.T) {
	log := newLog(hole, "a", "", "bad", hole, hole, "b", "", "", hole, "c", "", hole)
	s, h := newStore(t), newHandler(t)
	missing := &missed{}
	p := pipeline(s, h)
	p.Observer = missing
	err := runUntil(t, p, log.claim(), "the end", func() bool { offset, _ := log.group(); return offset == 12 })
	if err != nil {
		t.Fatal(err)
	}
	if got := s.offsets(0); !slices.Equal(got, []int64{1, 3, 6, 10}) {
		t.Errorf("stored %v", got)
	}
	if got := h.offsets(0); !slices.Equal(got, []int64{1, 6, 10}) {
		t.Errorf("handled %v", got)
	}
	if !slices.Equal(missing.holes, []gap{{4, 6}, {9, 10}}) || missing.lost != nil {
		t.Errorf("missing %v, lost %v", missing.holes, missing.lost)
	}
}

type missed struct {
	quiet
	holes, lost []gap
}

func (m *missed) Missing(_ string, _ int32, from, to int64, lost bool) {
	if lost {
		m.lost = append(m.lost, gap{from, to})
		return
	}
	m.holes = append(m.holes, gap{from, to})
}

type quiet struct{}

func (quiet) Looked(string, int32, time.Time) {}

func (quiet) Fetched(string, int32, int, int64)              {}
func (quiet) Missing(string, int32, int64, int64, bool)      {}
func (quiet) Stored(*schema.Block, time.Time, time.Duration) {}
func (quiet) Retried(string, int32, error)                   {}
func (quiet) Handled(*schema.Block, time.Duration)           {}

// What retention deleted is reported, and work goes on behind it; a pending range keeps its name.
func TestRetentionOvertakesThePipeline(t *testing.T) {
	for _, c := range []struct {
		name      string
		committed int64
		note      string
		start     int64
		lost      gap
		first     [2]int64
	}{
		{"while nothing was pending", 3, "", 9, gap{3, 9}, [2]int64{9, 12}},
		{"part of the pending range", 3, `{"pending":[3,12],"at":1735689600123}`, 9, gap{3, 9}, [2]int64{3, 12}},
		{"all of the pending range", 3, `{"pending":[3,7],"at":1735689600123}`, 9, gap{3, 9}, [2]int64{9, 12}},
		{"a topic that was created again", 30, `{"pending":[30,35],"at":1735689600123}`, 0, gap{30, 30}, [2]int64{0, 3}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, h, log := newStore(t), newHandler(t), newLog(values(20)...)
			log.committed, log.note, log.start = c.committed, c.note, c.start
			h.next[0] = -1
			missing := &missed{}
			p := pipeline(s, anyOrder{h})
			p.Observer = missing
			err := runUntil(t, p, log.claim(), "the end", func() bool { offset, note := log.group(); return offset == 20 && note == "" })
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(missing.lost, []gap{c.lost}) {
				t.Errorf("lost %v, want %v", missing.lost, c.lost)
			}
			if first := s.attempts()[0]; [2]int64{first.First, first.Last} != c.first {
				t.Errorf("first block [%d, %d], want %v", first.First, first.Last, c.first)
			}
			if got := s.offsets(0); !slices.Equal(got, upTo(20)[c.start:]) {
				t.Errorf("stored %v", got)
			}
		})
	}
}

// The log was cut off within the pending range: what is left of it is stored, and what comes next is not lost.
func TestLogThatEndsWithinThePendingRange(t *testing.T) {
	for _, have := range []int{5, 8} {
		s, h, log := newStore(t), newHandler(t), newLog(values(have)...)
		log.committed, log.note = 5, `{"pending":[5,1000000],"at":1735689600123}`
		p := pipeline(s, h)
		p.Config.FlushInterval = time.Millisecond
		ready := func() bool { offset, note := log.group(); return have == 5 || offset == 8 && note == "" }
		if err := runUntil(t, p, log.claim(), "what is left is committed", ready); err != nil {
			t.Fatal(err)
		}
		if got := s.offsets(0); !slices.Equal(got, upTo(int64(have))[5:]) {
			t.Errorf("stored %v", got)
		}
	}
}

// anyOrder is a handler that does not mind a topic that begins again.
type anyOrder struct{ *handler }

func (a anyOrder) Resume(ctx context.Context, topic string, partition int32, _ int64) (ingest.Lane, error) {
	return a.handler.Resume(ctx, topic, partition, -1)
}

func TestErrorsThatEndARun(t *testing.T) {
	broken := errors.New("no such table")
	for _, c := range []struct {
		name  string
		spoil func(*ingest.Pipeline, *store, *handler, *claim)
		want  error
		next  int64 // committed afterwards
	}{
		{"an insert that is of no use to repeat", func(p *ingest.Pipeline, s *store, _ *handler, _ *claim) {
			p.Retryable = func(error) bool { return false }
			s.fail = func(b *schema.Block, _ int, _ bool) error {
				if b.First == 4 {
					return broken
				}
				return nil
			}
		}, broken, 4},
		{"a handler that fails", func(_ *ingest.Pipeline, _ *store, h *handler, _ *claim) {
			h.fail = func(b *schema.Block) error {
				if b.First == 8 {
					return broken
				}
				return nil
			}
		}, broken, 8},
		{"a commit that is refused", func(_ *ingest.Pipeline, _ *store, _ *handler, c *claim) {
			c.fail = func(offset int64, _ string, done bool) error {
				if offset == 4 && !done {
					return errFenced
				}
				return nil
			}
		}, errFenced, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, h, log := newStore(t), newHandler(t), newLog(values(20)...)
			p, claim := pipeline(s, h), log.claim()
			c.spoil(p, s, h, claim)
			if err := p.Run(t.Context(), claim); !errors.Is(err, c.want) {
				t.Errorf("Run: %v, want %v", err, c.want)
			}
			if offset, _ := log.group(); offset != c.next {
				t.Errorf("committed %d, want %d", offset, c.next)
			}
			if len(p.Status()) != 0 {
				t.Errorf("still has a status: %+v", p.Status())
			}
			s.fail, h.fail, p.Retryable = nil, nil, nil
			err := runUntil(t, p, log.claim(), "the end", func() bool { offset, _ := log.group(); return offset == 20 })
			if err != nil {
				t.Fatal(err)
			}
			if got := s.offsets(0); !slices.Equal(got, upTo(20)) {
				t.Errorf("stored %v", got)
			}
		})
	}
}

// A stop stores what was read, and commits behind it.
func TestGracefulStop(t *testing.T) {
	s, h, log := newStore(t), newHandler(t), newLog(values(40)...)
	ctx, cancel := context.WithCancel(t.Context())
	s.fail = func(b *schema.Block, _ int, stored bool) error {
		if b.First == 8 && !stored {
			cancel()
			time.Sleep(20 * time.Millisecond)
		}
		return nil
	}
	if err := pipeline(s, h).Run(ctx, log.claim()); err != nil {
		t.Errorf("Run: %v", err)
	}
	offset, note := log.group()
	if offset < 12 || offset > 16 || note != "" {
		t.Errorf("committed %d %q, want the block at hand and at most one more, and nothing pending", offset, note)
	}
	if got := h.offsets(0); !slices.Equal(got, upTo(offset)) {
		t.Errorf("handled %v", got)
	}
	if looked := h.looked[0]; !slices.Equal(looked, upTo(offset)) {
		t.Errorf("looked at %v, which is not what was stored", looked)
	}
}

// A stop does not wait for a store that stays away longer than the grace; the next owner
// repeats the block.
func TestStopWhileTheStoreIsAway(t *testing.T) {
	s, h, log := newStore(t), newHandler(t), newLog(values(10)...)
	ctx, cancel := context.WithCancel(t.Context())
	s.fail = func(*schema.Block, int, bool) error { cancel(); return errors.New("connection refused") }
	p := pipeline(s, h)
	p.Config.Grace = 50 * time.Millisecond
	err := p.Run(ctx, log.claim())
	if err == nil || !strings.Contains(err.Error(), "ingest.block.grace") {
		t.Errorf("Run: %v, want it to name the grace", err)
	}
	first := s.attempts()[0]
	s.fail = nil
	if err := runUntil(t, p, log.claim(), "the end", func() bool { offset, _ := log.group(); return offset == 10 }); err != nil {
		t.Fatal(err)
	}
	for _, b := range s.attempts() {
		if b.First == 0 && (b.Last != first.Last || b.Ingested != first.Ingested) {
			t.Errorf("repeated as %+v, was %+v", b, first)
		}
	}
	if got := s.offsets(0); !slices.Equal(got, upTo(10)) {
		t.Errorf("stored %v", got)
	}
}

// With little traffic a record waits for the flush interval and not longer.
func TestALoneRecordIsFlushed(t *testing.T) {
	s, h, log := newStore(t), newHandler(t), newLog("alone")
	p := pipeline(s, h)
	p.Config.Rows = 1000
	p.Config.FlushInterval = 100 * time.Millisecond
	begun := time.Now()
	if err := runUntil(t, p, log.claim(), "it is stored", func() bool { return len(s.rows()) == 1 }); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(begun); took < 90*time.Millisecond || took > 2*time.Second {
		t.Errorf("took %v, want about 100ms", took)
	}
}

func TestBlockConfigValidate(t *testing.T) {
	if err := ingest.DefaultBlockConfig().Validate(); err != nil {
		t.Errorf("defaults: %v", err)
	}
	for key, spoil := range map[string]func(*ingest.BlockConfig){
		"ingest.block.rows":           func(c *ingest.BlockConfig) { c.Rows = 0 },
		"ingest.block.bytes":          func(c *ingest.BlockConfig) { c.Bytes = 10 },
		"ingest.block.flush_interval": func(c *ingest.BlockConfig) { c.FlushInterval = time.Hour },
		"ingest.block.memory":         func(c *ingest.BlockConfig) { c.Memory = 1 << 10 },
		"ingest.block.inserts":        func(c *ingest.BlockConfig) { c.Inserts = 0 },
		"ingest.block.grace":          func(c *ingest.BlockConfig) { c.Grace = -1 },
	} {
		c := ingest.DefaultBlockConfig()
		spoil(&c)
		if err := c.Validate(); err == nil || !strings.HasPrefix(err.Error(), key+": ") {
			t.Errorf("%s: %v", key, err)
		}
	}
}

// Whatever note somebody committed: the pipeline goes on at the offset and stores what there is, once.
func FuzzCommittedNote(f *testing.F) {
	for _, note := range []string{"", "x", `{"pending":[3,5],"at":1}`, `{"pending":[3,9000000000000000000],"at":1}`, `{"pending":[3,-1],"at":-1}`,
		`{"pending":[3],"at":1}`, `{"pending":null}`, `{"pending":[3,5],"at":9223372036854775807}`, `[]`} {
		f.Add(note)
	}
	f.Fuzz(func(t *testing.T, note string) {
		s, h, log := newStore(t), newHandler(t), newLog(values(12)...)
		log.committed, log.note = 3, note
		p := pipeline(s, h)
		p.Config.FlushInterval = time.Millisecond
		err := runUntil(t, p, log.claim(), "the end", func() bool { offset, note := log.group(); return offset == 12 && note == "" })
		if err != nil {
			t.Fatal(err)
		}
		if got := s.offsets(0); !slices.Equal(got, upTo(12)[3:]) {
			t.Errorf("note %q: stored %v", note, got)
		}
	})
}
