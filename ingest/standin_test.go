package ingest_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/ingest"
	"github.com/tokenwatch/tokenwatch/schema"
)

// The stand-ins of this file fail as they are told to, which no real store does.

// words makes an event of each value, a dead letter of "bad", and nothing of an empty one.
type words struct{}

func (words) Decode(dst *schema.Block, value []byte, pos ingest.Position) {
	switch string(value) {
	case "":
	case "bad":
		dst.DeadLetters = append(dst.DeadLetters, schema.DeadLetter{
			Ingested: pos.At, Topic: pos.Topic, Partition: pos.Partition, Offset: pos.Offset, Reason: "bad_word",
		})
	default:
		dst.Events = append(dst.Events, schema.Event{
			Ingested: pos.At, Topic: pos.Topic, Partition: pos.Partition, Offset: pos.Offset, Path: string(value),
		})
	}
}

// row is what a store keeps of an event or a dead letter.
type row struct {
	partition int32
	offset    int64
	text      string
	ingested  time.Time
}

// store keeps a block once, by its name, as ClickHouse does with a deduplication token.
type store struct {
	mu      sync.Mutex
	blocks  map[string][]row
	inserts []schema.Block // every attempt, without rows
	// fail is asked before and after a block takes effect; stored tells which.
	fail func(b *schema.Block, attempt int, stored bool) error
	t    testing.TB
}

func newStore(t testing.TB) *store { return &store{blocks: map[string][]row{}, t: t} }

func (s *store) InsertBlock(_ context.Context, b *schema.Block) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.inserts = append(s.inserts, schema.Block{Topic: b.Topic, Partition: b.Partition, First: b.First, Last: b.Last, Ingested: b.Ingested})
	if err := s.failure(b, false); err != nil {
		return err
	}
	name := fmt.Sprintf("%s:%d:%d-%d", b.Topic, b.Partition, b.First, b.Last)
	rows := rowsOf(b)
	if known, ok := s.blocks[name]; ok && !slices.Equal(known, rows) {
		s.t.Errorf("block %s is not what it was: %d rows %v, before %d rows %v", name, len(rows), rows, len(known), known)
	}
	s.blocks[name] = rows
	return s.failure(b, true)
}

func (s *store) failure(b *schema.Block, stored bool) error {
	if s.fail == nil {
		return nil
	}
	return s.fail(b, len(s.inserts), stored)
}

func rowsOf(b *schema.Block) []row {
	var rows []row
	for _, e := range b.Events {
		rows = append(rows, row{e.Partition, e.Offset, e.Path, e.Ingested})
	}
	for _, d := range b.DeadLetters {
		rows = append(rows, row{d.Partition, d.Offset, "dead: " + d.Reason, d.Ingested})
	}
	slices.SortFunc(rows, func(a, b row) int { return int(a.offset - b.offset) })
	return rows
}

// offsets are all stored offsets of a partition in order, with repeats.
func (s *store) offsets(partition int32) []int64 {
	var offsets []int64
	for _, r := range s.rows() {
		if r.partition == partition {
			offsets = append(offsets, r.offset)
		}
	}
	slices.Sort(offsets)
	return offsets
}

func (s *store) rows() []row {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Concat(slices.Collect(maps.Values(s.blocks))...)
}

func (s *store) attempts() []schema.Block {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.inserts)
}

// handler notes what it is told, and that it is told in order.
type handler struct {
	mu      sync.Mutex
	resumed []int64
	looked  map[int32][]int64 // offsets of events in the order they were looked at, since the partition was resumed
	cuts    map[int32][]int64
	handled map[int32][]int64 // offsets of events, in the order they came
	next    map[int32]int64   // where the next block has to begin; -1 anywhere
	fail    func(b *schema.Block) error
	t       testing.TB
}

func newHandler(t testing.TB) *handler {
	return &handler{looked: map[int32][]int64{}, cuts: map[int32][]int64{}, handled: map[int32][]int64{}, next: map[int32]int64{}, t: t}
}

func (h *handler) Resume(_ context.Context, _ string, partition int32, next int64) (ingest.Lane, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.resumed = append(h.resumed, next)
	h.next[partition] = next
	h.looked[partition], h.cuts[partition] = nil, nil
	return &lane{handler: h, partition: partition}, nil
}

// lane is a handler's view of one partition.
type lane struct {
	*handler
	partition int32
}

func (l *lane) Look(events []schema.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range events {
		l.looked[l.partition] = append(l.looked[l.partition], e.Offset)
	}
}

func (l *lane) Cut(last int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if seen := l.looked[l.partition]; len(seen) > 0 && seen[len(seen)-1] > last {
		l.t.Errorf("partition %d: cut at offset %d after offset %d was looked at", l.partition, last, seen[len(seen)-1])
	}
	l.cuts[l.partition] = append(l.cuts[l.partition], last)
}

