package console_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/tokenwatch/tokenwatch/alert/console"
	"github.com/tokenwatch/tokenwatch/schema"
	"github.com/tokenwatch/tokenwatch/schema/board"
)

// pulse is a process of the tests: how it is, and what its configuration says.
type pulse struct {
	vitals  board.Vitals
	allowed []schema.Allowance
}

func (p *pulse) Vitals() board.Vitals        { return p.vitals }
func (p *pulse) Allowed() []schema.Allowance { return p.allowed }
func (*pulse) Detectors() []string           { return []string{"new_geo", "odd_hours", "traffic_spike"} }

func (p *pulse) in(_ *console.Config, parts *console.Parts) { parts.Vitals = p }

func allowance(id string, kind schema.AllowKind, value string, ago time.Duration) schema.Allowance {
	return schema.Allowance{
		ID: id, Action: schema.AllowAdd, At: time.Now().Add(-ago).UTC().Truncate(time.Millisecond), By: "bo", Kind: kind, Value: value, Owner: "netops", Reason: "new office",
	}
}

// An entry is made, shown, and taken away with a reason; its changes stay.
func TestAllowLife(t *testing.T) {
	r := newRig(t, (&pulse{}).in)
	form := url.Values{"kind": {"cidr"}, "value": {"203.0.113.0/24"}, "owner": {"netops"}, "reason": {"new office"}, "until": {"2099-01-31 18:00"}, "detector": {"new_geo"}}
	status, page := r.post("/allow", form)
	if status != http.StatusOK || !strings.Contains(page, "cidr 203.0.113.0/24 is allowed, for what comes in from now on.") {
		t.Fatalf("adding, %d:\n%s", status, page)
	}
	changes, err := r.db.Allowances(t.Context())
	if err != nil || len(changes) != 1 {
		t.Fatalf("%+v %v", changes, err)
	}
	a := changes[0]
	if a.By != "admin" || a.Kind != schema.AllowCIDR || len(a.Detectors) != 1 || !a.Until.Equal(time.Date(2099, 1, 31, 18, 0, 0, 0, time.UTC)) || a.Action != schema.AllowAdd {
		t.Errorf("%+v", a)
	}
	if list := between(page, "In force", "</section>"); !strings.Contains(list, "203.0.113.0/24") || !strings.Contains(list, "/allow/"+a.ID) || !strings.Contains(list, "2099-01-31 18:00") {
		t.Errorf("the list:\n%s", list)
	}
	if status, page = r.post("/allow/"+a.ID+"/remove", url.Values{"reason": {" "}}); status != http.StatusBadRequest || !strings.Contains(page, "Say why") {
		t.Errorf("without a reason, %d:\n%s", status, page)
	}
	if status, page = r.post("/allow/"+a.ID+"/remove", url.Values{"reason": {"moved out"}}); status != http.StatusOK || strings.Contains(between(page, "In force", "</section>"), "203.0.113.0/24") {
		t.Errorf("removing, %d:\n%s", status, page)
	}
	_, page = r.get("/allow/" + a.ID)
	if !strings.Contains(page, "does not hold any more: it was removed") || strings.Index(page, "moved out") > strings.Index(page, "new office") {
		t.Errorf("its changes:\n%s", page)
	}
	if _, page = r.post("/allow/"+a.ID+"/remove", url.Values{"reason": {"again"}}); !strings.Contains(page, "does not hold any more") {
		t.Errorf("removing it again:\n%s", page)
	}
	acts, err := r.db.Acts(t.Context(), schema.ActQuery{Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	told := map[string]int{}
	for _, act := range acts {
		told[act.Action+" "+string(act.Outcome)]++
	}
	if told["allow.add done"] != 1 || told["allow.remove done"] != 1 || told["POST /allow/"+a.ID+"/remove refused"] != 1 {
		t.Errorf("the audit has %v", told)
	}
	if changes, err = r.db.Allowances(t.Context()); err != nil || len(changes) != 2 || changes[1].Action != schema.AllowRemove || changes[1].Reason != "moved out" {
		t.Errorf("%+v %v", changes, err)
	}
}

// All that is wrong is told at once, beside its field, and what was typed stays.
func TestAllowWrong(t *testing.T) {
	r := newRig(t, (&pulse{}).in)
	fine := func(name, value string) url.Values {
		v := url.Values{"kind": {"cidr"}, "value": {"203.0.113.0/24"}, "owner": {"netops"}, "reason": {"office"}}
		v.Set(name, value)
		return v
	}
	for name, c := range map[string]struct {
		form url.Values
		want []string
	}{
		"nothing":          {url.Values{}, []string{`id="allow-value-wrong"`, "somebody has to answer for it", "it is what the next reader of the list has"}},
		"no addresses":     {fine("value", "203.0.113.0/99"), []string{"want addresses such as", `value="203.0.113.0/99"`, `value="netops"`}},
		"a kind of no use": {fine("kind", "planet"), []string{"want one of"}},
		"over":             {fine("until", "2020-01-01"), []string{"is over", `value="2020-01-01"`}},
		"no time":          {fine("until", "soon"), []string{"is no time such as"}},
		"no detector":      {fine("detector", "telepathy"), []string{"there is no detector"}},
		"HTML":             {fine("owner", `"><script>alert(1)</script>`), nil},
		"far too long":     {fine("reason", strings.Repeat("r\xff", 1<<12)), []string{"at most 500 characters"}},
	} {
		status, page := r.post("/allow", c.form)
		if want := http.StatusBadRequest; status != want && c.want != nil {
			t.Errorf("%s: %d", name, status)
		}
		if len(page) > 100_000 || strings.Contains(page, "<script>alert") {
			t.Errorf("%s: %d bytes, or a script", name, len(page))
		}
		for _, want := range c.want {
			if !strings.Contains(page, want) {
				t.Errorf("%s: no %q in:\n%.3000s", name, want, between(page, `id="add"`, "</section>"))
			}
		}
	}
	for path, want := range map[string]int{"/allow/al-none": 404, "/allow?page=0": 400, "/allow?page=x": 400, "/allow/history?page=99999999": 400, "/allow/" + strings.Repeat("a", 5000): 404} {
		if status, page := r.get(path); status != want || len(page) > 10_000 {
			t.Errorf("%.40s: %d, %d bytes", path, status, len(page))
		}
	}
}

// A link fills the form in; what the configuration allows is shown, and cannot be changed here.
func TestAllowPrefilledAndConfigured(t *testing.T) {
	office := allowance("office", schema.AllowLabel, "consumer=loadtest-*", 0)
	r := newRig(t, (&pulse{allowed: []schema.Allowance{office}}).in)
	_, page := r.get("/allow?kind=asn&value=AS64500&reason=" + url.QueryEscape("it was us: inc-1") + "&detector=odd_hours")
	for _, want := range []string{`<option value="asn" selected>`, `value="AS64500"`, `value="it was us: inc-1"`, `value="odd_hours" checked`} {
		if !strings.Contains(page, want) {
			t.Errorf("no %q in:\n%s", want, between(page, `id="add"`, "</section>"))
		}
	}
	file := between(page, "From the configuration file", "</section>")
	if !strings.Contains(file, "consumer=loadtest-*") || strings.Contains(file, "<form") || strings.Contains(file, "/allow/office") {
		t.Errorf("from the file:\n%s", file)
	}
}

// Many changes are read page by page, the last first; an id with a slash in it has a page too.
func TestAllowPagesOfChanges(t *testing.T) {
	r := newRig(t)
	var changes []schema.Allowance
	for i := range 150 {
		changes = append(changes, allowance(fmt.Sprintf("verdict:slack/%03d", i), schema.AllowASN, fmt.Sprintf("AS%d", 65000+i), time.Duration(200-i)*time.Minute))
	}
	if err := r.db.InsertAllowances(t.Context(), changes); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/allow", "/allow/history"} {
		_, first := r.get(path)
		_, second := r.get(path + "?page=2")
		if !strings.Contains(first, "AS65149") || strings.Contains(first, "AS65000<") || !strings.Contains(first, `href="?page=2"`) {
			t.Errorf("the first page of %s is %.500s", path, first)
		}
		if !strings.Contains(second, "AS65000") || strings.Contains(second, "AS65149") || strings.Contains(second, `href="?page=3"`) || !strings.Contains(second, `href="?page=1"`) {
			t.Errorf("the second page of %s is %.500s", path, second)
		}
	}
	if status, page := r.get("/allow/verdict:slack%2F007"); status != http.StatusOK || !strings.Contains(page, "AS65007") {
		t.Errorf("%d:\n%s", status, page)
	}
}

// The main flow in a browser: prefilled by a link, allowed, taken away.
func TestAllowBrowser(t *testing.T) {
	r := newRig(t, (&pulse{allowed: []schema.Allowance{allowance("qa", schema.AllowLabel, "environment=test", 0)}}).in)
	over := allowance("al-00000000aa", schema.AllowClient, "k6/0", 90*24*time.Hour)
	many := allowance("al-00000000bb", schema.AllowCountry, "DE", time.Hour)
	many.Detectors, many.Until = []string{"new_geo", "odd_hours"}, time.Now().Add(20*24*time.Hour)
	if err := r.db.InsertAllowances(t.Context(), []schema.Allowance{over, many}); err != nil {
		t.Fatal(err)
	}
	ctx := r.browse(t, 1200, 900)
	err := chromedp.Do(ctx, chromedp.Navigate(r.server.URL+"/allow?kind=cidr&value=203.0.113.9&reason=it+was+us"), chromedp.SendKeys("#allow-owner", "netops"),
		chromedp.Click("button.main"), chromedp.WaitVisible(".said"))
	if err != nil {
		t.Fatal(err)
	}
	said, err := chromedp.Run(ctx, chromedp.Text(".said"))
	if err != nil || !strings.Contains(said, "cidr 203.0.113.9 is allowed") {
		t.Errorf("%q %v", said, err)
	}
	shoot(t, ctx, "allow.png")
	phone(t, ctx, "allow")
	err = chromedp.Do(ctx, chromedp.EmulateViewport(1200, 900), chromedp.Click(`a[aria-label*="203.0.113.9"]`), chromedp.WaitVisible("#allow-why"),
		chromedp.SendKeys("#allow-why", "it was not"))
	if err != nil {
		t.Fatal(err)
	}
	shoot(t, ctx, "allow_entry.png")
	if err := chromedp.Do(ctx, chromedp.Click("button.danger"), chromedp.WaitVisible(".said")); err != nil {
		t.Fatal(err)
	}
	if said, err = chromedp.Run(ctx, chromedp.Text(".said")); err != nil || !strings.Contains(said, "is not allowed any more") {
		t.Errorf("%q %v", said, err)
	}
}
