package clickhouse_test

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/schema"
	"github.com/tokenwatch/tokenwatch/schema/board"
	"github.com/tokenwatch/tokenwatch/schema/clickhouse"
)

// list reads a part of the list as ids, and says what else the page tells.
func list(t *testing.T, db *clickhouse.DB, f board.IncidentFilter, cut board.IncidentCut) (string, board.IncidentPage) {
	t.Helper()
	page, err := db.IncidentPage(t.Context(), f, cut)
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, l := range page.Lines {
		ids = append(ids, l.ID)
	}
	return strings.Join(ids, " "), page
}

// The list has each incident once, as it is now, in one order whichever way it is read.
func TestIncidentPage(t *testing.T) {
	db := migrated(t)
	of := func(id string, state schema.IncidentState, severity schema.Severity, minute int) schema.Incident {
		in := incident(id, 2, state)
		in.Severity, in.Opened, in.Consumer = severity, noon.Add(time.Duration(minute)*time.Minute), "owner of "+id
		return in
	}
	all := []schema.Incident{
		of("a", schema.IncidentOpen, schema.SeverityLow, 9), of("b", schema.IncidentOpen, schema.SeverityCritical, 1), of("c", schema.IncidentOpen, schema.SeverityCritical, 5),
		of("d", schema.IncidentOpen, schema.SeverityCritical, 5), of("e", schema.IncidentAcknowledged, schema.SeverityCritical, 8), of("f", schema.IncidentResolved, schema.SeverityCritical, 9),
	}
	for _, in := range all {
		former := in
		former.Revision, former.State, former.Severity = 1, schema.IncidentOpen, schema.SeverityMedium
		if err := db.SaveIncidents(t.Context(), []schema.Incident{in, former}); err != nil {
			t.Fatal(err)
		}
	}
	ids, whole := list(t, db, board.IncidentFilter{}, board.IncidentCut{Size: 10})
	if ids != "c d b a e f" || whole.Total != 6 || whole.Skipped != 0 || whole.Upto.IsZero() {
		t.Errorf("%s, %d in all, %d before", ids, whole.Total, whole.Skipped)
	}
	want := []board.IncidentCount{
		{State: schema.IncidentAcknowledged, Severity: schema.SeverityCritical, Count: 1}, {State: schema.IncidentOpen, Severity: schema.SeverityLow, Count: 1},
		{State: schema.IncidentOpen, Severity: schema.SeverityCritical, Count: 3}, {State: schema.IncidentResolved, Severity: schema.SeverityCritical, Count: 1},
	}
	if !reflect.DeepEqual(whole.Counts, want) {
		t.Errorf("counts %v", whole.Counts)
	}
	for i, l := range whole.Lines {
		for _, c := range []struct {
			cut     board.IncidentCut
			want    string
			skipped int
		}{
			{board.IncidentCut{After: &l.IncidentKey, Size: 2}, "c d b a e f"[min(2*i+2, 11):min(2*i+5, 11)], i + 1},
			{board.IncidentCut{Before: &l.IncidentKey, Size: 2}, strings.TrimSuffix("c d b a e f"[max(0, 2*i-4):2*i], " "), max(0, i-2)},
		} {
			if ids, page := list(t, db, board.IncidentFilter{}, c.cut); strings.TrimSpace(ids) != strings.TrimSpace(c.want) || page.Skipped != uint64(c.skipped) || page.Total != 6 {
				t.Errorf("%d: %q with %d of %d before, want %q with %d", i, ids, page.Skipped, page.Total, c.want, c.skipped)
			}
		}
	}
	severe := board.IncidentFilter{Severity: schema.SeverityHigh, States: []schema.IncidentState{schema.IncidentOpen}}
	if ids, page := list(t, db, severe, board.IncidentCut{Size: 2}); ids != "c d" || page.Total != 3 || !reflect.DeepEqual(page.Counts, want) {
		t.Errorf("%s, %d in all, counts %v", ids, page.Total, page.Counts)
	}
}

