package console_test

import (
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/tokenwatch/tokenwatch/schema"
)

func TestIncidentInBrowser(t *testing.T) {
	r := newRig(t)
	w := settle(t, r.db)
	ctx := r.browse(t, 1280, 900)
	if err := chromedp.Do(ctx, chromedp.Navigate(r.server.URL+"/incidents/"+w.inc.ID), chromedp.WaitVisible(`#case-chart-minutes .uplot`)); err != nil {
		t.Fatal(err)
	}
	shoot(t, ctx, "incident-light.png")
	if err := chromedp.Do(ctx, appear("dark")); err != nil {
		t.Fatal(err)
	}
	shoot(t, ctx, "incident-dark.png")
	if err := chromedp.Do(ctx, appear("light"), chromedp.EmulateViewport(390, 844)); err != nil {
		t.Fatal(err)
	}
	wide, err := chromedp.Run(ctx, chromedp.Evaluate[int](`document.documentElement.scrollWidth`))
	if err != nil || wide > 390 {
		t.Errorf("on a phone the page is %d wide (%v)", wide, err)
	}
	shoot(t, ctx, "incident-phone.png")
}

// An analyst looks, confirms the theft after reading what will happen, and sees it kept.
func TestIncidentDecidedInBrowser(t *testing.T) {
	r := desk(t)
	w := settle(t, r.db)
	ctx := r.browse(t, 1280, 900)
	page := r.server.URL + "/incidents/" + w.inc.ID
	if err := chromedp.Do(ctx, chromedp.Navigate(page), chromedp.Click(`a[href$="kind=theft"]`), chromedp.WaitVisible(`.case-confirm button.danger`)); err != nil {
		t.Fatal(err)
	}
	lines, err := chromedp.Run(ctx, chromedp.Text(`.case-confirm ul`))
	if err != nil || !strings.Contains(lines, "The gateway kong is called at once") {
		t.Errorf("it says %q, %v", lines, err)
	}
	shoot(t, ctx, "incident-confirm.png")
	if err := chromedp.Do(ctx, chromedp.SendKeys(`.case-confirm input[name=note]`, "seen in a paste"), chromedp.Click(`.case-confirm button.danger`), chromedp.WaitVisible(`.said`)); err != nil {
		t.Fatal(err)
	}
	said, err := chromedp.Run(ctx, chromedp.Text(`.said`))
	if err != nil || !strings.Contains(said, "Confirmed theft, says console:admin") || !strings.Contains(said, "seen in a paste") {
		t.Errorf("it says %q, %v", said, err)
	}
	if list := r.caseVerdicts(); len(list) != 1 || list[0].Kind != schema.VerdictTheft || list[0].Note != "seen in a paste" {
		t.Errorf("kept: %+v", list)
	}

	counting := w.inc
	counting.Revision, counting.Revocation = 2, &schema.Revocation{State: schema.RevocationCounting, Step: 1, Via: "kong", At: w.now, Due: time.Now().Add(5 * time.Minute)}
	if err := r.db.SaveIncident(t.Context(), &counting); err != nil {
		t.Fatal(err)
	}
	if err := chromedp.Do(ctx, chromedp.Navigate(page), chromedp.WaitVisible(`.case-countdown`)); err != nil {
		t.Fatal(err)
	}
	left, err := chromedp.Run(ctx, chromedp.Text(`.case-countdown`))
	if err != nil || !strings.Contains(left, " min ") || !strings.Contains(left, "from now, unless somebody stops it") {
		t.Errorf("the countdown says %q, %v", left, err)
	}
	shoot(t, ctx, "incident-countdown.png")
	if err := chromedp.Do(ctx, chromedp.Click(`.case-stop`), chromedp.WaitVisible(`.said`)); err != nil {
		t.Fatal(err)
	}
	if list := r.caseVerdicts(); len(list) != 2 || list[1].Kind != schema.VerdictKeep {
		t.Errorf("kept: %+v", list)
	}
}
