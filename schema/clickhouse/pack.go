package clickhouse

import (
	"github.com/tokenwatch/tokenwatch/schema"
)

// Pack gives empty columns for a block's events. InsertBlock sends them as they are. Whoever puts events down while they are made
// finds them in the processor's cache; those of a large block have left it when the block is complete.
func (db *DB) Pack() schema.Packed { return newEventColumns() }

// rowBytes is what an event takes in its columns, but for those of a length of their own.
const rowBytes = 176

// RowSize implements schema.Packed.
func (c *eventColumns) RowSize() int { return rowBytes }

// Len implements schema.Packed.
func (c *eventColumns) Len() int { return len(c.offset) }

// Cap implements schema.Packed.
func (c *eventColumns) Cap() int { return max(c.room, c.Len()) }

// Add implements schema.Packed.
func (c *eventColumns) Add(events []schema.Event) {
	for i := range events {
		c.append(&events[i])
	}
}

// fill adds many events. It makes room for all of them first: grown step by step, the columns of a large block are copied
// several times over, and what they grew out of is left to the garbage collector.
func (c *eventColumns) fill(events []schema.Event) {
	c.Grow(len(events))
	c.Add(events)
}

// Events implements schema.Packed.
func (c *eventColumns) Events(yield func(*schema.Event) bool) {
	path, requestID := c.path.each(), c.requestID.each()
	for i := range c.Len() {
		e := c.row(i)
		e.Path, e.RequestID = path(), requestID()
		if !yield(&e) {
			return
		}
	}
}

// Reset implements schema.Packed.
func (c *eventColumns) Reset() {
	for _, col := range c.columns() {
		col.data.Reset()
	}
}