func (h *handler) Handle(_ context.Context, b *schema.Block) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.fail != nil {
		if err := h.fail(b); err != nil {
			return err
		}
	}
	if b.First < h.next[b.Partition] {
		h.t.Errorf("partition %d: block [%d, %d] after offset %d was handled", b.Partition, b.First, b.Last, h.next[b.Partition]-1)
	}
	h.next[b.Partition] = b.Last + 1
	for _, e := range b.Events {
		if !slices.Contains(h.looked[b.Partition], e.Offset) {
			h.t.Errorf("partition %d: offset %d is handled and was not looked at", b.Partition, e.Offset)
		}
		h.handled[b.Partition] = append(h.handled[b.Partition], e.Offset)
	}
	return nil
}

func (h *handler) offsets(partition int32) []int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.handled[partition])
}

func (h *handler) lookedAt(partition int32) []int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.looked[partition])
}

// topicLog is one partition and what the group keeps about it. Claims come and go.
type topicLog struct {
	mu        sync.Mutex
	values    []string // by offset; hole is none
	start     int64    // first offset that retention left
	committed int64
	note      string
	owner     *claim
}

const hole = "\x00hole"

func newLog(values ...string) *topicLog { return &topicLog{values: values, committed: -1} }

func (l *topicLog) claim() *claim {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.owner = &claim{log: l}
	return l.owner
}

func (l *topicLog) group() (int64, string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.committed, l.note
}

var errFenced = errors.New("fenced")

type claim struct {
	log *topicLog
	// fail is asked before and after a commit takes effect.
	fail func(offset int64, note string, done bool) error
}

func (c *claim) Topic() string    { return "t" }
func (c *claim) Partition() int32 { return 0 }
func (c *claim) HighWater() int64 { return int64(len(c.log.values)) }

func (c *claim) Committed(context.Context) (int64, string, error) {
	offset, note := c.log.group()
	return offset, note, nil
}

func (c *claim) Commit(_ context.Context, offset int64, note string) error {
	if err := c.failure(offset, note, false); err != nil {
		return err
	}
	c.log.mu.Lock()
	if c.log.owner != c {
		c.log.mu.Unlock()
		return errFenced
	}
	c.log.committed, c.log.note = offset, note
	c.log.mu.Unlock()
	return c.failure(offset, note, true)
}

func (c *claim) failure(offset int64, note string, done bool) error {
	if c.fail == nil {
		return nil
	}
	return c.fail(offset, note, done)
}

type gap struct{ from, to int64 }

func (g gap) Error() string       { return fmt.Sprintf("offsets %d to %d are gone", g.from, g.to-1) }
func (g gap) Gap() (int64, int64) { return g.from, g.to }

func (c *claim) Fetch(ctx context.Context, from int64, deliver func(int64, time.Time, []byte) error) error {
	if from < 0 {
		from = c.log.start
	}
	switch {
	case from < c.log.start:
		return gap{from, c.log.start}
	case from > int64(len(c.log.values)):
		return gap{from, c.log.start}
	}
	for offset := from; offset < int64(len(c.log.values)); offset++ {
		if c.log.values[offset] == hole {
			continue
		}
		if err := deliver(offset, time.UnixMilli(1), []byte(c.log.values[offset])); err != nil {
			return err
		}
	}
	<-ctx.Done()
	return ctx.Err()
}

// pipeline has small blocks, since tests have few records.
func pipeline(s ingest.Store, h ingest.Handler) *ingest.Pipeline {
	return &ingest.Pipeline{
		Config:  ingest.BlockConfig{Rows: 4, Bytes: 1 << 20, FlushInterval: 5 * time.Millisecond, Memory: 64 << 20, Inserts: 2, Grace: 5 * time.Second},
		Decoder: words{}, Store: s, Handler: h, Log: slog.New(slog.DiscardHandler),
	}
}

func values(n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprint("value ", i)
	}
	return all
}

func upTo(n int64) []int64 {
	all := make([]int64, n)
	for i := range all {
		all[i] = int64(i)
	}
	return all
}

// runUntil runs the pipeline until the condition holds, then stops it.
func runUntil(t testing.TB, p *ingest.Pipeline, c ingest.Claim, what string, holds func() bool) error {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	result := make(chan error, 1)
	go func() { result <- p.Run(ctx, c) }()
	for deadline := time.Now().Add(20 * time.Second); !holds(); time.Sleep(time.Millisecond) {
		select {
		case err := <-result:
			if holds() {
				return err
			}
			return fmt.Errorf("ended before %s: %w", what, err)
		default:
		}
		if time.Now().After(deadline) {
			t.Fatalf("not within 20 s: %s", what)
		}
	}
	cancel()
	return <-result
}

// stalling is a store in front of which, or behind which, a process can be made to hang.
type stalling struct {
	*store
	stall func(b *schema.Block, stored bool)
}

func (s *stalling) InsertBlock(ctx context.Context, b *schema.Block) error {
	s.stall(b, false)
	err := s.store.InsertBlock(ctx, b)
	s.stall(b, true)
	return err
}

func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within 20 s: %s", what)
		}
	}
}
