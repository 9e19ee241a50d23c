package clickhouse_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/schema"
	"github.com/tokenwatch/tokenwatch/schema/clickhouse"
)

// kept is an event as the table keeps it: what is promised of Events.
func kept(e schema.Event) schema.Event {
	e.Time, e.Ingested = bounded(e.Time), bounded(e.Ingested)
	if !e.TimeRaw.IsZero() {
		low, high := time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2299, 12, 31, 23, 59, 59, 0, time.UTC)
		e.TimeRaw = clamped(e.TimeRaw, low, high)
	}
	e.IP = e.IP.Unmap().WithZone("")
	if e.IP == netip.IPv6Unspecified() {
		e.IP = netip.Addr{}
	}
	e.Latency = max(0, e.Latency.Truncate(time.Microsecond))
	return e
}

func bounded(t time.Time) time.Time {
	epoch := time.Unix(0, 0).UTC()
	t = clamped(t, epoch, time.Date(2105, 12, 31, 23, 59, 59, 0, time.UTC))
	if t.Equal(epoch) {
		return time.Time{}
	}
	return t
}

func clamped(t, low, high time.Time) time.Time {
	t = time.UnixMilli(t.UnixMilli()).UTC()
	if t.Before(low) {
		return low
	}
	if t.After(high) {
		return high
	}
	return t
}

// odd are events with values at their edges.
func odd() []schema.Event {
	full := newFleet(9, 1).request(noon.Add(123456789 * time.Nanosecond))
	change := func(f func(*schema.Event)) schema.Event {
		e := full
		f(&e)
		return e
	}
	return []schema.Event{
		{}, full,
		change(func(e *schema.Event) { e.IP = netip.MustParseAddr("::ffff:192.0.2.1") }),
		change(func(e *schema.Event) { e.IP = netip.MustParseAddr("2001:db8::1") }),
		change(func(e *schema.Event) { e.IP = netip.MustParseAddr("fe80::1%eth0") }),
		change(func(e *schema.Event) { e.IP = netip.MustParseAddr("::") }),
		change(func(e *schema.Event) { e.IP = netip.MustParseAddr("0.0.0.0") }),
		change(func(e *schema.Event) { e.Path, e.UserAgent, e.City = "\xff\xfe\x00", "a\x00b", "\xc3\x28" }),
		change(func(e *schema.Event) { e.Path, e.Route = "'; DROP TABLE events --", `\'"`+"`" }),
		change(func(e *schema.Event) { e.UserAgent = strings.Repeat("x", 1<<20) }),
		change(func(e *schema.Event) { e.Time = time.Date(1950, 1, 1, 0, 0, 0, 0, time.UTC) }),
		change(func(e *schema.Event) { e.Time = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC) }),
		change(func(e *schema.Event) { e.TimeRaw = time.Unix(0, 0) }),
		change(func(e *schema.Event) { e.TimeRaw = time.Date(1066, 10, 14, 0, 0, 0, 0, time.UTC) }),
		change(func(e *schema.Event) { e.TimeRaw = time.Date(4000, 1, 1, 0, 0, 0, 0, time.UTC) }),
		change(func(e *schema.Event) { e.Time = e.Time.In(time.FixedZone("", 5*3600)) }),
		change(func(e *schema.Event) { e.Latency = -time.Second }),
		change(func(e *schema.Event) { e.Latency = math.MaxInt64 }),
		change(func(e *schema.Event) { e.BytesIn, e.BytesOut = math.MaxUint64, math.MaxUint64 }),
		change(func(e *schema.Event) {
			e.UnitsIn, e.UnitsOut, e.Status = math.MaxUint32, math.MaxUint32, math.MaxUint16
		}),
		change(func(e *schema.Event) { e.CostUSD, e.Lat, e.Lon = math.SmallestNonzeroFloat64, -90, 180 }),
		change(func(e *schema.Event) {
			e.IPSpoofed, e.IPFrom, e.Network = true, schema.IPFromGateway, schema.NetworkTor
		}),
		change(func(e *schema.Event) { e.KeyID, e.ASN, e.AccuracyKM = math.MaxUint16, math.MaxUint32, math.MaxUint16 }),
	}
}

