package schema

import "unsafe"

// Texts makes strings of bytes that will be overwritten, many in one piece of memory. The zero value is ready for use.
type Texts struct {
	room []byte
}

// Sizes of a piece, bytes. A string keeps its piece alive, so that one is small beside a block.
const (
	leastTexts = 256
	mostTexts  = 64 << 10
)

// Copy makes a string of its own. It is valid until Reuse.
func (t *Texts) Copy(b []byte) string {
	if len(b) == 0 {
		return ""
	}
	if cap(t.room)-len(t.room) < len(b) {
		t.room = make([]byte, 0, max(len(b), min(2*cap(t.room), mostTexts), leastTexts))
	}
	from := len(t.room)
	t.room = append(t.room, b...)
	return unsafe.String(&t.room[from], len(b))
}

// Reuse gives the memory of all strings that were made to those that will be. Nobody may look at them any more. Memory that was
// written a moment ago is still near the processor: strings in memory that nobody has touched cost three times as much.
func (t *Texts) Reuse() { t.room = t.room[:0] }
