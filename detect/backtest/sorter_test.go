package backtest_test

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"net/netip"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/detect/backtest"
	"github.com/tokenwatch/tokenwatch/schema"
)

// request is an event that differs from others in everything.
func request(n int, at time.Time) schema.Event {
	return schema.Event{
		Time: at, Ingested: at, Token: token(n % 700), KeyID: uint16(n), TokenHint: fmt.Sprintf("hf_…%d", n%700), Consumer: "acme", Source: "kong",
		IP: netip.AddrFrom4([4]byte{byte(n), 2, 3, 4}), IPFrom: schema.IPFromForwarded, IPSpoofed: n%5 == 0,
		Place:  schema.Place{Country: "BR", City: "São Paulo", Lat: -23.5, Lon: -46.6, AccuracyKM: 20, ASN: 28573, ASOrg: "Claro", Network: schema.NetworkMobile},
		Method: "GET", Route: "/v1/{id}", Path: fmt.Sprintf("/v1/%d", n), Status: 200, BytesIn: 10, BytesOut: math.MaxUint64, Latency: 1500 * time.Microsecond,
		UserAgent: "curl/8.5.0", Client: "curl/8", UnitsIn: 7, UnitsOut: math.MaxUint32, CostUSD: 0.25, RequestID: fmt.Sprintf("r-%d", n), Topic: "gateway.access", Partition: -1, Offset: int64(n),
	}
}

// scratch gives one file, and fails the test when a second is asked for.
func scratch(t *testing.T) func() (backtest.Scratch, error) {
	given := false
	return func() (backtest.Scratch, error) {
		if given {
			t.Error("a second scratch file")
		}
		given = true
		file, err := os.CreateTemp(t.TempDir(), "")
		t.Cleanup(func() { _ = file.Close() })
		return file, err
	}
}

// Whatever the order in which they come and the memory there is, all events come out in the order of time, those of
// one moment as they came in.
func TestSorter(t *testing.T) {
	const n = 3000
	r := rand.New(rand.NewPCG(1, 2))
	for name, at := range map[string]func(i int) int{
		"in order":            func(i int) int { return i / 3 },
		"backwards":           func(i int) int { return n - i/3 },
		"nearly in order":     func(i int) int { return i/3 + r.IntN(20) },
		"any order":           func(int) int { return r.IntN(n) },
		"by token":            func(i int) int { return i % 500 },
		"one file, then next": func(i int) int { return i % (n / 2) },
		"all at once":         func(int) int { return 7 },
	} {
		for _, memory := range []int{4 << 10, 50 << 10, backtest.DefaultMemory} {
			s := backtest.NewSorter(memory, scratch(t))
			given := make([]schema.Event, n)
			late, newest := 0, -1
			for i := range given {
				ms := at(i)
				given[i] = request(i, monday.Add(time.Duration(ms)*time.Millisecond))
				if err := s.Add(&given[i]); err != nil {
					t.Fatal(err)
				}
				if ms < newest {
					late++
				}
				newest = max(newest, ms)
			}
			if s.Len() != n || s.Late() != late || s.Spilt() != (memory < backtest.DefaultMemory) {
				t.Errorf("%s, %d bytes: %d events, %d late of %d, spilt %t", name, memory, s.Len(), s.Late(), late, s.Spilt())
			}
			inOrder(t, fmt.Sprintf("%s, %d bytes", name, memory), s, given)
		}
	}
}

func inOrder(t *testing.T, name string, s *backtest.Sorter, given []schema.Event) {
	t.Helper()
	before, count := schema.Event{Time: monday.Add(-time.Hour)}, 0
	err := s.Each(func(e *schema.Event) error {
		if e.Time.Before(before.Time) || e.Time.Equal(before.Time) && e.Offset < before.Offset {
			return fmt.Errorf("event %d of %s behind %d of %s", e.Offset, e.Time, before.Offset, before.Time)
		}
		if !reflect.DeepEqual(*e, given[e.Offset]) {
			return fmt.Errorf("have %+v\nwant %+v", *e, given[e.Offset])
		}
		before = *e
		count++
		return nil
	})
	if err != nil || count != len(given) {
		t.Fatalf("%s: %d of %d events: %v", name, count, len(given), err)
	}
}

