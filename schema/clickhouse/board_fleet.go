package clickhouse

import (
	"context"
	"fmt"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"golang.org/x/sync/errgroup"

	"github.com/tokenwatch/tokenwatch/schema"
	"github.com/tokenwatch/tokenwatch/schema/board"
)

// Spans of the fleet's lists and counts, in days.
const (
	riskDays  = 7
	oldDays   = 90 // first seen so long ago ...
	inUseDays = 30 // ... and used since
)

// fleetTokens are all tokens by their newest names, each with its times and requests. Names are left out here: a
// million strings take longer than all the rest, and a page shows fifty.
const fleetTokens = `(SELECT token, min(s.first_seen) AS first, max(s.last_seen) AS last, sum(s.requests) + max(s.earlier) AS total
FROM token_summaries AS s WHERE token NOT IN (SELECT token FROM token_renames WHERE newer) GROUP BY token)`

// atRisk are the incidents that put a token at risk.
const atRisk = "(state != 'resolved' OR updated >= now64(3) - INTERVAL 7 DAY)"

// BoardFleet is a page of a list of tokens. One line more than the limit is given when there are more.
func (db *DB) BoardFleet(ctx context.Context, ask board.FleetAsk) ([]board.FleetToken, error) {
	var list []board.FleetToken
	var err error
	switch ask.List {
	case board.FleetRisk:
		list, err = db.fleetRisk(ctx, ask)
	case board.FleetLearning:
		list, err = db.fleetLearning(ctx, ask)
	default:
		list, err = db.fleetUse(ctx, ask)
	}
	if err != nil {
		return nil, err
	}
	return list, db.fleetNames(ctx, list)
}

// fleetUse lists tokens by when, and how much, they are used.
func (db *DB) fleetUse(ctx context.Context, ask board.FleetAsk) ([]board.FleetToken, error) {
	where, order := "1", "total / greatest(86400000, toUnixTimestamp64Milli(last) - toUnixTimestamp64Milli(first)) DESC"
	switch ask.List {
	case board.FleetUnused:
		where, order = fmt.Sprintf("last < now64(3) - INTERVAL %d DAY", ask.Days), "last"
	case board.FleetOld:
		where, order = fmt.Sprintf("first < now64(3) - INTERVAL %d DAY AND last >= now64(3) - INTERVAL %d DAY", oldDays, inUseDays), "first"
	}
	switch ask.Order {
	case board.FleetByFirst:
		order = "first"
	case board.FleetByLast:
		order = "last DESC"
	case board.FleetByRequests:
		order = "total DESC"
	}
	return tokenRows(ctx, db, "tokens of the fleet", fmt.Sprintf("SELECT lower(hex(token)) FROM %s WHERE %s ORDER BY %s, token LIMIT %d OFFSET %d", fleetTokens, where, order, ask.Limit+1, ask.Offset),
		func(rows driver.Rows, to *board.FleetToken) error { return rows.Scan(tokenScan{&to.ID}) })
}

// fleetRisk lists tokens with incidents, those with an open one first, the worst of them on top.
func (db *DB) fleetRisk(ctx context.Context, ask board.FleetAsk) ([]board.FleetToken, error) {
	order := "open > 0 DESC, worst DESC, highest DESC"
	if ask.Order == board.FleetByLast {
		order = "latest DESC"
	}
	return tokenRows(ctx, db, "tokens at risk", fmt.Sprintf(`SELECT lower(hex(token)), countIf(state != 'resolved') AS open, toUInt8(if(open > 0, maxIf(severity, state != 'resolved'), max(severity))) AS worst,
max(score) AS highest, argMax(id, (state != 'resolved', severity, score, id)), substring(argMax(summary, (state != 'resolved', severity, score, id)), 1, 1000), toUnixTimestamp64Milli(max(updated)) AS latest
FROM incidents FINAL WHERE %s GROUP BY token ORDER BY %s, token LIMIT %d OFFSET %d`, atRisk, order, ask.Limit+1, ask.Offset),
		func(rows driver.Rows, to *board.FleetToken) error {
			var open uint64
			var severity uint8
			var updated int64
			defer func() {
				to.Open, to.Severity, to.Updated = int(open), schema.Severity(severity), time.UnixMilli(updated).UTC()
			}()
			return rows.Scan(tokenScan{&to.ID}, &open, &severity, &to.Score, &to.Incident, &to.Summary, &updated)
		})
}

