package sql_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/deploy/sql"
	"github.com/tokenwatch/tokenwatch/schema"
)

// newWorld tells a month of 34 tokens. Number 1 is the quiet one, whom nothing may find.
var newWorld = sync.OnceValue(func() *world {
	w := &world{now: time.Now().UTC().Truncate(time.Millisecond)}
	for _, who := range []byte{1, 2, 3, 4, 5, 6, 15, 17, 18, 19, 21, 24, 25, 29} {
		w.usual(who)
	}
	from := func(p schema.Place) func(int, *schema.Event) {
		return func(_ int, e *schema.Event) { e.Place = p }
	}
	w.at(1, 30*time.Minute, 3, time.Second, nil)
	w.at(2, 30*time.Minute, 5, time.Second, from(saoP))
	w.at(3, 40*time.Minute, 10, time.Second, from(rented))
	w.at(4, 50*time.Minute, 4, time.Second, from(tor))
	w.at(5, 60*time.Minute, 1, 0, nil)
	w.at(5, 30*time.Minute, 1, 0, from(saoP))
	w.at(6, 30*time.Minute, 20, time.Second, func(i int, e *schema.Event) {
		if i%2 == 1 {
			e.Place = saoP
		}
	})
	for who := byte(7); who <= 9; who++ {
		w.at(who, 20*time.Minute, 2, time.Second, func(_ int, e *schema.Event) { e.Place, e.IP = rented, netip.MustParseAddr("198.51.100.7") })
	}
	for who := byte(10); who <= 13; who++ {
		w.at(who, 20*time.Minute, 2, time.Second, func(_ int, e *schema.Event) {
			e.Place, e.IP, e.Status = rented, netip.MustParseAddr("198.51.100.20"), 401
			if who == 13 {
				e.Status = 200
			}
		})
	}
	w.at(14, 15*time.Minute, 30, time.Second, func(i int, e *schema.Event) {
		e.Path, e.Route, e.Status = fmt.Sprintf("/admin/%d", i), fmt.Sprintf("/admin%d", i), 404
	})
	w.at(15, 30*time.Minute, 2, time.Second, func(_ int, e *schema.Event) { e.Method, e.Route, e.Status = "POST", "/v1/keys", 201 })
	deleting := func(_ int, e *schema.Event) { e.Method, e.Status = "DELETE", 204 }
	w.at(16, 48*time.Hour, 5, time.Second, deleting)
	w.at(16, 20*time.Minute, 60, 2*time.Second, deleting)
	w.at(17, 30*time.Minute, 3, time.Second, func(_ int, e *schema.Event) { e.BytesOut = 500e6 })
	w.at(18, 30*time.Minute, 5, time.Second, func(_ int, e *schema.Event) { e.UnitsIn, e.UnitsOut, e.CostUSD = 100_000, 20_000, 2.5 })
	w.at(19, 30*time.Minute, 200, 100*time.Millisecond, nil)
	w.at(20, 30*time.Minute, 150, 100*time.Millisecond, func(i int, e *schema.Event) { e.Path = fmt.Sprintf("/v1/models/%d", i) })
	w.at(21, 12*time.Hour, 2, time.Second, nil)
	for who := byte(22); who <= 23; who++ {
		w.at(who, 40*24*time.Hour, 5, time.Second, nil)
	}
	w.at(22, 30*time.Minute, 1, 0, nil)
	w.at(23, 30*time.Minute, 1, 0, from(rented))
	w.at(24, 30*time.Minute, 3, time.Second, func(_ int, e *schema.Event) { e.UserAgent, e.Client = "python-requests/2.32", "python-requests/2" })
	w.at(25, 30*time.Minute, 3, time.Second, func(_ int, e *schema.Event) { e.UserAgent, e.Client = "curl/9.0", "curl/9" })
	w.at(26, 30*time.Minute, 3, time.Second, func(_ int, e *schema.Event) { e.IPSpoofed = true })
	w.at(27, 30*time.Minute, len(attacks), time.Second, func(i int, e *schema.Event) {
		e.Path, e.Status, e.UserAgent, e.Consumer = attacks[i], 404, "<i>\x1b[2J", "<b>\xffteam 27</b>"
		if attacks[i] == "/.env" {
			e.Status = 200
		}
	})
	w.at(28, 3*time.Hour, 10, time.Hour, func(i int, e *schema.Event) {
		if i%2 == 1 {
			e.Consumer = "somebody else"
		}
	})
	w.at(29, 30*time.Minute, 4, time.Second, func(_ int, e *schema.Event) { e.Place, e.IP = rented, netip.MustParseAddr("198.51.100.99") })
	w.at(30, 25*time.Minute, 2, time.Second, func(_ int, e *schema.Event) { e.Place, e.IP = rented, netip.MustParseAddr("198.51.100.99") })
	w.at(33, 40*24*time.Hour, 5, time.Second, nil)
	w.at(34, 100*24*time.Hour, 1, 0, nil)
	w.at(34, 5*24*time.Hour, 1, 0, nil)
	w.logs()
	w.alerts()
	return w
})

