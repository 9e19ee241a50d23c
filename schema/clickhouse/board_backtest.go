package clickhouse

import (
	"context"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/tokenwatch/tokenwatch/schema"
	"github.com/tokenwatch/tokenwatch/schema/board"
)

// idle are settings of queries that give way to all others.
const idle = ", priority = 10, max_threads = 1"

// settings begins with what follows other settings elsewhere.
func settings(pace string) string {
	if pace == "" {
		return ""
	}
	return " SETTINGS " + strings.TrimPrefix(pace, ", ")
}

// Sample is a part of the stored events: all of some tokens, so that each has its whole history.
type Sample struct {
	Extent
	Stored uint64  // events of all tokens in that span
	Share  float64 // of all tokens
}

// leastShare is the smallest part of the tokens that is taken.
const leastShare = 1.0 / (1 << 16)

// SampleEvents finds a part of the tokens whose events from <= ts < to are at most so many, chosen by their
// fingerprints, which are evenly spread, and besides them those that are named. Its queries give way to all others.
func (db *DB) SampleEvents(ctx context.Context, from, to time.Time, most uint64, named []schema.TokenID) (Sample, error) {
	all, err := db.extent(ctx, from, to, Extent{pace: idle})
	s := Sample{Extent: all, Stored: all.Events, Share: 1}
	for err == nil && s.Events > most && s.Share > leastShare {
		// Tokens differ in how much they are used: a tenth less than reckoned is likelier to be little enough.
		s.Share = max(leastShare, min(s.Share/1.5, s.Share*0.9*float64(most)/float64(s.Events)))
		s.Extent, err = db.extent(ctx, from, to, Extent{where: sampled(s.Share, named), pace: idle})
	}
	if err != nil {
		return Sample{}, fmt.Errorf("choosing events to play: %w", err)
	}
	return s, nil
}

// sampled is a condition on tokens: the share of them with the lowest fingerprints, and those that are named.
func sampled(share float64, named []schema.TokenID) string {
	first := uint32(share * (1 << 32))
	bound := hex.EncodeToString([]byte{byte(first >> 24), byte(first >> 16), byte(first >> 8), byte(first)})
	return fmt.Sprintf(" AND (token < toFixedString(unhex('%s'), 16) OR token IN (%s))", bound, unhexed(named))
}

// Within tells whether a token was chosen by its fingerprint, not only by its name.
func (s Sample) Within(token schema.TokenID) bool {
	if s.Share >= 1 {
		return true
	}
	return uint32(token[0])<<24|uint32(token[1])<<16|uint32(token[2])<<8|uint32(token[3]) < uint32(s.Share*(1<<32))
}

// BoardBacktestLabels are the incidents whose last evidence came since and that people judged, the newest verdict first.
func (db *DB) BoardBacktestLabels(ctx context.Context, since time.Time, limit int) ([]board.BacktestLabel, error) {
	list, err := tokenRows(ctx, db, "what people have judged", fmt.Sprintf(`SELECT incident, lower(hex(any(v.token))), argMax(toString(v.kind), v.at),
toUnixTimestamp64Milli(argMax(v.since, v.at)), toUnixTimestamp64Milli(argMax(v.to, v.at))
FROM verdicts AS v WHERE v.kind IN ('owner', 'theft') AND v.to >= fromUnixTimestamp64Milli(toInt64(%d)) GROUP BY incident ORDER BY max(v.at) DESC, incident LIMIT %d`, millis(since), limit),
		func(rows driver.Rows, to *board.BacktestLabel) error {
			var kind string
			var from, until int64
			defer func() {
				to.Theft, to.At, to.Until = kind == string(schema.VerdictTheft), time.UnixMilli(from).UTC(), time.UnixMilli(until).UTC()
			}()
			return rows.Scan(&to.Incident, tokenScan{&to.Token}, &kind, &from, &until)
		})
	if err != nil {
		return nil, err
	}
	ids := make([]schema.TokenID, len(list))
	for i := range list {
		ids[i] = list[i].Token
	}
	hits, err := db.tokenHits(ctx, ids)
	for i := range hits {
		list[i].Hint = hits[i].Hint
	}
	return list, err
}
