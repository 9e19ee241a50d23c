package console_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/tokenwatch/tokenwatch/alert/console"
	"github.com/tokenwatch/tokenwatch/alert/console/signin"
	"github.com/tokenwatch/tokenwatch/schema"
	"github.com/tokenwatch/tokenwatch/schema/board"
)

// player is a Backtester that a test tells what to answer. The real one plays stored history in cmd's tests.
type player struct {
	mu     sync.Mutex
	runs   []board.BacktestRun
	refuse string
}

func (p *player) Offer() board.BacktestOffer {
	return board.BacktestOffer{
		Current:   board.BacktestOrder{Days: 14, Budget: 2, AlertNats: 5.5, HalfLife: 6 * time.Hour, Probation: 24 * time.Hour, MinSeverity: schema.SeverityMedium},
		Detectors: []string{"new_geo", "odd_hours", "new_client"}, Events: 2_000_000, Kept: 8,
	}
}

func (p *player) Start(by string, order board.BacktestOrder) (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.refuse != "" {
		return "", fmt.Errorf("%w: %s", console.ErrBacktest, p.refuse)
	}
	id := fmt.Sprintf("run%d", len(p.runs))
	p.runs = slices.Insert(p.runs, 0, board.BacktestRun{ID: id, By: by, Order: order, State: board.BacktestRunning, Phase: "Playing", Done: 512, Total: 2048, Started: time.Now()})
	return id, nil
}

func (p *player) Cancel(id string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.runs) == 0 || p.runs[0].ID != id || p.runs[0].State != board.BacktestRunning {
		return false
	}
	p.runs[0].State = board.BacktestCancelled
	return true
}

func (p *player) Runs() []board.BacktestRun {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.runs)
}

// end gives the newest run a result.
func (p *player) end(w *world) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.runs[0].State, p.runs[0].Ended = board.BacktestDone, time.Now()
	p.runs[0].Result = &board.BacktestResult{
		From: w.now.AddDate(0, 0, -42), Judged: w.now.AddDate(0, 0, -14), To: w.now, Events: 1_987_654, Stored: 98_765_432, Tokens: 20_123, Share: 0.02,
		Now: board.BacktestSide{Alerts: 12, PerWeek: 300, PerThousand: 1.9}, Then: board.BacktestSide{Alerts: 4, PerWeek: 100, PerThousand: 0.6},
		Detectors: []board.BacktestDetector{{Name: "new_geo", Now: 9, Then: 4}, {Name: "odd_hours", Now: 6, Then: 1}},
		Labels: []board.BacktestLabel{
			{Incident: w.inc.ID, Token: w.stolen, Hint: "hf_…0001", Theft: true, At: w.now, Now: true, Then: true}, {Incident: "inc-x", Token: tokenOf(2), Theft: true, At: w.now, Now: true}, {Incident: "inc-y", Token: tokenOf(3), At: w.now, Now: true},
		},
		Examples: []board.BacktestExample{{Token: w.stolen, Hint: "hf_…0001", Owner: "acme-1", At: w.now, Score: 2.14, Severity: schema.SeverityHigh, Summary: "Used from <b>São Paulo</b>, BR for the first time, with a new program", Detectors: []string{"new_geo", "new_client"}, Now: true, Then: true}, {Token: tokenOf(2), Hint: "hf_…0002", At: w.now, Score: 1.2, Severity: schema.SeverityMedium, Summary: "Used at odd hours", Detectors: []string{"odd_hours"}, Now: true}},
		Config:   "detect:\n  alert_nats: 8",
		Notes:    []string{"There is history from 2026-10-01 on only."},
	}
}

func backtests(p *player) func(*console.Config, *console.Parts) {
	return func(_ *console.Config, parts *console.Parts) { parts.Backtest = p }
}

// order is the form as the page has it.
func order(change ...string) url.Values {
	form := url.Values{"days": {"14"}, "budget": {"2"}, "alert_nats": {"5.5"}, "half_life": {"6h0m0s"}, "probation": {"24h0m0s"}, "min_severity": {"medium"}}
	for i := 0; i < len(change); i += 2 {
		form.Add(change[i], change[i+1])
		if len(form[change[i]]) > 1 && change[i] != "trial" {
			form.Set(change[i], change[i+1])
		}
	}
	return form
}

func TestBacktestPage(t *testing.T) {
	p := &player{}
	r := newRig(t, backtests(p))
	w := settle(t, r.db)
	_, page := r.get("/backtest")
	says(t, page, "Try other settings", "None since tokenwatch was started", "2,000,000 requests", `value="5.5"`, `value="6h"`, "now 24h", `value="odd_hours"`)
	status, page := r.post("/backtest", order("alert_nats", "8", "trial", "odd_hours", "trial", "new_geo", "rule_owner", "acme-*", "rule_factor", "0.5"))
	if status != http.StatusOK {
		t.Fatalf("%d:\n%s", status, page)
	}
	says(t, page, "The backtest runs.", "512 of 2,048 requests", "25 %", "alert_nats 8, on trial: odd_hours, new_geo, a threshold for acme-*", "Cancel</button>", `value="8"`)
	if o := p.Runs()[0].Order; o.Days != 14 || o.AlertNats != 8 || o.HalfLife != 6*time.Hour || o.MinSeverity != schema.SeverityMedium || o.Rule != (board.BacktestRule{Owner: "acme-*", Factor: 0.5}) || p.Runs()[0].By != "admin" {
		t.Errorf("%+v", p.Runs()[0])
	}
	answer, err := r.client.Get(r.server.URL + "/backtest")
	if err != nil || answer.Header.Get("Refresh") == "" {
		t.Errorf("the page of a run does not reload: %v %v", answer, err)
	}
	_ = answer.Body.Close()
	p.end(w)
	_, page = r.get("/backtest/run0")
	says(t, page, "Result: tried alert_nats 8", "300</td>", "−67 %", "2 of 2", "1 of 2", "1 of 1", "0 of 1", "2 % of the tokens", "98,765,432", "detect:\n  alert_nats: 8", "nothing is applied from here", "missed now", "quiet now",
		"/tokens/"+w.stolen.String(), "&lt;b&gt;São Paulo", "There is history from", "300 → 100")
	answer, err = r.client.Get(r.server.URL + "/backtest/run0")
	if err != nil || answer.Header.Get("Refresh") != "" {
		t.Errorf("the page of what has ended reloads: %v %v", answer, err)
	}
	_ = answer.Body.Close()
	_, page = r.post("/backtest", order())
	says(t, page, "tries nothing")
	_, page = r.post("/backtest/run1/cancel", url.Values{})
	says(t, page, "The backtest is cancelled.", "Cancelled: tried nothing")
	_, page = r.post("/backtest/run1/cancel", url.Values{})
	says(t, page, "It was not running any more.")
	_, page = r.get("/audit")
	says(t, page, "backtest-cancel", "14 days, trying alert_nats 8")
}

