package clickhouse_test

import (
	"math"
	"reflect"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/schema"
	"github.com/tokenwatch/tokenwatch/schema/clickhouse"
)

func finding(id byte, ingested time.Time) schema.Finding {
	return schema.Finding{
		ID: schema.FindingID{id}, Token: schema.TokenID{0xab, 0xcd}, TokenHint: "hf_…x9Qz", Consumer: "ann's \\ \"laptop\"", Environment: "prod",
		Time: noon.Add(-time.Minute), Ingested: ingested, Score: 1.75, Severity: schema.SeverityHigh, Summary: "used from São Paulo at 3 am",
		Evidence: []schema.Evidence{
			{Detector: "new_geo", Key: "country:BR", Time: noon.Add(-time.Minute), LLR: 6.5, Seen: "São Paulo, BR", Normal: "DE 97 %", Attack: "T1550.001"},
			{Detector: "odd_hours", Key: "hour:3", Time: noon.Add(-2 * time.Minute), LLR: 2.25, Seen: "03:00", Normal: "08–18"},
		},
		Seen:   schema.Seen{Since: noon.Add(-time.Hour), Requests: 12, Addresses: 3, Places: []string{"São Paulo, BR"}},
		Normal: schema.Normal{State: schema.ProfileActive, Since: noon.Add(-240 * time.Hour), Days: 10, Events: 4000},
		Topic:  "gateway.access", Partition: 3, Offset: 77,
	}
}

func findings(t *testing.T, db *clickhouse.DB, since time.Time) []schema.Finding {
	t.Helper()
	var list []schema.Finding
	err := db.FindingsSince(t.Context(), since, func(f schema.Finding) error {
		list = append(list, f)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestFindingsAreStoredOnce(t *testing.T) {
	db := migrated(t)
	first, second := finding(1, noon), finding(2, noon.Add(time.Second))
	put := func(token string, list ...schema.Finding) {
		t.Helper()
		if err := db.InsertFindings(t.Context(), token, list); err != nil {
			t.Fatal(err)
		}
	}
	put("gateway.access:3:70-79", first)
	put("gateway.access:3:70-79", first)
	put("gateway.access:3:80-89", second)
	put("gateway.access:3:80-88", second) // another cut, the same finding: its id tells
	put("gateway.access:3:90-99")

	got := findings(t, db, time.Time{})
	if len(got) != 2 || !reflect.DeepEqual(got[0], first) || !reflect.DeepEqual(got[1], second) {
		t.Errorf("have %+v\nwant %+v", got, []schema.Finding{first, second})
	}
	if got := findings(t, db, noon.Add(time.Millisecond)); len(got) != 1 || got[0].ID != second.ID {
		t.Errorf("since the second: %d findings, want only the second", len(got))
	}
}

func TestFindingsAreForAnalysts(t *testing.T) {
	db := migrated(t)
	if err := db.InsertFindings(t.Context(), "a", []schema.Finding{finding(1, noon)}); err != nil {
		t.Fatal(err)
	}
	got := ask(t, db, `SELECT id_hex, token_hex, token, severity, evidence.detector, evidence.llr, evidence.attack_id,
		JSONExtractString(finding, 'seen', 'places', 1) FROM findings WHERE has(evidence.detector, 'odd_hours')`)
	want := "01000000000000000000000000000000 abcd0000000000000000000000000000 abcd0000000000000000000000000000 " +
		"high [new_geo, odd_hours] [6.5, 2.25] [T1550.001, ] São Paulo, BR"
	if got != want {
		t.Errorf("have %s\nwant %s", got, want)
	}
}

func TestFindingThatIsNoJSON(t *testing.T) {
	db := migrated(t)
	f := finding(1, noon)
	f.Score = math.Inf(1)
	err := db.InsertFindings(t.Context(), "a", []schema.Finding{finding(2, noon), f})
	if err == nil || clickhouse.Retryable(err) {
		t.Errorf("an infinite score: %v; want an error that repeating does not cure", err)
	}
	if got := findings(t, db, time.Time{}); len(got) != 0 {
		t.Errorf("%d findings of a block that failed", len(got))
	}
}
