package main

import (
	"bytes"
	"flag"
	"fmt"
	"iter"
	"strings"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/deploy/simulate"
	"github.com/tokenwatch/tokenwatch/ingest"
	"github.com/tokenwatch/tokenwatch/schema"
	"github.com/tokenwatch/tokenwatch/schema/clickhouse"
)

// What TestStorage measures; `make bench-storage` takes the demo's whole history.
var (
	storageEvents       = flag.Int("storage-events", 20_000, "events of the demo's history that TestStorage stores, the last ones; 0: all")
	storageSeed         = flag.Uint64("storage-seed", 1, "seed of the fleet")
	storageAlternatives = flag.Bool("storage-alternatives", false, "store them in other ways too, and compare")
)

const wantBytes = 40 // a stored event, with its share of what is derived from it

// TestStorage stores the demo's history as the program does, and says how many bytes an event takes on disk: in
// events, and in all that is filled along with it.
func TestStorage(t *testing.T) {
	needEngines(t)
	b := newBenchOf(t, false)
	_, db := b.database("storage")
	events := b.storeHistory(db)
	b.awaitMerges(db)
	_, rows, err := db.Query(t.Context(), `SELECT table, count(), sum(rows), sum(bytes_on_disk) FROM system.parts
		WHERE active AND database = currentDatabase() AND table IN ('events', 'activity_hours', 'token_renames') GROUP BY table ORDER BY table DESC`)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	total := 0.0
	for _, r := range rows {
		size := number(t, r[3]) / float64(events)
		total += size
		fmt.Fprintf(&out, "  %-16s %3s parts, %9s rows, %6.2f bytes an event\n", r[0], r[1], r[2], size)
	}
	t.Logf("\n%.2f bytes a stored event (want %d), %d events of the demo's fleet, seed %d\n%s%s", total, wantBytes, events, *storageSeed, out.String(), b.columns(db, events))
	if *storageEvents == 0 && total > wantBytes {
		t.Errorf("%.2f bytes a stored event, want at most %d", total, wantBytes)
	}
	if *storageAlternatives {
		b.keepArrived(db, "arrived", ingest.DefaultBlockConfig().Rows)
		b.keepArrived(db, "trickled", events/200)
		t.Log("\n" + b.compare(db, events) + "\n" + b.merges(db, events))
	}
}

// storeHistory plays the demo's fleet through the decoder into blocks.
func (b *bench) storeHistory(db *clickhouse.DB) (events int) {
	b.Helper()
	places := placesOrSkip(b.T)
	cfg := simulate.DefaultConfig()
	cfg.Seed, cfg.End, cfg.Locate = *storageSeed, time.Now().UTC().Truncate(time.Second), locateWith(places)
	fleet, err := simulate.New(cfg)
	if err != nil {
		b.Fatal(err)
	}
	p := newPlayer(b.T, places, cfg.End)
	blocks := map[int32]*schema.Block{} // by partition
	ends := map[int32]int64{}
	for r := range lastOf(fleet.History(), *storageEvents) {
		n := int32(r.Key[0]) % demoPartitions
		if blocks[n] == nil {
			blocks[n] = &schema.Block{Topic: "gateway.access", Partition: n, First: ends[n], Ingested: cfg.End}
		}
		block := blocks[n]
		p.decoder.Decode(block, r.Value, ingest.Position{Topic: block.Topic, Partition: n, Offset: ends[n], At: block.Ingested})
		block.Last, ends[n], events = ends[n], ends[n]+1, events+1
		if len(block.Events) == ingest.DefaultBlockConfig().Rows {
			b.store(db, block)
			delete(blocks, n)
		}
	}
	for _, block := range blocks {
		b.store(db, block)
	}
	return events
}

// lastOf is the last n records, all for 0. To know which they are it plays the history once and keeps as many.
func lastOf(history iter.Seq[simulate.Record], n int) iter.Seq[simulate.Record] {
	if n == 0 {
		return history
	}
	return func(yield func(simulate.Record) bool) {
		kept, seen := make([]simulate.Record, n), 0
		for r := range history {
			kept[seen%n] = r
			seen++
		}
		for i := max(0, seen-n); i < seen; i++ {
			if !yield(kept[i%n]) {
				return
			}
		}
	}
}

func (b *bench) store(db *clickhouse.DB, block *schema.Block) {
	b.Helper()
	if len(block.DeadLetters) > 0 {
		b.Fatalf("a record of the fleet was refused: %+v", block.DeadLetters[0])
	}
	if err := db.InsertBlock(b.Context(), block); err != nil {
		b.Fatal(err)
	}
}

