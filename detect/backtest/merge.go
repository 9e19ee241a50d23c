package backtest

import (
	"bufio"
	"container/heap"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/tokenwatch/tokenwatch/schema"
)

// merge reads all runs side by side and uses the earliest event of them, again and again.
func (s *Sorter) merge(use func(*schema.Event) error) error {
	var open cursors
	for i, r := range s.runs {
		c := &cursor{number: i, from: bufio.NewReaderSize(io.NewSectionReader(s.file, r.begin, r.end-r.begin), 64<<10), record: &s.record}
		if more, err := c.next(); err != nil {
			return err
		} else if more {
			open = append(open, c)
		}
	}
	heap.Init(&open)
	for len(open) > 0 {
		c := open[0]
		if err := use(&c.event); err != nil {
			return err
		}
		more, err := c.next()
		if err != nil {
			return err
		}
		if more {
			heap.Fix(&open, 0)
		} else {
			heap.Pop(&open)
		}
	}
	return nil
}

// cursor reads a run.
type cursor struct {
	number int
	from   *bufio.Reader
	record *recorder
	buf    []byte
	event  schema.Event
	at     int64
}

// next reads the run's next event and reports whether there was one.
func (c *cursor) next() (bool, error) {
	size, err := binary.ReadUvarint(c.from)
	if errors.Is(err, io.EOF) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("reading sorted events: %w", err)
	}
	if uint64(cap(c.buf)) < size {
		c.buf = make([]byte, size)
	}
	c.buf = c.buf[:size]
	if _, err := io.ReadFull(c.from, c.buf); err != nil {
		return false, fmt.Errorf("reading sorted events: %w", err)
	}
	if err := c.record.read(c.buf, &c.event); err != nil {
		return false, err
	}
	c.at = c.event.Time.UnixMilli()
	return true, nil
}

// cursors are a heap: the earliest event first, and of equal ones that of the earliest run.
type cursors []*cursor

func (h cursors) Len() int { return len(h) }

func (h cursors) Less(i, j int) bool {
	if h[i].at != h[j].at {
		return h[i].at < h[j].at
	}
	return h[i].number < h[j].number
}

func (h cursors) Swap(i, j int) { h[i], h[j] = h[j], h[i] }

func (h *cursors) Push(x any) { *h = append(*h, x.(*cursor)) }

func (h *cursors) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}
