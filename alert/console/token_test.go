package console_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/tokenwatch/tokenwatch/alert/console"
	"github.com/tokenwatch/tokenwatch/schema"
	"github.com/tokenwatch/tokenwatch/schema/board"
)

// portraits is an Explainer that knows one token.
type portraits struct{ of schema.TokenID }

func (p portraits) Explain(_ context.Context, t board.Token) ([]board.TokenPortrait, error) {
	if t.ID != p.of {
		return nil, nil
	}
	now := time.Now().UTC()
	habit := func(name string, share float64, fresh bool) board.TokenHabit {
		return board.TokenHabit{Name: name, Share: share, Days: 14, First: now.AddDate(0, 0, -14), Last: now, Probation: fresh}
	}
	return []board.TokenPortrait{{
		Topic: "gateway.access", Partition: 3, Updated: now, State: schema.ProfileActive, First: now.AddDate(0, 0, -14), Last: now, Days: 15, Events: 680, HoursInWords: "usually 08–16h UTC",
		TokenHabits: board.TokenHabits{
			Places: []board.TokenHabit{habit("Berlin, DE", .93, false), habit("São Paulo, BR", .07, true)}, Networks: []board.TokenHabit{habit("AS3320 Deutsche Telekom AG (residential)", 1, false)},
			Clients: []board.TokenHabit{habit("acme-sdk/2", .93, false), habit("curl/8", .07, true)}, Countries: []board.TokenHabit{habit("DE", .93, false), habit("BR", .07, true)},
		},
		Rates:     []board.TokenRate{{Span: time.Minute, Most: 2, Today: 3}, {Span: time.Hour, Most: 5, Today: 140}},
		Detectors: []board.TokenDetector{{Name: "new_geo", Weight: 7.2, Seen: "São Paulo, BR", Normal: "DE 100 % over 14 days"}, {Name: "new_client", Weight: 4.1, Seen: "curl/8"}, {Name: "odd_hours"}, {Name: "probing", Trial: true}},
		Score:     2.1, Quarantine: now.Add(5 * time.Hour),
	}, {Topic: "gateway.access", Partition: 1, Gone: "It was dropped to make room for others (detect.max_tokens)."}}, nil
}

func (p portraits) Allowed() []board.TokenAllowance {
	return []board.TokenAllowance{{Kind: "label", Value: "consumer=acme-*", Owner: "netops", Reason: "the office moves", Configured: true}, {Kind: "label", Value: "environment=dev", Owner: "netops", Reason: "other tokens"}}
}

func explained(of schema.TokenID) func(*console.Config, *console.Parts) {
	return func(_ *console.Config, p *console.Parts) { p.Explain = portraits{of} }
}

// history adds what people did with the world's stolen token.
func history(t testing.TB, r *rig, w *world) {
	t.Helper()
	err := r.db.InsertVerdicts(t.Context(), []schema.Verdict{{ID: "v1", Incident: w.inc.ID, Token: w.stolen, Kind: schema.VerdictTheft, By: "slack:U024 (alice)", Note: "not us <b>", At: w.now, Since: w.now, To: w.now}})
	if err == nil {
		err = r.db.InsertAllowances(t.Context(), []schema.Allowance{
			{ID: "a1", Action: schema.AllowAdd, At: w.now, Kind: schema.AllowToken, Value: w.stolen.String(), Owner: "ann", Reason: "on a journey", By: "cli:ann", Until: w.now.AddDate(0, 1, 0)},
			{ID: "a2", Action: schema.AllowAdd, At: w.now, Kind: schema.AllowLabel, Value: "consumer=globex", Owner: "ann", Reason: "another owner"},
		})
	}
	for i, matchers := range [][]string{{"owner=acme-*", "severity=low"}, {"owner=globex"}, {"token!=" + w.stolen.String()}, {"incident=" + w.inc.ID}} {
		if err == nil {
			err = r.db.SaveSilence(t.Context(), schema.Silence{ID: fmt.Sprint(i), Matchers: matchers, By: "ann", Reason: fmt.Sprintf("silence %d", i), From: w.now, Until: w.now.Add(time.Hour), Revised: w.now})
		}
	}
	if err == nil {
		err = r.db.InsertRevocations(t.Context(), []schema.RevocationStep{{Incident: w.inc.ID, Action: "asked", Token: w.stolen, Revocation: schema.Revocation{Step: 1, At: w.now, Via: "kong", Reason: "a person decides"}}})
	}
	if err != nil {
		t.Fatal(err)
	}
}

