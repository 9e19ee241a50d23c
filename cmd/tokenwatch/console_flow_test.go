package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/tokenwatch/tokenwatch/alert"
	"github.com/tokenwatch/tokenwatch/alert/console/signin"
	"github.com/tokenwatch/tokenwatch/deploy/standin"
	"github.com/tokenwatch/tokenwatch/schema"
)

// browser starts chromium for somebody. It is skipped, loudly, where there is none.
func browser(t *testing.T) context.Context {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		fmt.Fprintf(os.Stderr, "SKIPPED %s: chromium is not installed; the way from an alert to the revocation is not tried in a browser\n", t.Name())
		t.Skip("NOT TESTED, no chromium")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.WindowSize(1200, 900), chromedp.UserDataDir(t.TempDir()),
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
	return ctx
}

// follow opens a link as somebody who has to sign in first, and waits for the incident.
func follow(t *testing.T, link, name, password string) context.Context {
	t.Helper()
	ctx := browser(t)
	err := chromedp.Do(ctx, chromedp.Navigate(link), chromedp.SendKeys(`input[name=name]`, name), chromedp.SendKeys(`input[name=password]`, password),
		chromedp.Submit(`input[name=password]`), chromedp.WaitVisible(`#case-title`))
	if err != nil {
		t.Fatal(err)
	}
	return ctx
}

// From records in Kafka to an alert in Slack, by its link through sign-in to the incident, where one person may only
// look and another has the token revoked, which the gateway then is asked to do.
func TestFromAlertToRevocationInTheBrowser(t *testing.T) {
	t.Parallel()
	const credential = "7d9f1a50-3b1d-4f2d-8797-509ba83b8ae8"
	deleted := make(chan string, 10)
	gateway := listenHTTP(t, func(w http.ResponseWriter, r *http.Request) {
		deleted <- r.Method + " " + r.URL.Path
		w.WriteHeader(http.StatusNoContent)
	})
	channel, err := standin.StartSlack(standin.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer channel.Close()
	cfg := quick(t.TempDir())
	cfg.Slack.Token, cfg.Slack.Channel, cfg.Slack.APIURL = "xoxb-test", "#soc", channel.APIURL()
	cfg.Revoke.Mode, cfg.Revoke.MinSeverity, cfg.Revoke.Via = alert.RevokeAsk, schema.SeverityLow, "kong"
	cfg.Revoke.Kong.URL, cfg.Revoke.Webhook.Allow = gateway, []string{"127.0.0.0/8"}
	cfg.Console.Users = map[string]signin.User{"vic": {Role: signin.Viewer, Password: "the viewer's own"}, "rea": {Role: signin.Responder, Password: "the responder's own"}}
	p := start(t, cfg)
	record := func(at time.Time, ip string) string { return kongRecord(at, credential, ip) }
	past := learnt(time.Now(), record)
	p.produce(t, past...)
	p.settled(t, len(past))
	p.produce(t, stolen(time.Now(), record)...)

	var link, incident string
	eventually(t, time.Minute, "an alert with a link to the console", func() bool {
		for _, m := range channel.Messages() {
			if found := regexp.MustCompile(regexp.QuoteMeta(p.console.url()) + `incidents/(inc-[0-9a-f]+)`).FindStringSubmatch(string(m.Blocks)); found != nil {
				link, incident = found[0], found[1]
			}
		}
		return link != ""
	})
	eventually(t, time.Minute, "the question in ClickHouse", func() bool {
		return len(p.ask(t, "SELECT id FROM incidents FINAL WHERE id = '"+incident+"' AND revocation = 'asked'")) == 1
	})

	viewer := follow(t, link, "vic", "the viewer's own")
	locked, err := chromedp.Run(viewer, chromedp.Evaluate[bool](`document.querySelector('.case-acts fieldset').disabled && !document.querySelector('a[href*="confirm?kind="]')`))
	if err != nil || !locked {
		t.Errorf("a viewer can decide (%v)", err)
	}
	responder := follow(t, link, "rea", "the responder's own")
	if err := chromedp.Do(responder, chromedp.Click(`a[href$="confirm?kind=revoke"]`), chromedp.WaitVisible(`.case-confirm`)); err != nil {
		t.Fatal(err)
	}
	foreseen, err := chromedp.Run(responder, chromedp.Text(`.case-confirm`))
	if err != nil || !strings.Contains(foreseen, "kong") {
		t.Errorf("what will happen: %q (%v)", foreseen, err)
	}
	if len(deleted) > 0 {
		t.Fatal("it happened before it was confirmed")
	}
	if err := chromedp.Do(responder, chromedp.Click(`.case-confirm button.danger`), chromedp.WaitVisible(`.said`)); err != nil {
		t.Fatal(err)
	}
	select {
	case call := <-deleted:
		if call != "DELETE /consumers/crm/key-auth/"+credential {
			t.Errorf("Kong was asked to %s", call)
		}
	case <-time.After(time.Minute):
		t.Fatal("nothing was revoked")
	}
	eventually(t, time.Minute, "the incident's page says so", func() bool {
		text, err := chromedp.Run(responder, chromedp.Evaluate[string](`fetch(location.href).then(r => r.text())`, chromedp.EvalAwaitPromise))
		return err == nil && strings.Contains(text, "Token revoked at") && strings.Contains(text, "console:rea")
	})
	if acts := p.ask(t, "SELECT person, role, action, outcome FROM console_acts WHERE subject = '"+incident+"'"); len(acts) != 1 || !strings.HasPrefix(acts[0], "rea responder ") || !strings.HasSuffix(acts[0], " done") {
		t.Errorf("the audit has %q", acts)
	}
}
