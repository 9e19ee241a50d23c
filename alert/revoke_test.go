package alert_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tokenwatch/tokenwatch/alert"
	"github.com/tokenwatch/tokenwatch/schema"
)

// trail is an Audit that lasts as long as the test, and can be broken.
type trail struct {
	mu     sync.Mutex
	steps  []schema.RevocationStep
	broken bool
	blind  bool // it writes and cannot be read
}

func (a *trail) InsertRevocations(_ context.Context, steps []schema.RevocationStep) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.broken {
		return errBroken
	}
	a.steps = append(a.steps, steps...)
	return nil
}

func (a *trail) Revocations(_ context.Context, since time.Time, incident string) ([]schema.RevocationStep, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.broken || a.blind {
		return nil, errBroken
	}
	var list []schema.RevocationStep
	for _, s := range a.steps {
		if !s.Revocation.At.Before(since) || s.Incident == incident {
			list = append(list, s)
		}
	}
	return list, nil
}

func (a *trail) set(broken, blind bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.broken, a.blind = broken, blind
}

// actions are what the audit says of one incident.
func (a *trail) actions(incident string) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	var words []string
	for _, s := range a.steps {
		if s.Incident == incident {
			words = append(words, s.Action)
		}
	}
	return strings.Join(words, " ")
}

// gate is a Gateway that answers as it is told.
type gate struct {
	answer func(call int, o alert.Order) error

	mu    sync.Mutex
	calls []string // revoke or restore, and the order's id
	by    []string
}

func (g *gate) Name() string { return "webhook" }

func (g *gate) Revoke(_ context.Context, o alert.Order) (string, error) { return g.call("revoke", o) }
func (g *gate) Restore(_ context.Context, o alert.Order) (string, error) {
	return g.call("restore", o)
}

func (g *gate) call(what string, o alert.Order) (string, error) {
	g.mu.Lock()
	g.calls, g.by = append(g.calls, what+" "+o.ID), append(g.by, o.By)
	n := len(g.calls)
	g.mu.Unlock()
	if g.answer != nil {
		if err := g.answer(n, o); err != nil {
			return "", err
		}
	}
	return "done", nil
}

func (g *gate) made() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.calls)
}

// world is a dispatcher with a revoker, at work.
type world struct {
	d     *alert.Dispatcher
	r     *alert.Revoker
	log   *memory
	trail *trail
	gate  *gate
	slack *channel
	stop  func()
	n     int
}

func revokeConfig(mode alert.RevokeMode) alert.RevokeConfig {
	cfg := alert.DefaultRevokeConfig()
	cfg.Mode, cfg.MinSeverity = mode, schema.SeverityHigh
	return cfg
}

func newWorld(t *testing.T, cfg alert.RevokeConfig, before *world) *world {
	t.Helper()
	w := &world{log: newMemory(), trail: &trail{}, gate: &gate{}, slack: &channel{name: "slack"}}
	if before != nil {
		w.log, w.trail, w.gate = before.log, before.trail, before.gate
	}
	var err error
	w.r, err = alert.NewRevoker(cfg, alert.RevokerParts{
		Gateways: []alert.Gateway{w.gate}, Audit: w.trail, Instance: "one",
		Show: func(ctx context.Context, id string, rev schema.Revocation) error { return w.d.Show(ctx, id, rev) },
		Find: w.log.Incident,
		Owns: func(id string) bool { return w.d.Owns(id) },
	})
	if err != nil {
		t.Fatal(err)
	}
	if w.d, err = alert.New(alert.DefaultConfig(), w.log, []alert.Notifier{w.slack}, alert.WithFollower(w.r)); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { _ = w.d.Run(ctx) })
	running.Go(func() { _ = w.r.Run(ctx) })
	w.stop = sync.OnceFunc(func() { cancel(); running.Wait() })
	t.Cleanup(w.stop)
	return w
}

// Incident makes the memory an alert.Shelf.
func (m *memory) Incident(_ context.Context, id string) (schema.Incident, bool, error) {
	inc, found := m.all()[id]
	return inc, found, nil
}

