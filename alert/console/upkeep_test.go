package console_test

import (
	"context"
	"testing"

	"github.com/chromedp/chromedp"
)

// phone looks at the page as it stands at the width of a phone, in the dark too, and holds that nothing has to be
// scrolled sideways.
func phone(t *testing.T, ctx context.Context, name string) {
	t.Helper()
	dark := `for (const sheet of document.styleSheets) for (const rule of sheet.cssRules)
		if (rule.media && rule.media.mediaText.includes("dark")) rule.media.mediaText = "all";
		document.documentElement.style.colorScheme = "dark"; 0`
	if _, err := chromedp.Run(ctx, chromedp.Evaluate[int64](dark)); err != nil {
		t.Fatal(err)
	}
	shoot(t, ctx, name+"_dark.png")
	if err := chromedp.Do(ctx, chromedp.EmulateViewport(390, 844)); err != nil {
		t.Fatal(err)
	}
	shoot(t, ctx, name+"_phone.png")
	wide, err := chromedp.Run(ctx, chromedp.Evaluate[int64]("document.documentElement.scrollWidth"))
	if err != nil {
		t.Fatal(err)
	}
	if wide > 390 {
		t.Errorf("%s is %d pixels wide on a phone of 390", name, wide)
	}
}
