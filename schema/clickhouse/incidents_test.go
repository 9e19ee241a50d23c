package clickhouse_test

import (
	"reflect"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/schema"
	"github.com/tokenwatch/tokenwatch/schema/clickhouse"
)

func incident(id string, revision uint64, state schema.IncidentState) schema.Incident {
	f := finding(1, noon)
	return schema.Incident{
		ID: id, Revision: revision, State: state, Severity: schema.SeverityHigh, Score: 1.5,
		Token: f.Token, TokenHint: f.TokenHint, Consumer: f.Consumer, Environment: f.Environment,
		Opened: noon, Updated: noon.Add(time.Duration(revision) * time.Second), Summary: "revision of " + id,
		Evidence: append(f.Evidence, f.Evidence[0]), Seen: f.Seen, Normal: f.Normal, Findings: []schema.FindingID{f.ID},
		Deliveries: []schema.Delivery{{Destination: "slack", Ref: "C1/17.5", Revision: revision, At: noon, Attempts: 1}},
	}
}

func incidents(t *testing.T, db *clickhouse.DB, states ...schema.IncidentState) []schema.Incident {
	t.Helper()
	list, err := db.Incidents(t.Context(), states...)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestHighestRevisionOfAnIncidentHolds(t *testing.T) {
	db := migrated(t)
	first, second := incident("a", 3, schema.IncidentAcknowledged), incident("b", 1, schema.IncidentOpen)
	second.Opened = noon.Add(time.Hour)
	third := incident("c", 2, schema.IncidentResolved)
	third.Opened, third.Resolved = noon.Add(2*time.Hour), noon.Add(3*time.Hour)
	for _, in := range []schema.Incident{incident("a", 1, schema.IncidentOpen), second, first, incident("a", 2, schema.IncidentOpen), second} {
		if err := db.SaveIncident(t.Context(), &in); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.SaveIncidents(t.Context(), []schema.Incident{incident("c", 1, schema.IncidentOpen), third}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		states []schema.IncidentState
		want   []schema.Incident
	}{
		{"all", nil, []schema.Incident{first, second, third}},
		{"open", []schema.IncidentState{schema.IncidentOpen}, []schema.Incident{second}},
		{"not resolved", []schema.IncidentState{schema.IncidentOpen, schema.IncidentAcknowledged}, []schema.Incident{first, second}},
		{"a state that is a quote", []schema.IncidentState{"'"}, nil},
	} {
		if got := incidents(t, db, c.states...); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s:\nhave %+v\nwant %+v", c.name, got, c.want)
		}
	}
}

func TestIncidentsAreForAnalysts(t *testing.T) {
	db := migrated(t)
	in := incident("a", 1, schema.IncidentOpen)
	if err := db.SaveIncident(t.Context(), &in); err != nil {
		t.Fatal(err)
	}
	got := ask(t, db, "SELECT token_hex, state, severity, detectors, findings, requests, addresses, isNull(resolved) FROM incidents FINAL")
	if want := "abcd0000000000000000000000000000 open high [new_geo, odd_hours] 1 12 3 1"; got != want {
		t.Errorf("have %s\nwant %s", got, want)
	}
}
