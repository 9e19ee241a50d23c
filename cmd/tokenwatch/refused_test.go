package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// A row that a constraint of the operator's refuses becomes a dead letter, alone; those
// around it are stored, and the audit has nothing to complain about.
func TestRowThatTheStoreRefuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p := start(t, quick(dir))
	if err := p.engines.db.Exec(t.Context(), "ALTER TABLE events ADD CONSTRAINT no_tea CHECK status != 418"); err != nil {
		t.Fatal(err)
	}
	var values []string
	for i := range 40 {
		value := ownRecord(time.Now(), fmt.Sprintf("sk-live-QkZxWvTyRmPqLs%02d", i%3), "203.0.113.7")
		if i == 5 || i == 31 {
			value = strings.Replace(value, `"status":200`, `"status":418`, 1)
		}
		values = append(values, value)
	}
	p.produce(t, values...)
	p.settled(t, len(values))
	if have := p.ask(t, "SELECT offset, item, reason FROM dead_letters ORDER BY offset"); !slices.Equal(have, []string{"5 0 store_refused", "31 0 store_refused"}) {
		t.Errorf("dead letters: %q", have)
	}
	if have := p.ask(t, "SELECT count(), (SELECT sum(requests) FROM activity_hours), (SELECT sum(requests) FROM activity_minutes) FROM events"); !slices.Equal(have, []string{"38 38 38"}) {
		t.Errorf("events, and requests by hour and by minute: %q", have)
	}
	if code, out, said := auditOf(t, dir); code != 0 {
		t.Errorf("tokenwatch audit: code %d: %s%s", code, out, said)
	}
}
