package clickhouse

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"golang.org/x/sync/errgroup"

	"github.com/tokenwatch/tokenwatch/schema"
	"github.com/tokenwatch/tokenwatch/schema/board"
)

// Bounds of what a token's page reads.
const (
	mostHabits  = 12 // of a kind
	habitDays   = 90
	weekDays    = 28
	mostHistory = 50 // incidents, verdicts, steps
)

// BoardToken says who a token is, and whether anything is stored of it: requests, a profile, an incident.
func (db *DB) BoardToken(ctx context.Context, id schema.TokenID) (t board.Token, found bool, err error) {
	names, err := db.CaseNames(ctx, id)
	if err != nil {
		return t, false, err
	}
	t.ID, t.Names = id, names[1:]
	in := unhexed(names)
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		_, err := tokenRows(ctx, db, "who the token is", `SELECT anyLast(token_hint), toString(anyLast(consumer)), toString(anyLast(environment)),
toUnixTimestamp64Milli(min(s.first_seen)), toUnixTimestamp64Milli(max(s.last_seen)), sum(s.requests) + max(s.earlier)
FROM token_summaries AS s WHERE token IN (`+in+`) HAVING count() > 0`,
			func(rows driver.Rows, _ *struct{}) error {
				var first, last int64
				defer func() { t.First, t.Last = time.UnixMilli(first).UTC(), time.UnixMilli(last).UTC() }()
				return rows.Scan(&t.Hint, &t.Owner, &t.Environment, &first, &last, &t.Requests)
			})
		if err != nil || t.Last.IsZero() {
			return err
		}
		// With the time of the last request known its gateway is found in one part of the table rather than in each.
		source, err := tokenRows(ctx, db, "the token's gateway", fmt.Sprintf("SELECT toString(source) FROM events WHERE token IN (%s) AND ts = %s LIMIT 1", in, momentLiteral(t.Last)),
			func(rows driver.Rows, to *string) error { return rows.Scan(to) })
		t.Source = strings.Join(source, "")
		return err
	})
	var elsewhere []string
	group.Go(func() (err error) {
		elsewhere, err = tokenRows(ctx, db, "whether there is the token", `SELECT 'profile' FROM profiles WHERE token IN (`+in+`) LIMIT 1
UNION ALL SELECT 'incident' FROM incidents WHERE token IN (`+in+`) LIMIT 1
UNION ALL SELECT 'finding' FROM findings WHERE token IN (`+in+`) LIMIT 1`,
			func(rows driver.Rows, to *string) error { return rows.Scan(to) })
		return err
	})
	err = group.Wait()
	return t, !t.First.IsZero() || len(elsewhere) > 0, err
}

// BoardTokenDays are what a token did on each of the last days, today's last. Days without a request are there too.
func (db *DB) BoardTokenDays(ctx context.Context, t board.Token, days int) ([]board.TokenDay, error) {
	today := time.Now().UTC().Truncate(day)
	from := today.AddDate(0, 0, 1-days)
	list := make([]board.TokenDay, days)
	for i := range list {
		list[i].Day = from.AddDate(0, 0, i)
	}
	_, err := tokenRows(ctx, db, "the days of a token", fmt.Sprintf(`SELECT toInt64(toUnixTimestamp(toStartOfDay(h.hour))) AS at, sum(h.requests), sum(h.denied), sum(h.errors), sum(h.bytes_out),
toUInt64(uniqCombinedMerge(12)(h.addresses)), sum(h.cost_usd)
FROM activity_hours AS h WHERE token IN (%s) AND hour >= toDateTime(%d, 'UTC') GROUP BY at ORDER BY at LIMIT %d`,
		unhexed(append(t.Names, t.ID)), from.Unix(), days+1), func(rows driver.Rows, _ *struct{}) error {
		var at int64
		var d board.TokenDay
		if err := rows.Scan(&at, &d.Requests, &d.Denied, &d.Errors, &d.BytesOut, &d.Addresses, &d.CostUSD); err != nil {
			return err
		}
		if i := int(time.Unix(at, 0).Sub(from) / day); i >= 0 && i < len(list) {
			d.Day = list[i].Day
			list[i] = d
		}
		return nil
	})
	return list, err
}

// BoardTokenWeek counts a token's requests of the last four weeks by hour of the week.
func (db *DB) BoardTokenWeek(ctx context.Context, t board.Token) (week board.TokenWeek, err error) {
	_, err = tokenRows(ctx, db, "the hours of a token", fmt.Sprintf(`SELECT toUInt16((toDayOfWeek(h.hour) - 1) * 24 + toHour(h.hour)) AS at, sum(h.requests)
FROM activity_hours AS h WHERE token IN (%s) AND hour >= toDateTime(%d, 'UTC') GROUP BY at`,
		unhexed(append(t.Names, t.ID)), time.Now().AddDate(0, 0, -weekDays).Unix()), func(rows driver.Rows, _ *struct{}) error {
		var at uint16
		var n uint64
		err := rows.Scan(&at, &n)
		week[int(at)%len(week)] = n
		return err
	})
	return week, err
}

