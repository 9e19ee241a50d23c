package clickhouse_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/schema"
	"github.com/tokenwatch/tokenwatch/schema/clickhouse"
)

// contents sums up everything that a block changes, in the tables and in what is derived
// from them. Two contents are equal when nothing was added in between.
func contents(t testing.TB, db *clickhouse.DB) string {
	t.Helper()
	return ask(t, db, `SELECT
		(SELECT (count(), sum(cityHash64(token, offset, item))) FROM events),
		(SELECT (count(), sum(cityHash64(offset, item))) FROM dead_letters),
		(SELECT (sum(requests), sum(bytes_out), sum(units_in), sum(errors), uniqCombinedMerge(12)(addresses)) FROM activity_hours),
		(SELECT (sum(requests), sum(bytes_out), sum(units), sum(errors)) FROM activity_minutes)`)
}

func insert(t testing.TB, db *clickhouse.DB, blocks ...*schema.Block) {
	t.Helper()
	for _, b := range blocks {
		if err := db.InsertBlock(t.Context(), b); err != nil {
			t.Fatal(err)
		}
	}
}

func TestBlockIsStoredOnce(t *testing.T) {
	db := migrated(t)
	f := newFleet(1, 50)
	hours := f.block(0, 5000, noon.Add(-6*time.Hour), 3*time.Second)
	refuse(hours, 5000, 5001)
	hours.Last = 5001
	refused := &schema.Block{Topic: "gateway.access", Partition: 3, First: 5002, Last: 5003, Ingested: noon}
	refuse(refused, 5002, 5003)
	empty := &schema.Block{Topic: "gateway.access", Partition: 3, First: 5004, Last: 5004, Ingested: noon}
	blocks := []*schema.Block{hours, refused, empty}

	insert(t, db, blocks...)
	once := contents(t, db)
	if got := ask(t, db, "SELECT (SELECT count() FROM events), (SELECT count() FROM dead_letters)"); got != "5000 4" {
		t.Fatalf("events and dead letters: %s, want 5000 4", got)
	}
	insert(t, db, blocks...)
	insert(t, db, blocks...)
	if again := contents(t, db); again != once {
		t.Errorf("repeating the blocks changed\n%s\nto\n%s", once, again)
	}

	hours.Events[0].City = "the address database was exchanged before the replay"
	slices.Reverse(hours.Events)
	insert(t, db, hours)
	if again := contents(t, db); again != once {
		t.Errorf("repeating a block with other contents changed\n%s\nto\n%s", once, again)
	}

	insert(t, db, f.block(5005, 10, noon, time.Second))
	if got := ask(t, db, "SELECT count() FROM events"); got != "5010" {
		t.Errorf("another block: %s events, want 5010", got)
	}
}

// A former owner of the partition that still inserts beside the new one.
func TestBlockInsertedByTwoAtOnce(t *testing.T) {
	db := migrated(t)
	f := newFleet(1, 50)
	for i := range int64(5) {
		b := f.block(i*2000, 1000, noon, time.Second)
		refuse(b, b.Last+1)
		b.Last++
		var owners sync.WaitGroup
		for range 4 {
			owners.Go(func() {
				if err := db.InsertBlock(t.Context(), b); err != nil {
					t.Error(err)
				}
			})
		}
		owners.Wait()
	}
	if got := ask(t, db, `SELECT count(), (SELECT count() FROM dead_letters), (SELECT sum(requests) FROM activity_hours),
		(SELECT sum(requests) FROM activity_minutes) FROM events`); got != "5000 5 5000 5000" {
		t.Errorf("events, dead letters, hours, minutes: %s, want 5000 5 5000 5000", got)
	}
}

