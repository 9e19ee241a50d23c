package ingest

import (
	"context"
	"reflect"
	"slices"
	"sync"

	"github.com/tokenwatch/tokenwatch/schema"
)

// memory is what all blocks of a process may take together, over all partitions: those that
// are being filled, those that are being stored, and empty ones that are kept for the next.
//
// A partition begins its block with what it is known to need, and waits in line for that: one that is behind for a
// whole block, so that what is late is stored in few and large ones; one that is up to date for a small
// step, which goes first. What turns out to be needed beyond that is asked for without waiting: when there
// is no more, or somebody waits in line, the block is complete as it is and goes to the store. So nobody
// who holds memory waits for any, and what is held comes back as fast as the store takes blocks.
//
// A block that has to be what it was before, in a replay, cannot be cut short. It may exceed the limit, and
// there is one such block at a time.
type memory struct {
	rows   int                  // that a block has at most
	packed func() schema.Packed // nil: events stay as they are
	size   sizes
	most   int64         // that anybody waits for
	replay chan struct{} // held by whoever replays

	mu    sync.Mutex
	left  int64      // nobody's
	spare []*room    // empty blocks, the one used last at the end
	small []*waiting // in line for no more than a few steps
	large []*waiting // in line for more
}

// waiting is a place in line.
type waiting struct {
	want int64
	turn chan *room
}

// room is a block and the memory that it may take.
type room struct {
	block  *schema.Block
	size   sizes
	held   int64
	texts  int64 // bytes of what is in block beside its rows
	replay bool  // holds memory.replay
}

var (
	eventSize  = int64(reflect.TypeFor[schema.Event]().Size())
	letterSize = int64(reflect.TypeFor[schema.DeadLetter]().Size())
	gapSize    = int64(reflect.TypeFor[schema.Missing]().Size())
)

const (
	// firstEvents is how many events a block has room for at least.
	firstEvents = 512
	// firstTexts is what is set aside for the texts of an event before they are known, bytes.
	firstTexts = 128
	// fewSteps is up to how many steps a block counts as small.
	fewSteps = 8
)

// sizes are what a block takes, bytes.
type sizes struct {
	row   int64 // of each event
	aside int64 // whatever it holds
}

// step is the least memory that a block begins with.
func (s sizes) step() int64 { return s.of(firstEvents) }

func (s sizes) of(events int) int64 { return int64(events)*(s.row+firstTexts) + s.aside }

// events is how many a block of that size has room for.
func (s sizes) events(size int64) int { return int((size - s.aside) / (s.row + firstTexts)) }

// newMemory makes a limit of so many bytes for blocks of so many rows. Half of it is enough for anybody to begin with, so
// that a partition fills a block while another's is being stored: of partitions that are behind, few and large blocks cost
// the store less than many at a time.
func newMemory(limit int64, rows int, packed func() schema.Packed) *memory {
	m := &memory{rows: rows, packed: packed, size: sizes{row: eventSize}, replay: make(chan struct{}, 1)}
	if packed != nil {
		m.size = sizes{row: int64(packed().RowSize()), aside: packEvery * eventSize}
	}
	m.most, m.left = max(limit/2, m.size.step()), max(limit, m.size.step())
	return m
}

