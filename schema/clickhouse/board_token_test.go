package clickhouse_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/schema"
	"github.com/tokenwatch/tokenwatch/schema/board"
	"github.com/tokenwatch/tokenwatch/schema/clickhouse"
)

// member is a token of the boards' tests, with a fingerprint that begins with its number.
func member(n int) (id schema.TokenID) {
	copy(id[:], []byte{byte(n), 0xbe, 0xef})
	return id
}

// use stores requests of tokens, one at each time.
func use(t testing.TB, db *clickhouse.DB, offset int64, change func(*schema.Event), n int, at ...time.Time) *schema.Block {
	t.Helper()
	b := &schema.Block{Topic: "gateway.access", First: offset, Last: offset + int64(len(at)) - 1, Ingested: time.Now().UTC().Truncate(time.Millisecond)}
	for i, when := range at {
		e := schema.Event{
			Time: when.UTC().Truncate(time.Millisecond), Ingested: b.Ingested, Token: member(n), KeyID: 1, TokenHint: fmt.Sprintf("hf_…Mx%02d", n), Consumer: fmt.Sprintf("Team-%d", n%3),
			Environment: "prod", Source: "kong", IP: netip.MustParseAddr("192.0.2.7"), Status: 200, BytesOut: 100, Client: "acme/2", Topic: b.Topic, Offset: offset + int64(i),
			Place: schema.Place{Country: "DE", City: "Berlin", ASN: 3320, ASOrg: "Telekom", Network: schema.NetworkResidential},
		}
		if change != nil {
			change(&e)
		}
		b.Events = append(b.Events, e)
	}
	insert(t, db, b)
	return b
}

func daysAgo(days ...int) (list []time.Time) {
	for _, d := range days {
		list = append(list, time.Now().Add(-time.Minute).AddDate(0, 0, -d))
	}
	return list
}

func TestBoardToken(t *testing.T) {
	db := migrated(t)
	at := daysAgo(20, 3, 3, 0)
	b := use(t, db, 0, nil, 1, at...)
	use(t, db, 100, func(e *schema.Event) { e.Status, e.Country, e.City, e.Client = 403, "BR", "Recife", "curl/8" }, 1, at[2])
	insert(t, db, b) // again, after a crash
	token, found, err := db.BoardToken(t.Context(), member(1))
	if err != nil || !found || token.Hint != "hf_…Mx01" || token.Owner != "Team-1" || token.Source != "kong" || token.Requests != 5 || len(token.Names) > 0 ||
		!token.First.Equal(at[0].Truncate(time.Millisecond)) || !token.Last.Equal(at[3].Truncate(time.Millisecond)) {
		t.Errorf("%+v %v %v", token, found, err)
	}
	days, err := db.BoardTokenDays(t.Context(), token, 30)
	if err != nil || len(days) != 30 || days[29].Requests != 1 || days[26].Requests != 3 || days[26].Denied != 1 || days[26].BytesOut != 300 || days[26].Addresses != 1 || days[9].Requests != 1 {
		t.Errorf("%+v %v", days, err)
	}
	week, err := db.BoardTokenWeek(t.Context(), token)
	if hour := (int(at[1].UTC().Weekday())+6)%7*24 + at[1].UTC().Hour(); err != nil || week[hour] != 3 {
		t.Errorf("%v %v", week, err)
	}
	habits, err := db.BoardTokenHabits(t.Context(), token)
	if err != nil || len(habits.Places) != 2 || habits.Places[0].Name != "Berlin, DE" || habits.Places[0].Share != 0.8 || habits.Places[0].Days != 3 ||
		habits.Networks[0].Name != "AS3320 Telekom (residential)" || habits.Clients[1].Name != "curl/8" || habits.Countries[1].Name != "BR" {
		t.Errorf("%+v %v", habits, err)
	}
	if _, found, err := db.BoardToken(t.Context(), member(2)); found || err != nil {
		t.Errorf("a token that nobody has seen: %v %v", found, err)
	}
}

// A token is one whose requests are gone, if a profile or an incident is left of it.
func TestBoardTokenWithoutRequests(t *testing.T) {
	db := migrated(t)
	if err := db.SaveProfiles(t.Context(), []schema.Profile{{Topic: "t", Token: member(1), Updated: noon, Status: schema.ProfileActive}}); err != nil {
		t.Fatal(err)
	}
	token, found, err := db.BoardToken(t.Context(), member(1))
	if err != nil || !found || !token.First.IsZero() || token.Requests != 0 {
		t.Errorf("%+v %v %v", token, found, err)
	}
}

// After a rotation of the pepper a token has the history of all its names.
func TestBoardTokenOfSeveralNames(t *testing.T) {
	db := migrated(t)
	use(t, db, 0, nil, 1, daysAgo(9, 8)...)
	use(t, db, 10, func(e *schema.Event) { e.Former = member(1) }, 2, daysAgo(1)...)
	use(t, db, 20, func(e *schema.Event) { e.Former = member(2) }, 3, daysAgo(0)...)
	for n, others := range map[int][]schema.TokenID{1: {member(2), member(3)}, 2: {member(1), member(3)}, 3: {member(1), member(2)}} {
		token, found, err := db.BoardToken(t.Context(), member(n))
		slices.SortFunc(token.Names, func(a, b schema.TokenID) int { return slices.Compare(a[:], b[:]) })
		if err != nil || !found || token.Requests != 4 || !slices.Equal(token.Names, others) {
			t.Errorf("%d: %+v %v", n, token, err)
		}
		days, err := db.BoardTokenDays(t.Context(), token, 10)
		if err != nil || days[0].Requests != 1 || days[8].Requests != 1 || days[9].Requests != 1 {
			t.Errorf("%d: %+v %v", n, days, err)
		}
	}
	list, err := db.BoardFleet(t.Context(), board.FleetAsk{List: board.FleetActive, Limit: 10})
	if err != nil || len(list) != 1 || list[0].ID != member(3) {
		t.Errorf("the fleet counts a token by its newest name: %+v %v", list, err)
	}
}