func says(t *testing.T, page string, wants ...string) {
	t.Helper()
	for _, want := range wants {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
}

func TestTokenPage(t *testing.T) {
	w := &world{}
	r := newRig(t, explained(tokenOf(1)))
	w = settle(t, r.db)
	history(t, r, w)
	status, page := r.get("/tokens/" + w.stolen.String())
	if status != http.StatusOK {
		t.Fatalf("%d:\n%s", status, page)
	}
	says(t, page, "hf_…0001", w.stolen.String(), "acme-1", "nginx", "680", "active: judged by its own history", "high", "usually 08–16h UTC", "140 on its last day", "São Paulo, BR", "new, on probation",
		"A score of <strong>2.1</strong>", "Quiet: odd_hours, probing (on trial).", "dropped to make room", "/incidents/"+w.inc.ID, "Used from São Paulo", "confirmed theft", "not us &lt;b&gt;", "slack:U024 (alice)",
		"on a journey", "the office moves", "silence 0", "silence 3", "a person decides", "kong", "FROM token_profile WHERE token = unhex", "tokenwatch explain "+w.stolen.String(), "120 requests", "at most 120 a day")
	for _, foreign := range []string{"another owner", "other tokens", "silence 1", "silence 2", "style=", "<script>"} {
		if strings.Contains(page, foreign) {
			t.Errorf("the page has %q", foreign)
		}
	}
	if status, page = r.get("/tokens/" + strings.ToUpper(tokenOf(2).String())); status != http.StatusOK {
		t.Fatalf("%d:\n%s", status, page)
	}
	says(t, page, "No profile is stored yet", "None: nothing was ever found", "Nobody has said anything", "By requests, 90 days", "Berlin, DE", "100 %")
}

// Where nothing explains profiles the page is made of what is counted.
func TestTokenPageWithoutExplainer(t *testing.T) {
	r := newRig(t)
	w := settle(t, r.db)
	status, page := r.get("/tokens/" + w.stolen.String())
	if status != http.StatusOK {
		t.Fatalf("%d:\n%s", status, page)
	}
	says(t, page, "São Paulo, BR", "AS14061 DigitalOcean, LLC (hosting)", "curl/8", "Unknown without a profile")
}

func TestTokensThatAreNone(t *testing.T) {
	r := newRig(t)
	for path, want := range map[string]struct {
		status int
		text   string
	}{
		"/tokens/" + strings.Repeat("ab", 16):         {http.StatusNotFound, "No token is known by the fingerprint"},
		"/tokens/" + strings.Repeat("0", 32):          {http.StatusBadRequest, "That is no fingerprint"},
		"/tokens/sk-live-QkZxWvTyRmPqLsNd":            {http.StatusBadRequest, "That is no fingerprint"},
		"/tokens/" + strings.Repeat("a", 5000):        {http.StatusBadRequest, "That is no fingerprint"},
		"/tokens/%ff%fe":                              {http.StatusBadRequest, "That is no fingerprint"},
		"/tokens/abcd":                                {http.StatusOK, "No token's fingerprint begins with <b>abcd</b>"},
		"/tokens?q=" + strings.Repeat("x", 65):        {http.StatusBadRequest, "too long to be searched for"},
		"/tokens?q=%ff":                               {http.StatusBadRequest, "too long to be searched for"},
		"/tokens?q=%3Cscript%3Ealert(1)%3C/script%3E": {http.StatusOK, "&lt;script&gt;"},
		"/tokens": {http.StatusOK, "Find a token"},
	} {
		status, page := r.get(path)
		if status != want.status || !strings.Contains(page, want.text) || strings.Contains(page, "QkZxWvTyRmPqLsNd") || strings.Contains(page, "xxxxxxxxxx") || strings.Contains(page, "<script>alert") {
			t.Errorf("%.60s: %d\n%s", path, status, page)
		}
	}
}

func TestTokenSearch(t *testing.T) {
	r := newRig(t)
	w := settle(t, r.db)
	_, page := r.get("/tokens?q=hf_")
	says(t, page, "5 found", "hf_…0004", "/tokens/"+w.tokens[3].String(), "680", "560")
	_, page = r.get("/tokens?q=ACME-1")
	says(t, page, "2 found", "hf_…0001", "hf_…0004")
	_, page = r.get("/tokens?q=" + w.stolen.String())
	says(t, page, "Gateway", "Last 30 days")
	_, page = r.get("/tokens?q=" + w.stolen.String()[:8])
	says(t, page, "5 found") // they begin alike
}

// What strangers sent stays text, and short.
func TestTokenOfAStranger(t *testing.T) {
	r := newRig(t)
	now := time.Now().UTC().Truncate(time.Millisecond)
	e := (&world{now: now}).request(1, now, false)
	e.TokenHint, e.Consumer, e.Client = `<img src=x onerror=alert(1)>`, strings.Repeat("<b>owner</b>", 100_000), "\xff\xfe<i>"
	if err := r.db.InsertBlock(t.Context(), &schema.Block{Topic: "gateway.access", Ingested: now, Events: []schema.Event{e}}); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/tokens/" + e.Token.String(), "/tokens?q=" + e.Token.String()[:4], "/fleet?list=active"} {
		status, page := r.get(path)
		if status != http.StatusOK || strings.Contains(page, "<img src=x") || strings.Contains(page, "<b>owner") || strings.Contains(page, "<i>") || len(page) > 100_000 || !strings.Contains(page, "&lt;img") {
			t.Errorf("%s: %d, %d bytes", path, status, len(page))
		}
	}
}