func TestEventsComeBackAsTheyWere(t *testing.T) {
	db := migrated(t)
	b := newFleet(2, 20).block(100, 500, noon, time.Second)
	for i, e := range odd() {
		e.Topic, e.Partition, e.Offset, e.Item, e.Ingested = b.Topic, b.Partition, 700, uint32(i), b.Ingested
		b.Events = append(b.Events, e)
	}
	b.Last = 700
	want := make([]schema.Event, len(b.Events))
	for i, e := range b.Events {
		want[i] = kept(e)
	}
	rand.New(rand.NewPCG(1, 1)).Shuffle(len(b.Events), func(i, j int) { b.Events[i], b.Events[j] = b.Events[j], b.Events[i] })
	insert(t, db, b)
	got := events(t, db, b.Topic, b.Partition, -1, math.MaxInt64, time.Time{})
	if len(got) != len(want) {
		t.Fatalf("%d events, want %d", len(got), len(want))
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("event %d:\n have %+v\n want %+v", i, got[i], want[i])
		}
	}
}

func events(t testing.TB, db *clickhouse.DB, topic string, partition int32, after, before int64, since time.Time) []schema.Event {
	t.Helper()
	var list []schema.Event
	err := db.Events(t.Context(), topic, partition, after, before, since, func(e *schema.Event) error {
		list = append(list, *e)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// Offsets with gaps far wider than what is read at a time, several topics, two days.
func TestEventsOfARange(t *testing.T) {
	db := migrated(t)
	f := newFleet(3, 20)
	for _, first := range []int64{0, 65_530, 10_000_000} {
		insert(t, db, f.block(first, 10, noon, time.Second))
	}
	late := f.block(20_000_000, 10, noon, time.Second)
	late.Ingested = noon.Add(time.Hour)
	for i := range late.Events {
		late.Events[i].Ingested = late.Ingested
	}
	elsewhere := f.block(0, 5, noon, time.Second)
	elsewhere.Topic = "it's another"
	for i := range elsewhere.Events {
		elsewhere.Events[i].Topic = elsewhere.Topic
	}
	insert(t, db, late, elsewhere)

	for _, c := range []struct {
		name          string
		topic         string
		partition     int32
		after, before int64
		since         time.Time
		count         int
		first, last   int64
	}{
		{"all", "gateway.access", 3, -1, math.MaxInt64, time.Time{}, 40, 0, 20_000_009},
		{"bounds are excluded", "gateway.access", 3, 0, 9, time.Time{}, 8, 1, 8},
		{"over the edge of a window", "gateway.access", 3, 65_532, 65_538, time.Time{}, 5, 65_533, 65_537},
		{"since", "gateway.access", 3, -1, math.MaxInt64, noon.Add(time.Hour), 10, 20_000_000, 20_000_009},
		{"another topic", "it's another", 3, -1, math.MaxInt64, time.Time{}, 5, 0, 4},
		{"another partition", "gateway.access", 4, -1, math.MaxInt64, time.Time{}, 0, 0, 0},
		{"nothing between", "gateway.access", 3, 5, 6, time.Time{}, 0, 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			list := events(t, db, c.topic, c.partition, c.after, c.before, c.since)
			if len(list) != c.count {
				t.Fatalf("%d events, want %d", len(list), c.count)
			}
			if !slices.IsSortedFunc(list, func(a, b schema.Event) int { return int(a.Offset - b.Offset) }) {
				t.Error("not in the order of offsets")
			}
			if c.count > 0 && (list[0].Offset != c.first || list[c.count-1].Offset != c.last) {
				t.Errorf("offsets %d to %d, want %d to %d", list[0].Offset, list[c.count-1].Offset, c.first, c.last)
			}
		})
	}
}

func TestEventsEndsWithItsReader(t *testing.T) {
	db := migrated(t)
	insert(t, db, newFleet(3, 20).block(0, 1000, noon, time.Second))
	enough, seen := errors.New("enough"), 0
	err := db.Events(t.Context(), "gateway.access", 3, -1, math.MaxInt64, time.Time{}, func(*schema.Event) error {
		seen++
		if seen == 10 {
			return enough
		}
		return nil
	})
	if !errors.Is(err, enough) || seen != 10 {
		t.Errorf("%d events, %v; want 10 and the reader's error", seen, err)
	}
	if got := len(events(t, db, "gateway.access", 3, -1, math.MaxInt64, time.Time{})); got != 1000 {
		t.Errorf("afterwards: %d events, want 1000", got)
	}
}

func TestWordsAtTheirWidths(t *testing.T) {
	for _, c := range []struct{ distinct, width int }{{1, 1}, {256, 1}, {257, 2}, {65_536, 2}, {65_537, 4}} {
		values := make([]string, 0, c.distinct+10)
		for i := range c.distinct + 10 {
			values = append(values, fmt.Sprintf("%06d", i%c.distinct))
		}
		distinct, rows, size := clickhouse.Words(values)
		const header, value = 3 * 8, 7
		if want := header + c.distinct*value + len(values)*c.width; distinct != c.distinct || rows != len(values) || size != want {
			t.Errorf("%d values: have %d values, %d rows, %d bytes; want %d bytes", c.distinct, distinct, rows, size, want)
		}
		list := make([]schema.Event, len(values))
		for i, v := range values {
			list[i].City = v
		}
		back, err := clickhouse.Travel(list)
		if err != nil {
			t.Fatal(err)
		}
		for i, e := range back {
			if e.City != values[i] {
				t.Fatalf("row %d: %q, want %q", i, e.City, values[i])
			}
		}
	}
}

func FuzzEventsTravel(f *testing.F) {
	f.Add(int64(0), int64(0), int64(0), []byte{}, "", "", uint64(0), 0.0, uint8(0))
	f.Add(noon.UnixMilli(), int64(-1), int64(1), []byte{1, 2, 3, 4}, "DE", "\xff", uint64(math.MaxUint64), 1.5, uint8(3))
	f.Fuzz(func(t *testing.T, ms, raw, latency int64, ip []byte, a, b string, n uint64, x float64, small uint8) {
		addr, _ := netip.AddrFromSlice(ip)
		one := schema.Event{
			Time: time.UnixMilli(ms), Ingested: time.UnixMilli(raw), IP: addr, TokenHint: a, Consumer: b, Path: a + b, Route: b + a,
			IPFrom: schema.IPFrom(small % 4), IPSpoofed: small%2 == 0, Status: uint16(n), BytesIn: n, BytesOut: n / 3,
			Latency: time.Duration(latency), UnitsIn: uint32(n), CostUSD: x, RequestID: b, Topic: a, Offset: ms, Item: uint32(raw),
			Place: schema.Place{Country: a, City: b, Lat: float32(small), ASN: uint32(n >> 7), Network: schema.Network(small % 7)},
		}
		binary.LittleEndian.PutUint64(one.Token[:], n)
		if raw%2 == 0 {
			one.TimeRaw = time.UnixMilli(raw)
		}
		two := one
		two.TokenHint, two.Consumer, two.Offset = b, a, raw
		back, err := clickhouse.Travel([]schema.Event{one, two, one})
		if err != nil {
			t.Fatal(err)
		}
		for i, e := range []schema.Event{one, two, one} {
			if want := kept(e); back[i] != want && x == x { // NaN is not equal to itself
				t.Errorf("event %d:\n have %+v\n want %+v", i, back[i], want)
			}
		}
	})
}
