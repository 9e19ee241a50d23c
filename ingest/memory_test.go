package ingest_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"github.com/tokenwatch/tokenwatch/ingest"
	"github.com/tokenwatch/tokenwatch/schema"
)

// endless is a partition that has as many records as anybody reads.
type endless struct {
	claim
	number int32
}

func (e *endless) Partition() int32 { return e.number }
func (e *endless) HighWater() int64 { return 1 << 40 }

func (e *endless) Fetch(ctx context.Context, from int64, deliver func(int64, time.Time, []byte) error) error {
	for offset := max(from, 0); ctx.Err() == nil; offset++ {
		if err := deliver(offset, time.UnixMilli(1), []byte("x")); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// inMemory counts rows that were decoded and are not stored yet, and their texts.
type inMemory struct {
	rows, most, bytes, mostBytes atomic.Int64
	text                         string // of each event
}

func (m *inMemory) Decode(dst *schema.Block, _ []byte, pos ingest.Position) {
	dst.Events = append(dst.Events, schema.Event{Ingested: pos.At, Partition: pos.Partition, Offset: pos.Offset, Path: m.text})
	m.add(1)
}

func (m *inMemory) add(n int64) {
	highest(&m.most, m.rows.Add(n))
	highest(&m.mostBytes, m.bytes.Add(n*(int64(unsafe.Sizeof(schema.Event{}))+int64(len(m.text)))))
}

func highest(of *atomic.Int64, n int64) {
	for now := of.Load(); n > now && !of.CompareAndSwap(now, n); now = of.Load() {
	}
}

// slow is a store that takes a while for each block.
type slow struct {
	memory *inMemory
	pause  time.Duration
	mu     sync.Mutex
	stored map[int32]int64 // blocks by partition
	now    int
	most   int // blocks at a time
}

func (s *slow) InsertBlock(_ context.Context, b *schema.Block) error {
	s.mu.Lock()
	s.now++
	s.most = max(s.most, s.now)
	s.mu.Unlock()
	time.Sleep(s.pause)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now--
	s.stored[b.Partition]++
	s.memory.add(-int64(b.Count()))
	return nil
}

func (s *slow) least(partitions int) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	least := s.stored[0]
	for p := range partitions {
		least = min(least, s.stored[int32(p)])
	}
	return least
}

// However many partitions there are, and however slow the store is: what is held in memory is bounded, each
// partition gets on, and no more blocks are stored at a time than configured.
func TestMemoryOfAllPartitions(t *testing.T) {
	for _, c := range []struct {
		partitions, memory, inserts int
		text                        string
	}{
		{64, 6 << 20, 4, ""},
		{64, 6 << 20, 64, strings.Repeat("/long", 100)},
		{64, 1 << 20, 2, ""}, // less than a first step for each
		{1, 1 << 20, 1, ""},
		{8, 16 << 20, 4, ""},
	} {
		t.Run(fmt.Sprintf("%d partitions, %d MiB, %d inserts, texts of %d", c.partitions, c.memory>>20, c.inserts, len(c.text)), func(t *testing.T) {
			m := &inMemory{text: c.text}
			s := &slow{memory: m, pause: 3 * time.Millisecond, stored: map[int32]int64{}}
			p := pipeline(s, &sink{})
			p.Decoder = m
			p.Config.Rows, p.Config.Bytes, p.Config.FlushInterval = 1_000_000, 1<<30, 50*time.Millisecond
			p.Config.Memory, p.Config.Inserts = c.memory, c.inserts
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			var running sync.WaitGroup
			for n := range c.partitions {
				log := newLog()
				of := &endless{number: int32(n), claim: *log.claim()}
				log.owner = &of.claim
				running.Go(func() {
					if err := p.Run(ctx, of); err != nil {
						t.Error(err)
					}
				})
			}
			deadline := time.Now().Add(30 * time.Second)
			for s.least(c.partitions) < 3 && time.Now().Before(deadline) {
				time.Sleep(time.Millisecond)
			}
			cancel()
			running.Wait()
			if least := s.least(c.partitions); least < 3 {
				t.Errorf("a partition has stored only %d blocks", least)
			}
			if have := m.mostBytes.Load(); have > int64(c.memory) {
				t.Errorf("%d rows, %d bytes in memory, want at most %d bytes", m.most.Load(), have, c.memory)
			}
			if s.most > c.inserts {
				t.Errorf("%d blocks were stored at a time, want at most %d", s.most, c.inserts)
			}
		})
	}
}

// Blocks that have to be repeated as they were can be larger than the memory. They come one at a time.
func TestReplaysLargerThanTheMemory(t *testing.T) {
	const partitions, rows = 6, 5000
	m := &inMemory{}
	s := &slow{memory: m, pause: 3 * time.Millisecond, stored: map[int32]int64{}}
	p := pipeline(s, &sink{})
	p.Decoder, p.Config.Memory, p.Config.Rows = m, 1<<20, 100
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var running sync.WaitGroup
	for n := range partitions {
		log := newLog()
		log.committed, log.note = 0, fmt.Sprintf(`{"pending":[0,%d],"at":1735689600123}`, rows-1)
		of := &endless{number: int32(n), claim: *log.claim()}
		log.owner = &of.claim
		running.Go(func() {
			if err := p.Run(ctx, of); err != nil {
				t.Error(err)
			}
		})
	}
	for deadline := time.Now().Add(30 * time.Second); s.least(partitions) < 2 && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
	cancel()
	running.Wait()
	if least := s.least(partitions); least < 2 {
		t.Errorf("a partition has stored only %d blocks", least)
	}
	if most := m.most.Load(); most > 2*rows {
		t.Errorf("%d rows in memory at a time: replays of %d rows were not one after the other", most, rows)
	}
}

// What a lane may know before the store has it: events are shown to it while the store is away.
func TestEventsAreLookedAtBeforeTheyAreStored(t *testing.T) {
	s, h, log := newStore(t), newHandler(t), newLog(values(6)...)
	looked := make(chan struct{})
	s.fail = func(*schema.Block, int, bool) error {
		select {
		case <-looked:
			return nil
		case <-time.After(20 * time.Second):
			t.Error("nothing behind the block at hand was looked at while the store kept it waiting")
			return nil
		}
	}
	p := pipeline(s, h)
	done := make(chan struct{})
	defer close(done)
	go func() {
		for {
			h.mu.Lock()
			ahead := len(h.looked[0]) == 6
			h.mu.Unlock()
			if ahead {
				close(looked)
				return
			}
			select {
			case <-done:
				return
			case <-time.After(time.Millisecond):
			}
		}
	}()
	if err := runUntil(t, p, log.claim(), "all handled", func() bool { return len(h.offsets(0)) == 6 }); err != nil {
		t.Fatal(err)
	}
	if cuts := h.cuts[0]; !slices.Equal(cuts, []int64{3, 5}) {
		t.Errorf("cut at %v", cuts)
	}
}

// paced delivers records at a pace, from a log that has many more.
type paced struct {
	*claim
	each time.Duration
	end  int64
}

func (p *paced) HighWater() int64 { return p.end }

func (p *paced) Fetch(ctx context.Context, from int64, deliver func(int64, time.Time, []byte) error) error {
	for offset := max(from, 0); offset < p.end; offset++ {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(p.each):
		}
		if err := deliver(offset, time.UnixMilli(1), []byte("x")); err != nil {
			return err
		}
	}
	<-ctx.Done()
	return ctx.Err()
}