// attacks are what strangers send. The last ones are no attack, but must not break anything.
var attacks = []string{
	"/v1/${jndi:ldap://x/a}", "/<script>alert(1)</script>", "/v1/models/..%2f..%2fetc/passwd", "/.env", "/v1?id=1' or '1'='1",
	"/" + strings.Repeat("x", 1<<20), "/\xff\xfe\x1b[31m", `/<img src="a">`,
}

// logs is a gateway of which an hour is missing, and in another hour of which most was refused.
func (w *world) logs() {
	hour := w.now.Truncate(time.Hour)
	for ago := 1; ago <= 10; ago++ {
		begin := hour.Add(-time.Duration(ago) * time.Hour)
		if ago == 4 {
			continue
		}
		w.at(32, w.now.Sub(begin.Add(50*time.Minute)), 100, 20*time.Second, func(_ int, e *schema.Event) { e.Topic, e.Source = "edge", "nginx" })
		for i := range 200 {
			if ago != 6 {
				break
			}
			w.refused = append(w.refused, schema.DeadLetter{
				Ingested: begin.Add(time.Minute), Topic: "edge", Offset: int64(1e6 + i), Source: "nginx", Reason: "bad_json", Detail: "want }", Payload: "<b>\xff", Size: 4,
			})
		}
	}
}

// alerts are three findings about number 31, and the incident of number 29, the newest.
func (w *world) alerts() {
	evidence := []schema.Evidence{
		{Detector: "new_geo", Key: "country:US", Time: w.now.Add(-31 * time.Minute), LLR: 6, Seen: "Clifton, US", Normal: "DE 100 %", Attack: "T1550.001"},
		{Detector: "odd_hours", Key: "hour:3", Time: w.now.Add(-31 * time.Minute), LLR: 2, Seen: "03:00", Normal: "08-18", Attack: "T1550.001"},
	}
	for i, who := range []byte{31, 31, 31, 29} {
		f := schema.Finding{
			ID: schema.FindingID{byte(i + 1)}, Token: token(who), TokenHint: fmt.Sprintf("hf_…%04d", who), Consumer: fmt.Sprintf("team-%d", who), Environment: "prod",
			Time: w.now.Add(-30 * time.Minute), Ingested: w.now.Add(-30 * time.Minute), Score: 1.5, Severity: schema.SeverityHigh, Summary: "used from New Jersey",
			Evidence: evidence[:1+i%2], Topic: "gateway.access", Offset: int64(i),
		}
		w.findings = append(w.findings, f)
	}
	for i, in := range []schema.Incident{
		{ID: "older", State: schema.IncidentResolved, Token: token(31), Opened: w.now.Add(-49 * time.Hour), Updated: w.now.Add(-48 * time.Hour), Resolved: w.now.Add(-47 * time.Hour)},
		{ID: "newest", State: schema.IncidentOpen, Token: token(29), Opened: w.now.Add(-30 * time.Minute), Updated: w.now.Add(-29 * time.Minute), Evidence: evidence,
			Seen:       schema.Seen{Since: w.now.Add(-31 * time.Minute), Requests: 4, Addresses: 1},
			Deliveries: []schema.Delivery{{Destination: "slack", Ref: "C1/1", Revision: 1, At: w.now.Add(-29 * time.Minute), Attempts: 2, Error: "<timeout>"}}},
	} {
		in.Revision, in.Severity, in.Score, in.TokenHint, in.Consumer = uint64(i+1), schema.SeverityHigh, 1.5, "hf_…0029", "team-29"
		w.incidents = append(w.incidents, in)
	}
}