// What the list shows beside the columns comes out of the JSON, for rows that were there before as well.
func TestIncidentLine(t *testing.T) {
	db := migrated(t)
	in := incident("a", 7, schema.IncidentAcknowledged)
	in.Snoozed = noon.Add(4 * time.Hour)
	in.Verdicts = []schema.Verdict{
		{ID: "1", Kind: schema.VerdictAcknowledged, By: "slack:U1 (alice)"}, {ID: "2", Kind: schema.VerdictTheft, By: "console:bob (bob)"},
		{ID: "3", Kind: schema.VerdictSnooze, By: "x"}, {ID: "4", Kind: schema.VerdictRevoke, By: "y"},
	}
	in.Revocation = &schema.Revocation{State: schema.RevocationAsked}
	in.Summary = strings.Repeat("ä'\xff", 1<<19)
	if err := db.SaveIncident(t.Context(), &in); err != nil {
		t.Fatal(err)
	}
	_, page := list(t, db, board.IncidentFilter{}, board.IncidentCut{Size: 10})
	l := page.Lines[0]
	if len(l.Summary) > 4096 {
		t.Errorf("%d bytes of the sentence are read", len(l.Summary))
	}
	if time.Since(l.Stored).Abs() > time.Hour {
		t.Errorf("stored at %s", l.Stored)
	}
	l.Summary, l.Stored = "", time.Time{}
	want := board.IncidentLine{
		IncidentKey: board.IncidentKey{State: schema.IncidentAcknowledged, Severity: schema.SeverityHigh, Opened: noon, ID: "a"}, Revision: 7, Score: 1.5, Token: in.Token,
		TokenHint: in.TokenHint, Owner: in.Consumer, Environment: in.Environment, Updated: noon.Add(7 * time.Second), Detectors: []string{"new_geo", "odd_hours"}, Requests: 12,
		Snoozed: noon.Add(4 * time.Hour), Answer: schema.VerdictTheft, AnsweredBy: "console:bob (bob)", Revocation: schema.RevocationAsked,
	}
	if !reflect.DeepEqual(l, want) {
		t.Errorf("have %+v\nwant %+v", l, want)
	}
	plain := incident("b", 1, schema.IncidentOpen)
	if err := db.SaveIncident(t.Context(), &plain); err != nil {
		t.Fatal(err)
	}
	_, page = list(t, db, board.IncidentFilter{States: []schema.IncidentState{schema.IncidentOpen}}, board.IncidentCut{Size: 10})
	if l := page.Lines[0]; !l.Snoozed.IsZero() || l.Answer != "" || l.AnsweredBy != "" || l.Revocation != "" {
		t.Errorf("%+v", l)
	}
}

// Whatever somebody looks for is looked for as it is.
func TestIncidentFilter(t *testing.T) {
	db := migrated(t)
	one, two := incident("inc-one", 1, schema.IncidentOpen), incident("inc-two", 1, schema.IncidentOpen)
	one.Summary, one.Consumer, one.TokenHint, one.Token = `50 % of O'Brien's \ requests`, "Ärzte", "sk_…k7Wv", schema.TokenID{0xde, 0xad, 0xbe}
	two.Opened, two.Evidence = noon.Add(time.Hour), two.Evidence[:1]
	if err := db.SaveIncidents(t.Context(), []schema.Incident{one, two}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		f    board.IncidentFilter
		want string
	}{
		{board.IncidentFilter{Text: "o'brien"}, "inc-one"},
		{board.IncidentFilter{Text: "50 %"}, "inc-one"},
		{board.IncidentFilter{Text: `\ REQ`}, "inc-one"},
		{board.IncidentFilter{Text: "ärzte"}, "inc-one"},
		{board.IncidentFilter{Text: "K7wv"}, "inc-one"},
		{board.IncidentFilter{Text: "DEADb"}, "inc-one"},
		{board.IncidentFilter{Text: "eadbe"}, ""}, // a fingerprint is named by its beginning
		{board.IncidentFilter{Text: "INC-T"}, "inc-two"},
		{board.IncidentFilter{Text: "%"}, "inc-one"},
		{board.IncidentFilter{Text: "') OR 1 --"}, ""},
		{board.IncidentFilter{Text: "\xff\x00'\\"}, ""},
		{board.IncidentFilter{Owner: "ÄRZ"}, "inc-one"},
		{board.IncidentFilter{From: noon.Add(time.Minute)}, "inc-two"},
		{board.IncidentFilter{To: noon.Add(time.Minute)}, "inc-one"},
		{board.IncidentFilter{Detector: "odd_hours"}, "inc-one"},
		{board.IncidentFilter{Environment: "'"}, ""},
	} {
		if ids, page := list(t, db, c.f, board.IncidentCut{Size: 10}); ids != c.want || page.Total != uint64(len(strings.Fields(c.want))) {
			t.Errorf("%+v: %q, %d in all, want %q", c.f, ids, page.Total, c.want)
		}
	}
	choices, err := db.IncidentChoices(t.Context())
	if err != nil || !slices.Contains(choices.Owners, "Ärzte") || !reflect.DeepEqual(choices.Detectors, []string{"new_geo", "odd_hours"}) {
		t.Errorf("%+v %v", choices, err)
	}
}

