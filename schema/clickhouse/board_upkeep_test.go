package clickhouse_test

import (
	"reflect"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/schema"
	"github.com/tokenwatch/tokenwatch/schema/board"
)

// What holds, and what was changed, agree with what the whole list of changes says.
func TestAllowPages(t *testing.T) {
	db := migrated(t)
	now := time.Now().UTC().Truncate(time.Millisecond)
	var changes []schema.Allowance
	for i, a := range []schema.Allowance{
		{ID: "al-1", Kind: schema.AllowCIDR, Value: "203.0.113.0/24"},
		{ID: "al-2", Kind: schema.AllowASN, Value: "64500", Detectors: []string{"new_geo"}, Until: now.Add(time.Hour)},
		{ID: "al-3", Kind: schema.AllowCountry, Value: "DE", Until: now.Add(-time.Minute)},
		{ID: "al-4", Kind: schema.AllowClient, Value: "curl"},
	} {
		a.Action, a.At, a.By, a.Owner, a.Reason = schema.AllowAdd, now.Add(time.Duration(i-10)*time.Hour), "bo", "netops", "office"
		changes = append(changes, a)
	}
	changes = append(changes, changes[3].Removed(now.Add(-time.Minute), "al", "it is not ours"))
	if err := db.InsertAllowances(t.Context(), changes); err != nil {
		t.Fatal(err)
	}
	list, err := db.AllowList(t.Context(), 10, 0)
	if err != nil {
		t.Fatal(err)
	}
	want := schema.Holding(changes, now)
	if len(list) != 2 || len(want) != 2 || list[0].ID != "al-2" || list[1].ID != "al-1" || !list[0].Until.Equal(now.Add(time.Hour)) || !list[1].Until.IsZero() || list[0].Detectors[0] != "new_geo" {
		t.Errorf("it holds %+v, and should %+v", list, want)
	}
	history, err := db.AllowHistory(t.Context(), "", 2, 1)
	if err != nil || len(history) != 2 || history[0].ID != "al-4" || history[0].Action != schema.AllowAdd || history[1].ID != "al-3" {
		t.Errorf("the second page of the history: %+v %v", history, err)
	}
	if history, err = db.AllowHistory(t.Context(), "al-4", 10, 0); err != nil || len(history) != 2 || history[0].Action != schema.AllowRemove || history[0].Reason != "it is not ours" {
		t.Errorf("of one entry: %+v %v", history, err)
	}
}

// Each instance is known by what it said last, as it said it.
func TestInstances(t *testing.T) {
	db := migrated(t)
	now := time.Now().UTC().Truncate(time.Millisecond)
	last := board.Vitals{
		Instance: "one :9464", Version: "v1", Started: now.Add(-time.Hour), At: now,
		Partitions: []board.Partition{{Topic: "gateway.access", Partition: 3, Next: 100, Lag: 7, PerSecond: 2.5, Insert: 40 * time.Millisecond}},
		Bars:       []board.Bar{{Class: "person", Days: 900, Bar: 6.5, Learnt: true}}, Profiles: 12,
	}
	for _, v := range []board.Vitals{{Instance: "one :9464", At: now.Add(-time.Minute)}, last, {Instance: "two", At: now.Add(-time.Second)}, {Instance: "gone", At: now.Add(-48 * time.Hour)}} {
		if err := db.SaveVitals(t.Context(), v); err != nil {
			t.Fatal(err)
		}
	}
	list, err := db.Instances(t.Context(), now.Add(-24*time.Hour))
	if err != nil || len(list) != 2 || list[1].Instance != "two" {
		t.Fatalf("%+v %v", list, err)
	}
	if !reflect.DeepEqual(list[0], last) {
		t.Errorf("%+v, want %+v", list[0], last)
	}
}

