//go:build linux

package detect_test

import (
	"encoding/binary"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/detect"
	"github.com/tokenwatch/tokenwatch/schema"
)

// How many tokens the benchmarks have. EVALUATION.md has the figures for a million.
var benchTokens = flag.Int("bench-tokens", 200_000, "tokens of the benchmarks")

// town is a population for benchmarks: people, servers and jobs, in the proportions of an
// API's users, with the places, networks and programs that such tokens have.
type town struct {
	r      *rand.Rand
	tokens []resident
	places []schema.Place
	agents []string
	at     time.Time
	offset int64
}

type resident struct {
	id     schema.TokenID
	kind   uint8     // of residents
	places [3]uint16 // home, office, on the way
	agents [3]uint16
}

// Kinds of residents: 6 of 10 are people, who have several places; the others have one.
const (
	person = iota
	server
	job
)

func newTown(n int) *town {
	t := &town{r: rand.New(rand.NewPCG(1, 2)), at: time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)}
	for i := range 4000 { // four beside one another are in one town
		town := i / 4
		place := schema.Place{
			Country: string([]byte{'A' + byte(town%23), 'A' + byte(town%5)}), City: fmt.Sprint("Town of the number ", town),
			Lat: float32(town%120) - 60 + 0.25, Lon: float32(town%300) - 150 + 0.25, AccuracyKM: 50,
			ASN: uint32(1000 + i%1500), ASOrg: fmt.Sprint("Network and Telephone Company ", i%1500),
			Network: [...]schema.Network{schema.NetworkResidential, schema.NetworkBusiness, schema.NetworkMobile, schema.NetworkHosting}[i%4],
		}
		t.places = append(t.places, place)
	}
	for i := range 400 {
		t.agents = append(t.agents, fmt.Sprintf("Program%d/%d.%d.1 (Linux; x86_64) some-http-library/%d.0.3 and a comment", i%60, i%7, i, i%5))
	}
	for range n {
		var one resident
		binary.LittleEndian.PutUint64(one.id[:], t.r.Uint64())
		binary.LittleEndian.PutUint64(one.id[8:], t.r.Uint64())
		one.kind = [...]uint8{person, person, person, person, person, person, server, server, job, job}[t.r.IntN(10)]
		home := uint16(t.r.IntN(len(t.places)/4)) * 4
		one.places = [3]uint16{home, home + 1, home + 2}
		if one.kind != person {
			one.places[0] = home + 3
		}
		for i := range one.agents {
			one.agents[i] = uint16(t.r.IntN(len(t.agents)))
		}
		t.tokens = append(t.tokens, one)
	}
	return t
}

// follow returns the next tokens in an order, but people are asleep at night.
func (t *town) follow(next func() int) func() int {
	return func() int {
		for {
			token := next()
			if h := t.at.Hour(); t.tokens[token].kind != person || h >= 7 && h < 20 || t.r.IntN(30) == 0 {
				return token
			}
		}
	}
}

// event fills in a request of a token at a time. People are at home for most of it.
func (t *town) event(ev *schema.Event, token int, at time.Time) {
	one := &t.tokens[token]
	place, agent := one.places[0], one.agents[0]
	if chance := uint32(token*31+at.Hour()*7919+at.YearDay()*104729) * 2654435761 >> 16; one.kind == person { // of this token and hour
		if h := at.Hour(); h >= 8 && h < 17 {
			place = one.places[1]
		} else if chance%8 == 0 {
			place = one.places[2]
		}
		if chance%4 == 0 {
			agent = one.agents[1+chance/4%2]
		}
	}
	t.offset++
	name, _, _ := strings.Cut(t.agents[agent], ".")
	*ev = schema.Event{
		Time: at, Ingested: at.Add(time.Second), Token: one.id, TokenHint: "hf_…x9Qz", Consumer: "acme", Environment: "prod",
		IP: netip.AddrFrom4([4]byte{80, byte(place), byte(place >> 8), 1}), Place: t.places[place], Client: name, UserAgent: t.agents[agent],
		Method: "GET", Route: "/v1/models/{id}", Status: 200, BytesOut: 1000, Topic: "t", Offset: t.offset,
	}
}

// orders are the ways in which tokens follow one another.
var orders = []struct {
	name string
	next func(t *town) func() int
}{
	{"roundrobin", func(t *town) func() int {
		order, i := t.r.Perm(len(t.tokens)), 0 // no prefetcher follows
		return func() int {
			i++
			return order[i%len(order)]
		}
	}},
	{"zipf", func(t *town) func() int {
		z := rand.NewZipf(t.r, 1.1, 10, uint64(len(t.tokens)-1))
		order := t.r.Perm(len(t.tokens))
		return func() int { return order[z.Uint64()] }
	}},
	{"bursty", func(t *town) func() int {
		var sessions [64]int // at once
		return func() int {
			one := &sessions[t.r.IntN(len(sessions))]
			if t.r.IntN(20) == 0 {
				*one = t.r.IntN(len(t.tokens))
			}
			return *one
		}
	}},
}