// columns lists what the largest columns of events take.
func (b *bench) columns(db *clickhouse.DB, events int) string {
	b.Helper()
	b.exec(db, "CREATE TABLE IF NOT EXISTS wide AS events")
	b.exec(db, "ALTER TABLE wide MODIFY SETTING min_bytes_for_wide_part = 0") // sizes of single columns are known of wide parts only
	b.exec(db, "INSERT INTO wide SELECT * FROM events")
	b.exec(db, "OPTIMIZE TABLE wide FINAL")
	_, rows, err := db.Query(b.Context(), `SELECT name, data_compressed_bytes, compression_codec, type FROM system.columns
		WHERE database = currentDatabase() AND table = 'wide' ORDER BY data_compressed_bytes DESC LIMIT 14`)
	if err != nil {
		b.Fatal(err)
	}
	var out strings.Builder
	for _, r := range rows {
		fmt.Fprintf(&out, "    %-12s %6.2f  %s %s\n", r[0], number(b.T, r[1])/float64(events), r[3], r[2])
	}
	return out.String()
}

// keepArrived keeps the events in memory in the order in which they came, in blocks of so many rows.
func (b *bench) keepArrived(db *clickhouse.DB, name string, rows int) {
	b.Helper()
	b.exec(db, fmt.Sprintf("CREATE TABLE %s AS events ENGINE = Memory", name))
	b.exec(db, fmt.Sprintf("INSERT INTO %s SELECT * FROM events ORDER BY `partition`, offset SETTINGS max_threads = 1, max_block_size = %d, min_insert_block_size_rows = 1, min_insert_block_size_bytes = 0", name, rows))
}

// oneByOne stores what keepArrived kept, each block as a part.
const oneByOne = "INSERT INTO other SELECT * FROM %s SETTINGS max_threads = 1, max_insert_threads = 1, min_insert_block_size_rows = 1, min_insert_block_size_bytes = 0"

func number(t testing.TB, text string) (n float64) {
	t.Helper()
	if _, err := fmt.Sscan(text, &n); err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return n
}

// alternative is another way to store events: replacements in the table's definition.
type alternative struct{ name, old, new string }

// alternatives are the ways that were tried; deploy/adr/0006-storage.md has what came of them.
var alternatives = []alternative{
	{"as it is", "", ""},
	{"all columns LZ4", "ZSTD(1)", "LZ4"},
	{"all columns ZSTD(1)", "LZ4", "ZSTD(1)"},
	{"ts ZSTD", "`ts` DateTime64(3, 'UTC') CODEC(Delta(8), LZ4)", "`ts` DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1))"},
	{"ts DoubleDelta", "`ts` DateTime64(3, 'UTC') CODEC(Delta(8), LZ4)", "`ts` DateTime64(3, 'UTC') CODEC(DoubleDelta, LZ4)"},
	{"offset DoubleDelta", "`offset` Int64 CODEC(Delta(8), ZSTD(1))", "`offset` Int64 CODEC(DoubleDelta, ZSTD(1))"},
	{"offset LZ4", "`offset` Int64 CODEC(Delta(8), ZSTD(1))", "`offset` Int64 CODEC(Delta(8), LZ4)"},
	{"latency_us LZ4", "`latency_us` UInt64 CODEC(T64, ZSTD(1))", "`latency_us` UInt64 CODEC(T64, LZ4)"},
	{"bytes_out without T64", "`bytes_out` UInt64 CODEC(T64, LZ4)", "`bytes_out` UInt64 CODEC(ZSTD(1))"},
	{"path LowCardinality", "`path` String", "`path` LowCardinality(String)"},
	{"user_agent String", "`user_agent` LowCardinality(String)", "`user_agent` String"},
	{"path ZSTD(3)", "`path` String CODEC(ZSTD(1))", "`path` String CODEC(ZSTD(3))"},
	{"lat Gorilla", "`lat` Float32 CODEC(LZ4)", "`lat` Float32 CODEC(Gorilla, LZ4)"},
	{"without skip indexes", "INDEX", ""},
	{"ORDER BY (token, toStartOfHour(ts), route, ts)", "ORDER BY (token, ts)", "ORDER BY (token, toStartOfHour(ts), route, ts)"},
	{"ORDER BY (token, ip, ts)", "ORDER BY (token, ts)", "ORDER BY (token, ip, ts)"},
	{"ORDER BY (ts, token)", "ORDER BY (token, ts)", "ORDER BY (ts, token)"},
	{"index_granularity 16384", "index_granularity = 8192", "index_granularity = 16384"},
	{"index_granularity 32768", "index_granularity = 8192", "index_granularity = 32768"},
	{"no sparse columns", "index_granularity = 8192", "index_granularity = 8192, ratio_of_defaults_for_sparse_serialization = 1"},
	{"merges column by column always", "index_granularity = 8192", "index_granularity = 8192, vertical_merge_algorithm_min_rows_to_activate = 1, vertical_merge_algorithm_min_columns_to_activate = 1"},
	{"merges never column by column", "index_granularity = 8192", "index_granularity = 8192, enable_vertical_merge_algorithm = 0"},
	{"larger compressed blocks", "index_granularity = 8192", "index_granularity = 8192, max_compress_block_size = 1048576, min_compress_block_size = 262144"},
	{"texts and their lengths apart", "serialization_info_version = 'basic'", "serialization_info_version = 'with_types'"},
	{"no compact parts from 16 MiB on", "min_level_for_wide_part = 1", "min_level_for_wide_part = 0"},
}

