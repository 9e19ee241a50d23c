package clickhouse_test

import (
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/schema"
	"github.com/tokenwatch/tokenwatch/schema/board"
	"github.com/tokenwatch/tokenwatch/schema/clickhouse"
)

// caseWorld stores a token's life under two names: a week from Berlin under the older, and a theft from São Paulo that
// begins within an hour in which the owner was active, too. Another token does the same, and must not be counted.
func caseWorld(t testing.TB, db *clickhouse.DB) (c board.Case, began time.Time) {
	t.Helper()
	newer, older, other := schema.TokenID{1, 1}, schema.TokenID{2, 2}, schema.TokenID{9, 9}
	began = noon.Add(20 * time.Minute)
	b := &schema.Block{Topic: "gateway.access", Ingested: noon.Add(2 * time.Hour)}
	add := func(e schema.Event, token schema.TokenID, at time.Time) {
		e.Token, e.Time, e.Ingested, e.Topic, e.Offset = token, at, b.Ingested, b.Topic, int64(len(b.Events))
		b.Events = append(b.Events, e)
	}
	home := schema.Event{Method: "GET", Route: "/v1/models/{id}", Path: "/v1/models/7", Status: 200, BytesOut: 10, Client: "acme-sdk/2", IP: netip.MustParseAddr("81.2.69.142"),
		Place: schema.Place{Country: "DE", Region: "Berlin", City: "Berlin", Lat: 52.5, Lon: 13.4, ASN: 3320, ASOrg: "Deutsche Telekom AG", Network: schema.NetworkResidential}}
	abroad := schema.Event{Method: "GET", Route: "/v1/datasets/export", Path: "/v1/datasets/export?\xff'<b>", Status: 403, BytesOut: 1000, CostUSD: 0.5, Client: "curl/8",
		IP: netip.MustParseAddr("2001:db8::9"), Latency: 3 * time.Millisecond, UserAgent: "curl/8.5", RequestID: "r",
		Place: schema.Place{Country: "BR", City: "São Paulo", Lat: -23.5, Lon: -46.6, ASN: 14061, ASOrg: "DigitalOcean, LLC", Network: schema.NetworkHosting}}
	for _, token := range []schema.TokenID{older, other} {
		for day := 1; day <= 7; day++ {
			for i := range 5 {
				add(home, token, noon.AddDate(0, 0, -day).Add(time.Duration(i)*10*time.Minute))
			}
		}
	}
	joined := home
	joined.Former = older
	add(joined, newer, began.Add(-10*time.Minute)) // before, within the hour that is split
	add(joined, newer, began.Add(10*time.Minute))
	for i := range 30 {
		add(abroad, newer, began.Add(time.Duration(i/3)*time.Minute)) // three within each millisecond
		add(abroad, other, began.Add(time.Duration(i/3)*time.Minute))
	}
	b.Last = int64(len(b.Events) - 1)
	if err := db.InsertBlock(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	names, err := db.CaseNames(t.Context(), newer)
	if err != nil || !slices.Equal(names, []schema.TokenID{newer, older}) {
		t.Fatalf("names %v, error %v", names, err)
	}
	return board.Case{
		Incident: "inc-1", Tokens: names, From: noon.AddDate(0, 0, -56), Began: began, Until: noon.Add(3 * time.Hour),
		DetailFrom: noon.AddDate(0, 0, -14), DetailUntil: noon.Add(3 * time.Hour),
	}, began
}

func TestCaseCounts(t *testing.T) {
	db := migrated(t)
	c, began := caseWorld(t, db)
	ctx := t.Context()
	last := began.Add(10 * time.Minute)
	owner := board.Span{Before: 36, Since: 1, First: noon.AddDate(0, 0, -7), Last: last, BytesOut: 10}
	thief := board.Span{Since: 30, First: began, Last: began.Add(9 * time.Minute), BytesOut: 30_000}

	h, err := db.CaseHistory(ctx, c)
	sameRows(t, "sum", err, h.Sum.Rows, []board.CaseSum{{Before: 36, Since: 31, BytesOut: 30_010, CostUSD: 15, Errors: 30, Denied: 30, LastSeen: last}})
	sameRows(t, "places", err, h.Places.Rows, []board.CasePlace{
		{Country: "BR", City: "São Paulo", Lat: -23.5, Lon: -46.6, Span: thief}, {Country: "DE", Region: "Berlin", City: "Berlin", Lat: 52.5, Lon: 13.4, Span: owner}})
	sameRows(t, "networks", err, h.Networks.Rows, []board.CaseNetwork{{ASN: 14061, Org: "DigitalOcean, LLC", Network: "hosting", Span: thief}, {ASN: 3320, Org: "Deutsche Telekom AG", Network: "residential", Span: owner}})
	sameRows(t, "clients", err, h.Clients.Rows, []board.CaseClient{{Client: "curl/8", Span: thief}, {Client: "acme-sdk/2", Span: owner}})
	d, err := db.CaseDetail(ctx, c)
	sameRows(t, "routes", err, d.Routes.Rows, []board.CaseRoute{{Method: "GET", Route: "/v1/datasets/export", Errors: 30, Span: thief}, {Method: "GET", Route: "/v1/models/{id}", Span: owner}})
	sameRows(t, "addresses", err, d.Addresses.Rows, []board.CaseAddress{
		{IP: netip.MustParseAddr("2001:db8::9"), Country: "BR", City: "São Paulo", Org: "DigitalOcean, LLC", Network: "hosting", Errors: 30, Span: thief},
		{IP: netip.MustParseAddr("81.2.69.142"), Country: "DE", City: "Berlin", Org: "Deutsche Telekom AG", Network: "residential", Span: owner}})
	week, hours := h.Week, h.Hours
	if len(week.Rows) != 7 || week.Rows[int(noon.Weekday()+6)%7] != (board.CaseWeek{Day: uint8(noon.Weekday()+6)%7 + 1, Hour: 12, Before: 6, Since: 31}) {
		t.Errorf("week %+v", week.Rows)
	}
	if len(hours.Rows) != 8 || hours.Rows[0] != (board.CaseHour{At: noon, Requests: 32, Errors: 30, BytesOut: 30_020}) {
		t.Errorf("hours %+v", hours.Rows)
	}
	minutes, err := db.CaseMinutes(ctx, c, began.Add(-5*time.Minute), began.Add(2*time.Minute))
	sameRows(t, "minutes", err, minutes.Rows, []board.CaseMinute{{At: began, Requests: 3, Errors: 3}, {At: began.Add(time.Minute), Requests: 3, Errors: 3}})
}

func sameRows[T any](t *testing.T, what string, err error, have, want T) {
	t.Helper()
	if err != nil || !reflect.DeepEqual(have, want) {
		t.Errorf("%s: error %v\nhave %+v\nwant %+v", what, err, have, want)
	}
}

// The pages of the requests hold each once, in order, whatever page they fall on, and the filters choose.
func TestCaseRequests(t *testing.T) {
	db := migrated(t)
	c, began := caseWorld(t, db)
	var offsets []int64
	f := board.CaseFilter{Limit: 7}
	for range 10 {
		page, err := db.CaseRequests(t.Context(), c, f)
		if err != nil {
			t.Fatal(err)
		}
		for _, q := range page.Rows {
			offsets = append(offsets, q.Offset)
			f.Behind = board.CaseMark{At: q.At, Topic: q.Topic, Partition: q.Partition, Offset: q.Offset, Item: q.Item}
		}
		if len(page.Rows) < f.Limit {
			break
		}
	}
	if len(offsets) != 31 || len(slices.Compact(slices.Sorted(slices.Values(offsets)))) != 31 {
		t.Errorf("pages hold %v", offsets)
	}
	for name, want := range map[string]struct {
		filter board.CaseFilter
		n      int
	}{
		"status":       {board.CaseFilter{Status: 403}, 30},
		"class":        {board.CaseFilter{Status: 2}, 1},
		"route":        {board.CaseFilter{Route: "/v1/models/{id}"}, 1},
		"strange":      {board.CaseFilter{Route: `' OR '\`}, 0},
		"address":      {board.CaseFilter{IP: netip.MustParseAddr("81.2.69.142")}, 1},
		"address of 6": {board.CaseFilter{IP: netip.MustParseAddr("2001:db8::9"), Status: 4}, 30},
	} {
		want.filter.Limit = 100
		page, err := db.CaseRequests(t.Context(), c, want.filter)
		if err != nil || len(page.Rows) != want.n {
			t.Errorf("%s: %d requests, want %d; %v", name, len(page.Rows), want.n, err)
		}
	}
	page, err := db.CaseRequests(t.Context(), c, board.CaseFilter{Status: 403, Limit: 1})
	want := board.CaseRequest{At: began.Add(9 * time.Minute), Method: "GET", Route: "/v1/datasets/export", Path: "/v1/datasets/export?\xff'<b>", Status: 403, BytesOut: 1000,
		Latency: 3 * time.Millisecond, IP: netip.MustParseAddr("2001:db8::9"), Country: "BR", City: "São Paulo", Org: "DigitalOcean, LLC", Network: "hosting", Client: "curl/8",
		UserAgent: "curl/8.5", CostUSD: 0.5, RequestID: "r", Topic: "gateway.access", Offset: page.Rows[0].Offset}
	sameRows(t, "a request", err, page.Rows[0], want)
}

// What was done about an incident is read by the incident.
func TestCaseDone(t *testing.T) {
	db := migrated(t)
	ctx := t.Context()
	token := schema.TokenID{5}
	f := schema.Finding{ID: schema.FindingID{7}, Token: token, Time: noon, Ingested: noon, Score: 1.5, Severity: schema.SeverityHigh, Summary: "odd", Kind: schema.FindingCampaign,
		Tokens: []schema.TokenID{token, {6}}, TokenCount: 2, Topic: "t", Offset: 3}
	g := f
	g.ID = schema.FindingID{8}
	v := schema.Verdict{ID: "p", Incident: "inc-1", Token: token, Kind: schema.VerdictSnooze, By: "console:ana", Note: "n", At: noon, Since: noon, To: noon, Until: noon.Add(time.Hour)}
	w := v
	w.ID, w.Incident = "q", "inc-2"
	step := schema.RevocationStep{Incident: "inc-1", Token: token, Action: "called", Revocation: schema.Revocation{State: schema.RevocationCalling, Step: 1, At: noon, Via: "kong"}}
	strange := step
	strange.Incident = "inc-2"
	inc := schema.Incident{ID: "inc-1", Revision: 3, Token: token, Opened: noon, Updated: noon, Deliveries: []schema.Delivery{{Destination: "slack", Ref: "C1/1", Revision: 2, At: noon, Attempts: 2, Error: "no"}}}
	for what, err := range map[string]error{
		"findings": db.InsertFindings(ctx, "x", []schema.Finding{f, g}), "verdicts": db.InsertVerdicts(ctx, []schema.Verdict{v, v, w}),
		"steps": db.InsertRevocations(ctx, []schema.RevocationStep{step, strange}), "incident": db.SaveIncident(ctx, &inc),
	} {
		if err != nil {
			t.Fatal(what, err)
		}
	}
	c := board.Case{Incident: "inc-1", Tokens: []schema.TokenID{token}, Findings: []schema.FindingID{f.ID}, Began: noon, Until: noon.Add(time.Hour)}

	findings, err := db.CaseFindings(ctx, c)
	sameRows(t, "findings", err, findings.Rows, []board.CaseFinding{{ID: f.ID.String(), At: noon, Score: 1.5, Severity: "high", Summary: "odd", Kind: "campaign",
		Tokens: []string{token.String(), schema.TokenID{6}.String()}, TokenCount: 2, Topic: "t", Offset: 3}})
	verdicts, err := db.CaseVerdicts(ctx, c)
	v.Since, v.To = time.Time{}, time.Time{}
	sameRows(t, "verdicts", err, verdicts.Rows, []schema.Verdict{v})
	steps, err := db.CaseSteps(ctx, c)
	sameRows(t, "steps", err, steps.Rows, []schema.RevocationStep{step})
	deliveries, err := db.CaseDeliveries(ctx, c)
	sameRows(t, "deliveries", err, deliveries.Rows, []board.CaseDelivery{{Destination: "slack", State: "told", Ref: "C1/1", Error: "no", Revision: 3, Delivered: 2, Attempts: 2, At: noon}})
}

// A panel's question reads the token's own rows, and not the table.
func TestCaseReadsByKey(t *testing.T) {
	db := migrated(t)
	c, _ := caseWorld(t, db)
	d, err := db.CaseDetail(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	_, rows, err := db.Query(t.Context(), "EXPLAIN indexes = 1 "+d.Routes.SQL)
	if err != nil {
		t.Fatal(err)
	}
	plan := fmt.Sprint(rows)
	if !strings.Contains(plan, "PrimaryKey") || !strings.Contains(plan, "(token in 2-element set)") || !strings.Contains(plan, "(ts in [") {
		t.Errorf("the plan is\n%s", plan)
	}
}
