package main

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/deploy/local"
	"github.com/tokenwatch/tokenwatch/detect"
	"github.com/tokenwatch/tokenwatch/ingest/kafka"
	"github.com/tokenwatch/tokenwatch/schema"
	"github.com/tokenwatch/tokenwatch/schema/clickhouse"
)

// crew is the owners of some tokens: each comes from one place, a few times a day, and one
// of them is robbed.
const crew = 12

const (
	home   = "91.10.20.30"  // a German household
	abroad = "139.59.10.20" // a hosting network in India
)

// thefts is which batches of the present hold requests of the thief too.
var thefts = struct{ from, to int }{20, 80}

func crewToken(i int) string { return fmt.Sprintf("sk-live-QkZxWvTyRmPqLsNdB%02d", i) }

// writer is a producer that repeats a batch until it is acknowledged, as a gateway's log
// shipper does. What was appended by an attempt that seemed to fail is appended twice:
// that is for the Kafka log to say.
type writer struct {
	producer *kafka.Producer
	acked    []string // request ids
	failures int
}

func (w *writer) write(ctx context.Context, batch []kafka.Record, ids []string) {
	for ctx.Err() == nil {
		if err := w.producer.Produce(ctx, batch); err == nil {
			w.acked = append(w.acked, ids...)
			return
		}
		w.failures++
		time.Sleep(20 * time.Millisecond)
	}
}

// traffic is the crew's history, a request an hour in the daytime of five days, and then the present
// until it is enough: now and then a request of each, and soon a theft.
func (w *writer) traffic(ctx context.Context, enough <-chan struct{}) {
	serial := 0
	send := func(records []string, tokens []int) {
		batch, ids := make([]kafka.Record, len(records)), make([]string, len(records))
		for i, r := range records {
			ids[i] = fmt.Sprintf("id%07d", serial)
			serial++
			batch[i] = kafka.Record{Key: []byte(crewToken(tokens[i])), Value: []byte(strings.Replace(r, `"r-`, `"`+ids[i]+`-`, 1))}
		}
		w.write(ctx, batch, ids)
	}
	var records []string
	var tokens []int
	now := time.Now()
	for at := now.Add(-5 * 24 * time.Hour); at.Before(now.Add(-8 * time.Hour)); at = at.Add(30 * time.Minute) {
		for i := range crew {
			records = append(records, ownRecord(at.Add(time.Duration(i)*time.Second), crewToken(i), home))
			tokens = append(tokens, i)
		}
		if len(records) > 300 {
			send(records, tokens)
			records, tokens = nil, nil
		}
	}
	for b, more := 0, true; more || b < thefts.to; b++ {
		select {
		case <-enough:
			more = false
		case <-time.After(5 * time.Millisecond): // the pace
		}
		for i := range crew {
			records = append(records, ownRecord(time.Now(), crewToken(i), home))
			tokens = append(tokens, i)
		}
		for i := 0; i < 40 && b >= thefts.from && b < thefts.to; i++ {
			stolen := strings.Replace(ownRecord(time.Now(), crewToken(3), abroad), "acme-sdk/2.1", "curl/8.7.1", 1)
			records, tokens = append(records, stolen), append(tokens, 3)
		}
		send(records, tokens)
		records, tokens = nil, nil
	}
}

