package console_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

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
			in.State, in.Verdicts = schema.IncidentAcknowledged, []schema.Verdict{{ID: "v", Kind: schema.VerdictAcknowledged, By: "console:bob (bob)"}}
		}
		if i%7 == 3 {
			in.Revocation = &schema.Revocation{State: []schema.RevocationState{schema.RevocationDone, schema.RevocationCounting, schema.RevocationFailed}[i%3]}
		}
		list = append(list, in)
	}
	save(t, db, list...)
	return w
}

func text(t testing.TB, ctx context.Context, selector string) string {
	t.Helper()
	s, err := chromedp.Run(ctx, chromedp.Text(selector))
	if err != nil {
		t.Fatalf("%s: %v", selector, err)
	}
	return s
}

func evaluate[T any](t testing.TB, ctx context.Context, script string) T {
	t.Helper()
	value, err := chromedp.Run(ctx, chromedp.Evaluate[T](script))
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
			if err := chromedp.Do(ctx, at("/incidents/revoke?id=inc-0000000000000002"), chromedp.Navigate("about:blank"), at("/incidents")); err != nil {
				t.Fatal(err)
			}
			shoot(t, ctx, fmt.Sprintf("revoke-%s-%s.png", size.name, theme))
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
	_, _, _, _ = kb.Enter, strings.Contains, time.Now, text
}
