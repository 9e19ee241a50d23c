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

// This file reads the list of incidents. What a list is filtered and sorted by are narrow columns, of which a hundred
// thousand incidents are read in hundredths of a second; the sentences and the rest are read for the page's lines only,
// and the incident's JSON never.

// Bounds of what a page reads of an incident, in bytes: texts in it come from outside.
const (
	lineSummary = 4096
	lineName    = 1024
	mostChoices = 100
)

// incidentRank is the order of the states in the list; incidentPlace is the order of the whole list.
const (
	incidentRank  = "multiIf(state = 'open', 0, state = 'acknowledged', 1, 2)"
	incidentPlace = "(" + incidentRank + ", -toInt8(severity), -toUnixTimestamp64Milli(opened), id)"
)

func placeOf(k *board.IncidentKey) string {
	rank := 2
	switch k.State {
	case schema.IncidentOpen:
		rank = 0
	case schema.IncidentAcknowledged:
		rank = 1
	}
	return fmt.Sprintf("(%d, %d, %d, %s)", rank, -int(k.Severity), -k.Opened.UnixMilli(), literal(k.ID))
}

// IncidentPage reads a part of the list of incidents, and counts all that match.
func (db *DB) IncidentPage(ctx context.Context, f board.IncidentFilter, cut board.IncidentCut) (board.IncidentPage, error) {
	var page board.IncidentPage
	var lines []board.IncidentLine
	both, ctx := errgroup.WithContext(ctx)
	both.Go(func() (err error) {
		lines, err = db.incidentCut(ctx, f, cut)
		return err
	})
	both.Go(func() error { return db.countIncidents(ctx, f, cut, &page) })
	if err := both.Wait(); err != nil {
		return page, fmt.Errorf("reading the list of incidents: %w", err)
	}
	page.Lines = lines
	if cut.Before != nil { // what was counted comes before a place behind the lines
		page.Skipped -= min(page.Skipped, uint64(len(lines)))
	}
	return page, nil
}

// incidentCut reads the lines of a page in the order of the list.
func (db *DB) incidentCut(ctx context.Context, f board.IncidentFilter, cut board.IncidentCut) ([]board.IncidentLine, error) {
	where, order := whereIncidents(f)+whereStates(f), "ASC"
	switch {
	case cut.After != nil:
		where += " AND " + incidentPlace + " > " + placeOf(cut.After)
	case cut.Before != nil:
		where, order = where+" AND "+incidentPlace+" < "+placeOf(cut.Before), "DESC"
	}
	ids := fmt.Sprintf("SELECT id FROM incidents FINAL WHERE %s ORDER BY %s %s LIMIT %d", where, incidentPlace, order, cut.Size)
	return db.incidentLines(ctx, "id IN ("+ids+")", cut.Size)
}

// incidentLines reads the incidents that match as lines, in the order of the list.
func (db *DB) incidentLines(ctx context.Context, where string, limit int) (list []board.IncidentLine, err error) {
	sql := fmt.Sprintf(`SELECT id, revision, state, toInt8(severity), score, toString(token), left(token_hint, %[1]d), left(consumer, %[1]d), left(environment, %[1]d),
	opened, updated, stored_at, left(summary, %[2]d), arrayMap(d -> left(d, %[1]d), arraySlice(detectors, 1, 20)), requests, ifNull(snoozed, fromUnixTimestamp64Milli(0, 'UTC')), answer, left(answered_by, %[1]d), revocation
FROM incidents FINAL WHERE %[3]s ORDER BY %[4]s LIMIT %[5]d`, lineName, lineSummary, where, incidentPlace, limit)
	err = db.each(ctx, sql, func(rows driver.Rows) error {
		var (
			l                         board.IncidentLine
			severity                  int8
			state, token, answer, rev string
		)
		err := rows.Scan(&l.ID, &l.Revision, &state, &severity, &l.Score, &token, &l.TokenHint, &l.Owner, &l.Environment,
			&l.Opened, &l.Updated, &l.Stored, &l.Summary, &l.Detectors, &l.Requests, &l.Snoozed, &answer, &l.AnsweredBy, &rev)
		if err != nil {
			return err
		}
		copy(l.Token[:], token)
		l.State, l.Severity = schema.IncidentState(state), schema.Severity(severity)
		l.Answer, l.Revocation = schema.VerdictKind(answer), schema.RevocationState(rev)
		if l.Snoozed.UnixMilli() == earliest {
			l.Snoozed = time.Time{}
		}
		list = append(list, l)
		return nil
	})
	return list, err
}

