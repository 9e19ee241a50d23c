package ingest_test

import (
	"bytes"
	"math/rand/v2"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tokenwatch/tokenwatch/ingest"
	"github.com/tokenwatch/tokenwatch/ingest/format"
	"github.com/tokenwatch/tokenwatch/schema"
)

// processor is the processor time that this process has used, its garbage collector
// included: on a machine with other work the only clock that can be compared.
func processor() time.Duration {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_PROCESS_CPUTIME_ID, &now); err != nil {
		panic(err)
	}
	return time.Duration(now.Nano())
}

// rows reports what a row costs.
func rows(b *testing.B, n int, cost time.Duration) {
	b.ReportMetric(float64(cost.Nanoseconds())/float64(n), "cpu-ns/row")
	b.ReportMetric(float64(n)/cost.Seconds(), "rows/cpu-s")
}

// BenchmarkDecoder is everything between Kafka and ClickHouse but the addresses' places:
// records to events, as a partition's pipeline has it done, a block of memory after the other.
func BenchmarkDecoder(b *testing.B) {
	for _, name := range format.Names() {
		b.Run(name, func(b *testing.B) { benchDecoder(b, newDecoder(b, name), corpus(b, name, "*")) })
	}
	for _, name := range []string{"nginx", "kong"} {
		b.Run("fleet-"+name, func(b *testing.B) { benchDecoder(b, newDecoder(b, format.Auto), fleet(b, name)) })
	}
}

func benchDecoder(b *testing.B, d *ingest.Decoder, records [][]byte) {
	var block schema.Block
	var cost time.Duration
	pos, size, events, turns := position(), 0, 0, 0
	b.ReportAllocs()
	for b.Loop() {
		records := turnOf(records, turns)
		turns++
		size += warm(records)
		before := processor()
		for _, record := range records {
			d.Decode(&block, record, pos)
		}
		cost += processor() - before
		if len(block.Events) > 10_000 {
			events += len(block.Events)
			block.Events = block.Events[:0]
		}
	}
	if events += len(block.Events); len(block.DeadLetters) > 0 {
		b.Fatalf("%+v", block.DeadLetters[0])
	}
	b.ReportMetric(0, "ns/op") // of so many records: says nothing
	rows(b, events, cost)
	b.ReportMetric(float64(size)/float64(events), "B/row")
}

// BenchmarkIdentity turns tokens into what is stored: those that were seen lately, as nearly all
// are, and others, each of which costs an HMAC.
func BenchmarkIdentity(b *testing.B) {
	f := ingest.NewFingerprinter(pepper(b))
	d := &drawing{Rand: rand.New(rand.NewPCG(7, 11))}
	tokens := make([][]byte, callers)
	for i := range tokens {
		d.caller = i
		tokens[i] = []byte("Bearer " + d.secret())
	}
	i := 0
	b.Run("new", func(b *testing.B) {
		b.ReportAllocs()
		before := processor()
		for b.Loop() {
			f.Token(tokens[i%callers])
			i++
		}
		rows(b, b.N, processor()-before)
	})
	b.Run("known", func(b *testing.B) {
		known := ingest.NewIdentities()
		b.ReportAllocs()
		before := processor()
		for b.Loop() {
			known.Find('t', "nginx", tokens[i%(callers/2)])
			i++
		}
		rows(b, b.N, processor()-before)
	})
}

// BenchmarkClientIP finds the client in what the gateway says of the connection and of
// the forwarding chain.
func BenchmarkClientIP(b *testing.B) {
	records := map[string]format.Record{
		"peer":      {Peer: []byte("203.0.113.7")},
		"forwarded": {Peer: []byte("10.0.0.5:4711"), ForwardedFor: []byte("203.0.113.7, 10.0.0.9")},
		"IPv6":      {Peer: []byte("2001:db8:85a3::8a2e:370:7334")},
		"gateway":   {Peer: []byte("10.0.0.5"), Client: []byte("203.0.113.7")},
	}
	for name, r := range records {
		b.Run(name, func(b *testing.B) {
			find := ingest.ClientIP(ingest.DefaultTrustedProxies())
			b.ReportAllocs()
			before := processor()
			for b.Loop() {
				find(&r)
			}
			rows(b, b.N, processor()-before)
		})
	}
}

// turn is how many records are decoded in a row.
const turn = 512

func turnOf(records [][]byte, turns int) [][]byte {
	from := turns * turn % len(records)
	return records[from : from+turn]
}

// warm brings records to where they are when they come from Kafka, having just been
// decompressed: near the processor. It gives their size.
func warm(records [][]byte) (size int) {
	for _, record := range records {
		heard += bytes.Count(record, []byte{0})
		size += len(record)
	}
	return size
}

// heard keeps the compiler from leaving work out.
var heard int
