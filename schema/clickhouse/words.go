package clickhouse

import (
	"encoding/binary"
	"math"
	"slices"
	"unsafe"

	"github.com/ClickHouse/ch-go/proto"
)

// words is a LowCardinality(String) column: each distinct value once, and a number per
// row. ch-go's own looks each row's value up in a map, and an event has a dozen such
// columns. Here a value that ingest interned is recognised by its address; the map is
// asked only for strings that were not met at that address before: less than half the time
// for 2,000 values in no order (BenchmarkWords), less for fewer.
//
// The dictionary lives as long as one block, so it holds at most one block's values.
type words struct {
	numbers map[string]uint32
	values  []string     // by number
	rows    []uint16     // by row
	wide    []uint32     // by row, instead of rows, from when there are more numbers than it could tell apart
	last    meeting      // of the row before: many columns say the same again and again
	met     [][2]meeting // the one that came last goes first
	empty   uint32       // 1 more than the number of the empty string; 0: there was none
	missed  int          // since met is as large as it is
}

// Pairs of places: a string may have been met in either of two, so that few take each other's. They are few at first, and
// grow with the number of values, powers of two.
const (
	leastMet = 32
	mostMet  = 2048
)

// meeting is a string that was met, and its number. It is as short as can be: most of what looking one up costs is bringing
// its place near the processor, and a pair of them lies within one line of its cache.
type meeting struct {
	at     *byte // keeps the address from being another string's; without one nothing was met
	size   uint32
	number uint32
}

// as is the meeting of a string with a number.
func as(v string, number uint32) meeting {
	return meeting{unsafe.StringData(v), uint32(len(v)), number}
}

// Append adds a row.
func (w *words) Append(v string) {
	if !w.last.was(v) {
		w.next(v)
	}
	if w.wide == nil && w.last.number <= math.MaxUint16 {
		w.rows = append(w.rows, uint16(w.last.number))
		return
	}
	w.widen()
	w.wide = append(w.wide, w.last.number)
}

// widen makes room for larger numbers. Few blocks have a column of that many values.
func (w *words) widen() {
	if w.wide == nil {
		w.wide = widened(make([]uint32, 0, cap(w.rows)), w.rows)
	}
}

// was reports whether this is the string that was met, by its address. An empty one has none.
func (m *meeting) was(v string) bool {
	return m.at == unsafe.StringData(v) && int(m.size) == len(v) && len(v) > 0
}

// next meets a string that is another one than the last.
func (w *words) next(v string) {
	if len(v) == 0 {
		w.last = meeting{number: w.nothing()}
		return
	}
	if len(w.met) > 0 {
		pair := &w.met[slot(v)&uint64(len(w.met)-1)]
		if pair[0].was(v) {
			w.last = pair[0]
			return
		}
		if pair[1].was(v) {
			w.last = pair[1]
			return
		}
	}
	w.last = as(v, w.meet(v))
}

// nothing gives the number of the empty string, which has no address, and in some columns is nearly all there is.
func (w *words) nothing() uint32 {
	if w.empty == 0 {
		w.empty = w.number("") + 1
	}
	return w.empty - 1
}

// meet gives the number of a string that was not met at its address.
func (w *words) meet(v string) uint32 {
	if w.missed++; w.missed > len(w.met) && len(w.met) < mostMet {
		w.met, w.missed = make([][2]meeting, max(leastMet, 4*len(w.met))), 0
	}
	number := w.number(v)
	pair := &w.met[slot(v)&uint64(len(w.met)-1)]
	pair[0], pair[1] = as(v, number), pair[0]
	return number
}

// slot mixes a string's address and length: two strings at one address have one content.
func slot(v string) uint64 {
	h := uint64(uintptr(unsafe.Pointer(unsafe.StringData(v)))) + uint64(len(v))
	return h * 0x9E3779B97F4A7C15 >> 32
}

