package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/deploy/local"
	"github.com/tokenwatch/tokenwatch/ingest/kafka"
	"github.com/tokenwatch/tokenwatch/schema/clickhouse"
)

// What TestIngestRate measures. Its defaults are small: it then only shows that the measurement works.
// `make bench-ingest` measures.
var (
	benchCount      = flag.Int("ingest-records", 20_000, "records that TestIngestRate sends through Kafka")
	benchPartitions = flag.Int("ingest-partitions", 8, "partitions of its topic")
	benchKind       = flag.String("ingest-broker", "kfake", "kafka (Apache Kafka), kfake (the embedded broker) or auto (what there is)")
	benchSeed       = flag.Uint64("ingest-seed", 1, "seed of its records")
	benchSettings   = flag.Int("ingest-settings", 1, "of how many settings of ClickHouse's Kafka engine to take the best, up to 3; 0: skip it")
	benchProfile    = flag.String("ingest-profile", "", "folder for profiles of tokenwatch's processor time and memory")
	benchLive       = flag.Duration("ingest-live", 0, "how long to measure latencies at half load; 0: not at all")
	benchLiveRate   = flag.Float64("ingest-live-rate", 0, "rows a second of that; 0: half of what was measured")
)

// What is aimed at; see deploy/BENCHMARKS.md.
const (
	wantRatio  = 3.0
	wantOwn    = 350_000
	wantMemory = 512 << 20
)

// TestIngestRate sends the same topic into the same table twice, through ClickHouse's own Kafka engine and
// through tokenwatch, and compares what a row costs in processor time, of everybody who takes part in it:
// broker, ClickHouse, tokenwatch. ClickHouse only parses and stores; tokenwatch fingerprints, places,
// detects and keeps the views for analysts besides.
func TestIngestRate(t *testing.T) {
	needEngines(t)
	b := newBench(t)
	cfg := b.broker.topic(t.Context(), t, "gateway.access", *benchPartitions)
	began := time.Now()
	size := produceMany(t.Context(), t, cfg, *benchSeed, *benchCount)
	t.Logf("%d records of %d bytes on average in %d partitions, lz4, broker %s; produced in %s",
		*benchCount, size/int64(*benchCount), *benchPartitions, b.broker.name, time.Since(began).Round(time.Millisecond))

	// Ours runs before and after: what changes on the machine meanwhile is in both sides' figures.
	first := b.tokenwatch(cfg, "before")
	engine := b.bestEngine(cfg)
	ours := first
	if engine.rows > 0 {
		ours = both(first, b.tokenwatch(cfg, "after"))
	}
	report(t, ours, engine)
	if *benchLive > 0 {
		b.latencies(cmp.Or(*benchLiveRate, ours.rate()/2))
	}
}

// both is two runs taken as one.
func both(a, b result) result {
	a.rows, a.took, a.blocks = a.rows+b.rows, a.took+b.took, a.blocks+b.blocks
	a.stored, a.cost = a.stored.and(b.stored), a.cost.and(b.cost)
	a.resident, a.files, a.profiles = max(a.resident, b.resident), max(a.files, b.files), max(a.profiles, b.profiles)
	return a
}

// report prints the ratio first.
func report(t *testing.T, ours, engine result) {
	t.Helper()
	var out strings.Builder
	fmt.Fprintln(&out)
	if engine.rows > 0 {
		fmt.Fprintf(&out, "ratio: %.2f (want %.0f), tokenwatch to ClickHouse's Kafka engine, rows a CPU-second of broker, ClickHouse and tokenwatch together\n\n",
			ours.machine()/engine.machine(), wantRatio)
	}
	for _, r := range []result{ours, engine} {
		if r.rows > 0 {
			fmt.Fprintln(&out, r)
		}
	}
	fmt.Fprintf(&out, "tokenwatch's own process: %.0f rows a CPU-second (want %d); resident at most %d MiB, %d of them mapped files (want %d plus profiles), %d profiles; %d blocks of %d rows on average\n",
		per(ours.rows, ours.cost.by["tokenwatch"]), wantOwn, ours.resident>>20, ours.files>>20, wantMemory>>20, ours.profiles, ours.blocks, ours.rows/max(1, ours.blocks))
	t.Log(out.String())
}

// result is what one way of ingesting cost.
type result struct {
	name     string
	rows     int
	took     time.Duration // until the last row was there
	stored   used          // by then
	cost     used          // until the merges were done too
	resident int64         // of tokenwatch at most, bytes
	files    int64         // of these, what maps files: the address databases
	profiles int
	blocks   int
}

func (r result) rate() float64    { return float64(r.rows) / r.took.Seconds() }
func (r result) machine() float64 { return per(r.rows, r.cost.total) }