// theft opens an incident, and gives its id.
func (w *world) theft(t *testing.T, token byte, change ...func(*schema.Finding)) string {
	t.Helper()
	w.n++
	f := finding(token, uint32(w.n), time.Now())
	for _, c := range change {
		c(&f)
	}
	accept(t, w.d, f)
	synctest.Wait()
	return alert.Open(&f).ID
}

func (w *world) say(t *testing.T, incident string, kind schema.VerdictKind) {
	t.Helper()
	w.n++
	v := schema.Verdict{ID: fmt.Sprint("v", w.n), Incident: incident, Token: w.log.all()[incident].Token, Kind: kind, By: "slack:U1 (alice)", At: time.Now()}
	if err := w.d.Verdict(t.Context(), v); err != nil {
		t.Fatal(err)
	}
	w.r.Order(v)
	synctest.Wait()
}

// stands is where the incident's revocation stands, and why.
func (w *world) stands(t *testing.T, incident string) string {
	t.Helper()
	synctest.Wait()
	inc := w.log.all()[incident]
	if inc.Revocation == nil {
		return ""
	}
	return strings.TrimSpace(string(inc.Revocation.State) + " " + inc.Revocation.Reason)
}

func (w *world) expect(t *testing.T, incident, state, audit string, calls ...string) {
	t.Helper()
	if have := w.stands(t, incident); !strings.HasPrefix(have, state) || state == "" && have != "" {
		t.Errorf("it stands at %q, want %q", have, state)
	}
	if have := w.trail.actions(incident); have != audit {
		t.Errorf("the audit says %q, want %q", have, audit)
	}
	var want []string
	for _, c := range calls {
		want = append(want, strings.ReplaceAll(c, "ID", incident))
	}
	if have := w.gate.made(); !slices.Equal(have, want) {
		t.Errorf("calls %q, want %q", have, want)
	}
}

func TestModes(t *testing.T) {
	for _, c := range []struct {
		mode         alert.RevokeMode
		state, audit string
		calls        []string
	}{
		{alert.RevokeOff, "", "", nil},
		{alert.RevokeDryRun, "dry_run", "dry_run", nil},
		{alert.RevokeAsk, "asked", "asked", nil},
		{alert.RevokeAutomatic, "revoked", "called revoked", []string{"revoke revoke-ID"}},
	} {
		t.Run(string(c.mode), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, revokeConfig(c.mode), nil)
				id := w.theft(t, 1)
				w.expect(t, id, c.state, c.audit, c.calls...)
				w.theft(t, 1) // more of the same changes nothing
				w.expect(t, id, c.state, c.audit, c.calls...)
			})
		})
	}
}

// A person answers a question, once or twice, with yes or no.
func TestAsk(t *testing.T) {
	for _, c := range []struct {
		name         string
		said         []schema.VerdictKind
		state, audit string
		calls        []string
	}{
		{"yes", []schema.VerdictKind{schema.VerdictRevoke}, "revoked", "asked approved called revoked", []string{"revoke revoke-ID"}},
		{"yes, twice", []schema.VerdictKind{schema.VerdictRevoke, schema.VerdictRevoke}, "revoked", "asked approved called revoked", []string{"revoke revoke-ID"}},
		{"theft", []schema.VerdictKind{schema.VerdictTheft}, "revoked", "asked approved called revoked", []string{"revoke revoke-ID"}},
		{"no", []schema.VerdictKind{schema.VerdictKeep}, "stopped", "asked stopped", nil},
		{"no, then yes", []schema.VerdictKind{schema.VerdictKeep, schema.VerdictRevoke}, "revoked", "asked stopped approved called revoked", []string{"revoke revoke-ID"}},
		{"it was us", []schema.VerdictKind{schema.VerdictOwner}, "stopped it was the owner", "asked stopped", nil},
		{"somebody is looking", []schema.VerdictKind{schema.VerdictAcknowledged, schema.VerdictSnooze}, "asked", "asked", nil},
		{"restore what was never revoked", []schema.VerdictKind{schema.VerdictRestore}, "asked", "asked", nil},
		{"there, back and there again", []schema.VerdictKind{schema.VerdictRevoke, schema.VerdictRestore, schema.VerdictRevoke}, "revoked",
			"asked approved called revoked restoring called restored approved called revoked",
			[]string{"revoke revoke-ID", "restore restore-ID", "revoke revoke-ID-2"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, revokeConfig(alert.RevokeAsk), nil)
				id := w.theft(t, 1)
				for _, kind := range c.said {
					w.say(t, id, kind)
				}
				w.expect(t, id, c.state, c.audit, c.calls...)
				if len(c.calls) > 0 && w.gate.by[0] != "slack:U1 (alice)" {
					t.Errorf("revoked by %q", w.gate.by[0])
				}
			})
		})
	}
}