// kinds of habits: what grouping() gives for the keys that a row was not summed up by.
const (
	habitCountry = 0b0111
	habitPlace   = 0b0011
	habitNetwork = 0b1101
	habitClient  = 0b1110
)

// BoardTokenHabits sums up from where and with what a token was used, by requests: all four lists from one reading.
func (db *DB) BoardTokenHabits(ctx context.Context, t board.Token) (h board.TokenHabits, err error) {
	lists := map[uint64]*[]board.TokenHabit{habitCountry: &h.Countries, habitPlace: &h.Places, habitNetwork: &h.Networks, habitClient: &h.Clients}
	_, err = tokenRows(ctx, db, "the habits of a token", fmt.Sprintf(`SELECT grouping(country, city, asn, client) AS kind,
multiIf(kind = %[1]d, toString(country), kind = %[2]d, concat(city, if(city != '' AND country != '', ', ', ''), country),
    kind = %[3]d, concat(if(asn > 0, concat('AS', toString(asn), ' '), ''), anyLast(as_org), ' (', toString(network), ')'), toString(client)) AS name,
sum(h.requests) / sum(sum(h.requests)) OVER (PARTITION BY kind) AS share, uniqExact(toDate(h.hour)),
toUnixTimestamp64Milli(min(h.first_seen)), toUnixTimestamp64Milli(max(h.last_seen))
FROM activity_hours AS h WHERE token IN (%[4]s) AND hour >= toDateTime(%[5]d, 'UTC')
GROUP BY GROUPING SETS ((country), (country, city), (asn, network), (client)) ORDER BY share DESC, name LIMIT %[6]d BY kind`,
		habitCountry, habitPlace, habitNetwork, unhexed(append(t.Names, t.ID)), time.Now().AddDate(0, 0, -habitDays).Unix(), mostHabits),
		func(rows driver.Rows, _ *struct{}) error {
			var kind uint64
			var first, last int64
			var habit board.TokenHabit
			if err := rows.Scan(&kind, &habit.Name, &habit.Share, &habit.Days, &first, &last); err != nil {
				return err
			}
			habit.First, habit.Last = time.UnixMilli(first).UTC(), time.UnixMilli(last).UTC()
			*lists[kind] = append(*lists[kind], habit)
			return nil
		})
	return h, err
}

// BoardTokenPast is what was decided about a token, the newest first.
func (db *DB) BoardTokenPast(ctx context.Context, t board.Token) (p board.TokenPast, err error) {
	in := unhexed(append(t.Names, t.ID))
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		p.Incidents, err = db.tokenIncidents(ctx, in)
		return err
	})
	group.Go(func() error {
		c := newVerdictColumns()
		return db.stream(ctx, fmt.Sprintf("verdicts FINAL WHERE token IN (%s) ORDER BY at DESC, id LIMIT %d", in, mostHistory), c.columns(), func(i int) error {
			p.Verdicts = append(p.Verdicts, c.verdict(i))
			return nil
		})
	})
	group.Go(func() (err error) {
		p.Revocations, err = db.revocations(ctx, fmt.Sprintf("token IN (%s) ORDER BY at DESC, incident, step DESC LIMIT %d", in, mostHistory))
		return err
	})
	if err := group.Wait(); err != nil {
		return p, fmt.Errorf("reading what was decided about a token: %w", err)
	}
	return p, nil
}

func (db *DB) tokenIncidents(ctx context.Context, in string) ([]board.TokenIncident, error) {
	// FINAL over the few ids that the token ever had: over the table it would read all of it.
	return tokenRows(ctx, db, "the incidents of a token", fmt.Sprintf(`SELECT id, toString(state), toUInt8(severity), score, toUnixTimestamp64Milli(opened), toUnixTimestamp64Milli(updated), substring(summary, 1, 2000), detectors
FROM incidents FINAL WHERE id IN (SELECT id FROM incidents WHERE token IN (%[1]s)) ORDER BY opened DESC, id LIMIT %[2]d`, in, mostHistory),
		func(rows driver.Rows, to *board.TokenIncident) error {
			var state string
			var severity uint8
			var opened, updated int64
			defer func() {
				to.State, to.Severity = schema.IncidentState(state), schema.Severity(severity)
				to.Opened, to.Updated = time.UnixMilli(opened).UTC(), time.UnixMilli(updated).UTC()
			}()
			return rows.Scan(&to.ID, &state, &severity, &to.Score, &opened, &updated, &to.Summary, &to.Detectors)
		})
}

