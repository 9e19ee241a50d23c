package clickhouse_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/schema"
)

// scattered is requests of some tokens, one a minute of each in turn, where to says on which partition the nth of a token is.
func scattered(tokens, requests int, to func(token, n int) int32) (list []schema.Event) {
	at := noon.Add(-24 * time.Hour)
	for n := range requests {
		for token := range tokens {
			list = append(list, schema.Event{
				Time: at, Ingested: noon, Token: schema.TokenID{byte(token * 5), byte(token)}, Topic: "gateway.access",
				Partition: to(token, n), Offset: int64(n*tokens + token),
			})
			at = at.Add(3 * time.Second)
		}
	}
	return list
}

func TestSpread(t *testing.T) {
	const tokens = 50
	for _, c := range []struct {
		name     string
		requests int
		to       func(token, n int) int32
		clear    bool
	}{
		{"keyed by token", 40, func(token, _ int) int32 { return int32(token % 4) }, false},
		{"keyed by token, seldom seen", 2, func(token, _ int) int32 { return int32(token % 4) }, false},
		{"round robin, seldom seen", 2, func(token, n int) int32 { return int32(n+token) % 4 }, false},
		{"round robin", 40, func(token, n int) int32 { return int32(n+token) % 4 }, true},
		{"in runs, as producers without a key send", 40, func(_, n int) int32 { return int32(n / 4 % 4) }, true},
		{"more partitions since", 40, func(token, n int) int32 { return int32(token % (2 + 2*(n/20))) }, false},
		{"more partitions twice since", 40, func(token, n int) int32 { return int32(token % (2 + n/14)) }, false},
		{"more partitions since, which some producers learnt of later", 200, func(token, n int) int32 {
			if n > 100 || n > 97 && n%2 == 0 {
				return int32(token % 4)
			}
			return int32(token % 2)
		}, false},
		{"one sender of many keys in another way", 200, func(token, n int) int32 {
			if n%20 == 0 {
				return 3
			}
			return int32(token % 3)
		}, false},
		{"some tokens of many", 40, func(token, n int) int32 {
			if token < 5 {
				return int32(n % 4)
			}
			return int32(token % 4)
		}, false},
		{"half of the tokens", 40, func(token, n int) int32 {
			if token%2 == 0 {
				return int32(n % 4)
			}
			return int32(token % 4)
		}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			db := migrated(t)
			b := &schema.Block{Topic: "gateway.access", Last: int64(tokens * c.requests), Ingested: noon, Events: scattered(tokens, c.requests, c.to)}
			insert(t, db, b)
			s, err := db.Spread(t.Context(), noon.Add(-time.Hour))
			if err != nil || s.Clear() != c.clear {
				t.Errorf("%+v is clear: %v, want %v: %v", s, s.Clear(), c.clear, err)
			}
			if c.requests >= 5 && s.Tokens != tokens {
				t.Errorf("%d tokens were looked at", s.Tokens)
			}
			if s, err := db.Spread(t.Context(), noon.Add(time.Second)); err != nil || s.Tokens != 0 {
				t.Errorf("%+v of events from before: %v", s, err)
			}
		})
	}
}

func TestEventsKeyed(t *testing.T) {
	db := migrated(t)
	all := scattered(30, 10, func(_, n int) int32 { return int32(n % 4) })
	insert(t, db, &schema.Block{Topic: "gateway.access", Last: 300, Ingested: noon, Events: all})
	const partitions = 3
	seen := map[string]bool{}
	for partition := range int32(partitions) {
		var before time.Time
		err := db.EventsKeyed(t.Context(), partition, partitions, noon, noon.Add(time.Millisecond), func(e *schema.Event) error {
			number := uint32(e.Token[0]) | uint32(e.Token[1])<<8 // the other two bytes are 0
			if int32(number%partitions) != partition || e.Time.Before(before) {
				t.Errorf("%s of token %s in partition %d, behind %s", e.Time, e.Token, partition, before)
			}
			before = e.Time
			seen[fmt.Sprint(e.Partition, e.Offset)] = true
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(seen) != len(all) {
		t.Errorf("%d events came, want %d", len(seen), len(all))
	}
	for _, span := range [][2]time.Time{{noon.Add(time.Millisecond), noon.Add(time.Hour)}, {noon.Add(-time.Hour), noon}} {
		err := db.EventsKeyed(t.Context(), 0, 1, span[0], span[1], func(e *schema.Event) error {
			t.Errorf("an event of %s came", e.Ingested)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