func TestBoardTokenPast(t *testing.T) {
	db := migrated(t)
	token := board.Token{ID: member(1), Names: []schema.TokenID{member(2)}}
	for i, id := range []schema.TokenID{member(1), member(2), member(3)} {
		in := incident(fmt.Sprintf("inc-%d", i), 1, schema.IncidentOpen)
		in.Token, in.Opened = id, noon.AddDate(0, 0, -i)
		if err := db.SaveIncident(t.Context(), &in); err != nil {
			t.Fatal(err)
		}
		in.Revision, in.State = 2, schema.IncidentResolved
		if err := db.SaveIncident(t.Context(), &in); err != nil {
			t.Fatal(err)
		}
		v := schema.Verdict{ID: in.ID, Incident: in.ID, Token: id, Kind: schema.VerdictTheft, At: noon.AddDate(0, 0, -i), By: "ann"}
		if err := db.InsertVerdicts(t.Context(), []schema.Verdict{v}); err != nil {
			t.Fatal(err)
		}
		step := schema.RevocationStep{Incident: in.ID, Action: "asked", Token: id, Revocation: schema.Revocation{Step: 1, At: noon}}
		if err := db.InsertRevocations(t.Context(), []schema.RevocationStep{step}); err != nil {
			t.Fatal(err)
		}
	}
	past, err := db.BoardTokenPast(t.Context(), token)
	if err != nil || len(past.Incidents) != 2 || past.Incidents[0].ID != "inc-0" || past.Incidents[0].State != schema.IncidentResolved || past.Incidents[0].Detectors[0] != "new_geo" ||
		len(past.Verdicts) != 2 || past.Verdicts[0].By != "ann" || len(past.Revocations) != 2 || past.Revocations[0].Action != "asked" {
		t.Errorf("%+v %v", past, err)
	}
	entries := []schema.Allowance{
		{ID: "a", Action: schema.AllowAdd, At: noon, Kind: schema.AllowToken, Value: strings.ToUpper(member(2).String()), Owner: "ann", Reason: "trip"},
		{ID: "b", Action: schema.AllowAdd, At: noon, Kind: schema.AllowToken, Value: member(3).String(), Owner: "ann", Reason: "trip"},
		{ID: "c", Action: schema.AllowAdd, At: noon, Kind: schema.AllowLabel, Value: "consumer=acme-*", Owner: "ann", Reason: "trip", Until: noon.AddDate(1, 0, 0)},
		{ID: "d", Action: schema.AllowAdd, At: noon, Kind: schema.AllowCountry, Value: "DE", Owner: "ann", Reason: "trip"},
	}
	if err := db.InsertAllowances(t.Context(), entries); err != nil {
		t.Fatal(err)
	}
	allowed, err := db.BoardTokenAllowances(t.Context(), token)
	if err != nil || len(allowed) != 2 || allowed[0].ID != "a" || !allowed[0].Until.IsZero() || allowed[1].Value != "consumer=acme-*" || !allowed[1].Until.Equal(noon.AddDate(1, 0, 0)) {
		t.Errorf("%+v %v", allowed, err)
	}
}

// Of a token's profiles the newest of each partition is read, and with it what the partition shares.
func TestBoardTokenProfiles(t *testing.T) {
	db := migrated(t)
	for offset := range int64(3) {
		var list []schema.Profile
		for partition := range int32(2) {
			for _, id := range []schema.TokenID{{}, member(1), member(2)} {
				list = append(list, schema.Profile{Topic: "t", Partition: partition, Token: id, Offset: offset, Updated: noon, Status: schema.ProfileActive, State: []byte{byte(offset)}})
			}
		}
		if err := db.SaveProfiles(t.Context(), list); err != nil {
			t.Fatal(err)
		}
	}
	own, shared, err := db.BoardTokenProfiles(t.Context(), member(1))
	if err != nil || len(own) != 2 || len(shared) != 2 || own[1].Partition != 1 || own[1].Offset != 2 || own[0].Token != member(1) || !shared[0].Token.IsZero() || shared[0].Offset != 2 {
		t.Errorf("%+v %+v %v", own, shared, err)
	}
	if own, shared, err = db.BoardTokenProfiles(t.Context(), member(9)); err != nil || own != nil || shared != nil {
		t.Errorf("%+v %+v %v", own, shared, err)
	}
}

func TestBoardTokenSearch(t *testing.T) {
	db := migrated(t)
	for n := range 12 {
		use(t, db, int64(n*10), nil, n+1, daysAgo(n)...)
		use(t, db, int64(n*10+1), nil, n+1, daysAgo(n)...)
	}
	for q, want := range map[string][]int{
		"01be": {1}, "01BEEF": {1}, "0": {1, 2, 3, 4, 5}, member(3).String(): {3}, "mx07": {7}, "TEAM-2": {2, 5, 8, 11}, "eam": nil, "'; DROP": nil, "%": nil, "\xff\x00": nil, "hf_…mx1": {10, 11, 12},
	} {
		found, err := db.BoardTokenSearch(t.Context(), q, 5)
		var have []int
		for _, hit := range found {
			have = append(have, int(hit.ID[0]))
			if hit.Requests != 2 || hit.Hint != fmt.Sprintf("hf_…Mx%02d", hit.ID[0]) {
				t.Errorf("%q: %+v", q, hit)
			}
		}
		if err != nil || !slices.Equal(have, want) {
			t.Errorf("%q: %v, want %v: %v", q, have, want, err)
		}
	}
}