// fitsWindow checks that the page is no wider than its window.
func fitsWindow(t *testing.T, ctx context.Context) {
	t.Helper()
	size, err := chromedp.Run(ctx, chromedp.Evaluate[[]float64](`[document.documentElement.scrollWidth, window.innerWidth]`))
	if err != nil {
		t.Fatal(err)
	}
	if size[0] > size[1]+1 {
		t.Errorf("the page is %g wide in a window of %g", size[0], size[1])
	}
}

// From the fleet to a token and to its search, in a browser, on a phone too, and in the dark.
func TestTokenInABrowser(t *testing.T) {
	r := newRig(t, explained(tokenOf(1)), backtests(&player{}))
	w := settle(t, r.db)
	history(t, r, w)
	ctx := r.browse(t, 1200, 900)
	if err := chromedp.Do(ctx, chromedp.Navigate(r.server.URL+"/fleet"), chromedp.WaitVisible(`.fleet-table`)); err != nil {
		t.Fatal(err)
	}
	shoot(t, ctx, "fleet.png")
	if err := chromedp.Do(ctx, chromedp.Click(`.fleet-table tbody a[href*="/tokens/"]`), chromedp.WaitVisible(`#token-normal`)); err != nil {
		t.Fatal(err)
	}
	heading, err := chromedp.Run(ctx, chromedp.Text("h1"))
	if err != nil || heading != "hf_…0001 · acme-1" {
		t.Errorf("%q %v", heading, err)
	}
	shoot(t, ctx, "token.png")
	if err := chromedp.Do(ctx, appear("dark")); err != nil {
		t.Fatal(err)
	}
	evaluate[bool](t, ctx, `document.querySelector("main > details").open = true`)
	shoot(t, ctx, "token-dark.png")
	for name, path := range map[string]string{"fleet": "/fleet", "token": "/tokens/" + w.stolen.String(), "search": "/tokens?q=hf_"} {
		if err := chromedp.Do(ctx, chromedp.EmulateViewport(390, 844, chromedp.EmulateMobile), chromedp.Navigate(r.server.URL+path), chromedp.WaitVisible("h1")); err != nil {
			t.Fatal(err)
		}
		fitsWindow(t, ctx)
		shoot(t, ctx, "phone-"+name+".png")
	}
}