func (r result) String() string {
	return fmt.Sprintf("%s\n  %8.0f rows/s, %8.0f rows/CPU-s; without the merges that were still to do %8.0f; by all that the machine did %8.0f\n  µs a row: %s; the machine was busy for %.1f s, of which %.1f s with this",
		r.name, r.rate(), r.machine(), per(r.rows, r.stored.total), per(r.rows, r.cost.machine),
		r.cost.shares(r.rows), r.cost.machine.Seconds(), r.cost.total.Seconds())
}

// shares is what each process used, µs a row.
func (u used) shares(rows int) string {
	var parts []string
	for _, name := range []string{"broker", "clickhouse", "tokenwatch"} {
		if d, took := u.by[name]; took {
			parts = append(parts, fmt.Sprintf("%s %.2f", name, micros(d, rows)))
		}
	}
	return strings.Join(parts, ", ")
}

func micros(d time.Duration, rows int) float64 {
	return float64(d.Microseconds()) / float64(rows)
}

// bench is the engines of a measurement, each a process of its own.
type bench struct {
	*testing.T
	broker benchBroker
	server *local.ClickHouse

	profiling sync.WaitGroup
}

func newBench(t *testing.T) *bench {
	t.Helper()
	return newBenchOf(t, true)
}

// newBenchOf starts ClickHouse, and a broker if it is wanted.
func newBenchOf(t *testing.T, wantBroker bool) *bench {
	t.Helper()
	dir := t.TempDir()
	cfg := local.DefaultClickHouseConfig()
	cfg.Dir, cfg.TCPPort, cfg.HTTPPort = dir, 0, 0
	server, err := local.StartClickHouse(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Stop(context.Background()) }) // nothing is kept
	b := &bench{T: t, server: server}
	if wantBroker {
		b.broker = startBroker(t, *benchKind, filepath.Join(dir, "broker"))
	}
	return b
}

// database opens a database with tokenwatch's tables.
func (b *bench) database(name string) (clickhouse.Config, *clickhouse.DB) {
	b.Helper()
	u, err := url.Parse(b.server.DSN())
	if err != nil {
		b.Fatal(err)
	}
	u.Path = "/" + name
	cfg := clickhouse.DefaultConfig()
	cfg.DSN, cfg.QueryTimeout = clickhouse.DSN(u.String()), 10*time.Minute
	db, err := clickhouse.Open(b.Context(), cfg)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = db.Close() })
	if err := db.Migrate(b.Context()); err != nil {
		b.Fatal(err)
	}
	return cfg, db
}

// number is a query's only value.
func (b *bench) number(db *clickhouse.DB, sql string) (n int) {
	b.Helper()
	_, rows, err := db.Query(b.Context(), sql)
	if err != nil {
		b.Fatalf("%s: %v", sql, err)
	}
	if _, err := fmt.Sscan(rows[0][0], &n); err != nil {
		b.Fatalf("%s: %q: %v", sql, rows[0][0], err)
	}
	return n
}

// awaitRows waits until as many events are stored.
func (b *bench) awaitRows(db *clickhouse.DB, want int, alive func() error) {
	b.Helper()
	progress := time.Now()
	for last := -1; ; time.Sleep(pollEvery) { // asking costs the server something too
		have := b.number(db, "SELECT count() FROM events")
		if have >= want {
			return
		}
		if have > last {
			last, progress = have, time.Now()
		}
		if err := alive(); err != nil || time.Since(progress) > 2*time.Minute {
			b.Fatalf("%d of %d rows stored, and no more: %v", have, want, err)
		}
	}
}

// pollEvery is how often ClickHouse is asked how far it is.
const pollEvery = 200 * time.Millisecond

// awaitMerges waits until ClickHouse has nothing left to merge.
func (b *bench) awaitMerges(db *clickhouse.DB) {
	b.Helper()
	for quiet := 0; quiet < 3; time.Sleep(pollEvery) {
		if quiet++; b.number(db, "SELECT count() FROM system.merges") > 0 {
			quiet = 0
		}
	}
}

// tokenwatch measures tokenwatch, from the start of its process. Each run has a database and a consumer group of its own.
func (b *bench) tokenwatch(cfg kafka.Config, run string) result {
	b.Helper()
	server, db := b.database("tokenwatch_" + run)
	m := newMeter(b)
	m.add("broker", b.broker.pid)
	m.add("clickhouse", b.server.PID())
	p := b.start(server, cfg, "TOKENWATCH_KAFKA_GROUP=tokenwatch-"+run)
	m.add("tokenwatch", p.pid())
	m.before[2] = 0 // its start counts
	b.profile(p, "cpu", "/debug/pprof/profile?seconds=10")
	b.awaitRows(db, *benchCount, p.alive)
	r := result{name: "tokenwatch, with places, detection and all views", rows: *benchCount, took: time.Since(m.began), stored: m.read()}
	p.awaitHandled(b, *benchCount)
	b.awaitMerges(db)
	r.cost, r.resident, r.files = m.read(), memory(b, p.pid(), "VmHWM"), memory(b, p.pid(), "RssFile")
	page := p.page(b, "/metrics")
	r.profiles = int(metric(page, "tokenwatch_profiles"))
	r.blocks = int(metric(page, "tokenwatch_insert_seconds_count"))
	b.profile(p, "heap", "/debug/pprof/heap")
	b.verify(db)
	p.stop(b)
	b.Log("\n" + r.String())
	return r
}