// Within the countdown a person can stop it; without one it ends with a call.
func TestCountdown(t *testing.T) {
	for _, stopped := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			cfg := revokeConfig(alert.RevokeAutomatic)
			cfg.Countdown = 2 * time.Minute
			w := newWorld(t, cfg, nil)
			id := w.theft(t, 1)
			w.expect(t, id, "counting", "counting")
			time.Sleep(119 * time.Second)
			w.expect(t, id, "counting", "counting")
			if stopped {
				w.say(t, id, schema.VerdictKeep)
			}
			time.Sleep(2 * time.Second)
			if stopped {
				w.expect(t, id, "stopped", "counting stopped")
				return
			}
			w.expect(t, id, "revoked", "counting called revoked", "revoke revoke-ID")
		})
	}
}

// A process that dies during a countdown, or in the middle of a call, leaves it to the next one.
func TestRevocationOutlastsTheProcess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := revokeConfig(alert.RevokeAutomatic)
		cfg.Countdown = time.Minute
		w := newWorld(t, cfg, nil)
		id := w.theft(t, 1)
		w.stop()
		time.Sleep(time.Hour)
		w = newWorld(t, cfg, w)
		w.expect(t, id, "revoked", "counting called revoked", "revoke revoke-ID")
	})
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, revokeConfig(alert.RevokeAutomatic), nil)
		w.gate.answer = func(call int, _ alert.Order) error {
			if call == 1 {
				return errors.New("reset")
			}
			return nil
		}
		id := w.theft(t, 1)
		w.stop()
		w = newWorld(t, revokeConfig(alert.RevokeAutomatic), w)
		time.Sleep(5 * time.Second)
		w.expect(t, id, "revoked", "called answered called revoked", "revoke revoke-ID", "revoke revoke-ID")
	})
}

func TestGatewaysAnswers(t *testing.T) {
	for _, c := range []struct {
		name   string
		answer func(call int, o alert.Order) error
		after  time.Duration
		state  string
		calls  int
	}{
		{"500 twice", func(n int, _ alert.Order) error { return failTimes(n, 2, errors.New("HTTP 500")) }, 10 * time.Second, "revoked", 3},
		{"500 for ever", func(int, alert.Order) error { return errors.New("HTTP 500") }, 20 * time.Minute, "failed no answer that counts after", 0},
		{"410", func(int, alert.Order) error {
			return alert.Permanent{Err: errors.New("HTTP 410"), Fix: "set revoke.url"}
		}, time.Minute, "failed HTTP 410: set revoke.url", 1},
		{"asks to wait", func(n int, _ alert.Order) error {
			return failTimes(n, 1, alert.RetryAfter{After: 30 * time.Second, Err: errors.New("HTTP 429")})
		}, 31 * time.Second, "revoked", 2},
		{"has not waited long enough", func(n int, _ alert.Order) error {
			return failTimes(n, 1, alert.RetryAfter{After: 30 * time.Second, Err: errors.New("HTTP 429")})
		}, 29 * time.Second, "calling asked to wait 30s: HTTP 429", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, revokeConfig(alert.RevokeAutomatic), nil)
				w.gate.answer = c.answer
				id := w.theft(t, 1)
				time.Sleep(c.after)
				if have := w.stands(t, id); !strings.HasPrefix(have, c.state) && !strings.Contains(have, c.state) {
					t.Errorf("it stands at %q, want %q", have, c.state)
				}
				calls := w.gate.made()
				if c.calls > 0 && len(calls) != c.calls {
					t.Errorf("%d calls, want %d", len(calls), c.calls)
				}
				for _, call := range calls {
					if call != calls[0] {
						t.Errorf("a repetition has another id: %q", calls)
					}
				}
			})
		})
	}
}

