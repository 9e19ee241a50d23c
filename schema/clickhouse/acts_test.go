package clickhouse_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/schema"
)

func act(n int, outcome schema.ActOutcome) schema.Act {
	return schema.Act{
		ID: fmt.Sprintf("act-%02d", n), At: noon.Add(time.Duration(n/2) * time.Second), Person: fmt.Sprintf("person%d", n%3), Role: "responder", Via: "oidc",
		Address: "192.0.2.7", Action: "verdict", Subject: "inc'\\1", Detail: "it was <us>\xff", Outcome: outcome,
	}
}

// An act that was written down before and after it was done is listed once, with what came of it.
func TestActs(t *testing.T) {
	db := migrated(t)
	var begun, ended []schema.Act
	for n := range 10 {
		begun = append(begun, act(n, schema.ActBegun))
		if n != 3 {
			a := act(n, schema.ActFailed)
			a.Reason = "no answer"
			ended = append(ended, a)
		}
	}
	for _, rows := range [][]schema.Act{begun[:5], ended, begun[5:]} { // an end may be stored before its beginning
		if err := db.InsertActs(t.Context(), rows); err != nil {
			t.Fatal(err)
		}
	}
	want := slices.Clone(ended)
	want = slices.Insert(want, 3, begun[3])
	slices.Reverse(want)

	var have []schema.Act
	q := schema.ActQuery{Limit: 4}
	for range 4 { // pages cut through acts of the same time
		page, err := db.Acts(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		if len(page) > q.Limit {
			t.Fatalf("a page of %d, with a limit of %d", len(page), q.Limit)
		}
		if have = append(have, page...); len(page) > 0 {
			q.Before, q.BeforeID = page[len(page)-1].At, page[len(page)-1].ID
		}
	}
	if !slices.Equal(have, want) {
		t.Errorf("have\n%+v\nwant\n%+v", have, want)
	}
	page, err := db.Acts(t.Context(), schema.ActQuery{Person: "person1", Action: "verdict", Limit: 100})
	if err != nil || len(page) != 3 {
		t.Errorf("%d acts of one person, %v", len(page), err)
	}
	if page, err = db.Acts(t.Context(), schema.ActQuery{Person: "x' OR 1 --", Limit: 100}); err != nil || len(page) != 0 {
		t.Errorf("%d acts of nobody, %v", len(page), err)
	}
	if got := ask(t, db, "SELECT count(), countIf(outcome = 'begun') FROM console_acts"); got != "10 1" {
		t.Errorf("console_acts: %s", got)
	}
}
