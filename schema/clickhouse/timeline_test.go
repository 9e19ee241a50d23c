package clickhouse_test

import (
	"errors"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/schema"
	"github.com/tokenwatch/tokenwatch/schema/clickhouse"
)

// timeline stores events of two partitions, in blocks that came in long after one another, with times that
// do not follow their offsets.
func timeline(t *testing.T, db *clickhouse.DB) (list []schema.Event) {
	t.Helper()
	fleet := newFleet(7, 5)
	for partition := range int32(2) {
		for day := range 3 {
			b := &schema.Block{Topic: "gateway.access", Partition: partition, Ingested: noon.AddDate(0, 0, day)}
			for i := range 50 {
				e := fleet.request(noon.AddDate(0, 0, day).Add(-time.Duration(i*i%71) * 13 * time.Minute).Truncate(time.Millisecond))
				e.Topic, e.Partition, e.Offset, e.Ingested = b.Topic, partition, int64(day*50+i), b.Ingested
				b.Events = append(b.Events, e)
			}
			b.First, b.Last = b.Events[0].Offset, b.Events[49].Offset
			insert(t, db, b)
			list = append(list, b.Events...)
		}
	}
	return list
}

func TestEventsComeInTheOrderOfTime(t *testing.T) {
	db := migrated(t)
	all := timeline(t, db)
	from, to := noon.AddDate(0, 0, -1), noon.AddDate(0, 0, 1).Add(-5*time.Hour+time.Millisecond)
	want := map[schema.Event]bool{}
	for _, e := range all {
		if !e.Time.Before(from) && e.Time.Before(to) {
			want[kept(e)] = true
		}
	}
	x, err := db.EventExtent(t.Context(), from, to)
	if err != nil || x.Events != uint64(len(want)) || len(want) == 0 || len(want) == len(all) {
		t.Fatalf("%d events, want %d of %d: %v", x.Events, len(want), len(all), err)
	}
	var before schema.Event
	n := 0
	err = db.EventsByTime(t.Context(), x, func(e *schema.Event) error {
		if n == 0 && !e.Time.Equal(x.First) {
			t.Errorf("the first is of %s, the extent says %s", e.Time, x.First)
		}
		if n++; e.Time.Before(before.Time) || !want[*e] {
			t.Errorf("%s comes behind %s, or was never stored", e.Time, before.Time)
		}
		delete(want, *e)
		before = *e
		return nil
	})
	if err != nil || len(want) > 0 || !before.Time.Equal(x.Last) {
		t.Errorf("%d events came, %d are missing, the last of %s: %v", n, len(want), before.Time, err)
	}
}

func TestPlayingEndsWhenItIsEnough(t *testing.T) {
	db := migrated(t)
	timeline(t, db)
	x, err := db.EventExtent(t.Context(), noon.AddDate(0, 0, -9), noon.AddDate(0, 0, 9))
	if err != nil {
		t.Fatal(err)
	}
	enough, n := errors.New("enough"), 0
	err = db.EventsByTime(t.Context(), x, func(*schema.Event) error {
		if n++; n == 120 {
			return enough
		}
		return nil
	})
	if !errors.Is(err, enough) || n != 120 {
		t.Errorf("after %d events: %v", n, err)
	}
	if x, err := db.EventExtent(t.Context(), noon.AddDate(1, 0, 0), noon.AddDate(2, 0, 0)); err != nil || x.Events != 0 {
		t.Errorf("where nothing is: %+v, %v", x, err)
	}
}
