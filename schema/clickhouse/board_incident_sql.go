package clickhouse

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tokenwatch/tokenwatch/schema"
	"github.com/tokenwatch/tokenwatch/schema/board"
)

// Bounds of what one panel of an incident holds.
const (
	mostCaseHours   = 2000
	mostCaseMinutes = 720
	mostCaseRows    = 60
	mostCaseSteps   = 200
	mostPathShown   = 2000 // bytes
)

// The questions behind an incident's panels. People copy them, so they are written to be read, with every value as a
// literal; each finds its rows by token and time, or by the incident.

// ofCase is the condition on whose rows they are.
func ofCase(c board.Case) string { return ofTokens(c.Tokens) }

func ofTokens(tokens []schema.TokenID) string {
	if len(tokens) == 1 {
		return fmt.Sprintf("token = unhex('%s')", tokens[0])
	}
	names := make([]string, len(tokens))
	for i, t := range tokens {
		names[i] = fmt.Sprintf("unhex('%s')", t)
	}
	return "token IN (" + strings.Join(names, ", ") + ")"
}

// hourLiteral is the hour of the clock that t is in.
func hourLiteral(t time.Time) string {
	return "toDateTime('" + time.UnixMilli(millis(t)).UTC().Truncate(time.Hour).Format(time.DateTime) + "', 'UTC')"
}

func momentLiteral(t time.Time) string {
	return "toDateTime64('" + time.UnixMilli(millis(t)).UTC().Format("2006-01-02 15:04:05.000") + "', 3, 'UTC')"
}

// sums is what is summed up of requests: its name, over sums an hour, and over single requests. %[1]s stands for the hour
// in which the first evidence is, %[2]s for its time.
type sums struct{ name, ofHours, ofEvents string }

var (
	sumBefore = sums{"before", "sumIf(requests, hour < %[1]s)", "countIf(ts < %[2]s)"}
	sumSince  = sums{"since", "sumIf(requests, hour > %[1]s)", "countIf(ts >= %[2]s)"}
	sumFirst  = sums{"first", "min(first_seen)", "min(ts)"}
	sumLast   = sums{"last", "max(last_seen)", "max(ts)"}
	sumBytes  = sums{"bytes", "sumIf(bytes_out, hour > %[1]s)", "sumIf(bytes_out, ts >= %[2]s)"}
	sumSpan   = []sums{sumBefore, sumSince, sumFirst, sumLast, sumBytes}
	sumPlace  = []sums{{"lat", "argMax(lat, requests)", "any(lat)"}, {"lon", "argMax(lon, requests)", "any(lon)"}}
	sumOrg    = []sums{{"org", "any(as_org)", "any(as_org)"}}
	sumUse    = []sums{
		{"cost", "sumIf(cost_usd, hour > %[1]s)", "sumIf(cost_usd, ts >= %[2]s)"},
		{"units", "sumIf(units_in + units_out, hour > %[1]s)", "sumIf(toUInt64(units_in) + units_out, ts >= %[2]s)"},
		{"failed", "sumIf(errors, hour > %[1]s)", "countIf(status >= 400 AND ts >= %[2]s)"},
		{"refused", "sumIf(denied, hour > %[1]s)", "countIf(status IN (401, 403) AND ts >= %[2]s)"},
	}
	sumAll = []sums{{"all_failed", "sum(errors)", "countIf(status >= 400)"}, {"all_bytes", "sum(bytes_out)", "sum(bytes_out)"}}
)

// history sums up all that is known of the case's requests, by keys: sums an hour, except for the hour in which the first
// evidence is, whose requests are counted one by one. Both are summed up by themselves before they are put together,
// which takes a fifth of the time that it takes to sum up their rows.
func history(c board.Case, hourKeys, eventKeys string, of []sums) string {
	return historyBy(c, hourKeys+", ", eventKeys+", ", " GROUP BY ALL", of)
}

func historyBy(c board.Case, hourKeys, eventKeys, by string, of []sums) string {
	var ofHours, ofEvents []string
	for _, s := range of {
		ofHours = append(ofHours, s.ofHours+" AS "+s.name+"_n")
		ofEvents = append(ofEvents, s.ofEvents)
	}
	hour, began := hourLiteral(c.Began), momentLiteral(c.Began)
	fill := strings.NewReplacer("%[1]s", hour, "%[2]s", began)
	return fmt.Sprintf(`(
    SELECT %s FROM activity_hours
    WHERE %s AND hour >= %s AND hour <= %s AND hour != %s%s
    UNION ALL
    SELECT %s FROM events
    WHERE %s AND ts >= %s AND ts < %s + INTERVAL 1 HOUR%s
)`, hourKeys+fill.Replace(strings.Join(ofHours, ", ")), ofCase(c), hourLiteral(c.From), hourLiteral(c.Until), hour, by,
		eventKeys+fill.Replace(strings.Join(ofEvents, ", ")), ofCase(c), hour, hour, by)
}

