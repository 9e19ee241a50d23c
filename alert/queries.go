package alert

import (
	"fmt"
	"time"

	"github.com/tokenwatch/tokenwatch/schema"
)

// Query is a question that an analyst asks next, ready to paste. It holds nothing from
// outside but the fingerprint, or the incident's id, and a time, so there is nothing in it to escape.
type Query struct {
	Title string
	SQL   string
}

// queries are the three questions that decide: what was done, from where, and whether
// other tokens are hit too.
func queries(inc *schema.Incident) []Query {
	since := inc.Seen.Since
	if since.IsZero() {
		since = inc.Opened
	}
	from := since.UTC().Format(time.DateTime)
	token := fmt.Sprintf("token = unhex('%s')", inc.Token)
	if grouped(inc) {
		token = fmt.Sprintf("token IN (SELECT arrayJoin(tokens) FROM incidents FINAL WHERE id = '%s')", inc.ID)
	}
	return []Query{{
		Title: "What was done",
		SQL: "SELECT ts, ip, country, as_org, client, method, route, status\n" +
			"FROM events WHERE " + token + "\n" +
			"AND ts >= '" + from + "' ORDER BY ts LIMIT 500",
	}, {
		Title: "From which addresses, the newest first",
		SQL: "SELECT ip, any(country), any(as_org), min(ts), max(ts), count()\n" +
			"FROM events WHERE " + token + "\n" +
			"GROUP BY ip ORDER BY min(ts) DESC LIMIT 50",
	}, {
		Title: "Which tokens are used from the addresses that are new here",
		SQL: "SELECT hex(token), any(consumer), count(), min(ts), max(ts) FROM events\n" +
			"WHERE ts >= '" + from + "' AND ip IN (SELECT ip FROM events\n" +
			"  WHERE " + token + "\n" +
			"  GROUP BY ip HAVING min(ts) >= '" + from + "')\n" +
			"GROUP BY token ORDER BY count() DESC LIMIT 50",
	}}
}
