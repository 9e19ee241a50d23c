package sql_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/deploy/sql"
)

// TestViewsAnswer asks each of the views that read like a question what is known of the world.
func TestViewsAnswer(t *testing.T) {
	s, w := analyst(t), newWorld()
	today := w.now.Truncate(24 * time.Hour)
	of := func(who byte) string { return "'" + token(who).String() + "'" }
	for query, want := range map[string]string{
		"SELECT client, requests, same FROM (SELECT client, requests, share < 0.2 AS same FROM token_clients WHERE token = unhex(" + of(24) + ")) ORDER BY client": "curl/8 87 0|python-requests/2 3 1",
		"SELECT as_org, network, requests, countries FROM token_networks WHERE token = unhex(" + of(3) + ") ORDER BY asn":                                          "Deutsche Telekom AG residential 87 [DE]|DigitalOcean hosting 10 [US]",
		"SELECT method, route, requests, errors FROM token_routes WHERE token = unhex(" + of(15) + ") ORDER BY method":                                             "GET /v1/models/{id} 87 0|POST /v1/keys 2 0",
		"SELECT sum(requests), sum(denied), max(countries) FROM token_days WHERE token = unhex(" + of(10) + ")":                                                    "2 2 [US]",
		"SELECT token_hint, silent_days, requests FROM unused_tokens":                                                                                              "hf_…0033 40 5",
		"SELECT token_hint, age_days FROM old_tokens":                                                                                                              "hf_…0034 100",
		"SELECT consumer, tokens, used_7_days, requests, tokens_in_incidents FROM owner_tokens WHERE consumer IN ('team-29', 'team-1') ORDER BY consumer":          "team-1 1 1 90 0|team-29 1 1 91 1",
		"SELECT ip, tokens, owners, denied FROM shared_addresses WHERE network = 'hosting' ORDER BY tokens DESC, ip":                                               "198.51.100.20 4 4 6|198.51.100.7 3 3 0|198.51.100.99 2 2 0",
		"SELECT incident, severity, detectors, requests FROM open_incidents":                                                                                       "newest high [new_geo, odd_hours] 4",
		"SELECT count(), uniqExact(ip) FROM incident_requests WHERE incident = 'newest'":                                                                           "4 1",
		"SELECT detector, llr, seen, attack_id FROM incident_evidence WHERE incident = 'newest' ORDER BY llr DESC":                                                 "new_geo 6 Clifton, US T1550.001|odd_hours 2 03:00 T1550.001",
		"SELECT destination, attempts, error, revision, newest_revision FROM incident_deliveries":                                                                  "slack 2 <timeout> 1 2",
		"SELECT detector, findings, share, alone, strongest, mean_llr, tokens FROM detector_share":                                                                 "new_geo 4 1 2 4 6 2|odd_hours 2 0.5 0 0 2 2",
		"SELECT sum(incidents), sum(high), sum(findings), max(active_tokens) > 20 FROM alerts_per_day":                                                             "2 2 4 1",
		"SELECT count(), sum(requests), sum(dead_letters) FROM ingest_hours WHERE topic = 'edge'":                                                                  "9 900 200",
		"SELECT reason, records FROM dead_letter_reasons":                                                                                                          "bad_json 200",
		"SELECT max(repeats) FROM ingest_audit":                                                                                                                    "0",
		fmt.Sprintf("SELECT count() = %d FROM findings_today", map[bool]int{true: 4}[!w.now.Add(-30*time.Minute).Before(today)]):                                   "1",
	} {
		if got := lines(s, t, query); got != want {
			t.Errorf("%s\nhave %s\nwant %s", query, got, want)
		}
	}
}

// What is new today depends on the time at which the tests run, so it is worked out from the events.
func TestNewPlacesToday(t *testing.T) {
	s, w := analyst(t), newWorld()
	today := w.now.Truncate(24 * time.Hour)
	first, since := map[string]time.Time{}, map[string]time.Time{}
	earliest := func(m map[string]time.Time, key string, at time.Time) {
		if before, known := m[key]; !known || at.Before(before) {
			m[key] = at
		}
	}
	for _, e := range w.events {
		earliest(first, e.Token.String(), e.Time)
		earliest(since, e.Token.String()+" "+e.City, e.Time)
	}
	var want []string
	for key, at := range since {
		if hex, _, _ := strings.Cut(key, " "); !at.Before(today) && first[hex].Before(today) {
			want = append(want, key)
		}
	}
	slices.Sort(want)
	if got := lines(s, t, "SELECT token_hex, city FROM new_places_today ORDER BY token_hex, city"); got != strings.Join(want, "|") {
		t.Errorf("have %s\nwant %s", got, strings.Join(want, "|"))
	}
	if now := time.Now().UTC().Truncate(24 * time.Hour); now.Equal(today) && w.now.Sub(today) > 2*time.Hour && len(want) == 0 {
		t.Error("nothing is new, though the world has new places")
	}
}

// lines are an answer's rows, their cells joined by blanks.
func lines(s store, t *testing.T, query string) string {
	t.Helper()
	var rows []string
	err := s.Ask(t.Context(), sql.Question{SQL: query}, func(_, _ []string) error { return nil }, func(cells []*string) error {
		var texts []string
		for _, cell := range cells {
			text := "NULL"
			if cell != nil {
				text = *cell
			}
			texts = append(texts, text)
		}
		rows = append(rows, strings.Join(texts, " "))
		return nil
	})
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return strings.Join(rows, "|")
}