// Dead letters are counted over a day and a week, the newest of each named with what was wrong.
func TestLetters(t *testing.T) {
	db := migrated(t)
	now := time.Now().UTC().Truncate(time.Millisecond)
	letter := func(offset int64, ago time.Duration, reason string) {
		b := &schema.Block{Topic: "gateway.access", Partition: 1, First: offset, Last: offset, Ingested: now.Add(-ago), DeadLetters: []schema.DeadLetter{{
			Ingested: now.Add(-ago), Topic: "gateway.access", Partition: 1, Offset: offset, Source: "nginx", Reason: reason, Detail: "of " + reason + " at " + ago.String(), Payload: "x",
		}}}
		if err := db.InsertBlock(t.Context(), b); err != nil {
			t.Fatal(err)
		}
	}
	letter(1, time.Minute, "bad_json")
	letter(2, 2*time.Hour, "bad_json")
	letter(3, 48*time.Hour, "bad_json")
	letter(4, 49*time.Hour, "no_token")
	letter(5, 9*24*time.Hour, "no_token")
	list, err := db.Letters(t.Context())
	if err != nil || len(list) != 2 {
		t.Fatalf("%+v %v", list, err)
	}
	if l := list[0]; l.Reason != "bad_json" || l.Day != 2 || l.Week != 3 || l.Offset != 1 || l.Partition != 1 || l.Detail != "of bad_json at 1m0s" {
		t.Errorf("%+v", l)
	}
	if l := list[1]; l.Reason != "no_token" || l.Day != 0 || l.Week != 1 || l.Offset != 4 || l.Source != "nginx" {
		t.Errorf("%+v", l)
	}
}

// What waits, fails and was given up is told by destination.
func TestDestinations(t *testing.T) {
	db := migrated(t)
	now := time.Now().UTC().Truncate(time.Millisecond)
	for i, d := range []schema.Delivery{
		{Destination: "slack", Ref: "C1/1", Revision: 1, At: now.Add(-time.Minute), Wanted: now.Add(-2 * time.Minute)},
		{Destination: "slack", Wanted: now.Add(-time.Hour), At: now.Add(-time.Second), Error: "503 from slack", Attempts: 9, Since: now.Add(-50 * time.Minute)},
		{Destination: "pagerduty", Ref: "p1", Revision: 1, At: now, Wanted: now.Add(-time.Second)},
		{Destination: "email", Wanted: now.Add(-72 * time.Hour), At: now.Add(-24 * time.Hour), Error: "refused", Dead: true},
	} {
		inc := schema.Incident{ID: "inc-" + string(rune('a'+i)), Revision: 1, State: schema.IncidentOpen, Opened: now, Updated: now, Deliveries: []schema.Delivery{d}}
		if err := db.SaveIncident(t.Context(), &inc); err != nil {
			t.Fatal(err)
		}
	}
	list, err := db.Destinations(t.Context())
	if err != nil || len(list) != 3 {
		t.Fatalf("%+v %v", list, err)
	}
	if d := list[0]; d.Name != "email" || d.Dead != 1 || d.Failing != 0 || d.Waiting != 0 || !d.Since.IsZero() || d.LastError != "refused" {
		t.Errorf("%+v", d)
	}
	if d := list[1]; d.Name != "pagerduty" || d.Waiting+d.Failing+d.Dead != 0 || d.LastError != "" || !d.LastTold.Equal(now) {
		t.Errorf("%+v", d)
	}
	if d := list[2]; d.Name != "slack" || d.Waiting != 1 || d.Failing != 1 || !d.Oldest.Equal(now.Add(-time.Hour)) || !d.Since.Equal(now.Add(-50*time.Minute)) ||
		!d.LastTold.Equal(now.Add(-time.Minute)) || d.LastError != "503 from slack" {
		t.Errorf("%+v", d)
	}
}

