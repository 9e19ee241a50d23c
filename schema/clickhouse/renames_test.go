package clickhouse_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/schema"
	"github.com/tokenwatch/tokenwatch/schema/clickhouse"
)

// under is a token's fingerprint under the pepper of that generation.
func under(token, generation int) (id schema.TokenID) {
	copy(id[:], fmt.Sprintf("token %4d pep %d", token, generation))
	return id
}

// generation stores a day of each token's requests under a pepper, and one former if there is any.
func generation(t *testing.T, db *clickhouse.DB, tokens, number, requests int, rotating bool) {
	t.Helper()
	day := noon.Add(time.Duration(number-10) * 24 * time.Hour)
	first := int64(number) * 1_000_000
	if rotating {
		first += 500_000
	}
	b := newFleet(uint64(number), 1).block(first, tokens*requests, day, 0)
	for i := range b.Events {
		e := &b.Events[i]
		e.Token, e.Place = under(i%tokens, number), schema.Place{Country: "DE", City: fmt.Sprint("city ", number)}
		e.Consumer, e.KeyID = fmt.Sprint("owner ", i%tokens), uint16(number)
		if rotating {
			e.Former = under(i%tokens, number-1)
		}
	}
	insert(t, db, b, b)
}

// A pepper is rotated four times. Whichever of a token's names one asks for, the whole
// history answers, and nobody else's.
func TestTokenKeepsItsHistoryUnderANewPepper(t *testing.T) {
	db := migrated(t)
	const tokens = 40
	generation(t, db, tokens, 0, 10, false)
	for n := 1; n <= 4; n++ {
		generation(t, db, tokens, n, 5, true)
		generation(t, db, tokens, n, 5, false) // with the former pepper gone again
	}
	for n := range 5 {
		for _, token := range []int{0, 17} {
			id := under(token, n).String()
			for view, want := range map[string]string{
				"SELECT requests, active_days, consumer, renamed FROM token_profile":    fmt.Sprintf("50 5 owner %d %t", token, n < 4),
				"SELECT sum(requests), count(), round(sum(share), 2) FROM token_places": "50 5 1",
				"SELECT sum(requests), max(active_days) FROM token_hours":               "50 5",
				"SELECT requests FROM token_rate":                                       "50",
				"SELECT count(), countIf(name = token) FROM token_names":                "5 1",
			} {
				if have := ask(t, db, view+" WHERE token = unhex($1)", id); have != want {
					t.Errorf("pepper %d: %s: have %s, want %s", n, view, have, want)
				}
			}
			if have := ask(t, db, "SELECT count() FROM events WHERE token IN (SELECT name FROM token_names WHERE token = unhex($1))", id); have != "50" {
				t.Errorf("pepper %d: %s events", n, have)
			}
		}
	}
	if have := ask(t, db, "SELECT count(), sum(requests) FROM token_profile WHERE NOT renamed"); have != fmt.Sprint(tokens, " ", tokens*50) {
		t.Errorf("tokens and requests, each once: %s", have)
	}
	stranger := ask(t, db, "SELECT count() FROM token_profile AS p INNER JOIN (SELECT DISTINCT token, consumer FROM events) AS e ON p.token = e.token WHERE p.consumer != e.consumer")
	if stranger != "0" {
		t.Errorf("%s profiles have somebody else's history", stranger)
	}
}

// A block that comes twice, as after a crash, does not rename twice; an event without a former
// name renames nothing.
func TestRenames(t *testing.T) {
	db := migrated(t)
	generation(t, db, 3, 1, 4, false)
	if have := ask(t, db, "SELECT count() FROM token_renames"); have != "0" {
		t.Errorf("%s renames without a former pepper", have)
	}
	generation(t, db, 3, 2, 4, true)
	want := fmt.Sprintf("%s %s false", under(0, 2), under(0, 1))
	if have := ask(t, db, "SELECT token_hex, name_hex, newer FROM token_renames WHERE token = unhex($1)", under(0, 2).String()); have != want {
		t.Errorf("have %s, want %s", have, want)
	}
	if have := ask(t, db, "SELECT count(), countIf(newer) FROM token_renames FINAL"); have != "6 3" {
		t.Errorf("renames: %s", have)
	}
}