func TestDeadLettersComeBack(t *testing.T) {
	db := migrated(t)
	b := &schema.Block{Topic: "gateway.access", Partition: 3, First: 5, Last: 7, Ingested: noon}
	refuse(b, 7, 5, 6)
	b.DeadLetters[0].Payload, b.DeadLetters[1].Detail, b.DeadLetters[2].Item = "\xff\x00", strings.Repeat("x", 1<<20), 9
	insert(t, db, b)
	want := []schema.DeadLetter{b.DeadLetters[1], b.DeadLetters[2], b.DeadLetters[0]}
	var got []schema.DeadLetter
	read := func(since time.Time) {
		err := db.DeadLetters(t.Context(), since, func(d *schema.DeadLetter) error {
			got = append(got, *d)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if read(time.Time{}); !slices.Equal(got, want) {
		t.Errorf("have %d dead letters, want the same %d", len(got), len(want))
	}
	if read(noon.Add(time.Millisecond)); len(got) != 3 {
		t.Errorf("%d dead letters since after the block", len(got)-3)
	}
}

// A block is one part, so it is there whole or not at all, up to the largest that ingest cuts.
func TestLargeBlockIsOnePart(t *testing.T) {
	db := migrated(t)
	large := stretch(newFleet(1, 2000).block(0, 20_000, noon.Add(-24*time.Hour), 4*time.Second), 200_000)
	insert(t, db, large)
	once := contents(t, db)
	insert(t, db, large)
	if again := contents(t, db); again != once {
		t.Errorf("repeating a large block changed\n%s\nto\n%s", once, again)
	}
	if got := ask(t, db, "SELECT count(), sum(rows), any(level) FROM system.parts WHERE active AND database = currentDatabase() AND table = 'events'"); got != "1 200000 0" {
		t.Errorf("parts, rows, merges: %s, want 1 200000 0", got)
	}
}

// An insert that failed after the events were stored, but before a view was: repeating
// the block must fill in the view and add no second copy of the events.
func TestRepeatAfterAViewFailed(t *testing.T) {
	db := migrated(t)
	exec(t, db, "CREATE TABLE broken (yes UInt8) ENGINE = MergeTree ORDER BY yes")
	exec(t, db, "INSERT INTO broken SELECT 1")
	exec(t, db, `CREATE MATERIALIZED VIEW zz_breaks TO activity_hours AS
		SELECT token, toDateTime(0, 'UTC') AS hour FROM events
		WHERE throwIf((SELECT count() FROM broken) > 0, 'broken for the test')`)
	b := newFleet(1, 50).block(0, 1000, noon, time.Second)
	err := db.InsertBlock(t.Context(), b)
	if err == nil {
		t.Fatal("a block was stored although a view fails")
	}
	if code := clickhouse.ErrorCode(err); code != 395 {
		t.Errorf("error code %d (%v), want that of throwIf, 395", code, err)
	}
	t.Log("after the failure:", contents(t, db))
	exec(t, db, "DROP VIEW zz_breaks")
	insert(t, db, b, b)
	if got := ask(t, db, `SELECT (SELECT count() FROM events), (SELECT sum(requests) FROM activity_hours),
		(SELECT sum(requests) FROM activity_minutes)`); got != "1000 1000 1000" {
		t.Errorf("events, hours, minutes: %s, want 1000 1000 1000", got)
	}
}

// Inserts that are given up at any moment, then repeated: no copies, and nothing missing.
func TestRepeatAfterGivingUp(t *testing.T) {
	db := migrated(t)
	f := newFleet(1, 500)
	const rows = 3000
	started := time.Now()
	insert(t, db, f.block(0, rows, noon, time.Millisecond))
	usual := time.Since(started)
	given := 0
	for i := range 19 {
		b := f.block(int64(i+1)*rows, rows, noon, time.Millisecond)
		ctx, cancel := context.WithTimeout(t.Context(), usual*time.Duration(i)/12)
		err := db.InsertBlock(ctx, b)
		cancel()
		if err != nil {
			given++
		}
		if err != nil && !clickhouse.Retryable(err) {
			t.Errorf("an insert that was given up: %v; want it retryable", err)
		}
		insert(t, db, b)
	}
	if given == 0 {
		t.Fatal("no insert was given up: the test tests nothing")
	}
	t.Logf("%d of 19 inserts were given up", given)
	if got := ask(t, db, `SELECT count(), uniqExact(offset), (SELECT sum(requests) FROM activity_hours),
		(SELECT sum(requests) FROM activity_minutes) FROM events`); got != "60000 60000 60000 60000" {
		t.Errorf("events, offsets, hours, minutes: %s, want 60000 each", got)
	}
}