// verify says whether each record is stored once.
func (b *bench) verify(db *clickhouse.DB) {
	b.Helper()
	_, rows, err := db.Query(b.Context(), "SELECT sum(entries), sum(distinct_offsets), sum(gaps), sum(repeats), (SELECT count() FROM dead_letters) FROM ingest_audit")
	if err != nil {
		b.Fatal(err)
	}
	want := fmt.Sprint(*benchCount, *benchCount, 0, 0, 0)
	if have := strings.Join(rows[0], " "); have != want {
		b.Errorf("stored entries, offsets, gaps, repeats, dead letters: %s; want %s", have, want)
	}
}

// profile keeps what a page of tokenwatch's profiler says, if that was asked for. It does not wait for it; stop does.
func (b *bench) profile(p *benchProgram, name, page string) {
	if *benchProfile == "" {
		return
	}
	b.profiling.Go(func() {
		body := p.page(b, page)
		_ = os.WriteFile(filepath.Join(*benchProfile, name+".pprof"), []byte(body), 0o600)
	})
}

// benchProgram is tokenwatch as a process of its own, with engines that it has not started.
type benchProgram struct {
	command *exec.Cmd
	log     *transcript
	url     string
	ended   chan error
}

func (b *bench) start(server clickhouse.Config, topic kafka.Config, settings ...string) *benchProgram {
	b.Helper()
	assets, err := filepath.Abs("../../deploy/local")
	if err != nil {
		b.Fatal(err)
	}
	listen := fmt.Sprintf("127.0.0.1:%d", freePorts(b.T, 1)[0])
	p := &benchProgram{command: exec.Command(os.Args[0], "run"), log: &transcript{}, url: "http://" + listen, ended: make(chan error, 1)}
	p.command.Dir = b.TempDir()
	p.command.Stderr = p.log
	p.command.Env = append(os.Environ(), programEnv+"=1", local.AssetsEnv+"="+assets,
		"TOKENWATCH_CONSOLE_LISTEN=", "TOKENWATCH_HTTP_LISTEN="+listen, "TOKENWATCH_HTTP_PPROF=true",
		"TOKENWATCH_KAFKA_BROKERS="+strings.Join(topic.Brokers, ","), "TOKENWATCH_KAFKA_TOPIC="+topic.Topic,
		"TOKENWATCH_CLICKHOUSE_DSN="+string(server.DSN),
		"TOKENWATCH_INGEST_MAX_AGE=720h") // the fleet's history is taken as it is
	p.command.Env = append(p.command.Env, settings...)
	if err := p.command.Start(); err != nil {
		b.Fatal(err)
	}
	go func() { p.ended <- p.command.Wait() }()
	b.Cleanup(func() {
		_ = p.command.Process.Kill() // it may have ended
		if b.Failed() {
			b.Logf("tokenwatch's log:\n%s", tail(p.log.String(), 40))
		}
	})
	return p
}

func (p *benchProgram) pid() int { return p.command.Process.Pid }

func (p *benchProgram) alive() error {
	select {
	case err := <-p.ended:
		return fmt.Errorf("tokenwatch ended: %v", err)
	default:
		return nil
	}
}

// page reads a page, "" when the server is not there yet.
func (p *benchProgram) page(t testing.TB, path string) string {
	for range 100 {
		if body, ok := fetch(p.url + path); ok {
			return body
		}
		time.Sleep(50 * time.Millisecond)
	}
	return ""
}

// awaitHandled waits until detection is done with as many records.
func (p *benchProgram) awaitHandled(b *bench, want int) {
	b.Helper()
	eventually(b.T, time.Minute, "detection is done with all records", func() bool {
		return metric(p.page(b, "/metrics"), "tokenwatch_next_offset") >= float64(want)
	})
}

func (p *benchProgram) stop(b *bench) {
	b.Helper()
	b.profiling.Wait()
	_ = p.command.Process.Signal(os.Interrupt) // if it is gone, the next line says so
	if err := <-p.ended; err != nil {
		b.Errorf("tokenwatch ended with %v", err)
	}
	if *benchProfile != "" {
		_ = os.WriteFile(filepath.Join(*benchProfile, "tokenwatch.log"), []byte(p.log.String()), 0o600) // for those who look
	}
}