// begin gives an empty block with room for so many events, or as many as are possible, and waits in line for it
// if it has to.
func (m *memory) begin(ctx context.Context, events int, replay bool) (*room, error) {
	if replay {
		select {
		case m.replay <- struct{}{}:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	r, err := m.next(ctx, min(max(m.size.of(min(events, m.rows)), m.size.step()), m.most))
	if err != nil {
		if replay {
			<-m.replay
		}
		return nil, err
	}
	r.replay = replay
	return r, nil
}

func (m *memory) next(ctx context.Context, want int64) (*room, error) {
	r, place := m.ask(want)
	if r != nil {
		return r, nil
	}
	select {
	case r := <-place.turn:
		return r, nil
	case <-ctx.Done():
		m.leave(place)
		return nil, ctx.Err()
	}
}

// ask gives a block, or else a place in line.
func (m *memory) ask(want int64) (*room, *waiting) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := len(m.spare) - 1; i >= 0; i-- {
		if r := m.spare[i]; r.suits(want) {
			m.spare = slices.Delete(m.spare, i, i+1)
			return r, nil
		}
	}
	line := m.line(want)
	if len(m.small) == 0 && len(*line) == 0 && m.free(want) {
		m.left -= want
		return m.newRoom(want), nil
	}
	place := &waiting{want: want, turn: make(chan *room, 1)}
	*line = append(*line, place)
	return nil, place
}

func (m *memory) line(want int64) *[]*waiting {
	if want <= fewSteps*m.size.step() {
		return &m.small
	}
	return &m.large
}

// free sees whether there is as much memory, for which it lets go of spare blocks.
func (m *memory) free(n int64) bool {
	for m.left < n && len(m.spare) > 0 {
		m.left += m.spare[0].held
		m.spare = slices.Delete(m.spare, 0, 1)
	}
	return m.left >= n
}

func (m *memory) newRoom(size int64) *room {
	return &room{block: m.furnished(&schema.Block{}, m.size.events(size)), size: m.size, held: size}
}

// furnished gives a block room for so many events.
func (m *memory) furnished(b *schema.Block, events int) *schema.Block {
	if m.packed == nil {
		b.Events = make([]schema.Event, 0, events)
		return b
	}
	if b.Packed == nil {
		b.Packed = m.packed()
	}
	if b.Packed.Grow(events); b.Events == nil {
		b.Events = make([]schema.Event, 0, packEvery)
	}
	return b
}

// leave gives up a place in line, and the block, if there was one that very moment.
func (m *memory) leave(place *waiting) {
	m.mu.Lock()
	defer m.mu.Unlock()
	line := m.line(place.want)
	if i := slices.Index(*line, place); i >= 0 {
		*line = slices.Delete(*line, i, i+1)
		m.serve() // who stood behind may need less
		return
	}
	m.put(<-place.turn)
}

// grow sees to it that what is in a block is paid for, and that more fits in. It reports
// false when the block has to do with what it has.
func (m *memory) grow(r *room) bool {
	events := r.capacity()
	if r.block.Count() >= events {
		events = max(firstEvents, min(2*events, max(m.rows, events)))
	} else if r.takes() <= r.held {
		return true
	}
	want := int64(events)*r.size.row + r.size.aside + max(2*r.texts, int64(events)*firstTexts) +
		2*int64(cap(r.block.DeadLetters))*letterSize + 2*int64(cap(r.block.Missing))*gapSize
	if want > r.held {
		if !m.take(want-r.held) && !r.replay {
			return false
		}
		r.held = want
	}
	if events > r.capacity() {
		r.enlarge(events)
	}
	return true
}

// enlarge makes room for so many events in all.
func (r *room) enlarge(events int) {
	if r.block.Packed != nil {
		r.pack()
		r.block.Packed.Grow(events - r.block.Packed.Len())
		return
	}
	larger := make([]schema.Event, len(r.block.Events), events)
	copy(larger, r.block.Events)
	r.block.Events = larger
}

// take takes n bytes if they are there and nobody waits for a block.
func (m *memory) take(n int64) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.small)+len(m.large) > 0 || !m.free(n) {
		return false
	}
	m.left -= n
	return true
}

// end takes a block back that is done with.
func (m *memory) end(r *room) {
	if r == nil {
		return
	}
	if recycle(r.block); m.packed != nil && r.block.Packed == nil {
		m.furnished(r.block, 0)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if r.replay {
		r.replay = false
		<-m.replay
	}
	m.put(r)
}

// put gives the block to who waits for one like it, keeps it for the next, or serves those in line with its memory.
func (m *memory) put(r *room) {
	r.texts = 0
	step := m.size.step()
	kept := max(step, r.takes()+int64(r.capacity())*firstTexts)
	if kept > r.held { // it has grown larger than it was allowed to, for a single record or a replay
		r.block, kept = m.furnished(&schema.Block{}, 0), min(step, r.held)
	}
	m.left += r.held - kept
	r.held = kept
	switch {
	case len(m.small)+len(m.large) == 0:
		m.spare = append(m.spare, r)
	case len(m.small) == 0 && r.suits(m.large[0].want):
		first := m.large[0]
		m.large = slices.Delete(m.large, 0, 1)
		first.turn <- r
		m.serve() // with what the block had beyond that
	default:
		m.left += r.held
		m.serve()
	}
}

// suits tells whether the block is what somebody wants, and not much more.
func (r *room) suits(want int64) bool { return r.held >= want && r.held <= fewSteps*want }

// serve gives those in line their turn as far as the memory goes: first those who need little, who cannot use up what
// the others wait for, since they get no more than they asked for while anybody waits.
func (m *memory) serve() {
	for _, line := range []*[]*waiting{&m.small, &m.large} {
		for len(*line) > 0 && m.left >= (*line)[0].want {
			first := (*line)[0]
			*line = slices.Delete(*line, 0, 1)
			m.left -= first.want
			first.turn <- m.newRoom(first.want)
		}
	}
}

// takes is what the block takes as it is, all that its slices have room for included.
func (r *room) takes() int64 {
	return int64(r.capacity())*r.size.row + r.size.aside + int64(cap(r.block.DeadLetters))*letterSize +
		int64(cap(r.block.Missing))*gapSize + r.texts
}

// count adds the texts of what was appended to the block since it had so many rows. Texts that many
// events share are not counted: they stand in caches that are bounded themselves.
func (r *room) count(events, letters int) {
	for i := events; i < len(r.block.Events); i++ {
		r.texts += int64(len(r.block.Events[i].Path) + len(r.block.Events[i].RequestID))
	}
	for i := letters; i < len(r.block.DeadLetters); i++ {
		r.texts += int64(len(r.block.DeadLetters[i].Payload) + len(r.block.DeadLetters[i].Detail))
	}
}
