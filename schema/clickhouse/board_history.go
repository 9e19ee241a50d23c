package clickhouse

import (
	"context"
	"fmt"
	"net"
	"slices"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/tokenwatch/tokenwatch/schema/board"
)

// The panels of an incident that are summed up from the same rows are read with one question each for all of them: every
// panel's own question, which people copy, reads these rows again. A row says in its kind which panel it is of.

// mostHistoryRows bounds the rows of a kind: more than there are hours in the time that activity is kept for.
const mostHistoryRows = 10_000

// kinds of rows: what grouping() gives for the keys that a row was not summed up by.
const (
	kindHour    = 0b0111
	kindPlace   = 0b1011
	kindNetwork = 0b1101
	kindClient  = 0b1110
	kindRoute   = 0b01
	kindAddress = 0b10
)

func caseHistorySQL(c board.Case) string {
	const (
		kind = "grouping(hour, city, asn, client) AS kind, "
		keys = "hour, country, region, city, asn, network, client"
		sets = " GROUP BY GROUPING SETS ((hour), (country, region, city), (asn, network), (client))"
	)
	of := slices.Concat(sumPlace, sumOrg, sumSpan, sumUse, sumAll)
	return "SELECT kind, " + keys + ", argMax(lat_n, before_n + since_n) AS lat, argMax(lon_n, before_n + since_n) AS lon, any(org_n) AS organisation,\n    " +
		spanColumns + ",\n    " + useColumns + ",\n    sum(all_failed_n) AS all_failed, sum(all_bytes_n) AS all_bytes\n" +
		"FROM " + historyBy(c, kind+keys+", ", kind+"toStartOfHour(toDateTime(ts, 'UTC')) AS hour, country, region, city, asn, network, client, ", sets, of) + "\n" +
		"GROUP BY kind, " + keys + " " + newFirst + ", " + keys + fmt.Sprintf(" LIMIT %d BY kind", mostHistoryRows)
}

type historyRow struct {
	kind     uint64
	hour     time.Time
	place    board.CasePlace
	network  board.CaseNetwork
	client   string
	use      board.CaseSum
	allFails uint64
	allBytes uint64
	board.Span
}

func scanHistory(r driver.Rows, h *historyRow) error {
	return r.Scan(&h.kind, &h.hour, &h.place.Country, &h.place.Region, &h.place.City, &h.network.ASN, &h.network.Network, &h.client, &h.place.Lat, &h.place.Lon, &h.network.Org,
		&h.Before, &h.Since, &h.First, &h.Last, &h.BytesOut, &h.use.CostUSD, &h.use.Units, &h.use.Errors, &h.use.Denied, &h.allFails, &h.allBytes)
}

// CaseHistory sums up what the token did by hour, hour of the week, place, network and client. Each list is as its own
// query gives it: what was not seen before comes first.
func (db *DB) CaseHistory(ctx context.Context, c board.Case) (board.CaseHistory, error) {
	var h board.CaseHistory
	h.Sum.SQL, h.Hours.SQL, h.Week.SQL = caseSumSQL(c), caseHoursSQL(c), caseWeekSQL(c)
	h.Places.SQL, h.Networks.SQL, h.Clients.SQL = casePlacesSQL(c), caseNetworksSQL(c), caseClientsSQL(c)
	rows, err := tokenRows(ctx, db, "the history of an incident's token", caseHistorySQL(c), scanHistory)
	if err != nil {
		return h, err
	}
	var (
		sum  board.CaseSum
		week [7][24]board.CaseWeek
	)
	for _, r := range rows {
		switch r.kind {
		case kindHour:
			addUse(&sum, r)
			h.Hours.Rows = append(h.Hours.Rows, board.CaseHour{At: r.hour, Requests: r.Before + r.Since, Errors: r.allFails, BytesOut: r.allBytes})
			w := &week[(r.hour.Weekday()+6)%7][r.hour.Hour()]
			w.Before, w.Since = w.Before+r.Before, w.Since+r.Since
		case kindPlace:
			r.place.Span = r.Span
			h.Places.Rows = upTo(mostCaseRows, h.Places.Rows, r.place)
		case kindNetwork:
			r.network.Span = r.Span
			h.Networks.Rows = upTo(mostCaseRows, h.Networks.Rows, r.network)
		case kindClient:
			h.Clients.Rows = upTo(mostCaseRows, h.Clients.Rows, board.CaseClient{Client: r.client, Span: r.Span})
		}
	}
	h.Sum.Rows = []board.CaseSum{sum}
	slices.SortFunc(h.Hours.Rows, func(a, b board.CaseHour) int { return b.At.Compare(a.At) })
	h.Hours.Rows = h.Hours.Rows[:min(mostCaseHours, len(h.Hours.Rows))]
	for day := range week {
		for hour, w := range week[day] {
			if w.Before+w.Since > 0 {
				w.Day, w.Hour = uint8(day+1), uint8(hour)
				h.Week.Rows = append(h.Week.Rows, w)
			}
		}
	}
	return h, nil
}

func addUse(sum *board.CaseSum, r historyRow) {
	sum.Before, sum.Since, sum.BytesOut = sum.Before+r.Before, sum.Since+r.Since, sum.BytesOut+r.BytesOut
	sum.CostUSD, sum.Units = sum.CostUSD+r.use.CostUSD, sum.Units+r.use.Units
	sum.Errors, sum.Denied = sum.Errors+r.use.Errors, sum.Denied+r.use.Denied
	if r.Last.After(sum.LastSeen) {
		sum.LastSeen = r.Last
	}
}

func upTo[T any](most int, list []T, row T) []T {
	if len(list) < most {
		list = append(list, row)
	}
	return list
}

func caseDetailSQL(c board.Case) string {
	const of = "any(country) AS country, any(city) AS city, any(as_org) AS organisation, any(network) AS network"
	return detail(c, "grouping(route, ip) AS kind, method, route, ip, "+of) +
		"GROUP BY GROUPING SETS ((method, route), (ip)) " + newFirst + fmt.Sprintf(", route, method, ip LIMIT %d BY kind", mostCaseRows)
}

// CaseDetail counts requests by route, and by address: what is known of single requests only.
func (db *DB) CaseDetail(ctx context.Context, c board.Case) (board.CaseDetail, error) {
	d := board.CaseDetail{Routes: board.Answer[board.CaseRoute]{SQL: caseRoutesSQL(c)}, Addresses: board.Answer[board.CaseAddress]{SQL: caseAddressesSQL(c)}}
	type row struct {
		kind    uint64
		route   board.CaseRoute
		address board.CaseAddress
	}
	rows, err := tokenRows(ctx, db, "routes and addresses", caseDetailSQL(c), func(r driver.Rows, d *row) error {
		var ip net.IP
		a := &d.address
		err := r.Scan(&d.kind, &d.route.Method, &d.route.Route, &ip, &a.Country, &a.City, &a.Org, &a.Network, &a.Before, &a.Since, &a.First, &a.Last, &a.BytesOut, &a.Errors)
		a.IP, d.route.Span, d.route.Errors = clientAddress(ip), a.Span, a.Errors
		return err
	})
	for _, r := range rows {
		switch r.kind {
		case kindRoute:
			d.Routes.Rows = append(d.Routes.Rows, r.route)
		case kindAddress:
			d.Addresses.Rows = append(d.Addresses.Rows, r.address)
		}
	}
	return d, err
}
