package clickhouse_test

import (
	"reflect"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/schema"
)

func TestVerdicts(t *testing.T) {
	db := migrated(t)
	given := []schema.Verdict{
		{ID: "click-1", Incident: "inc-1", Token: schema.TokenID{1}, Kind: schema.VerdictOwner, By: "slack:U1 (ann)", Note: "we moved", At: noon, Since: noon.Add(-time.Hour), To: noon.Add(-time.Minute),
			Until: noon.Add(time.Hour), Allow: true},
		{ID: "click-2", Incident: "inc-2", Token: schema.TokenID{2}, Kind: schema.VerdictTheft, By: "cli:o'brien", At: noon.Add(time.Second), Since: noon, To: noon},
	}
	// Later ones come first, and one comes twice.
	for _, list := range [][]schema.Verdict{{given[1]}, nil, given} {
		if err := db.InsertVerdicts(t.Context(), list); err != nil {
			t.Fatal(err)
		}
	}
	have, err := db.Verdicts(t.Context(), time.Time{})
	if err != nil || !reflect.DeepEqual(have, given) {
		t.Errorf("have %+v, %v\nwant %+v", have, err, given)
	}
	if have, err = db.Verdicts(t.Context(), time.Now().Add(time.Hour)); err != nil || len(have) > 0 {
		t.Errorf("stored in an hour from now: %+v, %v", have, err)
	}
}

func TestAllowances(t *testing.T) {
	db := migrated(t)
	add := schema.Allowance{ID: "a1", Action: schema.AllowAdd, At: noon, By: "ann", Kind: schema.AllowCIDR, Value: "203.0.113.0/24", Detectors: []string{"new_geo"}, Owner: "net", Reason: "new office", Until: time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC)}
	remove := add
	remove.Action, remove.At, remove.By, remove.Reason = schema.AllowRemove, noon.Add(time.Hour), "bob", "office closed"
	over := schema.Allowance{ID: "a2", Action: schema.AllowAdd, At: noon, By: "ann", Kind: schema.AllowCountry, Value: "DE", Owner: "net", Reason: "fair", Until: time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)}
	stays := schema.Allowance{ID: "a3", Action: schema.AllowAdd, At: noon.Add(time.Minute), By: "ann", Kind: schema.AllowLabel, Value: "environment=dev", Owner: "net", Reason: "it's a playground"}
	for _, list := range [][]schema.Allowance{{add, over}, {stays}, nil} {
		if err := db.InsertAllowances(t.Context(), list); err != nil {
			t.Fatal(err)
		}
	}
	if have := ask(t, db, "SELECT count(), groupArray(id) FROM allow_list"); have != "2 [a1, a3]" {
		t.Errorf("allowed: %s", have)
	}
	if err := db.InsertAllowances(t.Context(), []schema.Allowance{remove}); err != nil {
		t.Fatal(err)
	}
	if have := ask(t, db, "SELECT count(), groupArray(id) FROM allow_list WHERE until IS NULL"); have != "1 [a3]" {
		t.Errorf("allowed: %s", have)
	}
	have, err := db.Allowances(t.Context())
	want := []schema.Allowance{add, over, stays, remove}
	if err != nil || !reflect.DeepEqual(have, want) {
		t.Errorf("have %+v, %v\nwant %+v", have, err, want)
	}
}