// newestProfiles are the newest stored profiles of all tokens: when each was stored and, in the lowest digit, what it is.
// It is one number, since the greatest of tuples with a text in them takes seconds for a million tokens.
const newestProfiles = `(SELECT token, max(toUInt64(toUnixTimestamp(stored_at)) * 10 + multiIf(status = 'learning', 1, status IN ('active', 'stale'), 2, 3)) % 10 AS is,
max(updated) AS changed, max(events) AS learnt FROM profiles WHERE token != toFixedString('', 16) GROUP BY token)`

func (db *DB) fleetLearning(ctx context.Context, ask board.FleetAsk) ([]board.FleetToken, error) {
	order := "changed DESC"
	if ask.Order == board.FleetByRequests {
		order = "learnt DESC"
	}
	list, err := tokenRows(ctx, db, "tokens that are learnt", fmt.Sprintf("SELECT lower(hex(token)) FROM %s WHERE is = 1 ORDER BY %s, token LIMIT %d OFFSET %d", newestProfiles, order, ask.Limit+1, ask.Offset),
		func(rows driver.Rows, to *board.FleetToken) error { return rows.Scan(tokenScan{&to.ID}) })
	if err != nil {
		return nil, err
	}
	_, err = tokenRows(ctx, db, "how much is learnt of tokens", fmt.Sprintf("SELECT lower(hex(token)), toUInt64(argMax(days, stored_at)), argMax(events, stored_at) FROM profiles WHERE token IN (%s) GROUP BY token", unhexed(idsOf(list))),
		func(rows driver.Rows, _ *struct{}) error {
			var id schema.TokenID
			var days, events uint64
			err := rows.Scan(tokenScan{&id}, &days, &events)
			for i := range list {
				if list[i].ID == id {
					list[i].LearntDays, list[i].LearntEvents = days, events
				}
			}
			return err
		})
	return list, err
}

func idsOf(list []board.FleetToken) []schema.TokenID {
	ids := make([]schema.TokenID, len(list))
	for i := range list {
		ids[i] = list[i].ID
	}
	return ids
}

// fleetNames says of each token of a list who it is, and what it did this week.
func (db *DB) fleetNames(ctx context.Context, list []board.FleetToken) error {
	ids := idsOf(list)
	week := map[schema.TokenID]uint64{}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		hits, err := db.tokenHits(ctx, ids)
		for i := range hits {
			list[i].TokenHit = hits[i]
		}
		return err
	})
	group.Go(func() error {
		_, err := tokenRows(ctx, db, "what tokens did this week", fmt.Sprintf("SELECT lower(hex(token)), sum(h.requests) FROM activity_hours AS h WHERE token IN (%s) AND hour >= toDateTime(%d, 'UTC') GROUP BY token",
			unhexed(ids), time.Now().AddDate(0, 0, -7).Unix()), func(rows driver.Rows, _ *struct{}) error {
			var id schema.TokenID
			var n uint64
			err := rows.Scan(tokenScan{&id}, &n)
			week[id] = n
			return err
		})
		return err
	})
	if err := group.Wait(); err != nil {
		return err
	}
	for i := range list {
		list[i].Week = week[list[i].ID]
	}
	return nil
}

// BoardFleetCounts counts tokens. It reads a row a token, so whoever shows it keeps it for a while.
func (db *DB) BoardFleetCounts(ctx context.Context) (c board.FleetCounts, err error) {
	group, ctx := errgroup.WithContext(ctx)
	count := func(what, query string, into ...any) {
		group.Go(func() error {
			_, err := tokenRows(ctx, db, what, query, func(rows driver.Rows, _ *struct{}) error { return rows.Scan(into...) })
			return err
		})
	}
	count("how many tokens there are", fmt.Sprintf(`SELECT count(), countIf(last >= now64(3) - INTERVAL 1 DAY), countIf(last >= now64(3) - INTERVAL 7 DAY),
countIf(last < now64(3) - INTERVAL 7 DAY), countIf(last < now64(3) - INTERVAL 30 DAY), countIf(last < now64(3) - INTERVAL 90 DAY),
countIf(first < now64(3) - INTERVAL %d DAY AND last >= now64(3) - INTERVAL %d DAY), countIf(first >= now64(3) - INTERVAL 7 DAY) FROM %s`, oldDays, inUseDays, fleetTokens),
		&c.Tokens, &c.UsedDay, &c.UsedWeek, &c.Unused7, &c.Unused30, &c.Unused90, &c.Old, &c.New)
	count("how many tokens are at risk", "SELECT uniqExact(token), uniqExactIf(token, state != 'resolved') FROM incidents FINAL WHERE "+atRisk, &c.Risk, &c.Open)
	count("the states of profiles", `SELECT countIf(is = 1), countIf(is = 2 AND changed >= now64(3) - INTERVAL 30 DAY), countIf(is = 2 AND changed < now64(3) - INTERVAL 30 DAY) FROM `+newestProfiles, &c.Learning, &c.Active, &c.Stale)
	return c, group.Wait()
}

