package main

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/schema/clickhouse"
)

// What TestQueries measures; `make bench-query` does it over 100 million rows.
var (
	queryRows   = flag.Int("query-rows", 100_000, "rows in events when TestQueries asks")
	queryTokens = flag.Int("query-tokens", 20_000, "tokens that they are of")
	queryRounds = flag.Int("query-rounds", 3, "tokens that each query is asked about")
)

const wantQuery = 100 * time.Millisecond

// queryDays is how many days the rows lie over: as many partitions.
const queryDays = 30

// fillEvents makes a day of rows: a few tokens with many requests and many with few (the k-th of n makes up about
// 1/k of them), each with a handful of addresses, places and programs of its own, in the order of time.
const fillEvents = `INSERT INTO events (ts, ingested_at, token, token_key, token_hint, consumer, environment, source, ip, ip_from,
    country, region, city, lat, lon, accuracy_km, asn, as_org, network, method, route, path, status, bytes_in, bytes_out, latency_us,
    user_agent, client, request_id, topic, ` + "`partition`" + `, offset)
WITH
    toUInt32(least(exp2(randCanonical(1) * log2(%[3]d)), %[3]d) - 1) AS k,
    sipHash64(k) AS own,
    rand64(2) AS draw,
    cityHash64(own, least(draw %% 40, 3)) AS line,
    number + %[1]d * %[2]d AS n,
    toDateTime64('2026-10-01 00:00:00', 3, 'UTC') + INTERVAL %[1]d DAY + toIntervalMillisecond(intDiv(number * 86400000, %[2]d)) AS at
SELECT
    at, at + INTERVAL 1 SECOND, reinterpret(sipHash128(k), 'FixedString(16)'), 7, concat('hf_…', hex(toUInt16(own))),
    concat('consumer-', toString(own %% 900)), ['prod', 'dev', 'test'][1 + own %% 3], 'nginx',
    toIPv6(IPv4NumToString(toUInt32(line))), 'peer',
    ['DE', 'FR', 'US', 'IN', 'BR', 'JP'][1 + line %% 6], concat('region-', toString(line %% 60)), concat('city-', toString(line %% 400)),
    toFloat32(line %% 180) - 90, toFloat32(line %% 360) - 180, 20, line %% 5000, concat('operator ', toString(line %% 5000)),
    CAST(1 + line %% 4, 'Enum8(\'unknown\' = 0, \'residential\' = 1, \'mobile\' = 2, \'business\' = 3, \'hosting\' = 4)'),
    ['GET', 'GET', 'POST'][1 + draw %% 3], concat('/v1/', toString(draw %% 25), '/{id}'), concat('/v1/', toString(draw %% 25), '/', toString(draw %% 9000)),
    if(draw %% 50 = 0, 404, 200), 200 + draw %% 3000, exp2(8 + (draw %% 1000) / 100), 1000 + draw %% 900000,
    concat('python-requests/2.', toString(own %% 30)), 'python-requests/2', hex(sipHash128(n)), 'gateway.access', toInt32(k %% 8), n
FROM numbers(%[2]d)`

// questions are what an analyst asks about one token.
var tokenQuestions = []question{
	{"its last 100 requests", "SELECT ts, ip, country, as_org, method, route, status FROM events WHERE token = %s ORDER BY ts DESC LIMIT 100"},
	{"its requests of one day", "SELECT count(), sum(bytes_out), uniqExact(ip) FROM events WHERE token = %s AND ts >= '2026-10-15' AND ts < '2026-10-16'"},
	{"its requests that failed", "SELECT toDate(ts) AS day, status, count() FROM events WHERE token = %s AND status >= 400 GROUP BY day, status ORDER BY day"},
	{"its profile", "SELECT * FROM token_profile WHERE token = %s"},
	{"its places", "SELECT * FROM token_places WHERE token = %s ORDER BY last_seen DESC"},
	{"its hours", "SELECT * FROM token_hours WHERE token = %s"},
	{"its rate", "SELECT * FROM token_rate WHERE token = %s"},
	{"its minutes of one day", "SELECT minute, requests FROM activity_minutes WHERE token = %s AND minute >= '2026-10-15' AND minute < '2026-10-16' ORDER BY minute"},
}

