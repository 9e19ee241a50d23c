package clickhouse_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/schema"
	"github.com/tokenwatch/tokenwatch/schema/clickhouse"
)

// same runs two queries that must give the same rows.
func same(t *testing.T, db *clickhouse.DB, one, other string) {
	t.Helper()
	differences := ask(t, db, fmt.Sprintf("SELECT count() FROM ((%s) EXCEPT (%s))", one, other)) + " " +
		ask(t, db, fmt.Sprintf("SELECT count() FROM ((%s) EXCEPT (%s))", other, one))
	if differences != "0 0" {
		t.Errorf("%s rows differ between\n%s\nand\n%s", differences, one, other)
	}
	if ask(t, db, "SELECT count() FROM ("+one+")") == "0" {
		t.Errorf("no rows: %s", one)
	}
}

// What is derived as blocks arrive equals what the events themselves give, before and
// after parts are merged, for blocks that repeat, and across days and hours.
func TestDerivedTablesEqualTheirEvents(t *testing.T) {
	db := migrated(t)
	f := newFleet(5, 60)
	for i := range 6 {
		b := f.block(int64(i)*3000, 3000, noon.Add(time.Duration(i-6)*36*time.Hour), 17*time.Second)
		insert(t, db, b, b)
	}
	const places = "token, country, region, city, asn, network, client"
	compare := func(t *testing.T) {
		same(t, db, `SELECT hour, `+places+`, sum(requests), sum(errors), sum(denied), sum(bytes_in), sum(bytes_out), sum(units_in),
				sum(units_out), round(sum(cost_usd), 6), min(first_seen), max(last_seen), uniqCombinedMerge(12)(addresses),
				anyLast(consumer), anyLast(token_hint), anyLast(environment), anyLast(as_org), anyLast(lat), anyLast(lon)
			FROM activity_hours GROUP BY hour, `+places,
			`SELECT toStartOfHour(toDateTime(ts, 'UTC')) AS hour, `+places+`, count(), countIf(status >= 400), countIf(status IN (401, 403)),
				sum(bytes_in), sum(bytes_out), sum(units_in), sum(units_out), round(sum(cost_usd), 6), min(ts), max(ts), uniqCombined(12)(ip),
				any(consumer), any(token_hint), any(environment), any(as_org), any(lat), any(lon)
			FROM events GROUP BY hour, `+places)
		same(t, db, `SELECT token, minute, sum(requests), sum(errors), sum(bytes_out), sum(units), round(sum(cost_usd), 6)
			FROM activity_minutes GROUP BY token, minute`,
			`SELECT token, toStartOfMinute(toDateTime(ts, 'UTC')) AS minute, count(), countIf(status >= 400), sum(bytes_out),
				sum(units_in) + sum(units_out), round(sum(cost_usd), 6) FROM events GROUP BY token, minute`)
	}
	t.Run("as inserted", compare)
	for _, table := range []string{"events", "activity_hours"} {
		exec(t, db, "OPTIMIZE TABLE "+table+" FINAL")
	}
	t.Run("merged", compare)
	t.Run("views", func(t *testing.T) {
		same(t, db, `SELECT token, consumer, first_seen, last_seen, active_days, requests, denied, bytes_out, addresses, arraySum(hours_utc) FROM token_profile`,
			`SELECT token, any(consumer), min(ts), max(ts), uniqExact(toDate(ts)), count(), countIf(status IN (401, 403)), sum(bytes_out),
				uniqCombined(12)(ip), count() FROM events GROUP BY token`)
		same(t, db, `SELECT token, country, city, asn, network, requests, share, active_days FROM token_places`,
			`SELECT token, country, city, asn, network, count() AS n, round(n / sum(n) OVER (PARTITION BY token), 4), uniqExact(toDate(ts))
				FROM events GROUP BY token, country, region, city, asn, network`)
		same(t, db, `SELECT token, hour_utc, requests, on_weekdays + on_weekends FROM token_hours`,
			`SELECT token, toHour(ts) AS h, count(), count() FROM events GROUP BY token, h`)
		same(t, db, `SELECT token, requests, active_minutes, peak_minute FROM token_rate`,
			`SELECT token, sum(n), count(), max(n) FROM (SELECT token, toStartOfMinute(ts) AS m, count() AS n FROM events
				WHERE ts >= toDate((SELECT max(ts) FROM events)) - 6 GROUP BY token, m) GROUP BY token`)
		if ask(t, db, "SELECT count() FROM events WHERE ts < toDate((SELECT max(ts) FROM events)) - 6") == "0" {
			t.Error("no request is older than token_rate looks at")
		}
	})
}

func TestTokenProfileReads(t *testing.T) {
	db := migrated(t)
	b := newFleet(1, 1).block(0, 10, noon.Add(-time.Hour), 0)
	for i := range b.Events {
		e := &b.Events[i]
		e.Country, e.Network, e.Client, e.Status = "DE", schema.NetworkResidential, "curl/8", 200
		if i == 0 {
			e.Country, e.Network, e.Client, e.Status = "BR", schema.NetworkHosting, "python-requests/2", 403
		}
	}
	insert(t, db, b)
	got := ask(t, db, `SELECT token_hex, requests, error_share, denied, active_days, requests_per_active_day, countries, networks, clients, hours_utc[12]
		FROM token_profile WHERE token = unhex($1)`, b.Events[0].Token.String())
	want := b.Events[0].Token.String() + " 10 0.1 1 1 10 [DE, BR] [residential, hosting] [curl/8, python-requests/2] 10"
	if got != want {
		t.Errorf("have %s\nwant %s", got, want)
	}
}

// A view that is asked for one token must read that token's rows, not the table.
func TestViewsUseTheIndex(t *testing.T) {
	db := migrated(t)
	f := newFleet(1, 2000)
	insert(t, db, f.block(0, 100_000, noon.Add(-24*time.Hour), 800*time.Millisecond))
	for _, view := range []string{"token_profile", "token_places", "token_hours", "token_rate", "token_clients", "token_networks", "token_routes", "token_days"} {
		_, rows, err := db.Query(t.Context(), "EXPLAIN indexes = 1 SELECT * FROM "+view+" WHERE token = unhex('30313233343536373839616263646566')")
		if err != nil {
			t.Fatal(err)
		}
		plan := ""
		for _, row := range rows {
			plan += row[0] + "\n"
		}
		_, key, _ := strings.Cut(plan, "PrimaryKey")
		if !strings.Contains(key, "token") || !strings.Contains(key, "(token in ['0123456789abcdef'") {
			t.Errorf("%s does not use the index:\n%s", view, plan)
		}
	}
}

func TestDeadLetterReasons(t *testing.T) {
	db := migrated(t)
	b := &schema.Block{Topic: "gateway.access", Partition: 3, First: 0, Last: 4, Ingested: noon}
	refuse(b, 0, 1, 2, 3, 4)
	b.DeadLetters[1].Reason = "no_token"
	insert(t, db, b)
	_, rows, err := db.Query(t.Context(), "SELECT reason, source, topic, records, last_detail FROM dead_letter_reasons")
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(rows); got != "[[bad_json kong gateway.access 4 offset 3: want }] [no_token kong gateway.access 1 offset 3: want }]]" {
		t.Errorf("have %s", got)
	}
}