// Requests are counted by hour, for all tokens in one answer.
func TestSparks(t *testing.T) {
	db := migrated(t)
	a, b, c := schema.TokenID{1}, schema.TokenID{2, 0, 3}, schema.TokenID{3}
	now := noon.Add(25 * time.Minute)
	row := func(of schema.TokenID, hoursAgo, requests int, city string) {
		exec(t, db, fmt.Sprintf("INSERT INTO activity_hours (token, hour, city, requests) VALUES (unhex('%s'), toDateTime(%d, 'UTC'), '%s', %d)",
			of, noon.Truncate(time.Hour).Add(-time.Duration(hoursAgo)*time.Hour).Unix(), city, requests))
	}
	row(a, 0, 5, "Berlin")
	row(a, 0, 2, "Paris")
	row(a, 23, 9, "Berlin")
	row(a, 24, 1000, "Berlin") // too old
	row(a, -1, 1000, "Berlin") // a clock that is ahead
	row(b, 3, 1, "")
	row(c, 3, 1000, "") // not asked for
	sparks, err := db.Sparks(t.Context(), []schema.TokenID{a, b, {9}}, now)
	want := map[schema.TokenID]board.Spark{a: {0: 9, 23: 7}, b: {20: 1}}
	if err != nil || !reflect.DeepEqual(sparks, want) {
		t.Errorf("%v %v", sparks, err)
	}
	if none, err := db.Sparks(t.Context(), nil, now); err != nil || len(none) != 0 {
		t.Errorf("%v %v", none, err)
	}
}

// crowd stores 10,000 open incidents and 100,000 that are over, in two revisions each, with JSON as long as real ones have.
func crowd(t testing.TB, db *clickhouse.DB) {
	t.Helper()
	for revision := range 2 {
		exec(t, db, fmt.Sprintf(`INSERT INTO incidents (id, revision, state, severity, score, token, token_hint, consumer, environment, opened, updated, summary, detectors, incident)
SELECT 'inc-' || substring(lower(hex(MD5(toString(number)))), 1, 16), %d, if(number < 10000, 'open', 'resolved'), toInt8(1 + number %% 4), 1.5,
	MD5(toString(number)), 'hf_…' || toString(number %% 9000), 'acme-' || toString(number %% 700), ['prod', 'test'][1 + number %% 2],
	now64(3) - toIntervalSecond(number), now64(3), 'Used from a place that is new to it, number ' || toString(number), [['new_geo', 'odd_hours'], ['traffic_spike']][1 + number %% 2],
	'{"verdicts":[{"kind":"acknowledged","by":"console:bob (bob)"}],"filler":"' || randomPrintableASCII(3000) || '"}'
FROM numbers(110000)`, revision+1))
	}
}

