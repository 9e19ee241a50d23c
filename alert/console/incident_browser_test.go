package console_test

import (
	"context"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// prefer has the browser prefer a theme.
func prefer(t *testing.T, ctx context.Context, theme string) {
	t.Helper()
	features := []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: theme}}
	if _, err := chromedp.Run(ctx, func(ctx context.Context, to *chromedp.Target) (cdp.Empty, error) {
		return cdp.Call(ctx, to, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: features})
	}); err != nil {
		t.Fatal(err)
	}
}

func TestIncidentInBrowser(t *testing.T) {
	r := newRig(t)
	w := settle(t, r.db)
	ctx := r.browse(t, 1280, 900)
	if err := chromedp.Do(ctx, chromedp.Navigate(r.server.URL+"/incidents/"+w.inc.ID), chromedp.WaitVisible(`#case-chart-minutes .uplot`)); err != nil {
		t.Fatal(err)
	}
	shoot(t, ctx, "incident-light.png")
	prefer(t, ctx, "dark")
	shoot(t, ctx, "incident-dark.png")
	prefer(t, ctx, "light")
	if err := chromedp.Do(ctx, chromedp.EmulateViewport(390, 844)); err != nil {
		t.Fatal(err)
	}
	wide, err := chromedp.Run(ctx, chromedp.Evaluate[int](`document.documentElement.scrollWidth`))
	if err != nil || wide > 390 {
		t.Errorf("on a phone the page is %d wide (%v)", wide, err)
	}
	shoot(t, ctx, "incident-phone.png")
}