// The server tells of itself and of its tables, and lost offsets of their partition.
func TestServerTablesMissing(t *testing.T) {
	db := migrated(t)
	now := time.Now().UTC().Truncate(time.Millisecond)
	b := &schema.Block{Topic: "gateway.access", Partition: 2, First: 10, Last: 10, Ingested: now,
		DeadLetters: []schema.DeadLetter{{Ingested: now, Topic: "gateway.access", Partition: 2, Offset: 10, Reason: "bad_json"}},
		Missing:     []schema.Missing{{First: 3, Last: 9, Kind: schema.MissingLost}}}
	if err := db.InsertBlock(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	version, uptime, err := db.Server(t.Context())
	if err != nil || version == "" || uptime < 0 {
		t.Errorf("%q %s %v", version, uptime, err)
	}
	tables, free, total, err := db.Tables(t.Context())
	if err != nil || free == 0 || total < free {
		t.Errorf("%d of %d free, %v", free, total, err)
	}
	found := false
	for _, table := range tables {
		found = found || table.Name == "dead_letters" && table.Rows == 1 && table.Bytes > 0
	}
	if !found {
		t.Errorf("no dead_letters of a row in %+v", tables)
	}
	missing, err := db.MissingOffsets(t.Context())
	if err != nil || len(missing) != 1 || missing[0].Lost != 7 || missing[0].Absent != 0 || missing[0].Partition != 2 {
		t.Errorf("%+v %v", missing, err)
	}
}

// What a finding and an incident are about can be asked for in SQL, also where it was stored before there were columns.
func TestGroups(t *testing.T) {
	db := migrated(t)
	now := time.Now().UTC().Truncate(time.Millisecond)
	tokens := []schema.TokenID{{1}, {2}}
	f := schema.Finding{ID: schema.FindingID{7}, Token: tokens[0], Time: now, Ingested: now, Kind: schema.FindingCampaign, Group: "g1", Tokens: tokens, TokenCount: 90}
	plain := schema.Finding{ID: schema.FindingID{8}, Token: tokens[1], Time: now, Ingested: now}
	if err := db.InsertFindings(t.Context(), "block", []schema.Finding{f, plain}); err != nil {
		t.Fatal(err)
	}
	inc := schema.Incident{ID: "inc-1", Revision: 1, State: schema.IncidentOpen, Token: tokens[0], Opened: now, Updated: now, Kind: schema.FindingCampaign, Group: "g1", Tokens: tokens, TokenCount: 90}
	other := schema.Incident{ID: "inc-2", Revision: 1, State: schema.IncidentOpen, Token: tokens[1], Opened: now, Updated: now, Labels: map[string]string{"team": "pay"}}
	if err := db.SaveIncidents(t.Context(), []schema.Incident{inc, other}); err != nil {
		t.Fatal(err)
	}
	for sql, want := range map[string]string{
		"SELECT kind, `group`, token_count FROM findings FINAL WHERE id = unhex('07000000000000000000000000000000')":          "campaign g1 90",
		"SELECT kind, `group`, token_count FROM findings FINAL WHERE id = unhex('08000000000000000000000000000000')":          "  0",
		"SELECT kind, token_count, length(tokens) FROM incidents FINAL WHERE id = 'inc-1'":                                    "campaign 90 2",
		"SELECT count() FROM incidents FINAL WHERE has(tokens, toFixedString(unhex('02000000000000000000000000000000'), 16))": "1",
		"SELECT kind, token_count, length(tokens) FROM incidents FINAL WHERE id = 'inc-2'":                                    " 0 0",
	} {
		if have := ask(t, db, sql); have != want {
			t.Errorf("%s gives %q, want %q", sql, have, want)
		}
	}
	list, err := db.IncidentsToMatch(t.Context(), true, 10)
	if err != nil || len(list) != 2 {
		t.Fatalf("%+v %v", list, err)
	}
	for _, i := range list {
		if i.ID == "inc-1" && i.Kind != schema.FindingCampaign || i.ID == "inc-2" && (i.Kind != "" || i.Labels["team"] != "pay" || i.Token != tokens[1]) {
			t.Errorf("%+v", i)
		}
	}
}