func (w *words) number(v string) uint32 {
	n, known := w.numbers[v]
	if known {
		return n
	}
	if w.numbers == nil {
		w.numbers = make(map[string]uint32)
	}
	n = uint32(len(w.values))
	w.numbers[v] = n
	w.values = append(w.values, v)
	return n
}

// Row is row i's value.
func (w *words) Row(i int) string {
	if w.wide != nil {
		return w.values[w.wide[i]]
	}
	return w.values[w.rows[i]]
}

// Rows is the number of rows.
func (w *words) Rows() int { return max(len(w.rows), len(w.wide)) }

// Type is LowCardinality(String).
func (w *words) Type() proto.ColumnType {
	return proto.ColumnTypeLowCardinality.Sub(proto.ColumnTypeString)
}

// Reset forgets rows and values, whose strings may be part of large buffers.
func (w *words) Reset() {
	clear(w.numbers)
	clear(w.values)
	w.values, w.rows, w.wide = w.values[:0], w.rows[:0], nil
	clear(w.met)
	w.last, w.empty = meeting{}, 0
}

// The wire format of a LowCardinality column: a version, then for each block flags with
// the width of the numbers, the dictionary, and the numbers.
const (
	wordsVersion = 1
	wordsFlags   = 1<<9 | 1<<10 // the dictionary comes along and replaces the last one
)

// EncodeState writes what precedes the column.
func (w *words) EncodeState(b *proto.Buffer) { b.PutInt64(wordsVersion) }

// EncodeColumn writes the dictionary and the rows' numbers.
func (w *words) EncodeColumn(b *proto.Buffer) {
	width := w.width()
	b.PutInt64(wordsFlags | width)
	b.PutInt64(int64(len(w.values)))
	for _, v := range w.values {
		b.PutString(v)
	}
	rows := w.Rows()
	b.PutInt64(int64(rows))
	from := len(b.Buf)
	b.Buf = slices.Grow(b.Buf, rows<<width)[:from+rows<<width]
	to := b.Buf[from:]
	switch width {
	case 0:
		for i, n := range w.rows {
			to[i] = byte(n)
		}
	case 1:
		for i, n := range w.rows {
			binary.LittleEndian.PutUint16(to[2*i:], n)
		}
	default:
		for i, n := range w.wide {
			binary.LittleEndian.PutUint32(to[4*i:], n)
		}
	}
}

// width is the logarithm of the bytes that one number takes.
func (w *words) width() int64 {
	switch n := len(w.values); {
	case n <= math.MaxUint8+1:
		return 0
	case n <= math.MaxUint16+1:
		return 1
	default:
		return 2
	}
}

// WriteColumn is EncodeColumn for a vectored write.
func (w *words) WriteColumn(to *proto.Writer) { to.ChainBuffer(w.EncodeColumn) }

// DecodeState reads what precedes the column.
func (w *words) DecodeState(r *proto.Reader) error {
	return (&proto.ColLowCardinalityRaw{Index: new(proto.ColStr)}).DecodeState(r)
}

// DecodeColumn reads what EncodeColumn writes, whatever the width.
func (w *words) DecodeColumn(r *proto.Reader, rows int) error {
	dictionary := new(proto.ColStr)
	raw := proto.ColLowCardinalityRaw{Index: dictionary}
	if err := raw.DecodeColumn(r, rows); err != nil {
		return err
	}
	w.Reset()
	for i := range dictionary.Rows() {
		w.values = append(w.values, dictionary.Row(i))
	}
	switch raw.Key {
	case proto.KeyUInt8:
		w.rows = widened(w.rows, raw.Keys8)
	case proto.KeyUInt16:
		w.rows = widened(w.rows, raw.Keys16)
	case proto.KeyUInt32:
		w.wide = widened(w.wide, raw.Keys32)
	default:
		w.wide = widened(w.wide, raw.Keys64)
	}
	return nil
}

func widened[To uint16 | uint32, T uint8 | uint16 | uint32 | uint64](into []To, numbers []T) []To {
	for _, n := range numbers {
		into = append(into, To(n))
	}
	return into
}
