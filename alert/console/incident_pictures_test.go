package console_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/schema"
)

// What is expected is what the same hours of earlier days were, and nothing at night.
func TestIncidentExpected(t *testing.T) {
	r := newRig(t)
	w := settle(t, r.db)
	_, page := r.get("/incidents/" + w.inc.ID)
	body := panelOf(t, page, "case-hours")
	yesterday := w.now.Truncate(24*time.Hour).AddDate(0, 0, -1)
	row := regexp.MustCompile(yesterday.Add(11*time.Hour).Format("2006-01-02 15:04:05") + `</td><td class="number">(\d+)</td><td class="number">(\d+)–(\d+)</td><td>(\w+)`)
	found := row.FindStringSubmatch(body)
	if found == nil || found[2] != "4" || found[3] != "5" || found[4] != "before" {
		t.Errorf("eleven o'clock is %v", found)
	}
	if night := yesterday.Add(3 * time.Hour).Format("2006-01-02 15:04:05"); strings.Contains(body, night) {
		t.Errorf("%s stands in the table, in which nothing was and nothing is expected", night)
	}
	if !strings.Contains(body, "let expect at most") || !strings.Contains(body, `"since":`) {
		t.Errorf("the picture lacks its words or its numbers:\n%s", body)
	}
}

// The way over the Pacific leaves the map at one side and comes back at the other; a place without coordinates is named.
func TestIncidentMapAcrossTheDateLine(t *testing.T) {
	r := newRig(t)
	w := settle(t, r.db)
	b := &schema.Block{Topic: "pacific", Ingested: w.now}
	add := func(at time.Time, place schema.Place) {
		e := w.request(77, at, false)
		e.Place, e.Topic, e.Offset = place, "pacific", int64(len(b.Events))
		b.Events = append(b.Events, e)
	}
	for i := range 200 {
		add(w.now.Add(-time.Duration(48+i)*time.Hour), schema.Place{Country: "NZ", City: "Auckland", Lat: -36.8, Lon: 174.8})
	}
	add(w.now.Add(-time.Minute), schema.Place{Country: "US", City: "Los Angeles", Lat: 34, Lon: -118.2})
	add(w.now.Add(-time.Minute), schema.Place{Country: "XX"})
	b.Last = int64(len(b.Events) - 1)
	inc := w.inc
	inc.ID, inc.Token, inc.Opened, inc.Seen.Since = "inc-pacific", tokenOf(77), w.now.Add(-time.Hour), w.now.Add(-time.Hour)
	inc.Normal.PerDay, inc.Seen.Requests, inc.Updated = 1e9, 1e9, w.now
	if err := r.db.InsertBlock(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	if err := r.db.SaveIncident(t.Context(), &inc); err != nil {
		t.Fatal(err)
	}
	status, page := r.get("/incidents/inc-pacific")
	if status != http.StatusOK {
		t.Fatal(status, page)
	}
	body := panelOf(t, page, "case-places")
	way := regexp.MustCompile(`class="case-way" d="([^"]+)"`).FindAllStringSubmatch(body, -1)
	if len(way) != 1 || strings.Count(way[0][1], "M") != 2 {
		t.Errorf("the ways are %v", way)
	}
	must(t, body, "1 place has no coordinates", "New: ", "Los Angeles, US", ">Auckland, NZ</text>")
	// A token with so many requests is counted one by one for as long as is possible, and the page says for how long.
	must(t, panelOf(t, page, "case-routes"), "since there are too many requests to count all")
}

// An incident that is over is shown as it was, and nothing is left to press.
func TestIncidentOver(t *testing.T) {
	r := newRig(t)
	w := settle(t, r.db)
	over := w.inc
	over.Revision, over.State, over.Resolved = 2, schema.IncidentResolved, w.now.Add(-30*time.Minute)
	if err := r.db.SaveIncident(t.Context(), &over); err != nil {
		t.Fatal(err)
	}
	_, page := r.get("/incidents/" + w.inc.ID)
	must(t, page, "there is nothing left to decide", "<b>120</b> requests")
	if strings.Contains(page, `name="kind"`) || strings.Contains(page, "could not be read") {
		t.Errorf("there is something to press:\n%s", page)
	}
}