// Events come back as they were, whatever is in them.
func TestSorterKeepsEventsWhole(t *testing.T) {
	full := request(1, monday)
	change := func(f func(*schema.Event)) schema.Event {
		e := full
		f(&e)
		return e
	}
	events := []schema.Event{
		full, {}, {Time: monday},
		change(func(e *schema.Event) { e.Time = time.Unix(0, 0).UTC() }),
		change(func(e *schema.Event) { e.Time = time.Date(1950, 1, 1, 0, 0, 0, 1e6, time.UTC) }),
		change(func(e *schema.Event) { e.TimeRaw = time.Date(4000, 1, 1, 0, 0, 0, 0, time.UTC) }),
		change(func(e *schema.Event) { e.Former = token(77) }),
		change(func(e *schema.Event) { e.IP = netip.MustParseAddr("2001:db8::1") }),
		change(func(e *schema.Event) { e.UserAgent = strings.Repeat("x", 1<<20) }),
		change(func(e *schema.Event) { e.Path, e.City = "\xff\x00", "\xc3\x28" }),
		change(func(e *schema.Event) { e.Latency, e.Offset, e.CostUSD = -1, math.MinInt64, math.Inf(-1) }),
		change(func(e *schema.Event) { e.Lat, e.Item = math.SmallestNonzeroFloat32, math.MaxUint32 }),
	}
	for _, memory := range []int{1, backtest.DefaultMemory} {
		for i, want := range events {
			s := backtest.NewSorter(memory, scratch(t))
			if err := s.Add(&want); err != nil {
				t.Fatal(err)
			}
			if err := s.Each(func(e *schema.Event) error {
				if !reflect.DeepEqual(*e, want) {
					t.Errorf("event %d: have %+v\nwant %+v", i, *e, want)
				}
				return nil
			}); err != nil {
				t.Error(err)
			}
		}
	}
}

// Strings that everybody invents anew do not fill the memory.
func TestSorterWithManyWords(t *testing.T) {
	s := backtest.NewSorter(1<<20, scratch(t))
	const n = 1<<17 + 1000
	for i := range n {
		e := schema.Event{Time: monday, UserAgent: fmt.Sprint("agent ", i), Offset: int64(i)}
		if err := s.Add(&e); err != nil {
			t.Fatal(err)
		}
	}
	i := 0
	if err := s.Each(func(e *schema.Event) error {
		if e.UserAgent != fmt.Sprint("agent ", i) {
			t.Fatalf("event %d has %s", i, e.UserAgent)
		}
		i++
		return nil
	}); err != nil || i != n {
		t.Errorf("%d events: %v", i, err)
	}
}

type full struct{ *os.File }

var errFull = errors.New("no space left")

func (full) Write([]byte) (int, error) { return 0, errFull }

func TestSorterWithoutRoom(t *testing.T) {
	e := request(1, monday)
	s := backtest.NewSorter(1, func() (backtest.Scratch, error) { return nil, errFull })
	if err := s.Add(&e); !errors.Is(err, errFull) {
		t.Errorf("no file: %v", err)
	}
	s = backtest.NewSorter(1, func() (backtest.Scratch, error) { return full{}, nil })
	if err := s.Add(&e); !errors.Is(err, errFull) {
		t.Errorf("a full disk: %v", err)
	}
	s = backtest.NewSorter(1, scratch(t))
	if err := s.Add(&e); err != nil {
		t.Fatal(err)
	}
	if err := s.Each(func(*schema.Event) error { return errFull }); !errors.Is(err, errFull) {
		t.Errorf("a reader that had enough: %v", err)
	}
}

// Whatever is on the disk is an event or an error; what is an event is the same one when it is written again.
func FuzzRecord(f *testing.F) {
	e := request(1, monday)
	f.Add(backtest.NewRecorder().Append(nil, &e))
	f.Add(backtest.NewRecorder().Append(nil, &schema.Event{}))
	f.Add([]byte{1, 2, 3})
	f.Fuzz(func(t *testing.T, record []byte) {
		r := backtest.NewRecorder("", "acme", "curl/8")
		var first, again schema.Event
		if r.Read(record, &first) != nil {
			return
		}
		written := r.Append(nil, &first)
		if err := r.Read(written, &again); err != nil || !bytes.Equal(r.Append(nil, &again), written) {
			t.Fatalf("have %+v, want %+v: %v", again, first, err)
		}
	})
}
