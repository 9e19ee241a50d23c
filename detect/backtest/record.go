package backtest

import (
	"encoding/binary"
	"errors"
	"math"
	"net/netip"
	"time"

	"github.com/tokenwatch/tokenwatch/schema"
)

// errRecord says that what came back from the disk is not what went there.
var errRecord = errors.New("an event on disk is damaged")

// recorder writes events to bytes, or reads them back when reading is set, so that the
// layout is described once. It lives as long as a run: nothing here is stored for good.
type recorder struct {
	words   *words
	reading bool
	buf     []byte // written so far
	text    string // still to be read
	damaged bool
}

// append writes an event behind dst.
func (c *recorder) append(dst []byte, e *schema.Event) []byte {
	c.reading, c.buf = false, dst
	c.event(e)
	dst, c.buf = c.buf, nil
	return dst
}

// read reads an event back. Its strings share one piece of memory.
func (c *recorder) read(record []byte, e *schema.Event) error {
	c.reading, c.text, c.damaged = true, string(record), false
	c.event(e)
	if c.damaged || c.text != "" {
		return errRecord
	}
	return nil
}

func (c *recorder) event(e *schema.Event) {
	c.time(&e.Time)
	c.time(&e.TimeRaw)
	c.time(&e.Ingested)
	c.bytes(e.Token[:])
	number(c, &e.KeyID)
	c.bytes16((*[16]byte)(&e.Former))
	for _, s := range [...]*string{
		&e.TokenHint, &e.Consumer, &e.Environment, &e.Source, &e.Country, &e.Region, &e.City, &e.ASOrg, &e.Method, &e.Route, &e.UserAgent, &e.Client, &e.Topic,
	} {
		c.word(s)
	}
	c.string(&e.Path)
	c.string(&e.RequestID)
	c.address(&e.IP)
	number(c, &e.IPFrom)
	c.bool(&e.IPSpoofed)
	c.degrees(&e.Lat)
	c.degrees(&e.Lon)
	number(c, &e.AccuracyKM)
	number(c, &e.ASN)
	number(c, &e.Network)
	number(c, &e.Status)
	number(c, &e.BytesIn)
	number(c, &e.BytesOut)
	number(c, &e.Latency)
	number(c, &e.UnitsIn)
	number(c, &e.UnitsOut)
	cost := math.Float64bits(e.CostUSD)
	c.uint64(&cost)
	e.CostUSD = math.Float64frombits(cost)
	number(c, &e.Partition)
	number(c, &e.Offset)
	number(c, &e.Item)
}

// take cuts the next bytes off what is to be read.
func (c *recorder) take(n uint64) string {
	if n > uint64(len(c.text)) {
		c.damaged, c.text = true, ""
		return ""
	}
	s := c.text[:n]
	c.text = c.text[n:]
	return s
}

func (c *recorder) uint64(v *uint64) {
	if !c.reading {
		c.buf = binary.AppendUvarint(c.buf, *v)
		return
	}
	*v = 0
	for shift := 0; shift < 64; shift += 7 {
		b := c.take(1)
		if b == "" {
			return
		}
		if *v |= uint64(b[0]&0x7f) << shift; b[0] < 0x80 {
			return
		}
	}
	c.damaged = true
}

// number writes integers, negative ones too, in as few bytes as they need.
func number[T ~int32 | ~int64 | ~uint8 | ~uint16 | ~uint32 | ~uint64](c *recorder, v *T) {
	n := int64(*v)
	zigzag := uint64(n)<<1 ^ uint64(n>>63)
	c.uint64(&zigzag)
	*v = T(int64(zigzag>>1) ^ -int64(zigzag&1))
}

// time keeps milliseconds, which is all that events have; 0 is no time.
func (c *recorder) time(t *time.Time) {
	n := int64(0)
	if !t.IsZero() {
		n = t.UnixMilli()
		if n >= 0 {
			n++ // 1970 is a time too
		}
	}
	number(c, &n)
	if !c.reading {
		return
	}
	*t = time.Time{}
	switch {
	case n > 0:
		*t = time.UnixMilli(n - 1).UTC()
	case n < 0:
		*t = time.UnixMilli(n).UTC()
	}
}

func (c *recorder) bool(v *bool) {
	n := uint64(0)
	if *v {
		n = 1
	}
	c.uint64(&n)
	*v = n == 1
}

func (c *recorder) bytes(b []byte) {
	if !c.reading {
		c.buf = append(c.buf, b...)
		return
	}
	copy(b, c.take(uint64(len(b))))
}

// bytes16 writes what is mostly zero.
func (c *recorder) bytes16(b *[16]byte) {
	any := *b != [16]byte{}
	if c.bool(&any); any {
		c.bytes(b[:])
	} else {
		*b = [16]byte{}
	}
}

func (c *recorder) degrees(v *float32) {
	if !c.reading {
		c.buf = binary.LittleEndian.AppendUint32(c.buf, math.Float32bits(*v))
		return
	}
	if b := c.take(4); b != "" {
		*v = math.Float32frombits(binary.LittleEndian.Uint32([]byte(b)))
	}
}

func (c *recorder) string(s *string) {
	n := uint64(len(*s))
	c.uint64(&n)
	if !c.reading {
		c.buf = append(c.buf, *s...)
		return
	}
	*s = c.take(n)
}

// word writes a string as its number plus 1, or as 0 and itself.
func (c *recorder) word(s *string) {
	n := uint64(0)
	if !c.reading {
		if id, known := c.words.id(*s); known {
			n = id + 1
		}
	}
	if c.uint64(&n); n == 0 {
		c.string(s)
		return
	}
	if c.reading {
		word, known := c.words.of(n - 1)
		*s, c.damaged = word, c.damaged || !known
	}
}

func (c *recorder) address(a *netip.Addr) {
	var b []byte
	if !c.reading {
		b = a.WithZone("").AsSlice()
	}
	n := uint64(len(b))
	c.uint64(&n)
	if !c.reading {
		c.buf = append(c.buf, b...)
		return
	}
	*a, _ = netip.AddrFromSlice([]byte(c.take(n)))
}
