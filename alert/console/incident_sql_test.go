package console_test

import (
	"context"
	"errors"
	"fmt"
	"html"
	"net/http"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/alert/console"
	"github.com/tokenwatch/tokenwatch/schema"
	"github.com/tokenwatch/tokenwatch/schema/board"
)

var (
	panelInPage = regexp.MustCompile(`(?s)<section class="panel[^"]*" aria-labelledby="(case-[a-z]+)">(.*?)</section>`)
	queryInPage = regexp.MustCompile(`(?s)<details class="case-query">.*?<pre tabindex="0">(.*?)</pre>`)
	anyInPage   = regexp.MustCompile(`(?s)<pre tabindex="0">(.*?)</pre>`)
)

// Every query that a panel shows gives what the panel shows: it is asked again, and its values are looked for there.
func TestIncidentQueriesGiveThePanels(t *testing.T) {
	r := newRig(t)
	w := settle(t, r.db)
	step := schema.RevocationStep{Incident: w.inc.ID, Token: w.stolen, Action: "asked", Revocation: schema.Revocation{State: schema.RevocationAsked, Step: 1, At: w.now, Rule: "revoke.mode"}}
	v := schema.Verdict{ID: "x", Incident: w.inc.ID, Token: w.stolen, Kind: schema.VerdictAcknowledged, By: "slack:U1 (eve)", Note: "on it", At: w.now, Since: w.now, To: w.now}
	if err := errors.Join(r.db.InsertRevocations(t.Context(), []schema.RevocationStep{step}), r.db.InsertVerdicts(t.Context(), []schema.Verdict{v})); err != nil {
		t.Fatal(err)
	}
	_, page := r.get("/incidents/" + w.inc.ID + "?status=2xx&route=/v1/datasets/export&ip=203.0.113.9")
	// Which columns of a query's rows stand in its panel, and how many rows there are to be.
	for panel, c := range map[string]struct {
		rows  int
		cells []string // of the first row, as they stand in the panel
	}{
		"case-title":      {1, []string{"120", "108 MB"}},
		"case-reasons":    {2, []string{"new_geo", "São Paulo, BR", "T1550.001"}},
		"case-hours":      {-1, nil},
		"case-minutes":    {-1, nil},
		"case-places":     {2, []string{"São Paulo, BR", "120"}},
		"case-week":       {-1, nil},
		"case-networks":   {2, []string{"AS14061", "DigitalOcean, LLC", "hosting"}},
		"case-clients":    {2, []string{"curl/8"}},
		"case-routes":     {2, []string{"/v1/datasets/export", "120"}},
		"case-addresses":  {2, []string{"203.0.113.9"}},
		"case-requests":   {51, []string{"curl/8"}},
		"case-verdicts":   {1, []string{"slack:U1 (eve)", "on it"}},
		"case-steps":      {1, []string{"asked", "revoke.mode"}},
		"case-deliveries": {1, []string{"slack", "told"}},
		"case-findings":   {1, []string{w.inc.Findings[0].String(), "gateway.access"}},
	} {
		t.Run(panel, func(t *testing.T) {
			body := panelOf(t, page, panel)
			found := queryInPage.FindStringSubmatch(body)
			if found == nil {
				t.Fatalf("the panel shows no query:\n%s", body)
			}
			query := html.UnescapeString(found[1])
			_, rows, err := r.db.Query(t.Context(), query)
			if err != nil || len(rows) == 0 || c.rows >= 0 && len(rows) != c.rows {
				t.Fatalf("%d rows, error %v\n%s", len(rows), err, query)
			}
			for _, want := range c.cells {
				if !strings.Contains(html.UnescapeString(body), want) {
					t.Errorf("the panel lacks %q", want)
				}
			}
			compare(t, panel, rows, html.UnescapeString(body))
		})
	}
	for _, query := range anyInPage.FindAllStringSubmatch(page, -1) {
		if _, _, err := r.db.Query(t.Context(), html.UnescapeString(query[1])); err != nil {
			t.Errorf("%v\n%s", err, query[1])
		}
	}
	if n := len(anyInPage.FindAllString(page, -1)); n != 15+3 {
		t.Errorf("%d queries stand in the page", n)
	}
}

