package console_test

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// axeFile is what make setup fetches; it is used in the tests alone.
const axeFile = "../../deploy/local/node_modules/axe-core/axe.min.js"

// verdict is what axe-core says of a page.
type verdict struct {
	Passes     int
	Violations []struct {
		Impact string
		Help   string
		Nodes  []struct{ HTML string }
	}
}

// Every page can be used by those who do not see it, or use no mouse: axe-core finds no serious fault, in both themes.
func TestAccessible(t *testing.T) {
	axe, err := os.ReadFile(axeFile)
	if err != nil {
		fmt.Fprintf(os.Stderr, "SKIPPED %s: axe-core is not installed (make setup fetches it)\n", t.Name())
		t.Skip("NOT TESTED, no axe-core")
	}
	r := newRig(t)
	w := settle(t, r.db)
	ctx := r.browse(t, 1200, 900)
	for _, path := range []string{
		"/incidents", "/incidents/" + w.inc.ID, "/incidents/" + w.inc.ID + "/confirm?kind=theft", "/tokens/" + w.stolen.String(), "/tokens?q=hf_",
		"/fleet", "/silences", "/allow", "/allow/history", "/backtest", "/system", "/audit", "/nowhere",
	} {
		for _, theme := range []string{"light", "dark"} {
			if err := chromedp.Do(ctx, appear(theme), chromedp.Navigate(r.server.URL+path), chromedp.WaitVisible("#main")); err != nil {
				t.Fatal(path, err)
			}
			// Evaluated by the debugger, so the page's policy is not in the way, and stays as it is for all else.
			text := evaluate[string](t, ctx, string(axe)+"\n;axe.run(document).then(r => JSON.stringify({passes: r.passes.length, violations: r.violations}))", chromedp.EvalAwaitPromise)
			var found verdict
			if err := json.Unmarshal([]byte(text), &found); err != nil {
				t.Fatal(err)
			}
			if found.Passes < 10 {
				t.Errorf("%s (%s): only %d rules applied", path, theme, found.Passes)
			}
			for _, v := range found.Violations {
				if v.Impact == "serious" || v.Impact == "critical" {
					t.Errorf("%s (%s): %s, %s: %d places, e.g. %s", path, theme, v.Impact, v.Help, len(v.Nodes), strings.TrimSpace(v.Nodes[0].HTML))
				}
			}
		}
	}
}
