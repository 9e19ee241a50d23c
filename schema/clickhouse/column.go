package clickhouse

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/ClickHouse/ch-go/proto"
)

// enumColumn is an Enum8 whose numbers are a schema type's own, so that nothing has to
// be looked up by name on the way.
type enumColumn struct {
	proto.ColEnum8
	ddl proto.ColumnType
}

// newEnum spells out the type: the server refuses a bare Enum8.
func newEnum(names []string) enumColumn {
	values := make([]string, len(names))
	for i, name := range names {
		values[i] = "'" + name + "' = " + string(rune('0'+i))
	}
	return enumColumn{ddl: proto.ColumnTypeEnum8.With(strings.Join(values, ", "))}
}

// Type hides ColEnum8's, which lacks the values.
func (c *enumColumn) Type() proto.ColumnType { return c.ddl }

// timeColumn is a DateTime64(3, 'UTC').
type timeColumn struct{ proto.ColDateTime64 }

func newTime() timeColumn {
	var c timeColumn
	c.WithPrecision(proto.PrecisionMilli).WithLocation(time.UTC)
	return c
}

// Append hides ColDateTime64's, which goes through the precision for each value.
func (c *timeColumn) Append(t time.Time) { c.AppendRaw(proto.DateTime64(millis(t))) }

// Row hides ColDateTime64's in the same way.
func (c *timeColumn) Row(i int) time.Time { return moment(int64(c.Data[i])) }

// Bounds of a stored time: what ClickHouse's Date and DateTime can hold, since
// partitions and hours are computed from it. Times outside are moved to the bound.
var (
	earliest = time.Unix(0, 0).UnixMilli()
	latest   = time.Date(2105, 12, 31, 23, 59, 59, 0, time.UTC).UnixMilli()
)

// millis is t as stored. The zero time becomes the earliest one and is read back as the
// zero time.
func millis(t time.Time) int64 { return min(max(t.UnixMilli(), earliest), latest) }

func moment(ms int64) time.Time {
	if ms == earliest {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// optionalTime is a Nullable(DateTime64(3, 'UTC')) in which the zero time is NULL. It
// keeps what a log claims, so its bounds are the type's own.
type optionalTime struct {
	*proto.ColNullable[proto.DateTime64]
	values *proto.ColDateTime64Raw
}

func newOptionalTime() optionalTime {
	var values proto.ColDateTime64Raw
	values.WithPrecision(proto.PrecisionMilli).WithLocation(time.UTC)
	return optionalTime{proto.NewColNullable[proto.DateTime64](&values), &values}
}

var (
	earliestRaw = time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC).UnixMilli()
	latestRaw   = time.Date(2299, 12, 31, 23, 59, 59, 0, time.UTC).UnixMilli()
)

// Append hides ColNullable's.
func (c optionalTime) Append(t time.Time) {
	null, ms := uint8(1), int64(0)
	if !t.IsZero() {
		null, ms = 0, min(max(t.UnixMilli(), earliestRaw), latestRaw)
	}
	c.Nulls = append(c.Nulls, null)
	c.values.Data = append(c.values.Data, proto.DateTime64(ms))
}

// grow makes room for n more rows.
func (c optionalTime) grow(n int) {
	c.Nulls, c.values.Data = slices.Grow(c.Nulls, n), slices.Grow(c.values.Data, n)
}

// Row hides ColNullable's.
func (c optionalTime) Row(i int) time.Time {
	if v := c.ColNullable.Row(i); v.Set {
		return time.UnixMilli(int64(v.Value)).UTC()
	}
	return time.Time{}
}

// address is the column value of ip: 16 bytes, IPv4 mapped, :: for none. A zone is lost.
func address(ip netip.Addr) proto.IPv6 {
	if !ip.IsValid() {
		return proto.IPv6{}
	}
	return ip.As16()
}

// appendAddress appends what address gives. Nearly all addresses are IPv4, and their bytes are put where they belong as
// two numbers: made one by one and then copied as sixteen, they would keep the processor waiting for itself.
func appendAddress(column proto.ColIPv6, ip netip.Addr) proto.ColIPv6 {
	if !ip.Is4() {
		return append(column, address(ip))
	}
	v4 := ip.As4()
	column = append(column, proto.IPv6{})
	binary.BigEndian.PutUint64(column[len(column)-1][8:], 0xffff<<32|uint64(binary.BigEndian.Uint32(v4[:])))
	return column
}

// addressOf is address undone: a mapped IPv4 address is read back as IPv4.
func addressOf(v proto.IPv6) netip.Addr {
	if v == (proto.IPv6{}) {
		return netip.Addr{}
	}
	return netip.AddrFrom16(v).Unmap()
}