// BenchmarkProcess measures the engine alone, which has seen four days before: the CPU time
// an event takes, of this thread, without the making of events. Each token has about twenty
// requests a day.
func BenchmarkProcess(b *testing.B) {
	for _, order := range orders {
		b.Run(order.name, func(b *testing.B) {
			t := newTown(*benchTokens)
			next, before := t.follow(order.next(t)), heap()
			e := detect.New(detect.DefaultConfig(), "t", 0)
			block := make([]schema.Event, 4096)
			for range 4 * 20 * len(t.tokens) / len(block) {
				t.play(e, next, block)
			}
			size := float64(heap()-before) / float64(e.Tokens())
			b.ReportAllocs()
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			var spent time.Duration
			done, found := 0, 0
			for b.Loop() {
				cpu, n := t.play(e, next, block)
				spent, found, done = spent+cpu, found+n, done+len(block)
			}
			b.ReportMetric(float64(spent.Nanoseconds())/float64(done), "cpu-ns/event")
			b.ReportMetric(size, "B/token")
			b.ReportMetric(1e6*float64(found)/float64(done), "findings/1M")
		})
	}
}

// play makes a block of events and runs it through the engine.
func (t *town) play(e *detect.Engine, next func() int, block []schema.Event) (cpu time.Duration, found int) {
	step := 24 * time.Hour / 20 / time.Duration(len(t.tokens))
	for i := range block {
		t.at = t.at.Add(step)
		t.event(&block[i], next(), t.at)
	}
	began := threadTime()
	for i := range block {
		if i%detect.Ahead == 0 {
			e.Prefetch(block[i:])
		}
		if e.Process(&block[i]) != nil {
			found++
		}
	}
	return threadTime() - began, found
}

// BenchmarkRestore brings the profiles of a town back, as a restart does, and measures what
// they take: time for a million, the memory of the engine, and of the whole process (RSS),
// which has nothing else in it by then.
func BenchmarkRestore(b *testing.B) {
	rows := snapshotOf(*benchTokens)
	var e *detect.Engine
	var spent time.Duration
	for b.Loop() {
		e = nil
		debug.FreeOSMemory()
		before, began := rss(b), processTime()
		e = detect.New(detect.DefaultConfig(), "t", 0)
		if err := e.Restore(rows); err != nil {
			b.Fatal(err)
		}
		spent += processTime() - began
		if e.Tokens() != *benchTokens {
			b.Fatalf("%d tokens came back of %d", e.Tokens(), *benchTokens)
		}
		b.ReportMetric(float64(rss(b)-before)/float64(e.Tokens()), "RSS-B/token")
	}
	b.ReportMetric(spent.Seconds()/float64(b.N)/float64(e.Tokens())*1e6, "cpu-s/1M")
	stored := 0
	for i := range rows {
		stored += len(rows[i].State)
	}
	b.ReportMetric(float64(stored)/float64(len(rows)), "stored-B/token")
	rows = nil
	debug.FreeOSMemory()
	b.ReportMetric(float64(rss(b))/(1<<20), "RSS-MiB")
	runtime.KeepAlive(e)
}

// snapshotOf is what is stored of a town that lived for six days.
func snapshotOf(tokens int) []schema.Profile {
	t := newTown(tokens)
	e := detect.New(detect.DefaultConfig(), "t", 0)
	next, block := t.follow(orders[2].next(t)), make([]schema.Event, 4096)
	for t.at.Day() < 8 {
		t.play(e, next, block)
	}
	for i := range t.tokens { // whoever was not drawn
		t.event(&block[0], i, t.at)
		e.Process(&block[0])
	}
	return e.Snapshot()
}

// threadTime is the CPU time that this thread has used.
func threadTime() time.Duration { return usage(1) } // RUSAGE_THREAD

// processTime is the CPU time that all threads have used.
func processTime() time.Duration { return usage(syscall.RUSAGE_SELF) }

func usage(who int) time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(who, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// rss is the resident memory of this process in bytes.
func rss(tb testing.TB) uint64 {
	tb.Helper()
	data, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		tb.Skip(err)
	}
	var size, pages uint64
	if _, err := fmt.Sscan(string(data), &size, &pages); err != nil {
		tb.Fatal(err)
	}
	return pages * uint64(os.Getpagesize())
}
