package clickhouse

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/tokenwatch/tokenwatch/schema"
	"github.com/tokenwatch/tokenwatch/schema/board"
)

// nameRounds is how many rotations of the pepper a token's names are followed over, like token_other_names.
const nameRounds = 4

// mostNames bounds a token's names. Names come in pairs that ingest made, one more a rotation.
const mostNames = 32

// CaseNames gives all the names that a token has, itself first. It follows the pairs by their key: most tokens have
// none, which one small question tells.
func (db *DB) CaseNames(ctx context.Context, token schema.TokenID) ([]schema.TokenID, error) {
	names := []schema.TokenID{token}
	for range nameRounds {
		query := "SELECT DISTINCT lower(hex(name)) FROM token_renames WHERE " + ofTokens(names) + fmt.Sprintf(" LIMIT %d", mostNames)
		more, err := answer(ctx, db, "the token's names", query, func(r driver.Rows, name *string) error { return r.Scan(name) })
		if err != nil {
			return nil, err
		}
		known := len(names)
		for _, text := range more.Rows {
			if name, err := schema.ParseTokenID(text); err == nil && !slices.Contains(names, name) && len(names) < mostNames {
				names = append(names, name)
			}
		}
		if len(names) == known {
			break
		}
	}
	return names, nil
}

// answer runs a panel's question. The question is in the answer also where it failed.
func answer[T any](ctx context.Context, db *DB, what, query string, scan func(driver.Rows, *T) error) (board.Answer[T], error) {
	rows, err := tokenRows(ctx, db, what, query, scan)
	return board.Answer[T]{SQL: query, Rows: rows}, err
}

// CaseMinutes counts requests by minute. Minutes without any are left out.
func (db *DB) CaseMinutes(ctx context.Context, c board.Case, from, until time.Time) (board.Answer[board.CaseMinute], error) {
	return answer(ctx, db, "requests by minute", caseMinutesSQL(c, from, until), func(r driver.Rows, m *board.CaseMinute) error {
		return r.Scan(&m.At, &m.Requests, &m.Errors)
	})
}

// CaseRequests gives a page of requests since the first evidence, the newest first.
func (db *DB) CaseRequests(ctx context.Context, c board.Case, f board.CaseFilter) (board.Answer[board.CaseRequest], error) {
	return answer(ctx, db, "requests", caseRequestsSQL(c, f), func(r driver.Rows, q *board.CaseRequest) error {
		var (
			ip     net.IP
			micros uint64
		)
		err := r.Scan(&q.At, &q.Method, &q.Route, &q.Path, &q.Status, &q.BytesIn, &q.BytesOut, &micros, &ip, &q.Country, &q.City, &q.Org, &q.Network,
			&q.Client, &q.UserAgent, &q.CostUSD, &q.UnitsIn, &q.UnitsOut, &q.RequestID, &q.Topic, &q.Partition, &q.Offset, &q.Item)
		q.IP, q.Latency = clientAddress(ip), time.Duration(min(micros, 1<<50))*time.Microsecond
		return err
	})
}

// clientAddress is addressOf for what clickhouse-go reads.
func clientAddress(ip net.IP) netip.Addr {
	a, ok := netip.AddrFromSlice(ip.To16())
	if !ok || a == netip.IPv6Unspecified() {
		return netip.Addr{}
	}
	return a.Unmap()
}

// CaseDeliveries says what became of an incident at its destinations.
func (db *DB) CaseDeliveries(ctx context.Context, c board.Case) (board.Answer[board.CaseDelivery], error) {
	return answer(ctx, db, "deliveries", caseDeliveriesSQL(c.Incident), func(r driver.Rows, d *board.CaseDelivery) error {
		var wanted, at, next *time.Time
		err := r.Scan(&d.Destination, &d.State, &d.Ref, &d.Digest, &d.Error, &d.Revision, &d.Delivered, &d.Attempts, &wanted, &at, &next, &d.FellBack)
		d.WantedAt, d.At, d.NextAt = timeOrZero(wanted), timeOrZero(at), timeOrZero(next)
		return err
	})
}

// CaseVerdicts lists what people said of an incident, the newest first: also what no process has heard of yet.
func (db *DB) CaseVerdicts(ctx context.Context, c board.Case) (board.Answer[schema.Verdict], error) {
	return answer(ctx, db, "verdicts", caseVerdictsSQL(c), func(r driver.Rows, v *schema.Verdict) error {
		var (
			kind  string
			until *time.Time
		)
		err := r.Scan(&v.ID, &kind, &v.By, &v.Note, &v.At, &until, &v.Allow)
		v.Kind, v.Until, v.Incident, v.Token = schema.VerdictKind(kind), timeOrZero(until), c.Incident, c.Tokens[0]
		return err
	})
}

// CaseSteps lists the steps of an incident's revocation, in the order in which they were made.
func (db *DB) CaseSteps(ctx context.Context, c board.Case) (board.Answer[schema.RevocationStep], error) {
	return answer(ctx, db, "steps of the revocation", caseStepsSQL(c), func(r driver.Rows, s *schema.RevocationStep) error {
		var whole string
		if err := r.Scan(&whole); err != nil {
			return err
		}
		return json.Unmarshal([]byte(whole), s)
	})
}

// CaseFindings lists an incident's findings, the newest first.
func (db *DB) CaseFindings(ctx context.Context, c board.Case) (board.Answer[board.CaseFinding], error) {
	return answer(ctx, db, "findings", caseFindingsSQL(c), func(r driver.Rows, f *board.CaseFinding) error {
		return r.Scan(&f.ID, &f.At, &f.Score, &f.Severity, &f.Summary, &f.Kind, &f.Tokens, &f.TokenCount, &f.Topic, &f.Partition, &f.Offset)
	})
}

func timeOrZero(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.UTC()
}
