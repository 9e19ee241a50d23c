package backtest

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/tokenwatch/tokenwatch/schema"
)

// Scratch is a file that a Sorter may use as it likes.
type Scratch interface {
	io.Writer
	io.ReaderAt
}

// Sorter brings events into the order of time, however they come: files of several gateways,
// one after the other, or a file that is sorted by token. Events of the same millisecond
// keep the order in which they came.
//
//	Add ─► memory ──full──► run on disk ─┐
//	                        run on disk ─┼─► merge ─► Each
//	                        ...         ─┘
//
// Its memory is bounded. What does not fit goes to the disk in runs that are in order by themselves,
// and runs that continue one another are one: events that come in order are one run. Events of which
// memory can hold all never see the disk.
type Sorter struct {
	scratch func() (Scratch, error)
	memory  int
	record  recorder
	buf     []byte
	keys    []key
	sorted  bool  // the events in memory
	newest  int64 // of all so far
	file    Scratch
	end     int64 // of what was written
	runs    []stretch

	from, to time.Time
	count    int
	late     int
}

// key is where an event stands in memory.
type key struct {
	at     int64 // milliseconds since 1970
	offset uint32
}

// stretch is where a run stands in the file.
type stretch struct {
	begin, end  int64
	first, last int64 // event times
}

// DefaultMemory holds some half a million events.
const DefaultMemory = 64 << 20

// NewSorter makes a Sorter that keeps as many bytes of events in memory. It asks for its scratch file
// when it needs one; whoever gives it removes it.
func NewSorter(memory int, scratch func() (Scratch, error)) *Sorter {
	return &Sorter{scratch: scratch, memory: min(memory, 1<<30), record: recorder{words: newWords()}, sorted: true}
}

// Len is how many events were added.
func (s *Sorter) Len() int { return s.count }

// Span is the time of the earliest and of the latest event.
func (s *Sorter) Span() (from, to time.Time) { return s.from, s.to }

// Late is how many events came behind a later one.
func (s *Sorter) Late() int { return s.late }

// Spilt reports whether events had to go to the disk.
func (s *Sorter) Spilt() bool { return s.file != nil }

// Add takes in an event.
func (s *Sorter) Add(e *schema.Event) error {
	at := e.Time.UnixMilli()
	switch {
	case s.count == 0:
		s.from, s.to, s.newest = e.Time, e.Time, at
	case at < s.newest:
		s.late++
		s.sorted = s.sorted && (len(s.keys) == 0 || at >= s.keys[len(s.keys)-1].at)
	}
	if e.Time.Before(s.from) {
		s.from = e.Time
	}
	if e.Time.After(s.to) {
		s.to = e.Time
	}
	s.newest = max(s.newest, at)
	s.count++
	s.keys = append(s.keys, key{at, uint32(len(s.buf))})
	s.buf = s.record.append(s.buf, e)
	if len(s.buf)+len(s.keys)*16 >= s.memory {
		return s.spill()
	}
	return nil
}

// arrange sorts what is in memory.
func (s *Sorter) arrange() {
	if !s.sorted {
		slices.SortFunc(s.keys, func(a, b key) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.offset, b.offset)) })
	}
}

// spill writes what is in memory to the disk.
func (s *Sorter) spill() error {
	if len(s.keys) == 0 {
		return nil
	}
	if s.file == nil {
		file, err := s.scratch()
		if err != nil {
			return fmt.Errorf("making room to sort events: %w", err)
		}
		s.file = file
	}
	ends := s.ends()
	s.arrange()
	begin := s.end
	var out []byte
	for i, k := range s.keys {
		record := s.buf[k.offset:ends(k)]
		out = binary.AppendUvarint(out, uint64(len(record)))
		out = append(out, record...)
		if len(out) < 1<<20 && i+1 < len(s.keys) {
			continue
		}
		n, err := s.file.Write(out)
		if s.end += int64(n); err != nil {
			return fmt.Errorf("writing events to sort: %w", err)
		}
		out = out[:0]
	}
	s.note(stretch{begin: begin, end: s.end, first: s.keys[0].at, last: s.keys[len(s.keys)-1].at})
	s.buf, s.keys, s.sorted = s.buf[:0], s.keys[:0], true
	return nil
}

// ends gives the function that says where an event in memory ends: where the one that came after it begins.
func (s *Sorter) ends() func(key) uint32 {
	if s.sorted {
		i := 0
		return func(key) uint32 {
			if i++; i < len(s.keys) {
				return s.keys[i].offset
			}
			return uint32(len(s.buf))
		}
	}
	starts := make([]uint32, len(s.keys), len(s.keys)+1)
	for i, k := range s.keys {
		starts[i] = k.offset
	}
	starts = append(starts, uint32(len(s.buf)))
	return func(k key) uint32 {
		i, _ := slices.BinarySearch(starts, k.offset)
		return starts[i+1]
	}
}

// note adds a run, or makes the one before it longer.
func (s *Sorter) note(r stretch) {
	if n := len(s.runs); n > 0 && r.first >= s.runs[n-1].last {
		s.runs[n-1].end, s.runs[n-1].last = r.end, r.last
		return
	}
	s.runs = append(s.runs, r)
}

// Each calls use for all events in the order of time. The event is valid until use returns.
func (s *Sorter) Each(use func(*schema.Event) error) error {
	if s.file != nil {
		if err := s.spill(); err != nil {
			return err
		}
		return s.merge(use)
	}
	ends := s.ends()
	s.arrange()
	var e schema.Event
	for _, k := range s.keys {
		if err := s.record.read(s.buf[k.offset:ends(k)], &e); err != nil {
			return err
		}
		if err := use(&e); err != nil {
			return err
		}
	}
	return nil
}
