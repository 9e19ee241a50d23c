package main

import (
	"context"
	"maps"
	"math"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/tokenwatch/tokenwatch/ingest/kafka"
	"github.com/tokenwatch/tokenwatch/schema/clickhouse"
)

// What is aimed at, at half of the rate that was measured.
const (
	wantVisible  = 1500 * time.Millisecond
	wantDetected = 250 * time.Millisecond
)

// glance is how often the table is asked what it has: as often as it takes to tell a second and a half, and no oftener,
// since every answer costs what the load is to have.
const glance = 100 * time.Millisecond

// latencies appends records at a steady rate, and measures from the moment before each batch was handed to Kafka's client
// until a query returned its last row, and until detection had looked at its records.
func (b *bench) latencies(rate float64) {
	b.Helper()
	cfg := b.broker.topic(b.Context(), b, "gateway.live", *benchPartitions)
	server, db := b.database("live")
	p := b.start(server, cfg)
	ready := func() bool { _, ok := fetch(p.url + "/readyz"); return ok }
	eventually(b.T, time.Minute, "tokenwatch is ready", ready)
	list := parcels(b, b.stock(100_000), *benchPartitions)
	m := newMeter(b)
	m.add("broker", b.broker.pid)
	m.add("clickhouse", b.server.PID())
	m.add("tokenwatch", p.pid())

	looking, stop := context.WithCancel(b.Context())
	seen := make(chan []sighting, 1)
	go func() { seen <- b.watchTable(looking, db) }()
	sent, took := b.appendSteadily(cfg, list, rate)
	b.awaitRows(db, len(sent)*batchSize, p.alive)
	stop()
	u := m.read()
	shown := visible(sent, <-seen)
	detected := quantiles(p.page(b, "/metrics"), "tokenwatch_append_to_detected_seconds", 0.5, 0.99)
	b.Logf("\nat half load, %.0f rows/s for %s (asked for %.0f; the machine was busy %.0f%% of the time; µs a row: %s):\n"+
		"  append to visible:  p50 %s, p99 %s (want %s), at most %s\n  append to detection: p50 %s, p99 %s (want %s)",
		float64(len(sent)*batchSize)/took.Seconds(), took.Round(time.Second), rate, 100*u.machine.Seconds()/u.wall.Seconds()/float64(runtime.NumCPU()), u.shares(len(sent)*batchSize),
		at(shown, 0.5), at(shown, 0.99), wantVisible, at(shown, 1), detected[0], detected[1], wantDetected)
	p.stop(b)
}

// appendSteadily sends batches of records, as many of each partition, and says when each was sent.
func (b *bench) appendSteadily(cfg kafka.Config, list [][]parcel, rate float64) (sent []appended, took time.Duration) {
	b.Helper()
	a := newAppender(b, cfg.Topic)
	ctx, stop := context.WithTimeout(b.Context(), *benchLive)
	defer stop()
	began := time.Now()
	var g errgroup.Group
	for _, of := range list {
		g.Go(func() error { return a.run(ctx, of, rate/float64(len(list))) })
	}
	if err := g.Wait(); err != nil {
		b.Fatal(err)
	}
	return a.log, time.Since(began)
}

func (b *bench) stock(n int) []kafka.Record {
	var stock []kafka.Record
	for r := range benchRecords(b, *benchSeed+1) {
		if stock = append(stock, r); len(stock) == n {
			break
		}
	}
	return stock
}

// sighting is how far a partition could be read at a moment.
type sighting struct {
	at        time.Time
	partition int
	offset    int64
}

// lately are the parts that came to be in the last seconds, of a block or of a merge, and the blocks they were made of.
const lately = "SELECT name, partition_id, min_block_number, max_block_number FROM system.parts WHERE database = currentDatabase() " +
	"AND table = 'events' AND active AND modification_time > now() - 4"

// inserted is a block of rows as ClickHouse numbers them.
type inserted struct {
	day    string
	number int64
}

