package clickhouse_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/schema"
	"github.com/tokenwatch/tokenwatch/schema/clickhouse"
)

func chosen(t *testing.T, db *clickhouse.DB, f clickhouse.LetterFilter) (ids []string) {
	t.Helper()
	if err := db.ChooseDeadLetters(t.Context(), f, func(l *schema.DeadLetter) error { ids = append(ids, l.ID()); return nil }); err != nil {
		t.Fatal(err)
	}
	return ids
}

// What was replayed waits no more, and is not counted; what was merely intended, or given up, still is.
func TestReplayedLettersDoNotWait(t *testing.T) {
	db := migrated(t)
	b := &schema.Block{Topic: "gateway.access", Partition: 3, First: 0, Last: 4, Ingested: noon}
	refuse(b, 0, 1, 2, 3, 4)
	b.DeadLetters[1].Reason = "it's \\ odd"
	insert(t, db, b)
	line := func(i int, state schema.ReplayState) schema.Replay {
		l := b.DeadLetters[i]
		return schema.Replay{Topic: l.Topic, Partition: l.Partition, Offset: l.Offset, Item: l.Item, Ingested: l.Ingested, Run: "r", State: state, NewOffset: 70 + l.Offset}
	}
	other := line(4, schema.ReplayDone)
	other.Ingested = other.Ingested.Add(-time.Hour) // of a topic that was made anew since
	began := time.Now().Add(-time.Minute)
	for _, lines := range [][]schema.Replay{
		{line(0, schema.ReplayIntended), line(1, schema.ReplayIntended), line(2, schema.ReplayIntended)}, {line(0, schema.ReplayDone), line(2, schema.ReplayGivenUp), other}, nil,
	} {
		if err := db.WriteReplays(t.Context(), lines); err != nil {
			t.Fatal(err)
		}
	}
	const at = "gateway.access/3/"
	for name, c := range map[string]struct {
		filter clickhouse.LetterFilter
		want   []string
	}{
		"waiting":        {clickhouse.LetterFilter{}, []string{at + "4/0", at + "3/0", at + "2/0", at + "1/0"}},
		"all":            {clickhouse.LetterFilter{Replayed: true}, []string{at + "4/0", at + "3/0", at + "2/0", at + "1/0", at + "0/0"}},
		"newest":         {clickhouse.LetterFilter{Limit: 2}, []string{at + "4/0", at + "3/0"}},
		"reason":         {clickhouse.LetterFilter{Reasons: []string{"it's \\ odd", "none"}}, []string{at + "1/0"}},
		"topic":          {clickhouse.LetterFilter{Topic: "another"}, nil},
		"since":          {clickhouse.LetterFilter{Since: noon.Add(time.Second)}, nil},
		"place":          {clickhouse.LetterFilter{At: &b.DeadLetters[3]}, []string{at + "3/0"}},
		"replayed place": {clickhouse.LetterFilter{At: &b.DeadLetters[0]}, nil},
	} {
		if have := chosen(t, db, c.filter); !slices.Equal(have, c.want) {
			t.Errorf("%s: have %q, want %q", name, have, c.want)
		}
	}
	lines, err := db.Replays(t.Context(), "gateway.access", 3, []int64{0, 2})
	if err != nil || len(lines) != 4 {
		t.Fatalf("lines %+v, %v", lines, err)
	}
	for i := range lines {
		if lines[i].At.Before(began) || i > 0 && lines[i].At.Before(lines[i-1].At) {
			t.Errorf("written at %s", lines[i].At)
		}
		lines[i].At = time.Time{}
	}
	if !slices.Contains(lines[:2], line(0, schema.ReplayIntended)) || !slices.Contains(lines[2:], line(0, schema.ReplayDone)) || !slices.Contains(lines[2:], line(2, schema.ReplayGivenUp)) {
		t.Errorf("lines %+v", lines)
	}
	reasons, err := db.DeadLetterReasons(t.Context(), clickhouse.LetterFilter{})
	if err != nil || len(reasons) != 2 || reasons[0].Letters != 3 || reasons[1].Letters != 1 || !slices.Contains(reasons[0].Examples, at+"4/0") || len(reasons[0].Examples) != 3 {
		t.Errorf("reasons %+v, %v", reasons, err)
	}
	if have := ask(t, db, "SELECT sum(records) FROM dead_letter_reasons"); have != "4" {
		t.Errorf("the view counts %s", have)
	}
}

func TestStoredItems(t *testing.T) {
	db := migrated(t)
	b := newFleet(1, 3).block(10, 4, noon, 0)
	b.Events[1].Offset, b.Events[1].Item = 10, 1
	refuse(b, 10, 20)
	insert(t, db, b)
	events, letters, err := db.StoredItems(t.Context(), b.Topic, b.Partition, []int64{10, 11, 12, 20, 99})
	if err != nil || fmt.Sprint(events, letters) != "map[10:2 12:1] map[10:1 20:1]" {
		t.Errorf("events %v, letters %v, %v", events, letters, err)
	}
	if events, letters, err = db.StoredItems(t.Context(), b.Topic, b.Partition, nil); err != nil || len(events)+len(letters) > 0 {
		t.Errorf("of no offsets: %v %v %v", events, letters, err)
	}
}