// BoardTokenAllowances are the entries of the allow-list that name a token, and all that name labels: whoever asks
// compares those with the token's.
func (db *DB) BoardTokenAllowances(ctx context.Context, t board.Token) ([]board.TokenAllowance, error) {
	var ids []string
	for _, id := range append(slices.Clone(t.Names), t.ID) {
		ids = append(ids, literal(id.String()))
	}
	return tokenRows(ctx, db, "the allow-list", `SELECT id, toString(kind), value, detectors, owner, reason, by, toInt64(ifNull(toUnixTimestamp64Milli(until), 0))
FROM allow_list WHERE kind = 'label' OR kind = 'token' AND lower(value) IN (`+strings.Join(ids, ", ")+`) ORDER BY since, id LIMIT 1000`,
		func(rows driver.Rows, to *board.TokenAllowance) error {
			var until int64
			defer func() { to.Until = moment(until) }()
			return rows.Scan(&to.ID, &to.Kind, &to.Value, &to.Detectors, &to.Owner, &to.Reason, &to.By, &until)
		})
}

// BoardTokenProfiles are the newest stored profiles of a token, one for each partition that has one, and of each what
// the partition's tokens share. It reads by key: FINAL would read the states of thousands of others.
func (db *DB) BoardTokenProfiles(ctx context.Context, token schema.TokenID) (own, shared []schema.Profile, err error) {
	for _, of := range []struct {
		token schema.TokenID
		to    *[]schema.Profile
	}{{token, &own}, {schema.TokenID{}, &shared}} {
		c := &profileColumns{updated: newTime()}
		from := fmt.Sprintf("profiles PREWHERE token = unhex('%s') ORDER BY topic, `partition`, offset DESC, stored_at DESC LIMIT 1 BY topic, `partition` LIMIT 1000", of.token)
		if err := db.stream(ctx, from, c.columns(), func(i int) error {
			*of.to = append(*of.to, c.profile(i))
			return nil
		}); err != nil {
			return nil, nil, fmt.Errorf("reading the profiles of token %s: %w", token, err)
		}
		if len(own) == 0 {
			break
		}
	}
	return own, shared, nil
}

// BoardTokenSearch finds tokens by the beginning of their fingerprints, by a part of their hints, and by the beginning
// of their owners' names: at most so many, the last used first.
func (db *DB) BoardTokenSearch(ctx context.Context, q string, limit int) ([]board.TokenHit, error) {
	where := fmt.Sprintf("positionCaseInsensitive(token_hint, %[1]s) > 0 OR startsWith(lowerUTF8(consumer), lowerUTF8(%[1]s))", literal(q))
	if low, high, err := bounds(q); err == nil {
		where += fmt.Sprintf(" OR token BETWEEN unhex('%s') AND unhex('%s')", low, high)
	}
	// The first so many are found among the rows as they lie, without putting together those of each token.
	found, err := tokenRows(ctx, db, "what was searched for", fmt.Sprintf("SELECT lower(hex(token)) FROM token_summaries WHERE %s ORDER BY last_seen DESC, token LIMIT 1 BY token LIMIT %d", where, limit),
		func(rows driver.Rows, to *schema.TokenID) error { return rows.Scan(tokenScan{to}) })
	if err != nil {
		return nil, err
	}
	return db.tokenHits(ctx, found)
}

// tokenHits says who tokens are, in their order.
func (db *DB) tokenHits(ctx context.Context, tokens []schema.TokenID) ([]board.TokenHit, error) {
	if len(tokens) == 0 {
		return nil, nil
	}
	known, err := tokenRows(ctx, db, "who tokens are", `SELECT lower(hex(token)), anyLast(token_hint), toString(anyLast(consumer)), toString(anyLast(environment)),
toUnixTimestamp64Milli(min(s.first_seen)), toUnixTimestamp64Milli(max(s.last_seen)), sum(s.requests) + max(s.earlier)
FROM token_summaries AS s WHERE token IN (`+unhexed(tokens)+`) GROUP BY token`,
		func(rows driver.Rows, to *board.TokenHit) error {
			var first, last int64
			defer func() { to.First, to.Last = time.UnixMilli(first).UTC(), time.UnixMilli(last).UTC() }()
			return rows.Scan(tokenScan{&to.ID}, &to.Hint, &to.Owner, &to.Environment, &first, &last, &to.Requests)
		})
	if err != nil {
		return nil, err
	}
	list := make([]board.TokenHit, len(tokens))
	for i, id := range tokens {
		list[i].ID = id
		if at := slices.IndexFunc(known, func(h board.TokenHit) bool { return h.ID == id }); at >= 0 {
			list[i] = known[at]
		}
	}
	return list, nil
}
