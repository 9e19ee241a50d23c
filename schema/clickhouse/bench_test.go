package clickhouse_test

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ClickHouse/ch-go/proto"

	"github.com/tokenwatch/tokenwatch/schema"
	"github.com/tokenwatch/tokenwatch/schema/clickhouse"
)

const benchRows = 50_000

// BenchmarkEncode is the part of InsertBlock that this process computes before sending.
func BenchmarkEncode(b *testing.B) {
	events := newFleet(1, 2000).block(0, benchRows, noon, time.Millisecond).Events
	encoder := clickhouse.NewEncoder()
	size := 0
	b.ReportAllocs()
	for b.Loop() {
		size = encoder.Encode(events)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*benchRows), "ns/row")
	b.ReportMetric(float64(size)/benchRows, "wire-B/row")
}

// BenchmarkWords compares ways to encode a LowCardinality column of strings that ingest
// interned, 2,000 different ones in no order: the worst of an event's columns.
func BenchmarkWords(b *testing.B) {
	values := make([]string, benchRows)
	for i, e := range newFleet(1, 2000).block(0, benchRows, noon, time.Millisecond).Events {
		values[i] = e.TokenHint
	}
	b.Run("here", func(b *testing.B) {
		for b.Loop() {
			clickhouse.Words(values)
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*benchRows), "ns/row")
	})
	b.Run("ch-go", func(b *testing.B) {
		for b.Loop() {
			c := new(proto.ColStr).LowCardinality()
			for _, v := range values {
				c.Append(v)
			}
			if err := c.Prepare(); err != nil {
				b.Fatal(err)
			}
			var out proto.Buffer
			c.EncodeColumn(&out)
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*benchRows), "ns/row")
	})
}

// BenchmarkEvents reads half a million events back, in order.
func BenchmarkEvents(b *testing.B) {
	db := migrated(b)
	f := newFleet(1, 2000)
	const blocks = 10
	for i := range int64(blocks) {
		insert(b, db, f.block(i*benchRows, benchRows, noon, time.Millisecond))
	}
	before, beforeEngine := processor(), engineProcessor(b)
	for b.Loop() {
		n := 0
		err := db.Events(b.Context(), "gateway.access", 3, -1, math.MaxInt64, time.Time{}, func(*schema.Event) error { n++; return nil })
		if err != nil || n != blocks*benchRows {
			b.Fatal(n, err)
		}
	}
	rows := float64(b.N * blocks * benchRows)
	b.ReportMetric(rows/b.Elapsed().Seconds(), "rows/s")
	b.ReportMetric(float64((processor()-before).Nanoseconds())/rows, "cpu-ns/row")
	b.ReportMetric(float64((engineProcessor(b)-beforeEngine).Nanoseconds())/rows, "engine-cpu-ns/row")
}

// BenchmarkInsertBlock stores blocks in a real ClickHouse, views included. cpu-ns/row is
// this process's own time; the engine is a process of its own.
func BenchmarkInsertBlock(b *testing.B) {
	db := migrated(b)
	f := newFleet(1, 2000)
	blocks := []*schema.Block{f.block(0, benchRows, noon, time.Millisecond), f.block(0, benchRows, noon, time.Millisecond)}
	next, before, beforeEngine := int64(0), processor(), engineProcessor(b)
	b.ReportAllocs()
	for b.Loop() {
		block := blocks[next%2]
		block.First, block.Last = next*benchRows, (next+1)*benchRows-1
		insert(b, db, block)
		next++
	}
	rows := float64(b.N) * benchRows
	b.ReportMetric(rows/b.Elapsed().Seconds(), "rows/s")
	b.ReportMetric(float64((processor()-before).Nanoseconds())/rows, "cpu-ns/row")
	b.ReportMetric(float64((engineProcessor(b)-beforeEngine).Nanoseconds())/rows, "engine-cpu-ns/row")
}

// engineProcessor is the processor time that ClickHouse has used, merges included.
func engineProcessor(b *testing.B) time.Duration {
	b.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", engine.Engine(b).PID()))
	if err != nil {
		b.Skip("needs Linux: ", err)
	}
	var user, system int64
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	if _, err := fmt.Sscan(fields[11]+" "+fields[12], &user, &system); err != nil {
		b.Fatal(err)
	}
	const tick = time.Second / 100
	return time.Duration(user+system) * tick
}

// processor is the processor time this process has used.
func processor() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
