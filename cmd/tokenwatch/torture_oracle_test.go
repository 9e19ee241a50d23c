package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/detect"
	"github.com/tokenwatch/tokenwatch/schema"
)

// oracle knows what the tables have to hold: a row for each item of each record of the
// log, and what an engine finds that was never interrupted.
type oracle struct {
	read     [torturePartitions]int64 // of the log, so far
	rows     int64                    // that all records so far have to become
	engines  [torturePartitions]*detect.Engine
	learnt   [torturePartitions]int64 // last offset that the engines have seen
	findings map[string]bool
}

func newOracle() *oracle {
	cfg := DefaultConfig().Detect
	cfg.BackfillAfter = DefaultConfig().Alert.BackfillAfter
	o := &oracle{findings: map[string]bool{}}
	for p := range o.engines {
		o.engines[p] = detect.New(cfg, tortureTopic, int32(p))
		o.learnt[p] = -1
	}
	return o
}

// row is an entry of events (kind e) or dead_letters (kind d).
type tortureRow struct {
	partition int32
	offset    int64
	item      int
	kind      byte
}

func (r tortureRow) String() string {
	table := map[byte]string{'e': "events", 'd': "dead_letters"}[r.kind]
	return fmt.Sprintf("%s/%d offset %d item %d in %s", tortureTopic, r.partition, r.offset, r.item, table)
}

// verify compares the tables with the log. The log has been read back from the offsets
// in since; the tables are quiet.
func (o *oracle) verify(t *testing.T, s *tortureStore, since [torturePartitions]int64, list []logged) {
	t.Helper()
	o.once(t, s, since, list)
	o.audit(t, s)
	o.views(t, s)
	o.found(t, s)
}

// once holds what is new to the records that are new, row by row.
func (o *oracle) once(t *testing.T, s *tortureStore, since [torturePartitions]int64, list []logged) {
	t.Helper()
	want := map[tortureRow]string{}
	for _, r := range list {
		for item := range len(r.fate) {
			want[tortureRow{r.partition, r.offset, item, r.fate[item]}] = r.name
		}
	}
	o.rows += int64(len(want))
	var beyond []string
	for p, offset := range since {
		beyond = append(beyond, fmt.Sprintf("`partition` = %d AND offset >= %d", p, offset))
	}
	where := strings.Join(beyond, " OR ")
	have := map[tortureRow]int{}
	var wrong []string
	for _, r := range s.ask(t, "SELECT `partition`, offset, item, 'e', substring(request_id, 1, 9) FROM events WHERE "+where+
		" UNION ALL SELECT `partition`, offset, item, 'd', '' FROM dead_letters WHERE "+where) {
		var row tortureRow
		if _, err := fmt.Sscan(strings.Join(r[:3], " "), &row.partition, &row.offset, &row.item); err != nil {
			t.Fatal(err)
		}
		row.kind = r[3][0]
		have[row]++
		if name, expected := want[row]; expected && row.kind == 'e' && r[4] != name {
			wrong = append(wrong, fmt.Sprintf("%v: it is request %s, want %s", row, r[4], name))
		}
	}
	for row := range want {
		if have[row] != 1 {
			wrong = append(wrong, fmt.Sprintf("%v: %d times, want once", row, have[row]))
		}
	}
	for row, n := range have {
		if _, expected := want[row]; !expected {
			wrong = append(wrong, fmt.Sprintf("%v: %d times, want never", row, n))
		}
	}
	complain(t, wrong)
}

// complain prints what is wrong, in order, and not without end.
func complain(t *testing.T, wrong []string) {
	t.Helper()
	slices.Sort(wrong)
	const enough = 40
	for _, line := range wrong[:min(len(wrong), enough)] {
		t.Error(line)
	}
	if len(wrong) > enough {
		t.Errorf("and %d more like these", len(wrong)-enough)
	}
}

// audit looks at everything since the first round: what was right stays right.
func (o *oracle) audit(t *testing.T, s *tortureStore) {
	t.Helper()
	have := s.ask(t, "SELECT sum(entries), sum(gaps), sum(repeats), sum(distinct_offsets) FROM ingest_audit")[0]
	offsets := int64(0)
	for _, n := range o.read {
		offsets += n
	}
	if want := fmt.Sprintf("%d 0 0 %d", o.rows, offsets); strings.Join(have, " ") != want {
		t.Errorf("ingest_audit counts entries, gaps, repeats and offsets %v, want %s; by partition: %v", have, want, s.ask(t, "SELECT * FROM ingest_audit ORDER BY `partition`"))
	}
}

// views holds the materialized views to the table that they are made of.
func (o *oracle) views(t *testing.T, s *tortureStore) {
	t.Helper()
	for view, by := range map[string][2]string{
		"activity_hours":   {"hour", "toStartOfHour(toDateTime(ts, 'UTC'))"},
		"activity_minutes": {"minute", "toStartOfMinute(toDateTime(ts, 'UTC'))"},
	} {
		sums := "sum(requests), sum(errors), sum(bytes_out), toUInt64(round(sum(cost_usd) * 1000))"
		counts := "count(), countIf(status >= 400), sum(bytes_out), toUInt64(round(sum(cost_usd) * 1000))"
		ours := fmt.Sprintf("(SELECT token, %s AS at, tuple(%s) AS sums FROM %s GROUP BY token, at)", by[0], sums, view)
		base := fmt.Sprintf("(SELECT token, %s AS at, tuple(%s) AS sums FROM events GROUP BY token, at)", by[1], counts)
		rows := s.ask(t, fmt.Sprintf("SELECT lower(hex(token)), toString(at), toString(v.sums), toString(b.sums) FROM %s AS v FULL OUTER JOIN %s AS b USING (token, at) "+
			"WHERE v.sums != b.sums ORDER BY at LIMIT 10", ours, base))
		for _, r := range rows {
			t.Errorf("%s: token %s at %s: requests, errors, bytes out and cost are %s, and %s in events", view, r[0], r[1], r[2], r[3])
		}
	}
}

// found has the uninterrupted engines judge what is new, and compares. What was found over several partitions is left
// out: it depends on when they were heard of each other (ADR 8).
func (o *oracle) found(t *testing.T, s *tortureStore) {
	t.Helper()
	for p := range int32(torturePartitions) {
		err := s.db.Events(t.Context(), tortureTopic, p, o.learnt[p], 1<<62, time.Time{}, func(e *schema.Event) error {
			if f := o.engines[p].Process(e); f != nil && f.Kind == "" {
				o.findings[f.ID.String()] = true
			}
			o.learnt[p] = e.Offset
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	have := map[string]int{}
	for _, r := range s.ask(t, "SELECT id_hex FROM findings FINAL WHERE NOT hasAny(evidence.detector, ['campaign', 'fleet'])") {
		have[r[0]]++
	}
	var wrong []string
	for _, id := range slices.Sorted(maps.Keys(have)) {
		if !o.findings[id] || have[id] > 1 {
			wrong = append(wrong, fmt.Sprintf("finding %s: %d times; an engine that was never interrupted has it: %t", id, have[id], o.findings[id]))
		}
	}
	for id := range o.findings {
		if have[id] == 0 {
			wrong = append(wrong, fmt.Sprintf("finding %s is missing", id))
		}
	}
	complain(t, wrong)
}
