package clickhouse

import (
	"context"
	"fmt"
	"time"

	"github.com/ClickHouse/ch-go/proto"

	"github.com/tokenwatch/tokenwatch/schema"
)

// Spread says how tokens lie over the partitions of their topics.
type Spread struct {
	Tokens  uint64 // that were looked at: those with several requests
	Spread  uint64 // of these, whose requests go now to one partition, now to another
	Changes uint64 // of partition, over all spread tokens
}

const (
	// spreadTokens is how many tokens are looked at, at most: a sample shows it.
	spreadTokens = 4096
	// spreadRequests is how many requests a token must have to be looked at, and spreadLooked how many of them are, the latest.
	spreadRequests, spreadLooked = 5, 512
	// spreadChanges is how often a token must change its partition to count as spread. When a topic gets more
	// partitions, tokens move once.
	spreadChanges = 3
	// spreadLasting is for how long it must go on changing. Producers learn of new partitions at different times,
	// within five minutes (metadata.max.age.ms); until then they disagree on where a token belongs.
	spreadLasting = 15 * time.Minute
	// spreadMost is which share of a token's requests may be on one partition. The rest may be one sender of many that
	// keys in another way.
	spreadMost = 0.9
)

// Clear tells whether it can be no accident: a quarter of the tokens, three at least, whose requests wander.
func (s Spread) Clear() bool { return s.Spread >= 3 && 4*s.Spread >= s.Tokens && s.Changes >= 50 }

// Spread samples the tokens that were seen in requests ingested since. It reads as few tokens as it takes to know.
func (db *DB) Spread(ctx context.Context, since time.Time) (s Spread, err error) {
	for _, below := range []string{"01", "10", ""} { // fingerprints are evenly spread: a 256th, a 16th, all
		if s, err = db.spreadBelow(ctx, since, below); err != nil || s.Tokens >= spreadTokens/16 {
			return s, err
		}
	}
	return s, nil
}

// spreadBelow looks at tokens whose fingerprints begin with less than a byte.
func (db *DB) spreadBelow(ctx context.Context, since time.Time, below string) (s Spread, err error) {
	tokensIn := "1"
	if below != "" {
		tokensIn = fmt.Sprintf("token < toFixedString(unhex('%s'), 16)", below)
	}
	var tokens, spread, changes proto.ColUInt64
	from := fmt.Sprintf("(SELECT count() AS tokens, countIf(is_spread) AS spread_tokens, sumIf(changes, is_spread) AS all_changes FROM ("+
		"SELECT groupArraySorted(%[1]d)(tuple(-toUnixTimestamp64Milli(ts), `partition`)) AS path, arrayMap(step -> step.2, path) AS places, "+
		"arrayFilter(i -> places[i] != places[i - 1], range(2, length(places) + 1)) AS moves, toUInt64(length(moves)) AS changes, "+
		"arrayMax(arrayMap(place -> countEqual(places, place), arrayDistinct(places))) AS most, "+
		"changes >= %[2]d AND most <= %[3]g * length(places) AND path[moves[-1]].1 - path[moves[1]].1 >= %[4]d AS is_spread "+
		"FROM events WHERE ingested_at >= fromUnixTimestamp64Milli(toInt64(%[5]d)) AND %[6]s GROUP BY token, topic HAVING count() >= %[7]d LIMIT %[8]d))",
		spreadLooked, spreadChanges, spreadMost, spreadLasting.Milliseconds(), millis(since), tokensIn, spreadRequests, spreadTokens)
	columns := []column{{"tokens", &tokens}, {"spread_tokens", &spread}, {"all_changes", &changes}}
	err = db.stream(ctx, from, columns, func(i int) error {
		s = Spread{Tokens: tokens[i], Spread: spread[i], Changes: changes[i]}
		return nil
	})
	if err != nil {
		return s, fmt.Errorf("looking how tokens are spread over partitions: %w", err)
	}
	return s, nil
}

// EventsKeyed calls each for the events that were ingested at or after since and before a time, and whose tokens'
// fingerprints fall to a partition of so many (as ingest.KeyedTo has it), in the order of time.
func (db *DB) EventsKeyed(ctx context.Context, partition int32, partitions int, since, before time.Time, each func(*schema.Event) error) error {
	c := newEventColumns()
	from := fmt.Sprintf("events WHERE ingested_at >= fromUnixTimestamp64Milli(toInt64(%d)) AND ingested_at < fromUnixTimestamp64Milli(toInt64(%d)) "+
		"AND reinterpretAsUInt32(substring(token, 1, 4)) %% %d = %d ORDER BY ts, topic, `partition`, offset, item SETTINGS max_bytes_before_external_sort = %d",
		millis(since), millis(before), partitions, partition, sortMemory)
	err := db.stream(ctx, from, c.columns(), func(i int) error {
		e := c.event(i)
		return each(&e)
	})
	if err != nil {
		return fmt.Errorf("reading the events of the tokens of partition %d of %d: %w", partition, partitions, err)
	}
	return nil
}
