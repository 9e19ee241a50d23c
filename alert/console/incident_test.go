package console_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/tokenwatch/tokenwatch/alert"
	"github.com/tokenwatch/tokenwatch/schema"
)

// must checks that a page says what it has to.
func must(t *testing.T, page string, wanted ...string) {
	t.Helper()
	for _, want := range wanted {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if t.Failed() {
		t.Log(page)
	}
}

func TestIncidentPage(t *testing.T) {
	r := newRig(t)
	w := settle(t, r.db)
	status, page := r.get("/incidents/" + w.inc.ID)
	if status != http.StatusOK {
		t.Fatalf("%d\n%s", status, page)
	}
	must(t, page, "Used from São Paulo, BR for the first time", "hf_…0001", w.stolen.String(), "acme-1", "<b>120</b> requests", "<b>108 MB</b> out",
		"Nothing was done to the token", "×1,000", "T1550.001", "new_geo", `id="case-data-hours"`, `class="case-band"`, `class="case-diamond"`, `class="case-way"`,
		"AS14061 DigitalOcean, LLC", "curl/8", "/v1/datasets/export", "203.0.113.9", "slack", "told", "finding", "Acknowledge", "Confirmed theft…", "unhex(")
	if strings.Contains(page, "could not be read") {
		t.Errorf("a panel failed:\n%s", page)
	}
}

func TestIncidentUnknown(t *testing.T) {
	r := newRig(t)
	for id, want := range map[string]string{
		"inc-0000000000000000":                    "There is no incident inc-0000000000000000.",
		"%3Cscript%3E":                            "is no id of an incident",
		strings.Repeat("a", 5000):                 "is no id of an incident",
		"%27%20OR%20id%20%21%3D%20%27":            "is no id of an incident",
		"inc-0000000000000000/confirm?kind=theft": "There is no incident",
	} {
		status, page := r.get("/incidents/" + id)
		if status != http.StatusNotFound || !strings.Contains(page, want) || strings.Contains(page, "<script>") || !strings.Contains(page, `/incidents"`) {
			t.Errorf("%.40s: %d\n%s", id, status, page)
		}
	}
}

// A campaign has no token, and still a page.
func TestIncidentOfCampaign(t *testing.T) {
	r := newRig(t)
	w := settle(t, r.db)
	f := w.finding(w.now.Add(-1e12))
	f.Token, f.TokenHint, f.Kind, f.TokenCount, f.Tokens = schema.TokenID{}, "", schema.FindingCampaign, 3, w.tokens[:3]
	copy(f.ID[:], "campaign-0000001")
	if err := r.db.InsertFindings(t.Context(), "campaign", []schema.Finding{f}); err != nil {
		t.Fatal(err)
	}
	inc := alert.Open(&f)
	if err := r.db.SaveIncident(t.Context(), &inc); err != nil {
		t.Fatal(err)
	}
	status, page := r.get("/incidents/" + inc.ID)
	if status != http.StatusOK || strings.Contains(page, "could not be read") || strings.Contains(page, "on the allow-list") {
		t.Fatalf("%d\n%s", status, page)
	}
	must(t, page, "of no single token", "campaign", "3 tokens", "/tokens/"+w.tokens[1].String())
}

// From an incident it is one step to a silence, and for an administrator to the allow-list, with what is known filled in.
func TestIncidentLeadsToSilences(t *testing.T) {
	r := newRig(t)
	w := settle(t, r.db)
	_, page := r.get("/incidents/" + w.inc.ID)
	must(t, page, "/silences?condition=token%3D"+w.stolen.String()+"&amp;reason="+w.inc.ID, "/allow?kind=token&amp;value="+w.stolen.String())
	_, form := r.get("/silences?condition=token%3D" + w.stolen.String() + "&reason=" + w.inc.ID)
	must(t, form, "token="+w.stolen.String(), w.inc.ID)
}