// A page of 10,000 open incidents among 110,000 is read fast enough to wait for. The limit is many times what it takes,
// since the machine may be busy; -v prints what it took.
func TestIncidentPageOfMany(t *testing.T) {
	db := migrated(t)
	crowd(t, db)
	open := []schema.IncidentState{schema.IncidentOpen}
	_, first := list(t, db, board.IncidentFilter{}, board.IncidentCut{Size: 50})
	for _, c := range []struct {
		name string
		f    board.IncidentFilter
		cut  board.IncidentCut
		want uint64
	}{
		{"all", board.IncidentFilter{}, board.IncidentCut{}, 110_000},
		{"open", board.IncidentFilter{States: open}, board.IncidentCut{}, 10_000},
		{"open, second page", board.IncidentFilter{States: open}, board.IncidentCut{After: &first.Lines[49].IncidentKey}, 10_000},
		{"text", board.IncidentFilter{Text: "number 10999"}, board.IncidentCut{}, 11},
		{"everything", board.IncidentFilter{States: open, Text: "new to", Owner: "ACME-3", Severity: schema.SeverityHigh, Environment: "prod", Detector: "new_geo"}, board.IncidentCut{}, 0},
	} {
		best := time.Hour
		var page board.IncidentPage
		for range 3 {
			c.cut.Size = 50
			began := time.Now()
			_, page = list(t, db, c.f, c.cut)
			best = min(best, time.Since(began))
		}
		t.Logf("%s: %s", c.name, best)
		if best > 2*time.Second {
			t.Errorf("%s took %s", c.name, best)
		}
		if c.want > 0 && page.Total != c.want || len(page.Lines) != int(min(50, page.Total)) {
			t.Errorf("%s: %d lines of %d", c.name, len(page.Lines), page.Total)
		}
	}
	for name, ask := range map[string]func() error{
		"what to filter by": func() error { _, err := db.IncidentChoices(t.Context()); return err },
		"what changed: nothing": func() error {
			_, err := db.IncidentChanges(t.Context(), time.Now().Add(time.Hour), 100)
			return err
		},
		"what changed: everything": func() error {
			c, err := db.IncidentChanges(t.Context(), time.Now().Add(-time.Hour), 100)
			if !c.Many || c.Open != 10_000 || c.Lines != nil {
				t.Errorf("%v %d", c.Many, c.Open)
			}
			return err
		},
		"which are there": func() error {
			ids, err := db.LiveIncidents(t.Context(), time.Now().Add(time.Hour), 20_000)
			if len(ids) != 10_000 {
				t.Errorf("%d are there", len(ids))
			}
			return err
		},
	} {
		began := time.Now()
		err := ask()
		t.Logf("%s: %s", name, time.Since(began))
		if err != nil {
			t.Error(err)
		}
	}
}

// What was stored lately is told as it is now, each incident once.
func TestIncidentChanges(t *testing.T) {
	db := migrated(t)
	now, err := db.Now(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	first := incident("a", 1, schema.IncidentOpen)
	if err := db.SaveIncident(t.Context(), &first); err != nil {
		t.Fatal(err)
	}
	first.Revision, first.State = 2, schema.IncidentAcknowledged
	second := incident("b", 1, schema.IncidentOpen)
	if err := db.SaveIncidents(t.Context(), []schema.Incident{first, second}); err != nil {
		t.Fatal(err)
	}
	c, err := db.IncidentChanges(t.Context(), now, 10)
	if err != nil || len(c.Lines) != 2 || c.Lines[0].ID != "b" || c.Lines[1].Revision != 2 || c.Open != 1 || c.Many || c.Upto.Before(now) {
		t.Errorf("%+v %v", c, err)
	}
	if c, err := db.IncidentChanges(t.Context(), now, 1); err != nil || !c.Many || c.Lines != nil || c.Open != 1 {
		t.Errorf("%+v %v", c, err)
	}
	since := c.Upto.Add(time.Millisecond)
	if c, err := db.IncidentChanges(t.Context(), since, 10); err != nil || c.Lines != nil || c.Many || !c.Upto.Equal(since) {
		t.Errorf("%+v %v", c, err)
	}
	if ids, err := db.LiveIncidents(t.Context(), since, 10); err != nil || len(ids) != 2 {
		t.Errorf("%v %v", ids, err)
	}
	if ids, err := db.LiveIncidents(t.Context(), now, 10); err != nil || len(ids) != 0 {
		t.Errorf("%v %v", ids, err)
	}
}
