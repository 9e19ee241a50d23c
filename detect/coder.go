package detect

import (
	"encoding/binary"
	"errors"
	"math"
	"slices"
)

// errState is returned for stored state that cannot be what Snapshot wrote.
var errState = errors.New("stored profile is damaged or of another version")

// coder writes values to a buffer, or reads them back when reading is set, so that a
// layout is described once and cannot differ between the two. After an error it does
// nothing more. Numbers are varints: most are small.
type coder struct {
	buf     []byte
	reading bool
	err     error
	texts   *texts
	spelt   map[string]string // read before, so that what many profiles say is in memory once; may be nil
}

// maxSpelt bounds what is remembered of strings while profiles come back.
const maxSpelt = 1 << 16

// write returns the state that code writes, in memory of its own.
func (c *coder) write(code func(*coder)) []byte {
	c.buf = append(c.buf[:0], stateVersion)
	code(c)
	return slices.Clone(c.buf)
}

func (c *coder) fail() { c.err, c.buf = errState, nil }

func (c *coder) int64(v *int64) {
	if !c.reading {
		c.buf = binary.AppendVarint(c.buf, *v)
		return
	}
	n, size := binary.Varint(c.buf)
	if size <= 0 {
		c.fail()
		return
	}
	*v, c.buf = n, c.buf[size:]
}

// number codes any integer type, and refuses values that do not fit.
func number[T ~int | ~int32 | ~uint8 | ~uint16 | ~uint32 | ~uint64](c *coder, v *T) {
	n := int64(*v)
	c.int64(&n)
	if *v = T(n); int64(*v) != n {
		c.fail()
	}
}

func (c *coder) bool(v *bool) {
	n := uint8(0)
	if *v {
		n = 1
	}
	number(c, &n)
	*v = n != 0
}

func (c *coder) float(v *float64) {
	if !c.reading {
		c.buf = binary.LittleEndian.AppendUint64(c.buf, math.Float64bits(*v))
		return
	}
	if len(c.buf) < 8 {
		c.fail()
		return
	}
	*v, c.buf = math.Float64frombits(binary.LittleEndian.Uint64(c.buf)), c.buf[8:]
	if math.IsNaN(*v) || math.IsInf(*v, 0) {
		c.fail()
	}
}

// small codes a float32 in its four bytes.
func (c *coder) small(v *float32) {
	if !c.reading {
		c.buf = binary.LittleEndian.AppendUint32(c.buf, math.Float32bits(*v))
		return
	}
	if len(c.buf) < 4 {
		c.fail()
		return
	}
	*v, c.buf = math.Float32frombits(binary.LittleEndian.Uint32(c.buf)), c.buf[4:]
	if math.IsNaN(float64(*v)) || math.IsInf(float64(*v), 0) {
		c.fail()
	}
}

func (c *coder) degrees(v *float32) {
	wide := float64(*v)
	c.float(&wide)
	*v = float32(wide)
}

// count codes a sparse table's weight: a varint when it is a whole number, which it is
// until a cohort is halved.
func (c *coder) count(v *float64) {
	whole := int64(*v)
	exact := float64(whole) == *v && whole >= 0
	tag := int64(-1)
	if exact {
		tag = whole
	}
	c.int64(&tag)
	if tag < 0 {
		c.float(v)
	} else {
		*v = float64(tag)
	}
}

func (c *coder) string(v *string) {
	n := len(*v)
	c.length(&n)
	if !c.reading {
		c.buf = append(c.buf, *v...)
		return
	}
	if n > len(c.buf) {
		c.fail()
		return
	}
	*v, c.buf = c.spell(c.buf[:n]), c.buf[n:]
}

// spell makes a string, or finds the same one that was read before.
func (c *coder) spell(b []byte) string {
	if s, known := c.spelt[string(b)]; known {
		return s
	}
	s := string(b)
	if c.spelt != nil && len(c.spelt) < maxSpelt {
		c.spelt[s] = s
	}
	return s
}

// text codes a text as its string; read, it is held.
func (c *coder) text(v *text) {
	if !c.reading {
		s := c.texts.of(*v)
		c.string(&s)
		return
	}
	var s string
	if c.string(&s); c.err == nil {
		*v = c.texts.hold(s)
	}
}

// bytes codes as many bytes as there are.
func (c *coder) bytes(v []byte) {
	switch {
	case !c.reading:
		c.buf = append(c.buf, v...)
	case len(v) > len(c.buf):
		c.fail()
	default:
		c.buf = c.buf[copy(v, c.buf):]
	}
}

// length codes the length of what follows. No element takes less than a byte, so a
// length beyond the buffer is damage, and is refused before memory is taken for it.
func (c *coder) length(n *int) {
	number(c, n)
	if c.reading && (*n < 0 || *n > len(c.buf)) {
		c.fail()
		*n = 0
	}
}

// list codes a slice, element by element.
func list[T any](c *coder, s *[]T, each func(*coder, *T)) {
	n := len(*s)
	c.length(&n)
	if c.reading {
		*s = make([]T, n)
	}
	for i := range *s {
		if c.err != nil {
			return
		}
		each(c, &(*s)[i])
	}
}
