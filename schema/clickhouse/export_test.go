package clickhouse

import (
	"fmt"
	"io"

	"github.com/ClickHouse/ch-go/proto"

	"github.com/tokenwatch/tokenwatch/schema"
)

// Encoder is what InsertBlock does before anything leaves the process, for its benchmark.
type Encoder struct {
	columns *eventColumns
	writer  *proto.Writer
}

// NewEncoder gives one with empty buffers.
func NewEncoder() *Encoder {
	return &Encoder{columns: newEventColumns(), writer: proto.NewWriter(io.Discard, new(proto.Buffer))}
}

// Encode turns events into the bytes of a block and tells how many there are.
func (e *Encoder) Encode(events []schema.Event) int {
	e.columns.fill(events)
	for _, c := range e.columns.columns() {
		c.data.WriteColumn(e.writer)
	}
	size, err := e.writer.Flush()
	if err != nil {
		panic(err) // nothing refuses what is discarded
	}
	e.columns.Reset()
	return int(size)
}

// Travel encodes events as a block and decodes the bytes again, without a server.
func Travel(events []schema.Event) ([]schema.Event, error) {
	out, in := newEventColumns(), newEventColumns()
	out.fill(events)
	arriving := in.columns()
	for i, c := range out.columns() {
		var b proto.Buffer
		if s, ok := c.data.(proto.StateEncoder); ok {
			s.EncodeState(&b)
		}
		c.data.EncodeColumn(&b)
		r := proto.NewReader(&b)
		if s, ok := arriving[i].data.(proto.StateDecoder); ok {
			if err := s.DecodeState(r); err != nil {
				return nil, fmt.Errorf("%s: %w", c.name, err)
			}
		}
		if err := arriving[i].data.DecodeColumn(r, len(events)); err != nil {
			return nil, fmt.Errorf("%s: %w", c.name, err)
		}
	}
	back := make([]schema.Event, len(events))
	for i := range events {
		back[i] = in.event(i)
	}
	return back, nil
}

// Words counts a LowCardinality column's values, rows, and bytes on the wire.
func Words(values []string) (distinct, rows, bytes int) {
	var w words
	for _, v := range values {
		w.Append(v)
	}
	var b proto.Buffer
	w.EncodeColumn(&b)
	return len(w.values), w.Rows(), len(b.Buf)
}

// Numbered gives a LowCardinality column's distinct values by their numbers, and each row's value, of the second block that is
// put into it: nothing of the first may be left.
func Numbered(first, second []string) (distinct, rows []string) {
	var w words
	for _, v := range first {
		w.Append(v)
	}
	w.Reset()
	for _, v := range second {
		w.Append(v)
	}
	for i := range w.Rows() {
		rows = append(rows, w.Row(i))
	}
	return w.values, rows
}
