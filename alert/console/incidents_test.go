package console_test

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/alert/console"
	"github.com/tokenwatch/tokenwatch/schema"
	"github.com/tokenwatch/tokenwatch/schema/clickhouse"
)

// incidentOf is an incident of the list, opened so many minutes ago.
func incidentOf(n int, state schema.IncidentState, severity schema.Severity, minutes int) schema.Incident {
	opened := time.Now().UTC().Truncate(time.Millisecond).Add(-time.Duration(minutes) * time.Minute)
	in := schema.Incident{
		ID: fmt.Sprintf("inc-%016d", n), Revision: 1, State: state, Severity: severity, Score: 1.4, Token: tokenOf(n), TokenHint: fmt.Sprintf("hf_…%04d", n),
		Consumer: fmt.Sprintf("acme-%d", n), Environment: "prod", Opened: opened, Updated: opened, Summary: fmt.Sprintf("Used from a new place, number %d", n),
		Evidence: []schema.Evidence{{Detector: "new_geo"}},
	}
	if state == schema.IncidentResolved {
		in.Resolved = opened.Add(time.Hour)
	}
	return in
}

func save(t testing.TB, db *clickhouse.DB, list ...schema.Incident) {
	t.Helper()
	if err := db.SaveIncidents(t.Context(), list); err != nil {
		t.Fatal(err)
	}
}

// listed gives the ids of a page's rows in their order.
func listed(page string) (ids []string) {
	for _, m := range regexp.MustCompile(`<tr data-id="([^"]*)"`).FindAllStringSubmatch(page, -1) {
		ids = append(ids, strings.TrimLeft(strings.TrimPrefix(m[1], "inc-"), "0"))
	}
	return ids
}

// few are incidents of every state, and a person's words on some.
func few(t testing.TB, db *clickhouse.DB) {
	t.Helper()
	said := incidentOf(5, schema.IncidentAcknowledged, schema.SeverityCritical, 600)
	said.Verdicts = []schema.Verdict{{ID: "v1", Kind: schema.VerdictAcknowledged, By: "slack:U024 (alice)"}, {ID: "v2", Kind: schema.VerdictSnooze}}
	said.Snoozed = time.Now().Add(3 * time.Hour)
	asked := incidentOf(2, schema.IncidentOpen, schema.SeverityCritical, 90)
	asked.Revocation = &schema.Revocation{State: schema.RevocationAsked, Via: "kong"}
	other := incidentOf(3, schema.IncidentOpen, schema.SeverityLow, 1)
	other.Environment, other.Consumer, other.Evidence = "test", "globex", []schema.Evidence{{Detector: "traffic_spike"}}
	save(t, db, incidentOf(1, schema.IncidentOpen, schema.SeverityHigh, 30), asked, other, incidentOf(4, schema.IncidentOpen, schema.SeverityHigh, 20), said,
		incidentOf(6, schema.IncidentResolved, schema.SeverityMedium, 3000))
}

