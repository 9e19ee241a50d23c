package console_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

var shots = flag.String("shots", "", "folder for pictures of the pages, to be looked at")

// browse starts a real browser, signed in. It is skipped, loudly, where there is none.
func (r *rig) browse(t *testing.T, width, height int) context.Context {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		fmt.Fprintf(os.Stderr, "SKIPPED %s: chromium is not installed; the console is not tried in a browser\n", t.Name())
		t.Skip("NOT TESTED, no chromium")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.WindowSize(width, height), chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-dev-shm-usage", true))
	allocator, stop := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(stop)
	ctx, cancel := chromedp.NewContext(allocator)
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx, chromedp.Navigate("about:blank")); err != nil { // the browser lives as long as this context
		t.Fatal(err)
	}
	ctx, giveUp := context.WithTimeout(ctx, 90*time.Second)
	t.Cleanup(giveUp)
	r.enter(t, ctx, "admin", password)
	return ctx
}

// enter signs somebody in as a person would.
func (r *rig) enter(t *testing.T, ctx context.Context, name, password string) {
	t.Helper()
	err := chromedp.Do(ctx, chromedp.Navigate(r.server.URL+"/sign-in"), chromedp.SendKeys(`input[name=name]`, name),
		chromedp.SendKeys(`input[name=password]`, password), chromedp.Submit(`input[name=password]`), chromedp.WaitVisible(`form.who`))
	if err != nil {
		t.Fatal(err)
	}
}

// shoot keeps a picture of the page as it stands, for people to look at.
func shoot(t *testing.T, ctx context.Context, name string) {
	t.Helper()
	if *shots == "" {
		return
	}
	png, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(*shots, name), png, 0o600); err != nil {
		t.Fatal(err)
	}
}

// Somebody can sign in and move about with a browser.
func TestBrowser(t *testing.T) {
	r := newRig(t)
	ctx := r.browse(t, 1200, 900)
	if err := chromedp.Do(ctx, chromedp.Navigate(r.server.URL+"/nowhere")); err != nil {
		t.Fatal(err)
	}
	heading, err := chromedp.Run(ctx, chromedp.Text("h1"))
	if err != nil {
		t.Fatal(err)
	}
	if heading != "There is no page /nowhere." {
		t.Errorf("the heading is %q", heading)
	}
	shoot(t, ctx, "nowhere.png")
}
