package console_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/tokenwatch/tokenwatch/schema"
	"github.com/tokenwatch/tokenwatch/schema/clickhouse"
)

// busy is a list as it looks on a bad day.
func busy(t testing.TB, db *clickhouse.DB) *world {
	t.Helper()
	w := settle(t, db)
	few(t, db)
	words := []string{
		"Used from São Paulo, BR for the first time, with a new program, 40 minutes after Berlin, DE",
		"1,204 requests in a minute; at most 31 so far",
		"Reads all datasets after a month of silence",
		"A run of 84 refusals (401, 403) over 31 routes, then 12 answers of /v1/admin/keys",
		"A read token that writes: the first DELETE of /v1/models/{id}",
	}
	var list []schema.Incident
	for i := range 30 {
		in := incidentOf(100+i, schema.IncidentOpen, schema.Severity(1+i%4), 7*i+3)
		in.Token, in.Summary, in.Score = tokenOf(i%5), words[i%len(words)], 1+float64(i%9)/4
		in.Consumer = []string{"acme-search", "globex-batch-inference-team", "initech", ""}[i%4]
		in.Evidence = append(in.Evidence, schema.Evidence{Detector: "odd_hours"}, schema.Evidence{Detector: "traffic_spike"}, schema.Evidence{Detector: "fan_out"})
		if i%5 == 4 {
			in.State, in.Verdicts = schema.IncidentAcknowledged, []schema.Verdict{{ID: "v", Kind: schema.VerdictAcknowledged, By: "console:bob"}}
		}
		if i%7 == 3 {
			in.Revocation = &schema.Revocation{State: []schema.RevocationState{schema.RevocationDone, schema.RevocationCounting, schema.RevocationFailed}[i%3]}
		}
		list = append(list, in)
	}
	save(t, db, list...)
	return w
}

// evaluate gives the value of a script.
func evaluate[T any](t testing.TB, ctx context.Context, script string, options ...chromedp.EvaluateOption) T {
	t.Helper()
	value, err := chromedp.Run(ctx, chromedp.Evaluate[T](script, options...))
	if err != nil {
		t.Fatalf("%s: %v", script, err)
	}
	return value
}

// appear has the browser ask for light or dark pages.
func appear(theme string) chromedp.Action[chromedp.Void] {
	return func(ctx context.Context, to *chromedp.Target) (nothing chromedp.Void, err error) {
		_, err = cdp.Call(ctx, to, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: theme}}})
		return nothing, err
	}
}

// soon waits until a script's value is true.
func soon(t testing.TB, ctx context.Context, what, script string) {
	t.Helper()
	eventually(t, what, func() bool { return evaluate[bool](t, ctx, script) })
}

// Somebody goes through the list with keys, acknowledges, and sees what changes without a reload and without rows that
// move; what is new is offered.
func TestInboxInABrowser(t *testing.T) {
	r := newRig(t)
	few(t, r.db)
	ctx := r.browse(t, 1200, 900)
	do := func(what string, actions ...chromedp.Action[chromedp.Void]) {
		t.Helper()
		for _, a := range actions {
			if err := chromedp.Do(ctx, a); err != nil {
				t.Fatalf("%s: %v", what, err)
			}
		}
	}
	at := func() string {
		return evaluate[string](t, ctx, `document.activeElement.closest("tr")?.dataset.id ?? ""`)
	}
	do("the list", chromedp.Navigate(r.server.URL+"/incidents"), chromedp.WaitVisible("#inbox-keys"))
	soon(t, ctx, "the title tells how many are open", `document.title.startsWith("(4) Incidents")`)

	do("j, j, k, j", chromedp.KeyEvent("jjkj"))
	if got := at(); got != inc(4) {
		t.Fatalf("the keys lead to %q", got)
	}
	do("typing", chromedp.KeyEvent("/"), chromedp.KeyEvent("jax?"))
	if got := evaluate[string](t, ctx, `document.activeElement.id + " " + document.activeElement.value`); !strings.HasPrefix(got, "inbox-search ") || !strings.HasSuffix(got, "jax?") {
		t.Errorf("typed %q", got)
	}
	if got := r.verdicts(); got != nil {
		t.Fatalf("typing decided: %q", got)
	}
	do("help", chromedp.Evaluate[chromedp.Void](`document.activeElement.blur()`), chromedp.KeyEvent("?"), chromedp.WaitVisible("#inbox-help"), chromedp.KeyEvent(kb.Escape))
	do("tick and acknowledge", chromedp.KeyEvent("jx"), chromedp.KeyEvent("j"), chromedp.KeyEvent("a"), chromedp.WaitVisible(".said"))
	soon(t, ctx, "the same row is at hand after the act", `document.activeElement.closest("tr")?.dataset.id === "`+inc(4)+`"`)
	if got := r.verdicts(); !slices.Equal(got, []string{"4 acknowledged console:admin"}) {
		t.Errorf("verdicts %q", got)
	}

	changed, fresh := incidentOf(4, schema.IncidentAcknowledged, schema.SeverityCritical, 20), incidentOf(7, schema.IncidentOpen, schema.SeverityCritical, 0)
	changed.Revision, changed.Summary = 2, "<b>Worse</b> than it was"
	changed.Verdicts = []schema.Verdict{{ID: "v", Kind: schema.VerdictAcknowledged, By: "console:admin"}}
	before := evaluate[string](t, ctx, `Array.from(document.querySelectorAll("tr[data-id]"), r => r.dataset.id).join()`)
	save(t, r.db, changed, fresh)
	soon(t, ctx, "what is new is offered", `document.getElementById("inbox-news").textContent.includes("1 new: show")`)
	row := `document.querySelector("tr[data-id=` + inc(4) + `]")`
	soon(t, ctx, "the row says what is now", row+`.innerText.includes("<b>Worse</b> than it was") && `+row+`.innerText.includes("critical") && `+row+`.innerText.includes("by console:admin") && !`+row+`.innerText.includes("Acknowledge\n")`)
	if after := evaluate[string](t, ctx, `Array.from(document.querySelectorAll("tr[data-id]"), r => r.dataset.id).join()`); after != before {
		t.Errorf("rows moved: %s, before %s", after, before)
	}
	soon(t, ctx, "the title counts again", `document.title.startsWith("(4) Incidents")`)
	shoot(t, ctx, "inbox-live.png")
	do("show it", chromedp.Click("#inbox-news a"), chromedp.WaitVisible(`tr[data-id=`+inc(7)+`]`))
	do("r asks", chromedp.KeyEvent("jj"))
	if got := at(); got != inc(2) {
		t.Fatalf("the keys lead to %q", got)
	}
	do("r asks", chromedp.KeyEvent("r"))
	soon(t, ctx, "a page asks before a token is revoked", `location.pathname + location.search === "/incidents/`+inc(2)+`/confirm?kind=revoke"`)
	if got := r.verdicts(); len(got) != 1 {
		t.Errorf("one key decided: %q", got)
	}
}

