package clickhouse_test

import (
	"slices"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/schema"
	"github.com/tokenwatch/tokenwatch/schema/board"
)

// A sample has all events of its tokens, those of tokens that are named among them, and is not larger than it may be.
func TestSampleEvents(t *testing.T) {
	db := migrated(t)
	fleet := newFleet(3, 400)
	insert(t, db, fleet.block(0, 20_000, noon.Add(-24*time.Hour), time.Second))
	from, to := noon.AddDate(0, 0, -3), noon.AddDate(0, 0, 1)
	whole, err := db.SampleEvents(t.Context(), from, to, 50_000, nil)
	if err != nil || whole.Events != 20_000 || whole.Share != 1 || whole.Stored != 20_000 || !whole.Within(schema.TokenID{0xff}) {
		t.Fatalf("%+v %v", whole, err)
	}
	of := map[schema.TokenID]int{}
	if err := db.EventsByTime(t.Context(), whole.Extent, func(e *schema.Event) error { of[e.Token]++; return nil }); err != nil {
		t.Fatal(err)
	}
	var last schema.TokenID
	for id := range of {
		if slices.Compare(id[:], last[:]) > 0 {
			last = id
		}
	}
	part, err := db.SampleEvents(t.Context(), from, to, 5_000, []schema.TokenID{last})
	if err != nil || part.Events > 5_000 || part.Events < 2_000 || part.Stored != 20_000 || part.Share >= 0.5 || part.Within(last) {
		t.Fatalf("%+v %v", part, err)
	}
	got := map[schema.TokenID]int{}
	var before time.Time
	if err := db.EventsByTime(t.Context(), part.Extent, func(e *schema.Event) error {
		if e.Time.Before(before) {
			t.Errorf("%s comes behind %s", e.Time, before)
		}
		got[e.Token]++
		before = e.Time
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	for id, n := range of {
		want := 0
		if part.Within(id) || id == last {
			want = n
		}
		if got[id] != want {
			t.Errorf("%s: %d events, want %d of %d", id, got[id], want, n)
		}
	}
}

func TestBoardBacktestLabels(t *testing.T) {
	db := migrated(t)
	use(t, db, 0, nil, 1, daysAgo(1)...)
	at := noon.AddDate(0, 0, -2)
	if err := db.InsertVerdicts(t.Context(), []schema.Verdict{
		{ID: "1", Incident: "a", Token: member(1), Kind: schema.VerdictOwner, At: at, Since: at.Add(-time.Hour), To: at},
		{ID: "2", Incident: "a", Token: member(1), Kind: schema.VerdictTheft, At: at.Add(time.Minute), Since: at.Add(-time.Hour), To: at.Add(time.Second)},
		{ID: "3", Incident: "b", Token: member(2), Kind: schema.VerdictOwner, At: at.Add(time.Hour), Since: at, To: at},
		{ID: "4", Incident: "c", Token: member(1), Kind: schema.VerdictSnooze, At: at, Since: at, To: at},
		{ID: "5", Incident: "d", Token: member(1), Kind: schema.VerdictTheft, At: at, Since: at, To: at.AddDate(0, 0, -30)},
	}); err != nil {
		t.Fatal(err)
	}
	labels, err := db.BoardBacktestLabels(t.Context(), at.AddDate(0, 0, -7), 10)
	want := []board.BacktestLabel{
		{Incident: "b", Token: member(2), At: at, Until: at},
		{Incident: "a", Token: member(1), Hint: "hf_…Mx01", Theft: true, At: at.Add(-time.Hour), Until: at.Add(time.Second)},
	}
	if err != nil || !slices.Equal(labels, want) {
		t.Errorf("%+v, want %+v: %v", labels, want, err)
	}
}