// TestHunts runs every hunting query as an analyst, and holds its answer to what is known.
func TestHunts(t *testing.T) {
	s := analyst(t)
	w := newWorld()
	hex := func(who ...byte) (list []string) {
		for _, n := range who {
			list = append(list, token(n).String())
		}
		return list
	}
	cases := map[string]struct {
		given map[string]string
		key   string            // column that names what was found
		want  []string          // of it, in any order, each once
		row   map[string]string // cells of the first row with want[0]
	}{
		"token-history":           {key: "new_countries", want: []string{"[US]", "[DE]", "[]"}, given: map[string]string{"hours": "800"}, row: map[string]string{"requests": "4", "organisations": "[DigitalOcean]"}},
		"token-news":              {key: "value", want: []string{"US", "AS14061 DigitalOcean (hosting)"}, row: map[string]string{"what": "country", "requests": "4"}},
		"token-neighbours":        {key: "token_hex", want: hex(30), row: map[string]string{"shared_addresses": "1", "requests_from_them": "2", "examples": "[198.51.100.99]"}},
		"incident-requests":       {key: "ip", want: []string{"198.51.100.99"}, row: map[string]string{"as_org": "DigitalOcean", "path": "/v1/models/1"}},
		"new-countries":           {key: "token_hex", want: hex(2, 3, 4, 5, 6, 29), row: map[string]string{"new_country": "BR", "requests": "5", "usual_countries": "[DE]"}},
		"moved-to-hosting":        {key: "token_hex", want: hex(3, 29), row: map[string]string{"requests_before": "87", "hosting_requests_now": "10", "hosters": "[AS14061 DigitalOcean]"}},
		"anonymisers":             {key: "token_hex", want: hex(4), row: map[string]string{"hidden_requests": "4", "networks": "[tor]", "usual_share": "0"}},
		"impossible-travel":       {key: "token_hex", want: hex(5, 6), row: map[string]string{"from_place": "Berlin, DE", "to_place": "São Paulo, BR"}},
		"two-countries-at-once":   {key: "token_hex", want: hex(6), row: map[string]string{"countries": "[BR, DE]"}},
		"many-tokens-one-address": {key: "ip", want: []string{"198.51.100.7", "198.51.100.20"}, row: map[string]string{"tokens": "3", "owners": "3", "new_tokens": "3", "requests": "6"}},
		"tried-until-it-worked":   {key: "ip", want: []string{"198.51.100.20"}, row: map[string]string{"refused_tokens": "3", "worked": "[hf_…0013]", "refusals": "6"}},
		"probing":                 {key: "token_hex", want: hex(14), row: map[string]string{"failed_share": "1"}},
		"first-writes":            {key: "token_hex", want: hex(15), row: map[string]string{"reads_before": "87", "writes_now": "2", "written": "[POST /v1/keys]"}},
		"mass-deletion":           {key: "token_hex", want: hex(16), row: map[string]string{"addresses": "[203.0.113.16]"}},
		"volume-jump":             {key: "token_hex", want: hex(17), row: map[string]string{"bytes_out": "1500000000", "largest_day_before": "3000"}},
		"spend-jump":              {key: "token_hex", want: hex(18), row: map[string]string{"cost_usd": "12.5", "units": "600000"}},
		"bursts":                  {key: "token_hex", want: hex(19), row: map[string]string{"peak_before": "1", "error_share": "0"}},
		"enumeration":             {key: "token_hex", want: hex(20), row: map[string]string{"paths": "150", "once_share": "1"}},
		"odd-hours":               {key: "token_hex", want: hex(21), row: map[string]string{"requests_now": "2", "odd_hours": fmt.Sprintf("[%d]", w.now.Add(-12*time.Hour).Hour())}},
		"woken-tokens":            {key: "token_hex", want: hex(23, 22), row: map[string]string{"same_place": "false", "slept_days": "40"}},
		"new-clients":             {key: "token_hex", want: hex(24, 25), row: map[string]string{"new_client": "python-requests/2", "same_product": "false", "usual_clients": "[curl/8]"}},
		"forged-addresses":        {key: "token_hex", want: hex(26), row: map[string]string{"forged_requests": "3", "ip": "203.0.113.26"}},
		"attacks-in-paths":        {key: "kind", want: []string{"forgotten files", "jndi", "script", "sql", "traversal"}, row: map[string]string{"let_in": "1", "first_example": `GET /.env <i>\x1b[2J`}},
		"crossed-owners":          {key: "token_hex", want: hex(28), row: map[string]string{"owners": "[somebody else, team-28]", "overlap_hours": "7"}},
		"blind-spots":             {key: "why", want: []string{"silent", "refused"}, row: map[string]string{"topic": "edge", "source": "nginx", "usual_requests": "100"}},
		"noise":                   {key: "token_hex", want: hex(31), row: map[string]string{"findings": "3", "incidents": "1", "detectors": "[new_geo, odd_hours]"}},
	}
	hunts, err := sql.Hunts()
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range hunts {
		c, known := cases[h.Name]
		if !known {
			t.Errorf("%s: nobody knows what it has to find", h.Name)
			continue
		}
		t.Run(h.Name, func(t *testing.T) {
			values, err := h.Bind(c.given)
			if err != nil {
				t.Fatal(err)
			}
			rows := s.answer(t, sql.Question{SQL: h.SQL, Parameters: values})
			found := map[string]map[string]string{}
			for _, row := range rows {
				if found[row[c.key]] == nil {
					found[row[c.key]] = row
				}
			}
			for _, key := range c.want {
				if found[key] == nil {
					t.Errorf("%s %s is not found", c.key, key)
				}
			}
			for key := range found {
				if !slices.Contains(c.want, key) {
					t.Errorf("%s %s is found, and should not be: %v", c.key, key, found[key])
				}
			}
			for column, want := range c.row {
				if got := found[c.want[0]][column]; got != want {
					t.Errorf("%s: %s is %q, want %q", c.want[0], column, got, want)
				}
			}
		})
	}
}