// fresh are the parts in which there are blocks that were not looked into, and those blocks: as a rule a part that was just
// inserted. To read what merges have just written, again and again, would cost the machine as much as a tenth of the load.
func fresh(ctx context.Context, db *clickhouse.DB, looked map[inserted]bool) (map[string][]inserted, error) {
	_, rows, err := db.Query(ctx, lately)
	parts := map[string][]inserted{}
	for _, row := range rows {
		first, _ := strconv.ParseInt(row[2], 10, 64)
		last, _ := strconv.ParseInt(row[3], 10, 64)
		for n := first; n <= last; n++ {
			if block := (inserted{row[1], n}); !looked[block] {
				parts[row[0]] = append(parts[row[0]], block)
			}
		}
	}
	return parts, err
}

// watchTable asks what is there until ctx ends. A partition's rows become visible in the order of their offsets, so the
// last one tells of all.
func (b *bench) watchTable(ctx context.Context, db *clickhouse.DB) (seen []sighting) {
	last, looked := map[int]int64{}, map[inserted]bool{}
	for ; ctx.Err() == nil; time.Sleep(glance) {
		parts, err := fresh(ctx, db, looked)
		if err != nil || len(parts) == 0 {
			continue
		}
		names := "'" + strings.Join(slices.Collect(maps.Keys(parts)), "', '") + "'"
		_, rows, err := db.Query(ctx, "SELECT _part, `partition`, max(offset) FROM events WHERE _part IN ("+names+") GROUP BY _part, `partition`")
		now := time.Now()
		if err != nil {
			continue
		}
		for _, row := range rows { // none of a part that was merged meanwhile: its blocks are in another one
			for _, block := range parts[row[0]] {
				looked[block] = true
			}
			partition, _ := strconv.Atoi(row[1])
			offset, _ := strconv.ParseInt(row[2], 10, 64)
			if known, ok := last[partition]; !ok || offset > known {
				last[partition] = offset
				seen = append(seen, sighting{now, partition, offset})
			}
		}
	}
	return seen
}

// visible is how long it took until the last record of each batch was first seen, in order.
func visible(sent []appended, seen []sighting) []time.Duration {
	var took []time.Duration
	for _, a := range sent {
		for _, s := range seen {
			if s.partition == a.partition && s.offset >= a.last {
				took = append(took, s.at.Sub(a.at))
				break
			}
		}
	}
	slices.Sort(took)
	return took
}

// at is a quantile of sorted durations.
func at(sorted []time.Duration, q float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)].Round(time.Millisecond)
}

// quantiles reads them from a histogram, each as the upper bound of its bucket.
func quantiles(page, name string, of ...float64) []time.Duration {
	type bucket struct{ bound, count float64 }
	var buckets []bucket
	for line := range strings.Lines(page) {
		rest, ok := strings.CutPrefix(strings.TrimSpace(line), name+`_bucket{le="`)
		if !ok {
			continue
		}
		bound, count, _ := strings.Cut(rest, `"} `)
		upper, err := strconv.ParseFloat(bound, 64)
		if err != nil {
			upper = math.Inf(1)
		}
		n, _ := strconv.ParseFloat(count, 64)
		buckets = append(buckets, bucket{upper, n})
	}
	result := make([]time.Duration, len(of))
	for i, q := range of {
		for _, k := range buckets {
			if k.count >= q*buckets[len(buckets)-1].count {
				result[i] = time.Duration(min(k.bound, 1e6) * float64(time.Second)).Round(time.Millisecond)
				break
			}
		}
	}
	return result
}

// TestQuantiles holds the reader of histograms to a page as Prometheus has it.
func TestQuantiles(t *testing.T) {
	page := `# TYPE x histogram
x_bucket{le="0.1"} 50
x_bucket{le="0.25"} 98
x_bucket{le="0.5"} 99
x_bucket{le="+Inf"} 100
x_count 100
`
	got := quantiles(page, "x", 0.5, 0.98, 0.99)
	if want := []time.Duration{100 * time.Millisecond, 250 * time.Millisecond, 500 * time.Millisecond}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}
