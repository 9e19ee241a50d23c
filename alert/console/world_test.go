package console_test

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/alert"
	"github.com/tokenwatch/tokenwatch/schema"
	"github.com/tokenwatch/tokenwatch/schema/clickhouse"
)

// world is a small truth that pages are read from: a few tokens with two weeks of requests from Berlin by day, and one
// of them stolen an hour ago, used from São Paulo.
type world struct {
	now    time.Time
	tokens []schema.TokenID
	stolen schema.TokenID
	inc    schema.Incident
}

func tokenOf(n int) (id schema.TokenID) {
	copy(id[:], fmt.Sprintf("token%011d", n))
	return id
}

func (w *world) request(n int, at time.Time, abroad bool) schema.Event {
	e := schema.Event{
		Time: at, Ingested: w.now.Truncate(time.Millisecond), Token: tokenOf(n), KeyID: 1, TokenHint: fmt.Sprintf("hf_…%04d", n), Consumer: fmt.Sprintf("acme-%d", n%3),
		Environment: "prod", Source: "nginx", IP: netip.MustParseAddr("81.2.69.142"), Method: "GET", Route: "/v1/models/{id}", Path: fmt.Sprintf("/v1/models/%d", at.Unix()%97),
		Status: 200, BytesOut: 2048, Latency: 30 * time.Millisecond, UserAgent: "acme-sdk/2.1 python", Client: "acme-sdk/2", Topic: "gateway.access",
		Place: schema.Place{Country: "DE", Region: "Berlin", City: "Berlin", Lat: 52.52, Lon: 13.4, AccuracyKM: 20, ASN: 3320, ASOrg: "Deutsche Telekom AG", Network: schema.NetworkResidential},
	}
	if abroad {
		e.IP, e.UserAgent, e.Client, e.Status, e.Path = netip.MustParseAddr("203.0.113.9"), "curl/8.5.0", "curl/8", 200, "/v1/datasets/export"
		e.Route, e.BytesOut = "/v1/datasets/export", 900_000
		e.Place = schema.Place{Country: "BR", Region: "São Paulo", City: "São Paulo", Lat: -23.55, Lon: -46.63, AccuracyKM: 50, ASN: 14061, ASOrg: "DigitalOcean, LLC", Network: schema.NetworkHosting}
	}
	return e
}

// settle stores the world.
func settle(t testing.TB, db *clickhouse.DB) *world {
	t.Helper()
	const tokens, days = 5, 14
	w := &world{now: time.Now().UTC().Truncate(time.Millisecond), stolen: tokenOf(1)}
	b := &schema.Block{Topic: "gateway.access", Ingested: w.now}
	add := func(e schema.Event) {
		e.Offset = int64(len(b.Events))
		e.RequestID = fmt.Sprintf("req-%d", e.Offset)
		b.Events = append(b.Events, e)
	}
	for n := range tokens {
		w.tokens = append(w.tokens, tokenOf(n))
		for day := days; day > 0; day-- {
			midnight := w.now.Truncate(24*time.Hour).AddDate(0, 0, -day)
			for i := range 40 {
				add(w.request(n, midnight.Add(8*time.Hour+time.Duration(i*13)*time.Minute), false))
			}
		}
	}
	began := w.now.Add(-time.Hour)
	for i := range 120 {
		add(w.request(1, began.Add(time.Duration(i)*25*time.Second), true))
	}
	b.Last = int64(len(b.Events) - 1)
	if err := db.InsertBlock(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	f := w.finding(began)
	if err := db.InsertFindings(t.Context(), "the theft", []schema.Finding{f}); err != nil {
		t.Fatal(err)
	}
	w.inc = alert.Open(&f)
	w.inc.Deliveries = []schema.Delivery{{Destination: "slack", Ref: "C1/171.2", Revision: 1, At: w.now, Attempts: 1}}
	if err := db.SaveIncident(t.Context(), &w.inc); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) finding(began time.Time) schema.Finding {
	f := schema.Finding{
		Token: w.stolen, KeyID: 1, TokenHint: "hf_…0001", Consumer: "acme-1", Environment: "prod", Source: "nginx", Time: began.Add(time.Minute), Ingested: w.now,
		Score: 2.1, Severity: schema.SeverityHigh, Summary: "Used from São Paulo, BR for the first time, with a new program",
		Evidence: []schema.Evidence{
			{Detector: "new_geo", Key: "country:BR", Time: began, LLR: 7.2, Seen: "São Paulo, BR", Normal: "Berlin, DE 100 % over 14 days", Attack: "T1550.001"},
			{Detector: "new_client", Key: "client:curl", Time: began, LLR: 4.1, Seen: "curl/8", Normal: "acme-sdk/2 100 %", Attack: "T1550.001"},
		},
		Seen: schema.Seen{Since: began, Requests: 120, BytesOut: 108_000_000, Addresses: 1, Places: []string{"São Paulo, BR"}, Networks: []string{"AS14061 DigitalOcean, LLC (hosting)"}, Clients: []string{"curl/8"}, PeakMinute: 3},
		Normal: schema.Normal{
			State: schema.ProfileActive, Since: w.now.AddDate(0, 0, -14), LastSeen: began.Add(-time.Hour), Days: 14, Events: 560, PerDay: 40, PeakMinute: 1, PeakHour: 5,
			Places: []schema.Share{{Name: "Berlin, DE", Share: 1}}, Networks: []schema.Share{{Name: "AS3320 Deutsche Telekom AG", Share: 1}}, Clients: []schema.Share{{Name: "acme-sdk/2", Share: 1}},
		},
		Topic: "gateway.access", Offset: 2805,
	}
	for h := 8; h < 17; h++ {
		f.Normal.Hours[h] = 1. / 9
	}
	copy(f.ID[:], "finding-00000001")
	return f
}
