package console_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/alert"
	"github.com/tokenwatch/tokenwatch/schema"
)

func TestFleetPage(t *testing.T) {
	r := newRig(t, backtests(&player{}))
	w := settle(t, r.db)
	history(t, r, w)
	status, page := r.get("/fleet")
	if status != http.StatusOK {
		t.Fatalf("%d:\n%s", status, page)
	}
	says(t, page, "<strong>1 alert</strong>: 1 confirmed", "The budget, 2 false alerts per 1,000 tokens a day", "within the budget", "new_geo", "100 %", "hf_…0001", "Used from São Paulo", "1 open, score 2.1", "/incidents/"+w.inc.ID, "At risk <span class=\"faint\">1</span>", "Most active</a>")
	_, page = r.get("/fleet?list=active&sort=requests")
	if at := strings.Index(page, "hf_…0001"); at < 0 || at > strings.Index(page, "hf_…0002") {
		t.Error("the token with most requests is not on top")
	}
	says(t, page, "Tokens 1 to 5", "680")
	_, page = r.get("/fleet?list=unused&days=7")
	says(t, page, "nobody has used for 7 days", "None.")
}

func TestFleetOfNothing(t *testing.T) {
	r := newRig(t)
	for _, list := range []string{"risk", "unused", "old", "learning", "active"} {
		status, page := r.get("/fleet?list=" + list)
		if status != http.StatusOK || !strings.Contains(page, "No alerts.") || !strings.Contains(page, "None.") || strings.Contains(page, "NaN") || strings.Contains(page, "The budget") {
			t.Errorf("%s: %d\n%s", list, status, page)
		}
	}
}

func TestFleetRefuses(t *testing.T) {
	r := newRig(t)
	for query, want := range map[string]string{
		"list=all": "There is no such list", "days=3": "Unused for how long?", "sort=name": "cannot be sorted", "page=0": "no such page", "page=x": "no such page", "page=999999999999999999999": "no such page", "page=201": "no such page",
	} {
		if status, page := r.get("/fleet?" + query); status != http.StatusBadRequest || !strings.Contains(page, want) {
			t.Errorf("%s: %d\n%s", query, status, page)
		}
	}
}

// A list is as long as there are tokens, fifty on a page.
func TestFleetPages(t *testing.T) {
	r := newRig(t)
	w := &world{now: time.Now().UTC().Truncate(time.Millisecond)}
	b := &schema.Block{Topic: "gateway.access", Ingested: w.now, Last: 109}
	for n := range 110 {
		e := w.request(n, w.now.AddDate(0, 0, -40).Add(time.Duration(n)*time.Minute), false)
		e.Offset = int64(n)
		b.Events = append(b.Events, e)
	}
	if err := r.db.InsertBlock(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	path := "/fleet?list=unused"
	for page := 1; path != ""; page++ {
		_, text := r.get(path)
		for n := range 110 {
			if hint := fmt.Sprintf("hf_…%04d<", n); strings.Contains(text, hint) {
				if seen[hint] {
					t.Errorf("%s stands on two pages", hint)
				}
				seen[hint] = true
			}
		}
		path = ""
		if strings.Contains(text, `rel="next"`) {
			path = fmt.Sprintf("/fleet?list=unused&page=%d", page+1)
		}
		if page > 3 {
			t.Fatal("there is no end")
		}
	}
	if len(seen) != 110 {
		t.Errorf("%d of 110 tokens are listed", len(seen))
	}
	_, text := r.get("/fleet?list=unused&page=9")
	says(t, text, "There are no more.")
}

// Ten thousand open incidents are counted, and fifty tokens shown.
func TestFleetWithManyIncidents(t *testing.T) {
	r := newRig(t)
	w := &world{now: time.Now().UTC().Truncate(time.Millisecond)}
	var list []schema.Incident
	for n := range 10_000 {
		w.stolen = tokenOf(n)
		f := w.finding(w.now.Add(-time.Duration(n) * time.Second))
		copy(f.ID[:], fmt.Sprintf("%08d-finding", n))
		f.Score = float64(n)
		list = append(list, alert.Open(&f))
	}
	if err := r.db.SaveIncidents(t.Context(), list); err != nil {
		t.Fatal(err)
	}
	status, page := r.get("/fleet")
	if status != http.StatusOK || strings.Count(page, "/incidents/") != 50 {
		t.Errorf("%d: %d incidents", status, strings.Count(page, "/incidents/"))
	}
	says(t, page, "10,000", "score 9,999", "Next page")
}