// TestKilledAgainAndAgain is kill -9 at random moments while records flow. In the end each
// record of the Kafka log is in events exactly once, none that was acknowledged is
// missing, and what was found is what an engine finds that was never interrupted.
func TestKilledAgainAndAgain(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	seed := uint64(time.Now().UnixNano())
	if s, err := strconv.ParseUint(os.Getenv("SEED"), 10, 64); err == nil {
		seed = s
	}
	t.Logf("SEED=%d repeats the moments of the kills", seed)
	random := rand.New(rand.NewPCG(seed, 0))

	cfg := kafka.DefaultConfig()
	cfg.Brokers, cfg.Timeout = []string{p.broker()}, 2*time.Second
	producer, err := kafka.NewProducer(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer producer.Close()
	w := &writer{producer: producer}
	start := time.Now()
	writing, giveUp := context.WithTimeout(t.Context(), 100*time.Second)
	defer giveUp()
	var writers sync.WaitGroup
	settings := []string{"TOKENWATCH_DETECT_SNAPSHOT_EVERY=700ms", "TOKENWATCH_INGEST_BLOCK_ROWS=300"}
	c := p.run(t, settings...)
	enough := make(chan struct{})
	writers.Go(func() { w.traffic(writing, enough) })
	const kills = 6
	for kill := range kills {
		if kill%3 > 0 { // else it may be in the middle of its start
			eventually(t, 30*time.Second, "the group is joined", func() bool { return strings.Contains(c.log.String(), "partition taken over") })
		}
		time.Sleep(time.Duration(random.IntN(2000)) * time.Millisecond) // the random moment is the test
		c.kill(t)
		c = p.run(t, settings...)
	}
	close(enough)
	writers.Wait()
	if writing.Err() != nil {
		t.Fatalf("after %d acknowledged records the broker was not there any more", len(w.acked))
	}
	t.Logf("took %s, %d records acknowledged, after %d failed attempts", time.Since(start).Round(time.Second), len(w.acked), w.failures)

	kept := readLog(t, cfg)
	total := 0
	for _, ids := range kept {
		total += len(ids)
	}
	caughtUp(t, p, total)
	if code, took := c.terminate(t); code != 0 || took > 10*time.Second {
		t.Errorf("SIGTERM: exit code %d after %s", code, took)
	}
	p.look(t, func(db *clickhouse.DB) {
		exactlyOnce(t, db, kept, w.acked)
		foundOnce(t, db)
		if have := one(t, db, "SELECT count(DISTINCT token) FROM profiles FINAL WHERE token != unhex('00000000000000000000000000000000')"); have != crew {
			t.Errorf("%d profiles are stored, want %d", have, crew)
		}
	})
	learntNothingAnew(t, p, cfg, total)
}

// readLog reads the whole topic with a group of its own: request ids by partition, in
// the order of offsets.
func readLog(t *testing.T, cfg kafka.Config) map[int32][]string {
	t.Helper()
	cfg.Group = "oracle"
	var mu sync.Mutex
	kept, ends := map[int32][]string{}, map[int32]int64{}
	id := regexp.MustCompile(`"request_id":"(id[0-9]{7})-`)
	ctx, cancel := context.WithTimeout(t.Context(), 40*time.Second)
	defer cancel()
	err := kafka.Consume(ctx, cfg, slog.New(slog.DiscardHandler), func(ctx context.Context, claim *kafka.Claim) error {
		complete := func() {
			ends[claim.Partition()] = claim.HighWater()
			for p := range int32(cfg.Partitions) {
				if end, known := ends[p]; !known || end < 0 || int64(len(kept[p])) < end {
					return
				}
			}
			cancel()
		}
		for range 200 { // an empty partition delivers nothing: its end is told by and by
			mu.Lock()
			complete()
			mu.Unlock()
			if claim.HighWater() >= 0 {
				break
			}
			time.Sleep(50 * time.Millisecond)
		}
		return claim.Fetch(ctx, 0, func(offset int64, _ time.Time, value []byte) error {
			mu.Lock()
			defer mu.Unlock()
			if at := int64(len(kept[claim.Partition()])); offset != at {
				return fmt.Errorf("offset %d where %d was expected", offset, at)
			}
			found := id.FindSubmatch(value)
			if found == nil {
				return fmt.Errorf("a record without a name: %s", value)
			}
			kept[claim.Partition()] = append(kept[claim.Partition()], string(found[1]))
			complete()
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	if ctx.Err() == context.DeadlineExceeded {
		t.Fatalf("reading the log takes too long: %v", ends)
	}
	return kept
}

func caughtUp(t *testing.T, p place, total int) {
	t.Helper()
	eventually(t, 60*time.Second, "everything is stored", func() bool {
		_, page := get(t, p.url()+"/metrics")
		return metric(page, "tokenwatch_next_offset") == float64(total)
	})
}

// look opens the database of a program that has ended.
func (p place) look(t *testing.T, at func(*clickhouse.DB)) {
	t.Helper()
	config := local.DefaultClickHouseConfig()
	config.Dir, config.TCPPort, config.HTTPPort = p.data(), 0, 0
	server, err := local.StartClickHouse(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := server.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	}()
	reading := clickhouse.DefaultConfig()
	reading.DSN = clickhouse.DSN(server.DSN())
	db, err := clickhouse.Open(t.Context(), reading)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	at(db)
}

func one(t *testing.T, db *clickhouse.DB, sql string) int {
	t.Helper()
	_, rows, err := db.Query(t.Context(), sql)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	n, err := strconv.Atoi(rows[0][0])
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// exactlyOnce compares the table with the log, record by record.
func exactlyOnce(t *testing.T, db *clickhouse.DB, kept map[int32][]string, acked []string) {
	t.Helper()
	_, rows, err := db.Query(t.Context(), "SELECT `partition`, offset, substring(request_id, 1, 9) FROM events ORDER BY `partition`, offset")
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	inLog := map[string]bool{}
	for _, partition := range slices.Sorted(maps.Keys(kept)) {
		for offset, id := range kept[partition] {
			want = append(want, fmt.Sprintf("%d %d %s", partition, offset, id))
			inLog[id] = true
		}
	}
	if have := joined(rows); !slices.Equal(have, want) {
		t.Errorf("events holds %d rows, the log %d records; they differ from %s on", len(have), len(want), firstDifference(have, want))
	}
	for _, id := range acked {
		if !inLog[id] {
			t.Errorf("%s was acknowledged and is not in the log", id)
			break
		}
	}
	if n := one(t, db, "SELECT sum(gaps) + sum(repeats) + abs(sum(entries) - (SELECT count() FROM events)) FROM ingest_audit"); n != 0 {
		t.Errorf("ingest_audit counts %d gaps and repeats", n)
	}
	if n := one(t, db, "SELECT count() FROM dead_letters"); n != 0 {
		t.Errorf("%d dead letters", n)
	}
}

func firstDifference(a, b []string) string {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return fmt.Sprintf("%q, want %q", a[i], b[i])
		}
	}
	return "the shorter one's end"
}

// foundOnce has an engine that was never interrupted judge the stored events, and compares.
func foundOnce(t *testing.T, db *clickhouse.DB) {
	t.Helper()
	cfg := detect.DefaultConfig()
	cfg.BackfillAfter = DefaultConfig().Alert.BackfillAfter
	var want []string
	for partition := range int32(kafka.DefaultConfig().Partitions) {
		engine := detect.New(cfg, "gateway.access", partition)
		err := db.Events(t.Context(), "gateway.access", partition, -1, 1<<62, time.Time{}, func(e *schema.Event) error {
			if f := engine.Process(e); f != nil {
				want = append(want, f.ID.String())
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	slices.Sort(want)
	_, rows, err := db.Query(t.Context(), "SELECT id_hex FROM findings ORDER BY id_hex")
	if err != nil {
		t.Fatal(err)
	}
	if have := joined(rows); !slices.Equal(have, want) {
		t.Errorf("%d findings are stored, an engine that was never interrupted has %d: %s", len(have), len(want), firstDifference(have, want))
	}
	if len(want) == 0 {
		t.Error("the theft was not found")
	}
	// That all tokens are used at once, for the first time in that much, is one more of its own.
	if n := one(t, db, "SELECT uniqExactIf(id, kind = '') + 10 * greatest(uniqExactIf(id, kind != ''), 1) FROM incidents"); n != 11 {
		t.Errorf("%d incidents of tokens, and %d of groups; want one, and one at most", n%10, n/10)
	}
}

// learntNothingAnew starts the program twice more: after a stop in good order, and after
// a kill right behind it. All profiles are there at once, and nothing is found again.
func learntNothingAnew(t *testing.T, p place, cfg kafka.Config, total int) {
	t.Helper()
	taken := regexp.MustCompile(`partition taken over.* profiles=(\d+)`)
	for _, end := range []func(*child){func(c *child) { c.kill(t) }, func(c *child) { c.terminate(t) }} {
		c := p.run(t)
		known := 0
		eventually(t, 30*time.Second, "all partitions are taken over", func() bool {
			all := taken.FindAllStringSubmatch(c.log.String(), -1)
			known = 0
			for _, found := range all {
				n, _ := strconv.Atoi(found[1])
				known += n
			}
			return len(all) == cfg.Partitions
		})
		if known != crew {
			t.Errorf("%d profiles are known after a restart, want %d", known, crew)
		}
		produceAs(t, cfg, crewToken(3), ownRecord(time.Now(), crewToken(3), home))
		total++
		caughtUp(t, p, total)
		_, page := get(t, p.url()+"/metrics")
		if found := metric(page, "tokenwatch_findings_total"); found != 0 {
			t.Errorf("%v findings after a restart", found)
		}
		end(c)
	}
}
