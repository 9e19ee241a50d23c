package clickhouse

import "sync"

// shelf keeps column buffers between inserts: a block of 100,000 rows fills 30 MB of
// them. What is not used for a while is the garbage collector's.
type shelf struct{ pool sync.Pool }

func (s *shelf) events() *eventColumns {
	if c, ok := s.pool.Get().(*eventColumns); ok {
		return c
	}
	return newEventColumns()
}

func (s *shelf) putEvents(c *eventColumns) {
	for _, col := range c.columns() {
		col.data.Reset()
	}
	s.pool.Put(c)
}
