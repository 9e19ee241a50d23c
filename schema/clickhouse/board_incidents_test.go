package clickhouse_test

import (
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/schema"
	"github.com/tokenwatch/tokenwatch/schema/board"
	"github.com/tokenwatch/tokenwatch/schema/clickhouse"
)

// crowd stores many incidents at once: open ones first, then resolved, each in two revisions, with JSON as long as that of real ones.
func crowd(t testing.TB, db *clickhouse.DB) {
	t.Helper()
	for revision := range 2 {
		exec(t, db, `INSERT INTO incidents (id, revision, state, severity, score, token, token_hint, consumer, environment, opened, updated, summary, detectors, incident)
SELECT 'inc-' || substring(lower(hex(MD5(toString(number)))), 1, 16), `+[]string{"1", "2"}[revision]+`, if(number < 10000, 'open', 'resolved'), toInt8(1 + number % 4), 1.5,
	MD5(toString(number)), 'hf_…' || toString(number % 9000), 'acme-' || toString(number % 700), ['prod', 'test'][1 + number % 2],
	now64(3) - toIntervalSecond(number), now64(3), 'Used from a place that is new to it, number ' || toString(number), [['new_geo', 'odd_hours'], ['traffic']][1 + number % 2],
	'{"verdicts":[{"kind":"acknowledged","by":"console:bob (bob)"}],"filler":"' || randomPrintableASCII(3000) || '"}'
FROM numbers(110000)`)
	}
}

func TestCrowdOfIncidents(t *testing.T) {
	db := migrated(t)
	crowd(t, db)
	for _, c := range []struct {
		name string
		f    board.IncidentFilter
		want uint64
	}{
		{"all", board.IncidentFilter{}, 110000},
		{"open", board.IncidentFilter{States: []schema.IncidentState{schema.IncidentOpen}}, 10000},
		{"text", board.IncidentFilter{Text: "number 10999"}, 11},
		{"all of it", board.IncidentFilter{Text: "new to", Owner: "ACME-3", Severity: schema.SeverityHigh, Environment: "prod", Detector: "new_geo"}, 0},
	} {
		for range 3 {
			began := time.Now()
			page, err := db.IncidentPage(t.Context(), c.f, board.IncidentCut{Size: 50})
			t.Logf("%s: %s, %d of %d, error %v", c.name, time.Since(began), len(page.Lines), page.Total, err)
		}
	}
	began := time.Now()
	ch, err := db.IncidentChoices(t.Context())
	t.Log(time.Since(began), len(ch.Owners), ch.Environments, ch.Detectors, err)
	_, rows, _ := db.Query(t.Context(), "SELECT count(), sum(rows), sum(marks), formatReadableSize(sum(data_uncompressed_bytes)) FROM system.parts WHERE table='incidents' AND active AND database=currentDatabase()")
	t.Log(rows)
}