func failTimes(n, times int, err error) error {
	if n <= times {
		return err
	}
	return nil
}

// Above a cap nobody is revoked, a person is told, and may decide when the hour is over.
func TestCaps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := revokeConfig(alert.RevokeAutomatic)
		cfg.MaxPerHour, cfg.MaxPerOwner = 3, 2
		w := newWorld(t, cfg, nil)
		other := func(f *schema.Finding) { f.Consumer = "globex" }
		a, b, c := w.theft(t, 1), w.theft(t, 2), w.theft(t, 3)
		d, e := w.theft(t, 4, other), w.theft(t, 5, other)
		for id, want := range map[string]string{a: "revoked", b: "revoked", c: "asked 2 tokens of this owner", d: "revoked", e: "asked 3 tokens were revoked"} {
			if have := w.stands(t, id); !strings.HasPrefix(have, want) {
				t.Errorf("%q, want %q", have, want)
			}
		}
		w.say(t, e, schema.VerdictRevoke) // the cap holds for people too
		if have := w.stands(t, e); !strings.HasPrefix(have, "asked 3 tokens") || len(w.gate.made()) != 3 {
			t.Errorf("%q after %d calls", have, len(w.gate.made()))
		}
		time.Sleep(time.Minute) // edits are some seconds apart
		synctest.Wait()
		told := map[string]string{}
		for _, call := range w.slack.heard() {
			told[call.m.Incident.ID] = strings.Join(call.m.Actions, "\n")
		}
		if !strings.Contains(told[c], "revoke.max_per_owner") || !strings.Contains(told[e], "revoke.max_per_hour") {
			t.Errorf("nobody is told: %q", told)
		}
		time.Sleep(time.Hour)
		w.say(t, e, schema.VerdictRevoke)
		if have := w.stands(t, e); have != "revoked" {
			t.Errorf("an hour later %q", have)
		}
	})
}

// Two instances that write to one audit keep one cap between them.
func TestCapHoldsForAllInstances(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := revokeConfig(alert.RevokeAutomatic)
		cfg.MaxPerHour, cfg.MaxPerOwner = 5, 100
		one := newWorld(t, cfg, nil)
		two := newWorld(t, cfg, nil)
		shared := &trail{}
		*one.trail, *two.trail = trail{}, trail{}
		one.stop()
		two.stop()
		one.trail, two.trail = shared, shared
		one, two = newWorld(t, cfg, one), newWorld(t, cfg, two)
		for n := range byte(10) {
			one.theft(t, n+1)
			two.theft(t, n+101)
		}
		synctest.Wait()
		if n := len(one.gate.made()) + len(two.gate.made()); n != 5 {
			t.Errorf("%d tokens were revoked, want 5", n)
		}
	})
}

// What cannot be written down, or not be read, is not done; people are told, and it is done once it can be.
func TestFailsClosed(t *testing.T) {
	for name, set := range map[string]func(*trail){
		"cannot be written": func(a *trail) { a.set(true, false) },
		"cannot be read":    func(a *trail) { a.set(false, true) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, revokeConfig(alert.RevokeAutomatic), nil)
				set(w.trail)
				id := w.theft(t, 1)
				time.Sleep(10 * time.Second)
				synctest.Wait()
				if len(w.gate.made()) != 0 || !strings.HasPrefix(w.stands(t, id), "held the decision cannot be stored") {
					t.Fatalf("calls %q, it stands at %q", w.gate.made(), w.stands(t, id))
				}
				told := w.slack.heard()
				if last := strings.Join(told[len(told)-1].m.Actions, "\n"); !strings.Contains(last, "NOT revoked yet") {
					t.Errorf("people read %q", last)
				}
				w.trail.set(false, false)
				time.Sleep(2 * time.Minute)
				if have := w.stands(t, id); have != "revoked" || len(w.gate.made()) != 1 {
					t.Errorf("afterwards it stands at %q after %q", have, w.gate.made())
				}
			})
		})
	}
}