// judged are the incidents that were opened since a day, each with what people said of it: of several verdicts the last.
const judged = `(SELECT id, opened, detectors FROM incidents FINAL WHERE opened >= toDateTime(%[1]d, 'UTC')) AS i
LEFT JOIN (SELECT incident, argMax(toString(kind), at) AS said FROM verdicts WHERE kind IN ('owner', 'theft') GROUP BY incident) AS v ON v.incident = i.id`

// BoardFleetDays are the alerts of the last days, today's last. Days without one are there too.
func (db *DB) BoardFleetDays(ctx context.Context, days int) ([]board.FleetDay, error) {
	from := time.Now().UTC().Truncate(day).AddDate(0, 0, 1-days)
	list := make([]board.FleetDay, days)
	for i := range list {
		list[i].Day = from.AddDate(0, 0, i)
	}
	group, ctx := errgroup.WithContext(ctx)
	fill := func(query string, fields func(d *board.FleetDay) []any) {
		group.Go(func() error {
			_, err := tokenRows(ctx, db, "the days of the fleet", query, func(rows driver.Rows, _ *struct{}) error {
				var at int64
				var d board.FleetDay
				into := fields(&d)
				if err := rows.Scan(append([]any{&at}, into...)...); err != nil {
					return err
				}
				if i := int(time.Unix(at, 0).Sub(from) / day); i >= 0 && i < len(list) {
					for k, field := range fields(&list[i]) {
						*field.(*uint64) = *into[k].(*uint64)
					}
				}
				return nil
			})
			return err
		})
	}
	fill(fmt.Sprintf("SELECT toInt64(toUnixTimestamp(toStartOfDay(i.opened))) AS at, count(), countIf(v.said = 'theft'), countIf(v.said = 'owner') FROM "+judged+" GROUP BY at ORDER BY at LIMIT %[2]d", from.Unix(), days+1),
		func(d *board.FleetDay) []any { return []any{&d.Alerts, &d.Theft, &d.Owner} })
	fill(fmt.Sprintf("SELECT toInt64(toUnixTimestamp(toDateTime(d.day, 'UTC'))) AS at, toUInt64(uniqCombinedMerge(14)(d.tokens)) FROM fleet_days AS d WHERE d.day >= toDate('%s') GROUP BY d.day ORDER BY d.day LIMIT %d", from.Format(time.DateOnly), days+1),
		func(d *board.FleetDay) []any { return []any{&d.Tokens} })
	return list, group.Wait()
}

// BoardFleetDetectors are the detectors' parts in the alerts of the last days, the one in most of them first.
func (db *DB) BoardFleetDetectors(ctx context.Context, days int) ([]board.FleetDetector, error) {
	from := time.Now().UTC().Truncate(day).AddDate(0, 0, 1-days)
	return tokenRows(ctx, db, "the detectors' share", fmt.Sprintf(`SELECT toString(detector), count() AS n, countIf(detector = i.detectors[1]), countIf(v.said = 'theft'), countIf(v.said = 'owner')
FROM `+judged+` ARRAY JOIN i.detectors AS detector GROUP BY detector ORDER BY n DESC, detector LIMIT 100`, from.Unix()),
		func(rows driver.Rows, to *board.FleetDetector) error {
			return rows.Scan(&to.Name, &to.Alerts, &to.Strongest, &to.Theft, &to.Owner)
		})
}
