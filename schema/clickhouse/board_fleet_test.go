package clickhouse_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/schema"
	"github.com/tokenwatch/tokenwatch/schema/board"
	"github.com/tokenwatch/tokenwatch/schema/clickhouse"
)

// fleetOf stores seven tokens: in use, loud, unused for long and longer, old and older, new.
func fleetOf(t testing.TB, db *clickhouse.DB) {
	use(t, db, 0, nil, 1, daysAgo(40, 0)...)
	use(t, db, 10, nil, 2, daysAgo(10, 5, 4, 3, 2, 2, 2, 1, 0)...)
	use(t, db, 30, nil, 3, daysAgo(60, 35)...)
	use(t, db, 40, nil, 4, daysAgo(70, 50)...)
	use(t, db, 50, nil, 5, daysAgo(100, 8)...)
	use(t, db, 60, nil, 6, daysAgo(120, 2)...)
	use(t, db, 70, nil, 7, daysAgo(0)...)
}

func numbers(list []board.FleetToken) (n []int) {
	for _, t := range list {
		n = append(n, int(t.ID[0]))
	}
	return n
}

func TestBoardFleet(t *testing.T) {
	db := migrated(t)
	fleetOf(t, db)
	for name, c := range map[string]struct {
		ask  board.FleetAsk
		want []int
	}{
		"unused":                {board.FleetAsk{List: board.FleetUnused, Days: 30, Limit: 9}, []int{4, 3}},
		"unused for a week":     {board.FleetAsk{List: board.FleetUnused, Days: 7, Limit: 9}, []int{4, 3, 5}},
		"the first and one":     {board.FleetAsk{List: board.FleetUnused, Days: 7, Limit: 1}, []int{4, 3}},
		"the next":              {board.FleetAsk{List: board.FleetUnused, Days: 7, Limit: 1, Offset: 2}, []int{5}},
		"by first":              {board.FleetAsk{List: board.FleetUnused, Days: 7, Limit: 9, Order: board.FleetByFirst}, []int{5, 4, 3}},
		"by last":               {board.FleetAsk{List: board.FleetUnused, Days: 7, Limit: 9, Order: board.FleetByLast}, []int{5, 3, 4}},
		"old":                   {board.FleetAsk{List: board.FleetOld, Limit: 9}, []int{6, 5}},
		"active":                {board.FleetAsk{List: board.FleetActive, Limit: 2}, []int{7, 2, 4}},
		"active, most requests": {board.FleetAsk{List: board.FleetActive, Limit: 1, Order: board.FleetByRequests}, []int{2, 1}},
		"no risk":               {board.FleetAsk{List: board.FleetRisk, Limit: 9}, nil},
		"nothing learning":      {board.FleetAsk{List: board.FleetLearning, Limit: 9}, nil},
	} {
		list, err := db.BoardFleet(t.Context(), c.ask)
		if err != nil || !slices.Equal(numbers(list), c.want) {
			t.Errorf("%s: %v, want %v: %v", name, numbers(list), c.want, err)
		}
	}
	list, err := db.BoardFleet(t.Context(), board.FleetAsk{List: board.FleetActive, Limit: 1, Order: board.FleetByRequests})
	if err != nil || list[0].Hint != "hf_…Mx02" || list[0].Requests != 9 || list[0].Week != 8 {
		t.Errorf("%+v %v", list, err)
	}
	counts, err := db.BoardFleetCounts(t.Context())
	if want := (board.FleetCounts{Tokens: 7, UsedDay: 3, UsedWeek: 4, Unused7: 3, Unused30: 2, Old: 2, New: 1}); err != nil || counts != want {
		t.Errorf("%+v, want %+v: %v", counts, want, err)
	}
}

func TestBoardFleetAtRisk(t *testing.T) {
	db := migrated(t)
	fleetOf(t, db)
	now := time.Now().UTC().Truncate(time.Millisecond)
	for i, c := range []struct {
		token    int
		state    schema.IncidentState
		severity schema.Severity
		updated  time.Time
	}{
		{1, schema.IncidentResolved, schema.SeverityCritical, now}, {2, schema.IncidentOpen, schema.SeverityMedium, now.AddDate(0, 0, -40)},
		{2, schema.IncidentResolved, schema.SeverityCritical, now}, {3, schema.IncidentAcknowledged, schema.SeverityHigh, now}, {4, schema.IncidentResolved, schema.SeverityHigh, now.AddDate(0, 0, -9)},
	} {
		in := incident(fmt.Sprintf("inc-%d", i), 1, c.state)
		in.Token, in.Severity, in.Opened, in.Updated = member(c.token), c.severity, c.updated, c.updated
		if err := db.SaveIncident(t.Context(), &in); err != nil {
			t.Fatal(err)
		}
	}
	list, err := db.BoardFleet(t.Context(), board.FleetAsk{List: board.FleetRisk, Limit: 9})
	if err != nil || !slices.Equal(numbers(list), []int{3, 2, 1}) || list[1].Open != 1 || list[1].Incident != "inc-1" || list[1].Severity != schema.SeverityMedium ||
		list[2].Open != 0 || list[0].Owner != "Team-0" || list[0].Summary != "revision of inc-3" {
		t.Errorf("%+v %v", list, err)
	}
	counts, err := db.BoardFleetCounts(t.Context())
	if err != nil || counts.Risk != 3 || counts.Open != 2 {
		t.Errorf("%+v %v", counts, err)
	}
}

