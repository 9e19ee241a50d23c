package clickhouse

import (
	"encoding/binary"

	"github.com/ClickHouse/ch-go/proto"
)

// textColumn is a String column. ch-go's own keeps rows and lengths apart and puts them together
// when a block is sent, string by string; here they are put down as they are sent, and
// sent without another copy.
type textColumn struct {
	proto.ColStr // of a block that was read
	sent         []byte
	rows         int
}

// Append adds a row.
func (c *textColumn) Append(v string) {
	c.sent = append(binary.AppendUvarint(c.sent, uint64(len(v))), v...)
	c.rows++
}

// Rows is the number of rows, appended or read.
func (c *textColumn) Rows() int { return c.rows + c.ColStr.Rows() }

// Reset forgets all rows.
func (c *textColumn) Reset() {
	c.ColStr.Reset()
	c.sent, c.rows = c.sent[:0], 0
}

// EncodeColumn writes the rows that were appended.
func (c *textColumn) EncodeColumn(b *proto.Buffer) { b.Buf = append(b.Buf, c.sent...) }

// WriteColumn is EncodeColumn for a vectored write.
func (c *textColumn) WriteColumn(w *proto.Writer) { w.ChainWrite(c.sent) }
