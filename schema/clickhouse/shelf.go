package clickhouse

import (
	"sync"
	"time"
)

// shelf keeps column buffers between inserts: a block of 100,000 rows fills 30 MB of them. There are never more than were
// in use at once. The one that was put back last is taken first, so that those which are not needed any more rest.
type shelf struct {
	mu    sync.Mutex
	spare []restingColumns // put back last, last
}

type restingColumns struct {
	*eventColumns
	since time.Time
}

// shelfLife is how long buffers rest before they are given up: longer than until the next blocks of partitions that are
// up to date, since what a block grows anew is copied, and collected, several times over.
const shelfLife = time.Minute

func (s *shelf) events() *eventColumns {
	s.mu.Lock()
	defer s.mu.Unlock()
	last := len(s.spare) - 1
	if last < 0 {
		return newEventColumns()
	}
	c := s.spare[last].eventColumns
	s.spare[last] = restingColumns{}
	s.spare = s.spare[:last]
	return c
}

func (s *shelf) putEvents(c *eventColumns) {
	c.Reset()
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.spare = append(s.spare, restingColumns{c, now})
	for now.Sub(s.spare[0].since) > shelfLife {
		s.spare[0] = restingColumns{}
		s.spare = s.spare[1:]
	}
}