func TestBoardFleetLearning(t *testing.T) {
	db := migrated(t)
	fleetOf(t, db)
	row := func(n int, offset int64, status schema.ProfileState, updated time.Time) schema.Profile {
		return schema.Profile{Topic: "t", Token: member(n), Offset: offset, Updated: updated, Status: status, Days: uint16(n), Events: uint64(10 * n)}
	}
	now := time.Now().UTC()
	if err := db.SaveProfiles(t.Context(), []schema.Profile{
		row(1, 1, schema.ProfileLearning, now.AddDate(0, 0, -9)), row(2, 2, schema.ProfileLearning, now.Add(-time.Hour)), row(4, 4, schema.ProfileActive, now.AddDate(0, 0, -50)), row(0, 9, schema.ProfileActive, now),
	}); err != nil {
		t.Fatal(err)
	}
	if err := db.SaveProfiles(t.Context(), []schema.Profile{row(1, 5, schema.ProfileActive, now), row(7, 6, schema.ProfileLearning, now)}); err != nil {
		t.Fatal(err)
	}
	list, err := db.BoardFleet(t.Context(), board.FleetAsk{List: board.FleetLearning, Limit: 9})
	if err != nil || !slices.Equal(numbers(list), []int{7, 2}) || list[0].LearntDays != 7 || list[0].LearntEvents != 70 || list[0].Hint != "hf_…Mx07" {
		t.Errorf("%+v %v", list, err)
	}
	counts, err := db.BoardFleetCounts(t.Context())
	if err != nil || counts.Learning != 2 || counts.Active != 2 || counts.Stale != 1 {
		t.Errorf("%+v %v", counts, err)
	}
}

func TestBoardFleetAlerts(t *testing.T) {
	db := migrated(t)
	fleetOf(t, db)
	now := time.Now().UTC()
	for i, detectors := range [][]string{{"new_geo", "odd_hours"}, {"new_geo"}, {"odd_hours", "new_geo"}, {"probing"}} {
		in := incident(fmt.Sprintf("inc-%d", i), 1, schema.IncidentOpen)
		in.Opened, in.Evidence = now.AddDate(0, 0, -i/2), nil
		for _, d := range detectors {
			in.Evidence = append(in.Evidence, schema.Evidence{Detector: d})
		}
		if err := db.SaveIncident(t.Context(), &in); err != nil {
			t.Fatal(err)
		}
	}
	verdicts := []schema.Verdict{
		{ID: "1", Incident: "inc-0", Kind: schema.VerdictOwner, At: now}, {ID: "2", Incident: "inc-0", Kind: schema.VerdictTheft, At: now.Add(time.Second)},
		{ID: "3", Incident: "inc-2", Kind: schema.VerdictOwner, At: now}, {ID: "4", Incident: "inc-3", Kind: schema.VerdictSnooze, At: now},
	}
	if err := db.InsertVerdicts(t.Context(), verdicts); err != nil {
		t.Fatal(err)
	}
	days, err := db.BoardFleetDays(t.Context(), 30)
	today := now.Truncate(24 * time.Hour)
	want := []board.FleetDay{{Day: today.AddDate(0, 0, -1), Tokens: 1, Alerts: 2, Owner: 1}, {Day: today, Tokens: 3, Alerts: 2, Theft: 1}}
	if err != nil || len(days) != 30 || !slices.Equal(days[28:], want) {
		t.Errorf("%+v, want %+v: %v", days, want, err)
	}
	share, err := db.BoardFleetDetectors(t.Context(), 30)
	if want := []board.FleetDetector{
		{Name: "new_geo", Alerts: 3, Strongest: 2, Theft: 1, Owner: 1}, {Name: "odd_hours", Alerts: 2, Strongest: 1, Theft: 1, Owner: 1}, {Name: "probing", Alerts: 1, Strongest: 1},
	}; err != nil || !slices.Equal(share, want) {
		t.Errorf("%+v, want %+v: %v", share, want, err)
	}
}

// What was stored before there were the summaries is in them too, once, even if the migration is repeated.
func TestFleetOfAnOlderDatabase(t *testing.T) {
	db := migrated(t)
	fleetOf(t, db)
	for range 2 {
		for _, table := range []string{"token_summaries_mv", "fleet_days_mv"} {
			exec(t, db, "DROP VIEW "+table+" SYNC")
		}
		exec(t, db, "TRUNCATE TABLE token_summaries")
		exec(t, db, "TRUNCATE TABLE fleet_days")
		exec(t, db, "ALTER TABLE goose_db_version DELETE WHERE version_id >= 85 SETTINGS mutations_sync = 2")
		if err := db.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		exec(t, db, "OPTIMIZE TABLE token_summaries FINAL")
		if got := ask(t, db, "SELECT sum(requests) + sum(earlier), count(), min(first_seen) = (SELECT min(ts) FROM events) FROM token_summaries"); got != "20 7 true" && got != "20 7 1" {
			t.Errorf("have %s", got)
		}
		if got := ask(t, db, "SELECT uniqCombinedMerge(14)(tokens) FROM fleet_days WHERE day = today()"); got != "3" {
			t.Errorf("have %s tokens today", got)
		}
	}
}