// What matters most comes first, and filters in the URL leave out what they say.
func TestInbox(t *testing.T) {
	r := newRig(t)
	few(t, r.db)
	for _, c := range []struct {
		query string
		want  string
	}{
		{"", "2 4 1 3 5 6"},
		{"?state=open", "2 4 1 3"},
		{"?state=unresolved&severity=high", "2 4 1 5"},
		{"?state=resolved", "6"},
		{"?owner=GLOB", "3"},
		{"?environment=test", "3"},
		{"?detector=traffic_spike", "3"},
		{"?q=number+4", "4"},
		{"?q=acme-5", "5"},
		{"?q=" + url.QueryEscape("hf_…0006"), "6"},
		{"?q=inc-0000000000000001", "1"},
		{"?q=" + tokenOf(3).String()[:32], "3"},
		{"?within=24h", "2 4 1 3 5"},
		{"?to=" + time.Now().UTC().Add(-24*time.Hour).Format("2006-01-02T15:04"), "6"},
		{"?q=nothing+has+this", ""},
		{"?q=%27%29+OR+1%3D1+--", ""},
		{"?owner=%5C", ""},
		{"?state=open&owner=acme&within=1h&severity=low&detector=new_geo&environment=prod&q=place", "4 1"},
	} {
		status, page := r.get("/incidents" + c.query)
		if got := strings.Join(listed(page), " "); status != http.StatusOK || got != c.want {
			t.Errorf("%s: status %d, incidents %q, want %q", c.query, status, got, c.want)
		}
	}
	_, page := r.get("/incidents")
	for _, want := range []string{
		"<title>(4) Incidents", "by slack:U024 (alice)", "snoozed until", "revoke? your decision", "acme-5", ">1.4<", "1–6 of 6",
		`<option value="globex">`, `href="/incidents/inc-0000000000000002/confirm?kind=revoke"`, `<b>4</b> open`, `<b>1</b> acknowledged`, `<b>1</b> resolved`, `<b>2</b> critical`,
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if _, page := r.get("/incidents?severity=high&owner=acme"); !strings.Contains(page, "<title>Incidents") ||
		!strings.Contains(page, `href="/incidents?owner=acme&amp;severity=high&amp;state=open"`) || !strings.Contains(page, `href="/incidents?owner=acme" aria-current="true"`) {
		t.Errorf("the tallies lead elsewhere:\n%s", page)
	}
}

// A list that is empty says why, and what to do.
func TestInboxIsEmpty(t *testing.T) {
	r := newRig(t)
	if status, page := r.get("/incidents"); status != http.StatusOK || !strings.Contains(page, "No incidents yet") {
		t.Errorf("%d:\n%s", status, page)
	}
	if _, page := r.get("/incidents?q=x"); !strings.Contains(page, "No incident matches") {
		t.Error(page)
	}
	if _, page := r.get("/"); !strings.Contains(page, "No incidents yet") {
		t.Error("the first page is not the list")
	}
}

// What makes no sense in a URL is a page that says what would.
func TestInboxRefuses(t *testing.T) {
	r := newRig(t)
	for query, want := range map[string]string{
		"state=gone":                             "There is no state gone.",
		"severity=awful":                         "There is no severity awful.",
		"severity=%3Cscript%3E":                  "There is no severity &lt;script&gt;.",
		"within=tomorrow":                        "The time tomorrow makes no sense.",
		"within=-1h":                             "makes no sense.",
		"from=yesterday":                         "The time yesterday makes no sense.",
		"after=x":                                "That place in the list makes no sense.",
		"before=open.high.-1.a":                  "That place in the list makes no sense.",
		"after=open.high.99999999999999999.a":    "That place in the list makes no sense.",
		"q=" + strings.Repeat("x", 201):          "too long to look for",
		"owner=" + strings.Repeat("%C3%A4", 400): "too long to look for",
	} {
		if status, page := r.get("/incidents?" + query); status != http.StatusBadRequest || !strings.Contains(page, want) {
			t.Errorf("%.40s: status %d, want 400 and %q", query, status, want)
		}
	}
	for _, odd := range []string{"q=%ff%fe", "owner=%00", "q=%25%27%22%5C%60", "within=24h&from=2026-01-01T00:00&unknown=1", "after=open.high.1.%27%5C"} {
		if status, page := r.get("/incidents?" + odd); status != http.StatusOK {
			t.Errorf("%s: %d\n%s", odd, status, page)
		}
	}
}

// Every incident is on one page, whichever way one goes through the list.
func TestInboxPages(t *testing.T) {
	r := newRig(t)
	var list []schema.Incident
	for n := range 120 {
		in := incidentOf(n+1, schema.IncidentOpen, schema.Severity(1+n%2), n/7) // many at the same time
		in.Opened = in.Opened.Truncate(time.Hour)
		list = append(list, in)
	}
	save(t, r.db, list...)
	var forth, back []string
	path, last := "/incidents?severity=low", ""
	link := func(page, rel string) string {
		m := regexp.MustCompile(`<a href="([^"]*)" rel="` + rel + `"`).FindStringSubmatch(page)
		if m == nil {
			return ""
		}
		return strings.ReplaceAll(m[1], "&amp;", "&")
	}
	for range 4 {
		_, page := r.get(path)
		forth = append(forth, listed(page)...)
		if last, path = path, link(page, "next"); path == "" {
			if !strings.Contains(page, "101–120 of 120") {
				t.Error("the last page does not say which part it is")
			}
			break
		}
	}
	for path = last; path != ""; {
		_, page := r.get(path)
		back = append(listed(page), back...)
		path = link(page, "prev")
	}
	if len(forth) != 120 || !slices.Equal(forth, back) {
		t.Errorf("forth %d %v\nback %d %v", len(forth), forth, len(back), back)
	}
	if slices.Sort(forth); len(slices.Compact(forth)) != 120 {
		t.Error("one is listed twice")
	}
}

// What outsiders wrote stays short text.
func TestInboxHostileTexts(t *testing.T) {
	r := newRig(t, func(c *console.Config, _ *console.Parts) { c.BasePath = "/watch" })
	in := incidentOf(1, schema.IncidentOpen, schema.SeverityHigh, 5)
	in.Consumer, in.TokenHint, in.Environment = `<script>alert(1)</script>`, "hf_\xff\xfe…<b>", `"><img src=x onerror=alert(1)>`
	in.Summary = "<h1>big</h1>\n\u202e" + strings.Repeat("A long story. ", 1<<16)
	in.Evidence = []schema.Evidence{{Detector: "<i>detector</i>"}}
	in.Verdicts = []schema.Verdict{{ID: "v", Kind: schema.VerdictTheft, By: "</td><script>"}}
	save(t, r.db, in)
	status, page := r.get("/watch/incidents")
	if status != http.StatusOK || len(listed(page)) != 1 || len(page) > 100_000 {
		t.Fatalf("status %d, %d bytes", status, len(page))
	}
	for _, bad := range []string{"<script>alert", "<h1>big", "<img src=x", "<b>\"", "<i>detector", "\xff", "\u202e"} {
		if strings.Contains(page, bad) {
			t.Errorf("the page has %q", bad)
		}
	}
	if !strings.Contains(page, "&lt;script&gt;alert(1)&lt;/script&gt;") || !strings.Contains(page, `href="/watch/incidents/inc-0000000000000001"`) {
		t.Error("what was written is not there as text")
	}
}

// The requests of the last day are drawn for all tokens of the page.
func TestInboxSparks(t *testing.T) {
	r := newRig(t)
	settle(t, r.db)
	_, page := r.get("/incidents")
	if !strings.Contains(page, " requests in the last 24 hours, at most ") || !regexp.MustCompile(`class="inbox-since" d="M`).MatchString(page) {
		t.Errorf("no picture:\n%s", page)
	}
}
