package clickhouse_test

import (
	"reflect"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/schema"
)

// What is written about tokens is there for the next reader, whole and in order; of one incident all of it.
func TestRevocations(t *testing.T) {
	db := migrated(t)
	at := time.Date(2026, 3, 2, 3, 12, 8, 412e6, time.UTC)
	step := func(incident string, n uint64, after time.Duration, action string, state schema.RevocationState) schema.RevocationStep {
		return schema.RevocationStep{
			Incident: incident, Token: schema.TokenID{1, 2}, Consumer: "acme", Action: action, Request: "revoke-" + incident, Instance: "one", Verdict: "v1",
			Revocation: schema.Revocation{State: state, Step: n, Rule: "revoke.mode", Via: "kong", At: at.Add(after), Attempts: int(n), By: "slack:U1 (alice)",
				Answer: "done", Reason: `it's "quoted" \ so`, Due: at.Add(time.Hour), Since: at},
		}
	}
	old := step("inc-old", 1, -2*time.Hour, "called", schema.RevocationCalling)
	a1, a2 := step("inc-a", 1, 0, "asked", schema.RevocationAsked), step("inc-a", 2, time.Second, "stopped", schema.RevocationStopped)
	quoted := step("inc-'; DROP", 1, 2*time.Second, "asked", schema.RevocationAsked)
	for _, batch := range [][]schema.RevocationStep{{a2, old}, {a1}, {quoted}, nil} {
		if err := db.InsertRevocations(t.Context(), batch); err != nil {
			t.Fatal(err)
		}
	}
	for name, c := range map[string]struct {
		since    time.Time
		incident string
		want     []schema.RevocationStep
	}{
		"within the hour":       {at.Add(-time.Hour), "", []schema.RevocationStep{a1, a2, quoted}},
		"and of an old one":     {at.Add(-time.Hour), "inc-old", []schema.RevocationStep{old, a1, a2, quoted}},
		"of one only":           {at.Add(time.Hour), "inc-a", []schema.RevocationStep{a1, a2}},
		"of one with odd marks": {at.Add(time.Hour), "inc-'; DROP", []schema.RevocationStep{quoted}},
		"nothing":               {at.Add(time.Hour), "", nil},
	} {
		have, err := db.Revocations(t.Context(), c.since, c.incident)
		if err != nil || !reflect.DeepEqual(have, c.want) {
			t.Errorf("%s: %+v, %v", name, have, err)
		}
	}
	_, rows, err := db.Query(t.Context(), "SELECT incident, state, by, token_hex FROM revocation_states WHERE incident = 'inc-a'")
	if err != nil || len(rows) != 1 || rows[0][1] != "stopped" || rows[0][2] != "slack:U1 (alice)" || rows[0][3] != (schema.TokenID{1, 2}).String() {
		t.Errorf("states %v, %v", rows, err)
	}
}

func TestIncidentByID(t *testing.T) {
	db := migrated(t)
	inc := schema.Incident{ID: "inc-'1", Revision: 2, State: schema.IncidentResolved, Revocation: &schema.Revocation{State: schema.RevocationDone, Step: 3},
		Verdicts: []schema.Verdict{{ID: "v", Kind: schema.VerdictTheft}}, Credential: "c", Source: "kong"}
	for _, revision := range []uint64{2, 1} {
		saved := inc
		saved.Revision = revision
		if err := db.SaveIncident(t.Context(), &saved); err != nil {
			t.Fatal(err)
		}
	}
	have, found, err := db.Incident(t.Context(), inc.ID)
	if err != nil || !found || have.Revision != 2 || !reflect.DeepEqual(have.Revocation, inc.Revocation) || len(have.Verdicts) != 1 || have.Credential != "c" || have.Source != "kong" {
		t.Errorf("%+v, %v, %v", have, found, err)
	}
	if _, found, err := db.Incident(t.Context(), "inc-2"); found || err != nil {
		t.Errorf("an incident that there is not: %v, %v", found, err)
	}
}