func TestProtected(t *testing.T) {
	for name, protect := range map[string]func(*alert.Protected){
		"token": func(p *alert.Protected) { p.Tokens = []schema.TokenID{{1}} },
		"owner": func(p *alert.Protected) { p.Owners = []string{"acme-*"} },
		"hint":  func(p *alert.Protected) { p.Hints = []string{"hf_*"} },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cfg := revokeConfig(alert.RevokeAutomatic)
				protect(&cfg.Protected)
				w := newWorld(t, cfg, nil)
				id := w.theft(t, 1)
				w.expect(t, id, "refused the token is protected by revoke.protected."+name+"s", "refused")
				w.say(t, id, schema.VerdictRevoke) // whoever wants it
				w.expect(t, id, "refused the token is protected", "refused")
			})
		})
	}
}

func TestRules(t *testing.T) {
	match := func(list ...string) (m alert.Matchers) {
		for _, text := range list {
			one, err := alert.ParseMatcher(text)
			if err != nil {
				t.Fatal(err)
			}
			m = append(m, one)
		}
		return m
	}
	soon := time.Duration(0)
	rules := []alert.RevokeRule{
		{Match: match("environment=dev"), Mode: alert.RevokeOff},
		{Match: match("detector=impossible_travel"), Mode: alert.RevokeAutomatic, Countdown: &soon},
		{Hours: "business", Mode: alert.RevokeAsk},
		{Source: "kong", Match: match("severity=high+"), Mode: alert.RevokeAutomatic},
	}
	day, night := time.Date(2026, 3, 2, 11, 0, 0, 0, time.UTC), time.Date(2026, 3, 2, 23, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		name   string
		at     time.Time
		change func(*schema.Finding)
		want   schema.RevocationState
		due    time.Duration
	}{
		{"the first that matches", day, func(f *schema.Finding) { f.Environment = "dev" }, "", 0},
		{"a detector", day, func(f *schema.Finding) { f.Evidence[0].Detector = "impossible_travel" }, schema.RevocationCalling, 0},
		{"at work", day, func(*schema.Finding) {}, schema.RevocationAsked, 0},
		{"at night, elsewhere", night, func(*schema.Finding) {}, schema.RevocationDryRun, 0},
		{"at night, at kong", night, func(f *schema.Finding) { f.Source = "kong" }, schema.RevocationCounting, time.Minute},
		{"at night, at kong, not severe", night, func(f *schema.Finding) { f.Source, f.Severity = "kong", schema.SeverityMedium }, "", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := revokeConfig(alert.RevokeDryRun)
			cfg.Rules, cfg.Countdown = rules, time.Minute
			r, err := alert.NewRevoker(cfg, alert.RevokerParts{Gateways: []alert.Gateway{&gate{}}})
			if err != nil {
				t.Fatal(err)
			}
			f := finding(1, 1, c.at)
			c.change(&f)
			inc := alert.Open(&f)
			r.Weigh(&inc, c.at)
			switch rev := inc.Revocation; {
			case rev == nil && c.want == "":
			case rev == nil || rev.State != c.want:
				t.Errorf("have %+v, want %q", rev, c.want)
			case c.want == schema.RevocationCounting && rev.Due.Sub(c.at) != c.due:
				t.Errorf("due after %s", rev.Due.Sub(c.at))
			}
			urgent := c.want == schema.RevocationCalling
			if cfg.Urgent(&f, c.at) != urgent {
				t.Errorf("urgent: %v", !urgent)
			}
		})
	}
}

// An incident that becomes worse is decided on anew; one that a person has decided on is not.
func TestMoreSevere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := revokeConfig(alert.RevokeAutomatic)
		cfg.MinSeverity = schema.SeverityCritical
		cfg.Rules = []alert.RevokeRule{{Match: alert.Matchers{must(alert.ParseMatcher("severity=high"))}, Mode: alert.RevokeAsk}}
		w := newWorld(t, cfg, nil)
		worse := func(f *schema.Finding) { f.Severity = schema.SeverityCritical }
		id := w.theft(t, 1)
		kept := w.theft(t, 2)
		w.say(t, kept, schema.VerdictKeep)
		w.theft(t, 1, worse)
		w.theft(t, 2, worse)
		w.expect(t, id, "revoked", "asked called revoked", "revoke revoke-ID")
		if have := w.stands(t, kept); have != "stopped" {
			t.Errorf("what was kept is %q", have)
		}
	})
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