// compare stores the same rows in each way, twice in turn, and takes the lesser processor time.
func (b *bench) compare(db *clickhouse.DB, events int) string {
	b.Helper()
	var out strings.Builder
	fmt.Fprintf(&out, "| alternative | bytes an event | insert, µs a row | merge, µs a row | one token's last 100, rows read |\n|---|---|---|---|---|\n")
	for _, a := range alternatives {
		size, insert, merge, read := b.try(db, a, events)
		for range 2 {
			_, i, m, _ := b.try(db, a, events)
			insert, merge = min(insert, i), min(merge, m)
		}
		fmt.Fprintf(&out, "| %s | %.2f | %.2f | %.2f | %s |\n", a.name, size, insert, merge, read)
	}
	return out.String()
}

// try measures one alternative: inserts of blocks as they came, and one merge of what they made.
func (b *bench) try(db *clickhouse.DB, a alternative, events int) (size, insert, merge float64, read string) {
	b.Helper()
	b.exec(db, "DROP TABLE IF EXISTS other SYNC")
	table := b.definition(db)
	changed := a.definition(table)
	if a.old != "" && changed == table {
		b.Errorf("%s: the table's definition has no %q any more", a.name, a.old)
	}
	b.exec(db, changed)
	b.exec(db, "SYSTEM STOP MERGES other")
	insert = b.perRow(events, func() { b.exec(db, fmt.Sprintf(oneByOne, "arrived")) })
	b.exec(db, "SYSTEM START MERGES other")
	merge = b.perRow(events, func() { b.exec(db, "OPTIMIZE TABLE other FINAL") })
	_, rows, err := db.Query(b.Context(), "SELECT sum(bytes_on_disk) FROM system.parts WHERE active AND database = currentDatabase() AND table = 'other'")
	if err != nil {
		b.Fatal(err)
	}
	_, estimate, err := db.Query(b.Context(), "EXPLAIN ESTIMATE SELECT * FROM other WHERE token = (SELECT token FROM events LIMIT 1)")
	if err != nil {
		b.Fatal(err)
	}
	return number(b.T, rows[0][0]) / float64(events), insert, merge, estimate[0][3]
}

// mergeBases are values of merge_selector_base, 5 being ClickHouse's own.
var mergeBases = []int{5, 10, 20, 50}

// merges counts how often a row is written again by merges when it comes in many blocks, and how many parts are left.
func (b *bench) merges(db *clickhouse.DB, events int) string {
	b.Helper()
	var out strings.Builder
	fmt.Fprintf(&out, "| merge_selector_base | merged rows an event | processor time, µs an event | parts left of 200 blocks |\n|---|---|---|---|\n")
	for _, base := range mergeBases {
		b.exec(db, "DROP TABLE IF EXISTS other SYNC")
		b.exec(db, alternative{old: "merge_selector_base = 20", new: fmt.Sprint("merge_selector_base = ", base)}.definition(b.definition(db)))
		before := b.number(db, "SELECT value FROM system.events WHERE event = 'MergedRows'")
		took := b.perRow(events, func() {
			b.exec(db, fmt.Sprintf(oneByOne, "trickled"))
			b.awaitMerges(db)
		})
		after := b.number(db, "SELECT value FROM system.events WHERE event = 'MergedRows'")
		parts := b.number(db, "SELECT count() FROM system.parts WHERE active AND database = currentDatabase() AND table = 'other'")
		fmt.Fprintf(&out, "| %d | %.2f | %.2f | %d |\n", base, float64(after-before)/float64(events), took, parts)
	}
	return out.String()
}

// perRow is the server's processor time for something, microseconds an event.
func (b *bench) perRow(events int, do func()) float64 {
	before := processorTime(b, b.server.PID())
	do()
	return micros(processorTime(b, b.server.PID())-before, events)
}

// definition is how the server writes the table down, without comments.
func (b *bench) definition(db *clickhouse.DB) string {
	b.Helper()
	_, rows, err := db.Query(b.Context(), "SELECT create_table_query FROM system.tables WHERE database = currentDatabase() AND name = 'events'")
	if err != nil {
		b.Fatal(err)
	}
	var out bytes.Buffer
	for rest := rows[0][0]; rest != ""; {
		before, after, found := strings.Cut(rest, " COMMENT '")
		out.WriteString(before)
		rest = ""
		if found {
			rest = afterText(after)
		}
	}
	return strings.Replace(out.String(), "storage.events", "storage.other", 1)
}

// afterText is what follows the end of a quoted text.
func afterText(s string) string {
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\', s[i] == '\'' && i+1 < len(s) && s[i+1] == '\'':
			i++
		case s[i] == '\'':
			return s[i+1:]
		}
	}
	return ""
}

// definition applies the alternative to a table's definition.
func (a alternative) definition(table string) string {
	if a.old != "INDEX" {
		return strings.ReplaceAll(table, a.old, a.new)
	}
	before, rest, _ := strings.Cut(table, ", INDEX")
	_, after, _ := strings.Cut(rest, ") ENGINE")
	return before + ") ENGINE" + after
}
