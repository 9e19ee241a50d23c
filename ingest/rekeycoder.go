package ingest

import (
	"encoding/binary"
	"errors"
	"math"
	"net/netip"
	"time"

	"github.com/tokenwatch/tokenwatch/schema"
)

// rekeyedVersion begins every record. Whoever changes what follows changes it.
const rekeyedVersion = 1

var errRekeyed = errors.New("not a record of re-keyed events, or of another version")

// rekeyedHead is what the events of a record share: where they were read, and their block's time.
type rekeyedHead struct {
	topic     string
	partition int32
	at        time.Time
}

// rekeyCoder writes a record, or reads it back when reading is set, so that the layout is described once. Numbers are
// varints. A text is its number among the record's texts, and follows when the number is new. After an
// error it does nothing more.
type rekeyCoder struct {
	buf     []byte
	reading bool
	err     error
	events  int
	offset  int64             // of the event before
	texts   map[string]uint64 // when writing
	read    []string          // when reading
}

func (c *rekeyCoder) head(h *rekeyedHead) {
	version := int64(rekeyedVersion)
	if c.int(&version); version != rekeyedVersion {
		c.fail()
	}
	c.text(&h.topic)
	rekeyNumber(c, &h.partition)
	c.time(&h.at)
}

// event codes what detection may need. The path, the id and the latency of a request, and where its address was read,
// stay behind: they are in the events table.
func (c *rekeyCoder) event(e *schema.Event) {
	by := e.Offset - c.offset
	c.int(&by)
	e.Offset = c.offset + by
	c.offset = e.Offset
	rekeyNumber(c, &e.Item)
	c.time(&e.Time)
	c.bytes(e.Token[:])
	rekeyNumber(c, &e.KeyID)
	renamed := !e.Former.IsZero()
	if c.flag(&renamed); renamed {
		c.bytes(e.Former[:])
	}
	for _, text := range []*string{&e.TokenHint, &e.Consumer, &e.Environment, &e.Source, &e.Method, &e.Route, &e.UserAgent, &e.Client} {
		c.text(text)
	}
	c.address(&e.IP)
	c.flag(&e.IPSpoofed)
	c.place(&e.Place)
	rekeyNumber(c, &e.Status)
	rekeyNumber(c, &e.BytesIn)
	rekeyNumber(c, &e.BytesOut)
	rekeyNumber(c, &e.UnitsIn)
	rekeyNumber(c, &e.UnitsOut)
	cost := math.Float64bits(e.CostUSD)
	rekeyNumber(c, &cost)
	e.CostUSD = math.Float64frombits(cost)
}

func (c *rekeyCoder) place(p *schema.Place) {
	for _, text := range []*string{&p.Country, &p.Region, &p.City, &p.ASOrg} {
		c.text(text)
	}
	lat, lon := math.Float32bits(p.Lat), math.Float32bits(p.Lon)
	rekeyNumber(c, &lat)
	rekeyNumber(c, &lon)
	p.Lat, p.Lon = math.Float32frombits(lat), math.Float32frombits(lon)
	rekeyNumber(c, &p.AccuracyKM)
	rekeyNumber(c, &p.ASN)
	rekeyNumber(c, &p.Network)
}

func (c *rekeyCoder) fail() { c.err, c.buf = errRekeyed, nil }

func (c *rekeyCoder) int(v *int64) {
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

// rekeyNumber codes any integer, and refuses one that does not fit.
func rekeyNumber[T ~int32 | ~uint8 | ~uint16 | ~uint32 | ~uint64](c *rekeyCoder, v *T) {
	n := int64(*v)
	c.int(&n)
	if *v = T(n); int64(*v) != n {
		c.fail()
	}
}

// time codes milliseconds, all that is stored of a time. No time is the year 1.
func (c *rekeyCoder) time(t *time.Time) {
	n := t.UnixMilli()
	c.int(&n)
	if c.reading {
		*t = time.UnixMilli(n).UTC()
	}
}

func (c *rekeyCoder) flag(v *bool) {
	n := uint8(0)
	if *v {
		n = 1
	}
	rekeyNumber(c, &n)
	*v = n != 0
}

// bytes codes a text of known length.
func (c *rekeyCoder) bytes(b []byte) {
	switch {
	case !c.reading:
		c.buf = append(c.buf, b...)
	case len(c.buf) < len(b):
		c.fail()
	default:
		c.buf = c.buf[copy(b, c.buf):]
	}
}

func (c *rekeyCoder) address(ip *netip.Addr) {
	raw := ip.AsSlice()
	size := uint8(len(raw))
	if rekeyNumber(c, &size); size != 0 && size != 4 && size != 16 {
		c.fail()
	}
	if c.reading {
		raw = make([]byte, size)
	}
	c.bytes(raw)
	if c.reading {
		*ip, _ = netip.AddrFromSlice(raw)
	}
}

func (c *rekeyCoder) text(s *string) {
	if c.reading {
		*s = c.readText()
		return
	}
	number, known := c.texts[*s]
	if !known {
		number = uint64(len(c.texts))
		c.texts[*s] = number // bounded by the record's size
	}
	rekeyNumber(c, &number)
	if !known {
		size := uint32(len(*s))
		rekeyNumber(c, &size)
		c.buf = append(c.buf, *s...)
	}
}

func (c *rekeyCoder) readText() string {
	var number uint64
	rekeyNumber(c, &number)
	if number < uint64(len(c.read)) {
		return c.read[number]
	}
	var size uint32
	if rekeyNumber(c, &size); c.err != nil || number > uint64(len(c.read)) || uint64(size) > uint64(len(c.buf)) {
		c.fail()
		return ""
	}
	text := string(c.buf[:size])
	c.read, c.buf = append(c.read, text), c.buf[size:]
	return text
}
