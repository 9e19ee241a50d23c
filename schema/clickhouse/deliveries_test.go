package clickhouse_test

import (
	"reflect"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/schema"
	"github.com/tokenwatch/tokenwatch/schema/clickhouse"
)

// What is written down in incidents about deliveries can be asked for by destination and state.
func TestDeliveries(t *testing.T) {
	db := migrated(t)
	told := incident("told", 7, schema.IncidentOpen)
	told.Deliveries = []schema.Delivery{
		{Destination: "slack", Ref: "C1/17.5", Revision: 7, At: noon, Attempts: 2, Wanted: noon.Add(-time.Minute), Notified: noon, Severity: schema.SeverityHigh},
		{Destination: "telegram", Wanted: noon},
	}
	older := told
	older.Revision, older.Deliveries = 6, []schema.Delivery{{Destination: "slack", Wanted: noon, Error: "away", Attempts: 1, At: noon}}
	dead := incident("dead", 3, schema.IncidentOpen)
	dead.Deliveries = []schema.Delivery{{
		Destination: "slack", At: noon.Add(time.Hour), Attempts: 9, Error: "it's gone", Since: noon, Dead: true, FellBack: true,
	}}
	digest := incident("digest", 1, schema.IncidentOpen)
	digest.Deliveries = []schema.Delivery{{Destination: "slack", Revision: 1, At: noon, Attempts: 1, Digest: "digest-1"}}
	quiet := incident("quiet", 1, schema.IncidentOpen)
	quiet.Deliveries = nil
	if err := db.SaveIncidents(t.Context(), []schema.Incident{told, older, dead, digest, quiet}); err != nil {
		t.Fatal(err)
	}
	want := []clickhouse.Delivery{
		{Incident: "dead", Destination: "slack", State: "dead", Severity: "high", Wanted: 3, Attempts: 9, Error: "it's gone", At: noon.Add(time.Hour), FailingAt: noon, FellBack: true},
		{Incident: "digest", Destination: "slack", State: "digest", Severity: "high", Wanted: 1, Delivered: 1, Digest: "digest-1", Attempts: 1, At: noon},
		{Incident: "told", Destination: "slack", State: "told", Severity: "high", Wanted: 7, Delivered: 7, Ref: "C1/17.5", Attempts: 2, At: noon, WantedAt: noon.Add(-time.Minute)},
		{Incident: "told", Destination: "telegram", State: "waiting", Severity: "high", Wanted: 7, WantedAt: noon},
	}
	for _, c := range []struct {
		name   string
		filter clickhouse.DeliveryFilter
		want   []clickhouse.Delivery
	}{
		{"all", clickhouse.DeliveryFilter{}, want},
		{"by state", clickhouse.DeliveryFilter{States: []string{"dead", "waiting"}}, []clickhouse.Delivery{want[0], want[3]}},
		{"of one incident", clickhouse.DeliveryFilter{Incident: "told", Destination: "slack"}, want[2:3]},
		{"failing", clickhouse.DeliveryFilter{Failing: true}, want[:1]},
		{"the newest", clickhouse.DeliveryFilter{Limit: 1}, want[:1]},
		{"a quote", clickhouse.DeliveryFilter{Incident: "'"}, nil},
	} {
		have, err := db.Deliveries(t.Context(), c.filter)
		if err != nil || !reflect.DeepEqual(have, c.want) {
			t.Errorf("%s: %v\nhave %+v\nwant %+v", c.name, err, have, c.want)
		}
	}
	if have, want := ask(t, db, "SELECT incident, error FROM delivery_dead_letters"), "dead it's gone"; have != want {
		t.Errorf("dead letters: %s", have)
	}
}

func TestSilences(t *testing.T) {
	db := migrated(t)
	now := time.Now().UTC().Truncate(time.Second)
	first := schema.Silence{ID: "a", Matchers: []string{"owner=acme-*", "severity=low"}, By: "alice", Reason: "pen test", From: now, Until: now.Add(2 * time.Hour), Revised: now}
	second := schema.Silence{ID: "b", Matchers: []string{"token=x"}, By: "bob", Reason: "r", From: now, Until: now.Add(time.Hour), Revised: now}
	over := schema.Silence{ID: "c", Matchers: []string{"token=x"}, By: "bob", Reason: "r", From: now.Add(-time.Hour), Until: now.Add(-time.Minute), Revised: now}
	for _, s := range []schema.Silence{first, second, over} {
		if err := db.SaveSilence(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
	ended := second
	ended.Until, ended.Revised = now, now.Add(time.Second)
	if have, err := db.Silences(t.Context()); err != nil || !reflect.DeepEqual(have, []schema.Silence{second, first}) {
		t.Errorf("%+v, %v", have, err)
	}
	if err := db.SaveSilence(t.Context(), ended); err != nil {
		t.Fatal(err)
	}
	if have, err := db.Silences(t.Context()); err != nil || !reflect.DeepEqual(have, []schema.Silence{first}) {
		t.Errorf("after one was ended: %+v, %v", have, err)
	}
	if have, err := db.SilencesSince(t.Context(), now.Add(-30*time.Minute)); err != nil || len(have) != 3 {
		t.Errorf("with those that expired: %+v, %v", have, err)
	}
}

func TestRetries(t *testing.T) {
	db := migrated(t)
	now := time.Now().UTC().Truncate(time.Second)
	old := schema.Retry{Incident: "a", At: now.Add(-2 * time.Hour), By: "alice"}
	young := schema.Retry{Incident: "b", Destination: "slack", At: now, By: "alice"}
	if err := db.OrderRetries(t.Context(), []schema.Retry{young, old}); err != nil {
		t.Fatal(err)
	}
	if have, err := db.Retries(t.Context(), now.Add(-time.Hour)); err != nil || !reflect.DeepEqual(have, []schema.Retry{young}) {
		t.Errorf("%+v, %v", have, err)
	}
}