// Of two tabs one holds the stream and tells the other; when it goes the other takes it over.
func TestInboxInTwoTabs(t *testing.T) {
	r := newRig(t)
	few(t, r.db)
	first := r.browse(t, 1200, 900)
	second, stop := chromedp.NewContext(first)
	defer stop()
	for _, tab := range []context.Context{first, second} {
		if err := chromedp.Do(tab, chromedp.Navigate(r.server.URL+"/incidents"), chromedp.WaitVisible("#inbox-keys")); err != nil {
			t.Fatal(err)
		}
	}
	save(t, r.db, incidentOf(7, schema.IncidentOpen, schema.SeverityCritical, 0))
	for _, tab := range []context.Context{first, second} {
		soon(t, tab, "both tabs tell", `document.getElementById("inbox-news").textContent.includes("1 new") && document.title.startsWith("(5)")`)
	}
	if n := evaluate[int](t, first, `navigator.locks.query().then(l => l.held.length * 10 + l.pending.length)`, chromedp.EvalAwaitPromise); n != 11 {
		t.Errorf("%d tabs hold a stream and %d wait for it", n/10, n%10)
	}
	if err := chromedp.Do(first, chromedp.Navigate("about:blank")); err != nil {
		t.Fatal(err)
	}
	save(t, r.db, incidentOf(8, schema.IncidentOpen, schema.SeverityCritical, 0))
	soon(t, second, "the other tab goes on", `document.getElementById("inbox-news").textContent.includes("2 new") && document.title.startsWith("(6)")`)
}

// TestPicturesOfInbox makes pictures for people to look at, and sees that nothing is wider than a phone.
func TestPicturesOfInbox(t *testing.T) {
	if *shots == "" {
		t.Skip("pictures are made with -shots")
	}
	r := newRig(t)
	busy(t, r.db)
	ctx := r.browse(t, 1200, 900)
	at := func(path string) chromedp.Action[chromedp.Void] { return chromedp.Navigate(r.server.URL + path) }
	for _, size := range []struct {
		name          string
		width, height int64
	}{{"wide", 1200, 900}, {"phone", 390, 844}} {
		for _, theme := range []string{"light", "dark"} {
			err := chromedp.Do(ctx, appear(theme), chromedp.EmulateViewport(size.width, size.height), at("/incidents"), chromedp.WaitVisible(`#inbox-keys`))
			if err != nil {
				t.Fatal(err)
			}
			shoot(t, ctx, fmt.Sprintf("inbox-%s-%s.png", size.name, theme))
			if wide := evaluate[int64](t, ctx, "document.documentElement.scrollWidth"); wide > size.width {
				t.Errorf("%s: the page is %d wide", size.name, wide)
			}
		}
	}
	png, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	_ = os.WriteFile(*shots+"/crop.png", png, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if err := chromedp.Do(ctx, chromedp.EmulateViewport(1200, 900), at("/incidents?q=nothing&within=24h"), chromedp.WaitVisible(`#inbox h2`), chromedp.KeyEvent("?"), chromedp.WaitVisible(`#inbox-help`)); err != nil {
		t.Fatal(err)
	}
	shoot(t, ctx, "inbox-help.png")
}