func panelOf(t *testing.T, page, name string) string {
	t.Helper()
	for _, p := range panelInPage.FindAllStringSubmatch(page, -1) {
		if p[1] == name {
			return p[2]
		}
	}
	t.Fatalf("the page has no panel %s", name)
	return ""
}

// compare looks for each row of an answer in its panel.
func compare(t *testing.T, panel string, rows [][]string, body string) {
	t.Helper()
	number := func(s string) string { return `<td class="number">` + s + `</td>` }
	for _, row := range rows[:min(len(rows), 50)] {
		var wanted []string
		switch panel {
		case "case-hours", "case-minutes":
			wanted = []string{row[0] + `</td>` + number(row[1])}
		case "case-week":
			day := []string{"", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"}[row[0][0]-'0']
			wanted = []string{fmt.Sprintf(`%s %02s h</th>`, day, row[1]) + number(row[2]) + number(row[3])}
		case "case-places":
			wanted = []string{row[2] + ", " + row[0], number(row[5]) + number(row[6])}
		case "case-clients":
			wanted = []string{row[0], number(row[1]) + number(row[2])}
		case "case-networks":
			wanted = []string{"AS" + row[0] + " " + row[1], row[2], number(row[3]) + number(row[4])}
		case "case-routes":
			wanted = []string{row[1], number(row[2]) + number(row[3])}
		case "case-addresses":
			wanted = []string{row[0], number(row[5]) + number(row[6])}
		case "case-requests":
			wanted = []string{row[0], row[18] + "</bdi>"}
		}
		for _, want := range wanted {
			if !strings.Contains(body, want) && !strings.Contains(strings.ReplaceAll(body, "\n", ""), want) {
				t.Errorf("the panel lacks %q of %v", want, row)
			}
		}
	}
}

// broken is a store in which some panels fail, and one never answers.
type broken struct {
	console.Store
}

var errAway = errors.New("code: 279, no replica: <script>alert(1)</script>")

func (broken) CaseDetail(context.Context, board.Case) (board.CaseDetail, error) {
	return board.CaseDetail{
		Routes: board.Answer[board.CaseRoute]{SQL: "SELECT 'routes'"}, Addresses: board.Answer[board.CaseAddress]{SQL: "SELECT 'addresses'"},
	}, errAway
}

func (broken) CaseMinutes(ctx context.Context, _ board.Case, _, _ time.Time) (board.Answer[board.CaseMinute], error) {
	<-ctx.Done()
	return board.Answer[board.CaseMinute]{SQL: "SELECT 'minutes'"}, ctx.Err()
}

func (broken) CaseNames(context.Context, schema.TokenID) ([]schema.TokenID, error) {
	return nil, errAway
}

// A panel that fails says so, and the others stand.
func TestIncidentPanelsFailAlone(t *testing.T) {
	r := newRig(t, func(_ *console.Config, parts *console.Parts) { parts.Store = broken{parts.Store} })
	w := settle(t, r.db)
	began := time.Now()
	status, page := r.get("/incidents/" + w.inc.ID)
	if took := time.Since(began); status != http.StatusOK || took > 5*time.Second {
		t.Fatalf("%d after %s\n%s", status, took, page)
	}
	must(t, panelOf(t, page, "case-routes"), "This could not be read from ClickHouse", "SELECT &#39;routes&#39;")
	must(t, panelOf(t, page, "case-addresses"), "This could not be read from ClickHouse", "SELECT &#39;addresses&#39;")
	must(t, panelOf(t, page, "case-minutes"), "ClickHouse did not answer in time", "SELECT &#39;minutes&#39;")
	must(t, panelOf(t, page, "case-networks"), "DigitalOcean, LLC")
	must(t, panelOf(t, page, "case-requests"), "203.0.113.9")
	if strings.Count(page, "could not be read") != 3 || strings.Contains(page, "alert(1)") {
		t.Errorf("more than three panels failed, or one tells too much:\n%s", page)
	}
}

// What strangers send stays short text.
func TestIncidentHostile(t *testing.T) {
	r := newRig(t)
	w := settle(t, r.db)
	nasty := "</script><img src=x onerror=alert(1)>\xff\u202e" + strings.Repeat("A", 1<<20)
	b := &schema.Block{Topic: "other", Ingested: w.now}
	for i := range 60 {
		e := w.request(1, w.now.Add(-time.Minute), true)
		e.Path, e.Route, e.UserAgent, e.Client, e.City, e.ASOrg, e.RequestID = nasty, nasty[:3000], nasty[:3000], nasty[:3000], nasty[:100], nasty[:500], nasty[:2000]
		e.Topic, e.Offset, e.IP = "other", int64(i), netip.Addr{}
		b.Events = append(b.Events, e)
	}
	b.Last = 59
	if err := r.db.InsertBlock(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	inc := w.inc
	inc.Revision, inc.Consumer, inc.Summary, inc.TokenHint = 2, nasty, nasty, nasty[:100]
	inc.Labels = map[string]string{"team": nasty[:500]}
	inc.Evidence = []schema.Evidence{{Detector: nasty[:200], Key: "k", Time: w.now, LLR: 3, Seen: nasty[:500], Normal: nasty[:500], Attack: nasty[:200]}}
	if err := r.db.SaveIncident(t.Context(), &inc); err != nil {
		t.Fatal(err)
	}
	status, page := r.get("/incidents/" + w.inc.ID)
	if status != http.StatusOK || strings.Contains(page, "could not be read") {
		t.Fatalf("%d\n%.3000s", status, page)
	}
	if strings.Contains(page, "<img") && strings.Contains(page, "src=x onerror") && regexp.MustCompile(`<img src=x`).MatchString(page) {
		t.Error("a stranger's markup stands in the page")
	}
	if len(page) > 1_500_000 {
		t.Errorf("the page has %d bytes", len(page))
	}
}

// The pages of the requests follow each other without a gap, and filters choose.
func TestIncidentRequestPages(t *testing.T) {
	r := newRig(t)
	w := settle(t, r.db)
	older := regexp.MustCompile(`rel="next" href="([^"]+)"`)
	record := regexp.MustCompile(`<bdi>gateway\.access</bdi>:0@(\d+)`)
	path := "/incidents/" + w.inc.ID
	var seen []string
	for range 5 {
		_, page := r.get(path)
		for _, found := range record.FindAllStringSubmatch(panelOf(t, page, "case-requests"), -1) {
			seen = append(seen, found[1])
		}
		next := older.FindStringSubmatch(page)
		if next == nil {
			break
		}
		path = strings.TrimSuffix(html.UnescapeString(next[1]), "#case-requests")
	}
	if len(seen) != 120 || len(slices.Compact(slices.Sorted(slices.Values(seen)))) != 120 {
		t.Errorf("%d requests on the pages: %v", len(seen), seen)
	}
	_, page := r.get("/incidents/" + w.inc.ID)
	must(t, page, `href="?route=%2Fv1%2Fdatasets%2Fexport#case-requests"`, `href="?ip=203.0.113.9#case-requests"`)
	for query, want := range map[string]struct {
		status int
		text   string
	}{
		"status=5xx":                         {200, "No request since the first evidence is like that."},
		"status=abc":                         {400, "no status to filter by"},
		"status=70000":                       {400, "no status to filter by"},
		"status=0xx":                         {400, "no status to filter by"},
		"ip=<b>":                             {400, "no address to filter by"},
		"ip=fe80::1%25eth0":                  {200, "No request since"},
		"behind=1.2.3":                       {400, "makes no sense"},
		"behind=-1.0.0.0.t":                  {400, "makes no sense"},
		"behind=9223372036854775807.0.0.0.t": {400, "makes no sense"},
		"behind=1000.0.0.0.'%29":             {200, "There are no further requests."},
		"route=%00":                          {400, "route"},
		"route='%20OR%201=1":                 {200, "No request since"},
	} {
		if status, page := r.get("/incidents/" + w.inc.ID + "?" + query); status != want.status || !strings.Contains(page, want.text) {
			t.Errorf("%s: %d\n%.2000s", query, status, page)
		}
	}
}