const (
	spanColumns = "sum(before_n) AS before, sum(since_n) AS since, min(first_n) AS first, max(last_n) AS last, sum(bytes_n) AS bytes"
	useColumns  = "sum(cost_n) AS cost, sum(units_n) AS llm_tokens, sum(failed_n) AS failed, sum(refused_n) AS refused"
	newFirst    = "ORDER BY before = 0 DESC, since DESC, before DESC"
)

func caseSumSQL(c board.Case) string {
	return "SELECT sum(before_n) AS before, sum(since_n) AS since, sum(bytes_n) AS bytes, max(last_n) AS last,\n    " + useColumns + "\n" +
		"FROM " + historyBy(c, "", "", "", slices.Concat([]sums{sumBefore, sumSince, sumBytes, sumLast}, sumUse))
}

func caseHoursSQL(c board.Case) string {
	return fmt.Sprintf(`SELECT hour, sum(requests) AS n, sum(errors) AS failed, sum(bytes_out) AS bytes
FROM activity_hours
WHERE %s AND hour >= %s AND hour <= %s
GROUP BY hour ORDER BY hour DESC LIMIT %d`, ofCase(c), hourLiteral(c.From), hourLiteral(c.Until), mostCaseHours)
}

func caseMinutesSQL(c board.Case, from, until time.Time) string {
	return fmt.Sprintf(`SELECT toStartOfMinute(toDateTime(ts, 'UTC')) AS minute, count() AS n, countIf(status >= 400) AS failed
FROM events
WHERE %s AND ts >= %s AND ts < %s
GROUP BY minute ORDER BY minute LIMIT %d`, ofCase(c), momentLiteral(from), momentLiteral(until), mostCaseMinutes)
}

func caseWeekSQL(c board.Case) string {
	return "SELECT day, hour_utc, sum(before_n) AS before, sum(since_n) AS since\nFROM " +
		history(c, "toDayOfWeek(hour) AS day, toHour(hour) AS hour_utc", "toDayOfWeek(ts), toHour(ts)", []sums{sumBefore, sumSince}) +
		"\nGROUP BY day, hour_utc ORDER BY day, hour_utc"
}

func casePlacesSQL(c board.Case) string {
	const keys = "country, region, city"
	return "SELECT country, region, city, argMax(lat_n, before_n + since_n) AS lat, argMax(lon_n, before_n + since_n) AS lon,\n    " + spanColumns + "\n" +
		"FROM " + history(c, keys, keys, slices.Concat(sumPlace, sumSpan)) + "\nGROUP BY " + keys + " " + newFirst + fmt.Sprintf(", %s LIMIT %d", keys, mostCaseRows)
}

func caseNetworksSQL(c board.Case) string {
	return "SELECT asn, any(org_n) AS organisation, network,\n    " + spanColumns + "\n" +
		"FROM " + history(c, "asn, network", "asn, network", slices.Concat(sumOrg, sumSpan)) + "\n" +
		"GROUP BY asn, network " + newFirst + fmt.Sprintf(", asn, network LIMIT %d", mostCaseRows)
}

func caseClientsSQL(c board.Case) string {
	return "SELECT client,\n    " + spanColumns + "\nFROM " + history(c, "client", "client", sumSpan) + "\n" +
		"GROUP BY client " + newFirst + fmt.Sprintf(", client LIMIT %d", mostCaseRows)
}

// detail counts single requests, told apart as history does.
func detail(c board.Case, columns string) string {
	return fmt.Sprintf(`SELECT %[1]s,
    countIf(ts < %[2]s) AS before, countIf(ts >= %[2]s) AS since, min(ts) AS first, max(ts) AS last,
    sumIf(bytes_out, ts >= %[2]s) AS bytes, countIf(ts >= %[2]s AND status >= 400) AS failed
FROM events
WHERE %[3]s AND ts >= %[4]s AND ts < %[5]s
`, columns, momentLiteral(c.Began), ofCase(c), momentLiteral(c.DetailFrom), momentLiteral(c.DetailUntil))
}