// A block that is due goes on growing while there is more in the log, but not for ever.
func TestBlocksGrowWhileThereIsMore(t *testing.T) {
	for _, c := range []struct {
		name  string
		end   int64         // of the log
		each  time.Duration // between two records
		least time.Duration
	}{
		{"all is read", 20, 0, 0},
		{"there is more", 1 << 30, time.Millisecond, 1200 * time.Millisecond},
	} {
		s, h, log := newStore(t), newHandler(t), newLog()
		p := pipeline(s, h)
		p.Config.Rows, p.Config.FlushInterval = 1_000_000, 300*time.Millisecond
		of := &paced{claim: log.claim(), each: c.each, end: c.end}
		begun := time.Now()
		if err := runUntil(t, p, of, "a block is stored", func() bool { return len(s.attempts()) > 0 }); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(begun); took < c.least {
			t.Errorf("%s: the first block was stored after %s, want at least %s", c.name, took, c.least)
		}
		if at := s.attempts()[0]; c.end == 20 && at.Last != 19 {
			t.Errorf("%s: the first block is [%d, %d]", c.name, at.First, at.Last)
		}
	}
}

// busy is a store that takes the blocks of a partition only when it is told to.
type busy struct {
	*store
	with    int32
	entered chan struct{} // it has such a block
	release chan struct{}
}

func (s *busy) InsertBlock(ctx context.Context, b *schema.Block) error {
	if b.Partition == s.with {
		close(s.entered)
		<-s.release
	}
	return s.store.InsertBlock(ctx, b)
}

// apart is a paced claim of another partition.
type apart struct {
	paced
	number int32
}

func (a *apart) Partition() int32 { return a.number }

// While the store is busy with one partition's block, those of others are due and go on growing, rather than to wait as they are.
func TestBlocksGrowWhileTheStoreIsBusy(t *testing.T) {
	s := &busy{store: newStore(t), with: 7, entered: make(chan struct{}), release: make(chan struct{})}
	h := newHandler(t)
	p := pipeline(s, h)
	p.Config.Rows, p.Config.Inserts = 1_000_000, 1
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var running sync.WaitGroup
	run := func(number int32, end int64, each time.Duration) {
		log := newLog()
		of := &apart{paced{claim: log.claim(), each: each, end: end}, number}
		running.Go(func() {
			if err := p.Run(ctx, of); err != nil {
				t.Error(err)
			}
		})
	}
	run(s.with, 1, 0)
	<-s.entered
	const records = 50
	run(0, records, 2*p.Config.FlushInterval) // several times as long in all as a record waits for others
	eventually(t, "all records are read", func() bool { return len(h.lookedAt(0)) == records })
	if n := len(s.attempts()); n != 0 {
		t.Errorf("%d blocks were stored while the store was busy", n)
	}
	close(s.release)
	eventually(t, "they are stored", func() bool { return len(s.offsets(0)) == records })
	cancel()
	running.Wait()
	for _, b := range s.attempts() {
		if b.Partition == 0 && (b.First != 0 || b.Last != records-1) {
			t.Errorf("block [%d, %d], want one of all %d records", b.First, b.Last, records)
		}
	}
}