// TestQueries measures how long questions about one token take, of tokens drawn at random and of tokens drawn by their
// requests, over as many rows as asked for.
func TestQueries(t *testing.T) {
	needEngines(t)
	b := newBenchOf(t, false)
	_, db := b.database("queries")
	began := time.Now()
	perDay := *queryRows / queryDays
	for day := range queryDays {
		b.exec(db, fmt.Sprintf(fillEvents, day, perDay, *queryTokens))
	}
	b.finishDays(db)
	rows, parts := b.number(db, "SELECT count() FROM events"), b.number(db, "SELECT count() FROM system.parts WHERE active AND database = currentDatabase() AND table = 'events'")
	if rows != perDay*queryDays {
		t.Fatalf("%d rows, want %d", rows, perDay*queryDays)
	}
	t.Logf("%d rows of %d tokens in %d parts, made in %s", rows, b.number(db, "SELECT uniqExact(token) FROM events"), parts, time.Since(began).Round(time.Second))
	var out strings.Builder
	var all []time.Duration
	for _, drawn := range []struct{ how, sql string }{
		{"tokens drawn at random", "SELECT lower(hex(token)) FROM (SELECT DISTINCT token FROM activity_hours) ORDER BY sipHash64(token) LIMIT %d"},
		{"tokens drawn by their requests", "SELECT lower(hex(token)) FROM events WHERE sipHash64(offset) %% greatest(1, intDiv((SELECT count() FROM events), 2000)) = 0 ORDER BY sipHash64(offset) LIMIT %d"},
	} {
		all = append(all, b.ask(db, drawn.how, fmt.Sprintf(drawn.sql, *queryRounds), &out)...)
	}
	slices.Sort(all)
	t.Logf("\nsingle-token queries: p95 %s (want %s)\n%s", at(all, 0.95), wantQuery, out.String())
	out.Reset()
	all = b.pages(db, &out)
	slices.Sort(all)
	t.Logf("\npages of the console, %d incidents open: p95 %s (want %s)\n%s", openIncidents, at(all, 0.95), wantPage, out.String())
}

// finishDays waits until the days are what days become that are over, without the hours that this takes otherwise: a part each.
func (b *bench) finishDays(db *clickhouse.DB) {
	b.Helper()
	b.exec(db, "ALTER TABLE events MODIFY SETTING min_age_to_force_merge_seconds = 1")
	eventually(b.T, 30*time.Minute, "each day is one part", func() bool {
		return b.number(db, "SELECT count() - uniqExact(partition) FROM system.parts WHERE active AND database = currentDatabase() AND table = 'events'") == 0
	})
	b.awaitMerges(db)
}

// ask puts each question about each token, in a random order.
func (b *bench) ask(db *clickhouse.DB, how, sample string, out *strings.Builder) (all []time.Duration) {
	b.Helper()
	_, tokens, err := db.Query(b.Context(), sample)
	if err != nil || len(tokens) == 0 {
		b.Fatalf("%d tokens, %v", len(tokens), err)
	}
	fmt.Fprintf(out, "%s:\n", how)
	random := rand.New(rand.NewPCG(1, 1))
	for _, q := range tokenQuestions {
		var took []time.Duration
		for _, i := range random.Perm(len(tokens)) {
			began := time.Now()
			_, rows, err := db.Query(b.Context(), fmt.Sprintf(q.sql, "unhex('"+tokens[i][0]+"')"))
			took = append(took, time.Since(began))
			if err != nil || len(rows) == 0 && q.words == "its profile" {
				b.Fatalf("%s: %d rows, %v", q.words, len(rows), err)
			}
		}
		all = append(all, took...)
		slices.Sort(took)
		fmt.Fprintf(out, "  %-26s p50 %6s  p95 %6s  max %6s\n", q.words, at(took, 0.5), at(took, 0.95), at(took, 1))
	}
	return all
}