// countIncidents counts what matches, and what of it comes before the cut.
func (db *DB) countIncidents(ctx context.Context, f board.IncidentFilter, cut board.IncidentCut, page *board.IncidentPage) error {
	skipped := "0"
	switch {
	case cut.After != nil:
		skipped = incidentPlace + " <= " + placeOf(cut.After)
	case cut.Before != nil:
		skipped = incidentPlace + " < " + placeOf(cut.Before)
	}
	all := f
	all.Severity = schema.SeverityInfo
	sql := fmt.Sprintf("SELECT state, toInt8(severity) AS s, count(), countIf(%s), now64(3) FROM incidents FINAL WHERE %s GROUP BY state, s ORDER BY state, s",
		skipped, whereIncidents(all))
	return db.each(ctx, sql, func(rows driver.Rows) error {
		var (
			state     string
			severity  int8
			n, before uint64
			at        time.Time
		)
		if err := rows.Scan(&state, &severity, &n, &before, &at); err != nil {
			return err
		}
		c := board.IncidentCount{State: schema.IncidentState(state), Severity: schema.Severity(severity), Count: n}
		page.Counts = append(page.Counts, c)
		page.Upto = at
		if c.Severity >= f.Severity && (len(f.States) == 0 || slices.Contains(f.States, c.State)) {
			page.Total += n
			page.Skipped += before
		}
		return nil
	})
}

func whereStates(f board.IncidentFilter) string {
	if len(f.States) == 0 {
		return ""
	}
	return " AND state IN (" + literals(f.States) + ")"
}

// whereIncidents is the filter but for its states.
func whereIncidents(f board.IncidentFilter) string {
	is := []string{"1"}
	add := func(format string, args ...any) { is = append(is, fmt.Sprintf(format, args...)) }
	if f.Severity > schema.SeverityInfo {
		add("toInt8(severity) >= %d", f.Severity)
	}
	if f.Owner != "" {
		add("positionCaseInsensitiveUTF8(consumer, %s) > 0", literal(f.Owner))
	}
	if f.Environment != "" {
		add("environment = %s", literal(f.Environment))
	}
	if f.Detector != "" {
		add("has(detectors, %s)", literal(f.Detector))
	}
	if !f.From.IsZero() {
		add("opened >= fromUnixTimestamp64Milli(toInt64(%d), 'UTC')", millis(f.From))
	}
	if !f.To.IsZero() {
		add("opened < fromUnixTimestamp64Milli(toInt64(%d), 'UTC')", millis(f.To))
	}
	if f.Text != "" {
		is = append(is, whereText(f.Text))
	}
	return strings.Join(is, " AND ")
}

func whereText(text string) string {
	t := literal(text)
	matches := []string{"positionCaseInsensitive(id, " + t + ") > 0"}
	for _, column := range []string{"consumer", "token_hint", "summary"} {
		matches = append(matches, fmt.Sprintf("positionCaseInsensitiveUTF8(%s, %s) > 0", column, t))
	}
	if low, high, err := bounds(text); err == nil {
		matches = append(matches, fmt.Sprintf("token BETWEEN unhex('%s') AND unhex('%s')", low, high))
	}
	return "(" + strings.Join(matches, " OR ") + ")"
}

// IncidentChoices are owners, environments and detectors that incidents have, in their order; some of them where there
// are very many. Names that are no names are left out.
func (db *DB) IncidentChoices(ctx context.Context) (c board.IncidentChoices, err error) {
	some := func(column string) string {
		return fmt.Sprintf("groupUniqArrayIf(%d)(toString(%[2]s), length(%[2]s) BETWEEN 1 AND 100)", mostChoices, column)
	}
	sql := fmt.Sprintf("SELECT %s, %s, groupUniqArrayArray(%d)(detectors) FROM incidents", some("consumer"), some("environment"), mostChoices)
	err = db.each(ctx, sql, func(rows driver.Rows) error { return rows.Scan(&c.Owners, &c.Environments, &c.Detectors) })
	if err != nil {
		return c, fmt.Errorf("reading what incidents can be filtered by: %w", err)
	}
	for _, names := range [][]string{c.Owners, c.Environments, c.Detectors} {
		slices.Sort(names)
	}
	return c, nil
}

// Sparks counts the requests of tokens in each of the last 24 hours of the clock, of which the one of now is the last.
func (db *DB) Sparks(ctx context.Context, tokens []schema.TokenID, now time.Time) (map[schema.TokenID]board.Spark, error) {
	sparks := make(map[schema.TokenID]board.Spark, len(tokens)) // one for each token that was asked for
	if len(tokens) == 0 {
		return sparks, nil
	}
	names := make([]string, len(tokens))
	for i, t := range tokens {
		names[i] = "unhex('" + t.String() + "')"
	}
	first := now.UTC().Truncate(time.Hour).Add(-time.Duration(len(board.Spark{})-1) * time.Hour)
	sql := fmt.Sprintf(`SELECT toString(token), toInt64(intDiv(toUnixTimestamp(hour) - %[1]d, 3600)) AS h, sum(requests) FROM activity_hours
WHERE token IN (%[2]s) AND hour >= toDateTime(%[1]d, 'UTC') AND hour < toDateTime(%[3]d, 'UTC') GROUP BY token, h`,
		first.Unix(), strings.Join(names, ", "), first.Add(24*time.Hour).Unix())
	err := db.each(ctx, sql, func(rows driver.Rows) error {
		var (
			name string
			h    int64
			n    uint64
			t    schema.TokenID
		)
		if err := rows.Scan(&name, &h, &n); err != nil {
			return err
		}
		copy(t[:], name)
		s := sparks[t]
		s[h] = n
		sparks[t] = s
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("counting requests by hour: %w", err)
	}
	return sparks, nil
}