func caseRoutesSQL(c board.Case) string {
	return detail(c, "method, route") + "GROUP BY method, route " + newFirst + fmt.Sprintf(", route, method LIMIT %d", mostCaseRows)
}

func caseAddressesSQL(c board.Case) string {
	return detail(c, "ip, any(country) AS country, any(city) AS city, any(as_org) AS organisation, any(network) AS network") +
		"GROUP BY ip " + newFirst + fmt.Sprintf(", ip LIMIT %d", mostCaseRows)
}

// caseRequestsSQL asks for a page, the newest first. A page begins where the one before ended, whatever came in since.
func caseRequestsSQL(c board.Case, f board.CaseFilter) string {
	where := []string{ofCase(c), "ts >= " + momentLiteral(c.Began), "ts < " + momentLiteral(c.Until)}
	switch {
	case f.Status >= 100:
		where = append(where, fmt.Sprintf("status = %d", f.Status))
	case f.Status > 0:
		where = append(where, fmt.Sprintf("status >= %d AND status < %d", f.Status*100, f.Status*100+100))
	}
	if f.Route != "" {
		where = append(where, "route = "+literal(f.Route))
	}
	if f.IP.IsValid() {
		where = append(where, "ip = toIPv6('"+f.IP.WithZone("").String()+"')")
	}
	if m := f.Behind; !m.At.IsZero() {
		at := momentLiteral(m.At)
		where = append(where, fmt.Sprintf("ts <= %s AND (ts, topic, `partition`, offset, item) < (%s, %s, %d, %d, %d)", at, at, literal(m.Topic), m.Partition, m.Offset, m.Item))
	}
	return fmt.Sprintf(`SELECT ts, method, route, substring(path, 1, %d) AS path_shown, status, bytes_in, bytes_out, latency_us, ip, country, city, as_org, network, client,
    substring(user_agent, 1, %d) AS user_agent_shown, cost_usd, units_in, units_out, request_id, topic, `+"`partition`"+`, offset, item
FROM events
WHERE %s
ORDER BY ts DESC, topic DESC, `+"`partition`"+` DESC, offset DESC, item DESC LIMIT %d`, mostPathShown, mostPathShown, strings.Join(where, "\n    AND "), f.Limit)
}

func caseDeliveriesSQL(incident string) string {
	return "SELECT destination, state, ref, digest, error, revision, delivered, attempts, wanted_at, at, next_at, fell_back\n" +
		"FROM deliveries FINAL\nWHERE incident = " + literal(incident) + fmt.Sprintf("\nORDER BY destination LIMIT %d", mostCaseRows)
}

func caseVerdictsSQL(c board.Case) string {
	return "SELECT id, kind, by, note, at, until, allow\nFROM verdicts FINAL\nWHERE " + ofCase(c) + " AND incident = " + literal(c.Incident) +
		fmt.Sprintf("\nORDER BY at DESC, id LIMIT %d", mostCaseSteps)
}

// caseStepsSQL looks from a day before the first evidence on: the table is in the order of time.
func caseStepsSQL(c board.Case) string {
	return "SELECT step_json\nFROM revocations\nWHERE at >= " + momentLiteral(c.Began.Add(-24*time.Hour)) + " AND incident = " + literal(c.Incident) +
		fmt.Sprintf("\nORDER BY at, step LIMIT %d", mostCaseSteps)
}

func caseFindingsSQL(c board.Case) string {
	ids := make([]string, len(c.Findings))
	for i, id := range c.Findings {
		ids[i] = fmt.Sprintf("unhex('%s')", id)
	}
	return "SELECT lower(hex(id)) AS finding_id, ts, score, severity, summary, JSONExtractString(finding, 'kind') AS kind,\n" +
		"    arraySlice(JSONExtract(finding, 'tokens', 'Array(String)'), 1, 50) AS tokens, JSONExtractInt(finding, 'token_count') AS token_count, topic, `partition`, offset\n" +
		"FROM findings FINAL\nWHERE " + ofCase(c) + " AND ts >= " + momentLiteral(c.Began.AddDate(0, 0, -7)) + "\n    AND id IN (" + strings.Join(ids, ", ") + ")\n" +
		fmt.Sprintf("ORDER BY ts DESC, finding_id LIMIT %d", mostCaseRows)
}