func TestBacktestRefuses(t *testing.T) {
	p := &player{}
	r := newRig(t, backtests(p))
	for want, form := range map[string]url.Values{
		"How many days": order("days", "3000"), "detect.budget has to be a number": order("budget", "many"), "detect.alert_nats has to be a number": order("alert_nats", "NaN"),
		"detect.half_life has to be a duration": order("half_life", "<b>"), "alert.min_severity is low": order("min_severity", "awful"), "factor has to be a number": order("rule_factor", "x"),
	} {
		if status, page := r.post("/backtest", form); status != http.StatusBadRequest || !strings.Contains(page, want) {
			t.Errorf("%s: %d\n%s", want, status, page)
		}
	}
	p.refuse = "detect.budget: want a number from 0.01 to 200"
	if status, page := r.post("/backtest", order()); status != http.StatusBadRequest || !strings.Contains(page, "not run: detect.budget: want a number") {
		t.Errorf("%d\n%s", status, page)
	}
	if status, page := r.get("/backtest/nothing"); status != http.StatusNotFound || !strings.Contains(page, "no such backtest any more") {
		t.Errorf("%d\n%s", status, page)
	}
	if len(p.Runs()) > 0 {
		t.Errorf("%+v", p.Runs())
	}
}

// A process that has nothing to run with says so, and where it can be done.
func TestBacktestOff(t *testing.T) {
	r := newRig(t)
	if status, page := r.get("/backtest"); status != http.StatusOK || !strings.Contains(page, "This process cannot run one.") {
		t.Errorf("%d\n%s", status, page)
	}
	if status, _ := r.post("/backtest", order()); status != http.StatusBadRequest {
		t.Errorf("run all the same: %d", status)
	}
}

// Who is no admin sees what came of runs, is not offered one, and cannot begin or end one.
func TestBacktestTakesAnAdmin(t *testing.T) {
	p := &player{}
	r := newRig(t, backtests(p), func(c *console.Config, _ *console.Parts) {
		c.Users = map[string]signin.User{"vera": {Role: signin.Responder, Password: "another password of the tests"}}
	})
	if _, err := p.Start("ann", p.Offer().Current); err != nil {
		t.Fatal(err)
	}
	r.client = r.signIn("vera", "another password of the tests", "")
	status, page := r.get("/backtest")
	if status != http.StatusOK || !strings.Contains(page, "512 of 2,048 requests") || !strings.Contains(page, "takes the role admin") || strings.Contains(page, "Cancel</button>") || strings.Contains(page, "Run the backtest") {
		t.Errorf("%d\n%s", status, page)
	}
	for _, path := range []string{"/backtest", "/backtest/run0/cancel"} {
		if status, page := r.post(path, order()); status != http.StatusForbidden || !strings.Contains(page, "admin") {
			t.Errorf("%s: %d\n%s", path, status, page)
		}
	}
	if runs := p.Runs(); len(runs) != 1 || runs[0].State != board.BacktestRunning {
		t.Errorf("%+v", runs)
	}
}

// An admin tries other settings in a browser, follows the run, and reads what it came to, on a phone too.
func TestBacktestInABrowser(t *testing.T) {
	p := &player{}
	r := newRig(t, backtests(p))
	w := settle(t, r.db)
	ctx := r.browse(t, 1200, 900)
	if err := chromedp.Do(ctx, chromedp.Navigate(r.server.URL+"/backtest"), chromedp.SetValue("#bt-nats", "8"), chromedp.Click(`input[value="odd_hours"]`)); err != nil {
		t.Fatal(err)
	}
	shoot(t, ctx, "backtest-form.png")
	if err := chromedp.Do(ctx, chromedp.Submit("#bt-nats"), chromedp.WaitVisible("progress")); err != nil {
		t.Fatal(err)
	}
	shoot(t, ctx, "backtest-running.png")
	p.end(w)
	if err := chromedp.Do(ctx, chromedp.WaitVisible("#backtest-result")); err != nil { // it reloads by itself
		t.Fatal(err)
	}
	shoot(t, ctx, "backtest-result.png")
	if err := chromedp.Do(ctx, chromedp.EmulateViewport(390, 844, chromedp.EmulateMobile), chromedp.Navigate(r.server.URL+"/backtest"), chromedp.WaitVisible("#backtest-result")); err != nil {
		t.Fatal(err)
	}
	fitsWindow(t, ctx)
	shoot(t, ctx, "phone-backtest.png")
}
