package clickhouse

import (
	"encoding/binary"

	"github.com/ClickHouse/ch-go/proto"
)

// textColumn is a String column. ch-go's own keeps rows and lengths apart and puts them together
// when a block is sent, string by string; here they are put down as they are sent, and
// sent without another copy. They are put down in pieces: one buffer would be copied as often as it grew, each time into memory that
// nobody had touched yet, which took longer than putting the texts down.
type textColumn struct {
	proto.ColStr          // of a block that was read
	full         [][]byte // pieces
	open         []byte   // the piece that rows are put into
	spare        [][]byte // empty pieces, of blocks before
	rows         int
}

// Sizes of a piece, bytes: small at first, for the many blocks of a quiet topic. A row stands within one piece, so one that is longer has its own.
const (
	leastPiece = 1 << 10
	mostPiece  = 64 << 10
)

// Append adds a row.
func (c *textColumn) Append(v string) {
	if cap(c.open)-len(c.open) < len(v)+binary.MaxVarintLen64 {
		c.turn(len(v) + binary.MaxVarintLen64)
	}
	c.open = append(binary.AppendUvarint(c.open, uint64(len(v))), v...)
	c.rows++
}

// turn begins a piece with room for so many bytes.
func (c *textColumn) turn(size int) {
	if len(c.open) > 0 {
		c.full = append(c.full, c.open)
	}
	if last := len(c.spare) - 1; last >= 0 && size <= mostPiece {
		c.open, c.spare = c.spare[last], c.spare[:last]
		return
	}
	c.open = make([]byte, 0, max(size, min(2*cap(c.open), mostPiece), leastPiece))
}

// pieces are the rows as they are sent.
func (c *textColumn) pieces(yield func([]byte) bool) {
	for _, piece := range c.full {
		if !yield(piece) {
			return
		}
	}
	if len(c.open) > 0 {
		yield(c.open)
	}
}

// each gives the rows that were appended, one after the other.
func (c *textColumn) each() func() string {
	var (
		piece []byte
		texts string // piece, as the strings that are given are part of
		next  int
		at    int
	)
	return func() string {
		if at == len(piece) {
			if piece = c.open; next < len(c.full) {
				piece = c.full[next]
			}
			texts, next, at = string(piece), next+1, 0
		}
		size, width := binary.Uvarint(piece[at:])
		from := at + width
		at = from + int(size)
		return texts[from:at]
	}
}

// Rows is the number of rows, appended or read.
func (c *textColumn) Rows() int { return c.rows + c.ColStr.Rows() }

// Reset forgets all rows, and keeps the pieces of full size.
func (c *textColumn) Reset() {
	c.ColStr.Reset()
	for piece := range c.pieces {
		if cap(piece) == mostPiece {
			c.spare = append(c.spare, piece[:0])
		}
	}
	clear(c.full)
	c.full, c.open, c.rows = c.full[:0], nil, 0
}

// EncodeColumn writes the rows that were appended.
func (c *textColumn) EncodeColumn(b *proto.Buffer) {
	for piece := range c.pieces {
		b.Buf = append(b.Buf, piece...)
	}
}

// WriteColumn is EncodeColumn for a vectored write.
func (c *textColumn) WriteColumn(w *proto.Writer) {
	for piece := range c.pieces {
		w.ChainWrite(piece)
	}
}
