package alert_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tokenwatch/tokenwatch/alert"
	"github.com/tokenwatch/tokenwatch/schema"
)

// These tests run in a bubble of fake time: a wait of hours takes none, and a sleep is a
// condition ("nothing is left to do before then"), not a guess.

func TestPostsThenEdits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, slack := newMemory(), &channel{name: "slack"}
		d, stop := running(t, alert.DefaultConfig(), log, slack)
		defer stop()
		accept(t, d, finding(1, 1, time.Now()))
		synctest.Wait()
		worse := finding(1, 2, time.Now())
		worse.Severity = schema.SeverityCritical
		accept(t, d, worse)
		time.Sleep(time.Minute)

		calls := slack.heard()
		if len(calls) != 2 {
			t.Fatalf("%d messages, want one and its edit", len(calls))
		}
		if calls[0].m.Ref != "" || calls[1].m.Ref != "slack-"+calls[0].m.Incident.ID {
			t.Errorf("refs %q, %q", calls[0].m.Ref, calls[1].m.Ref)
		}
		if gap := calls[1].at.Sub(calls[0].at); gap < 5*time.Second || gap > 6*time.Second {
			t.Errorf("the edit came after %s, want update_every", gap)
		}
		del := log.only(t).Deliveries[0]
		if del.Revision != log.only(t).Revision || del.Ref == "" || del.Error != "" || del.Attempts != 1 {
			t.Errorf("recorded as %+v at revision %d", del, log.only(t).Revision)
		}
	})
}

func TestUpdatesCoalesce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slack := &channel{name: "slack"}
		d, stop := running(t, alert.DefaultConfig(), newMemory(), slack)
		defer stop()
		for n := range uint32(1000) {
			f := finding(1, n+1, time.Now())
			f.Evidence[0].Key = fmt.Sprint("country:", n)
			accept(t, d, f)
			time.Sleep(20 * time.Millisecond)
		}
		time.Sleep(time.Minute)
		calls := slack.heard()
		if len(calls) < 4 || len(calls) > 6 {
			t.Errorf("1,000 findings in 20 s made %d messages, want one every 5 s", len(calls))
		}
		last := calls[len(calls)-1].m.Incident
		if !slices.ContainsFunc(last.Findings, func(id schema.FindingID) bool { return id == finding(1, 1000, time.Now()).ID }) {
			t.Error("the last message does not know the last finding")
		}
	})
}

func TestReplayIsSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, slack := newMemory(), &channel{name: "slack"}
		d, stop := running(t, alert.DefaultConfig(), log, slack)
		defer stop()
		batch := []schema.Finding{finding(1, 1, time.Now()), finding(2, 2, time.Now()), finding(1, 3, time.Now())}
		accept(t, d, batch...)
		time.Sleep(time.Minute)
		saves, calls := log.saved(), len(slack.heard())
		accept(t, d, batch...)
		time.Sleep(time.Minute)
		if log.saved() != saves || len(slack.heard()) != calls {
			t.Errorf("a replay made %d saves and %d messages", log.saved()-saves, len(slack.heard())-calls)
		}
	})
}

func TestResolvesAfterQuietAndOpensAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, slack := newMemory(), &channel{name: "slack"}
		d, stop := running(t, alert.DefaultConfig(), log, slack)
		defer stop()
		first := finding(1, 1, time.Now())
		accept(t, d, first)
		time.Sleep(23 * time.Hour)
		if inc := log.only(t); inc.State != schema.IncidentOpen {
			t.Fatalf("%s after 23 h", inc.State)
		}
		time.Sleep(2 * time.Hour)
		if inc := log.only(t); inc.State != schema.IncidentResolved || inc.Resolved.IsZero() {
			t.Fatalf("%s after 25 h", inc.State)
		}
		calls := slack.heard()
		if last := calls[len(calls)-1].m; last.Icon != "✅" || last.Ref == "" || !strings.HasPrefix(last.Title, "RESOLVED") {
			t.Errorf("the channel was told %q, ref %q", last.Title, last.Ref)
		}
		saves := log.saved()
		accept(t, d, first) // a late replay
		time.Sleep(time.Minute)
		if log.saved() != saves || len(slack.heard()) != len(calls) {
			t.Error("the replay of a resolved incident's finding changed something")
		}
		accept(t, d, finding(1, 2, time.Now()))
		if n := len(log.all()); n != 2 {
			t.Errorf("%d incidents, want the resolved and a new one", n)
		}
	})
}

func TestDeadDestinationHoldsUpNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slack := &channel{name: "slack"}
		dead := &channel{name: "telegram", answer: func(int, alert.Message) error {
			time.Sleep(30 * time.Second)
			return errors.New("no route to host")
		}}
		d, stop := running(t, alert.DefaultConfig(), newMemory(), dead, slack)
		defer stop()
		start := time.Now()
		for n := range byte(20) {
			accept(t, d, finding(n+1, uint32(n), time.Now()))
		}
		if took := time.Since(start); took > 0 {
			t.Errorf("accepting took %s", took)
		}
		synctest.Wait()
		if n := len(slack.heard()); n != 20 {
			t.Errorf("slack heard of %d incidents of 20", n)
		}
		if n := len(dead.heard()); n != 1 {
			t.Errorf("%d calls at once to a dead destination", n)
		}
	})
}

func TestRetriesWithBackoffUntilAccepted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := newMemory()
		slack := &channel{name: "slack", answer: func(call int, _ alert.Message) error {
			if call < 6 {
				return errors.New("internal_error")
			}
			return nil
		}}
		d, stop := running(t, alert.DefaultConfig(), log, slack)
		defer stop()
		accept(t, d, finding(1, 1, time.Now()))
		time.Sleep(6 * time.Second)
		if del := log.only(t).Deliveries; len(del) != 1 || del[0].Error != "internal_error" || del[0].Attempts != 3 {
			t.Errorf("after three failures the incident says %+v", del)
		}
		time.Sleep(time.Hour)
		calls := slack.heard()
		if len(calls) != 6 {
			t.Fatalf("%d attempts, want 6", len(calls))
		}
		for i := 2; i < len(calls); i++ {
			before, now := calls[i-1].at.Sub(calls[i-2].at), calls[i].at.Sub(calls[i-1].at)
			if now <= before/2 || now > 3*time.Minute {
				t.Errorf("attempt %d came after %s, the one before after %s", i+1, now, before)
			}
		}
		if del := log.only(t).Deliveries[0]; del.Error != "" || del.Attempts != 6 {
			t.Errorf("accepted, and recorded as %+v", del)
		}
	})
}

func TestStormOf429(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var healed atomic.Bool
		slack := &channel{name: "slack", pace: time.Second, answer: func(int, alert.Message) error {
			if !healed.Load() {
				return alert.RetryAfter{After: 30 * time.Second, Err: errors.New("rate limited")}
			}
			return nil
		}}
		d, stop := running(t, alert.DefaultConfig(), newMemory(), slack)
		defer stop()
		for n := range byte(50) {
			accept(t, d, finding(n+1, uint32(n), time.Now()))
		}
		time.Sleep(10*time.Minute - time.Second)
		if n := len(slack.heard()); n != 20 {
			t.Errorf("%d calls in ten minutes to a destination that asks for 30 s each", n)
		}
		healed.Store(true)
		time.Sleep(5 * time.Minute)
		told := map[string]int{}
		var last time.Time
		for _, c := range slack.heard()[20:] {
			told[c.m.Incident.ID]++
			if !last.IsZero() && c.at.Sub(last) < time.Second {
				t.Errorf("two messages %s apart", c.at.Sub(last))
			}
			last = c.at
		}
		if len(told) != 50 {
			t.Errorf("%d incidents of 50 were told", len(told))
		}
		for id, n := range told {
			if n != 1 {
				t.Errorf("%s was told %d times", id, n)
			}
		}
	})
}

func TestSevereAndNewGoFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slack := &channel{name: "slack", pace: time.Second}
		d, stop := running(t, alert.DefaultConfig(), newMemory(), slack)
		defer stop()
		accept(t, d, finding(9, 1, time.Now()))
		synctest.Wait() // this one is out; everything below waits for the pace
		var batch []schema.Finding
		for n, s := range []schema.Severity{schema.SeverityMedium, schema.SeverityCritical, schema.SeverityHigh} {
			f := finding(byte(n+1), uint32(n), time.Now())
			f.Severity = s
			batch = append(batch, f)
		}
		accept(t, d, batch...)
		time.Sleep(time.Minute)
		var got []string
		for _, c := range slack.heard()[1:] {
			got = append(got, c.m.Incident.Severity.String())
		}
		if want := "[critical high medium]"; fmt.Sprint(got) != want {
			t.Errorf("order %v, want %s", got, want)
		}
	})
}

// What nobody has heard of goes before an edit, however severe.
func TestNewsGoBeforeEdits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := alert.DefaultConfig()
		cfg.UpdateEvery = 0
		slack := &channel{name: "slack", pace: time.Second}
		d, stop := running(t, cfg, newMemory(), slack)
		defer stop()
		accept(t, d, finding(1, 1, time.Now()))
		synctest.Wait()
		worse := finding(1, 2, time.Now())
		worse.Severity = schema.SeverityCritical
		accept(t, d, worse, finding(2, 3, time.Now()))
		time.Sleep(time.Minute)
		calls := slack.heard()
		if len(calls) != 3 || calls[1].m.Ref != "" || calls[2].m.Ref == "" {
			t.Errorf("of %d messages the second edits %q", len(calls), calls[1].m.Ref)
		}
	})
}

// A change that comes while its message is being posted waits as any other does.
func TestChangeDuringACallWaitsItsTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slack := &channel{name: "slack", answer: func(int, alert.Message) error {
			time.Sleep(2 * time.Second)
			return nil
		}}
		d, stop := running(t, alert.DefaultConfig(), newMemory(), slack)
		defer stop()
		accept(t, d, finding(1, 1, time.Now()))
		time.Sleep(time.Second)
		worse := finding(1, 2, time.Now())
		worse.Severity = schema.SeverityCritical
		accept(t, d, worse)
		time.Sleep(time.Minute)
		calls := slack.heard()
		if len(calls) != 2 || calls[1].at.Sub(calls[0].at) != 7*time.Second {
			t.Errorf("%d messages, the second after %s; want it 5 s after the first was accepted", len(calls), calls[1].at.Sub(calls[0].at))
		}
		if calls[1].m.Incident.Severity != schema.SeverityCritical {
			t.Error("the change was lost")
		}
	})
}

// A destination that takes nothing is not hammered by a long queue.
func TestDeadDestinationGetsRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dead := &channel{name: "slack", answer: func(int, alert.Message) error { return errors.New("connection refused") }}
		d, stop := running(t, alert.DefaultConfig(), newMemory(), dead)
		defer stop()
		for n := range byte(200) {
			accept(t, d, finding(n, uint32(n), time.Now()))
		}
		time.Sleep(10 * time.Minute)
		if n := len(dead.heard()); n < 20 || n > 60 {
			t.Errorf("%d calls in ten minutes", n)
		}
	})
}

// Events can arrive late: quiet is counted from when they did.
func TestQuietCountsFromArrival(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := newMemory()
		d, stop := running(t, alert.DefaultConfig(), log)
		defer stop()
		late := finding(1, 1, time.Now().Add(-5*time.Hour))
		late.Ingested = time.Now()
		accept(t, d, late)
		time.Sleep(23 * time.Hour)
		if inc := log.only(t); inc.State != schema.IncidentOpen {
			t.Errorf("%s 23 h after it became known", inc.State)
		}
	})
}

func TestPermanentErrorWaitsForSomebody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := newMemory()
		slack := &channel{name: "slack", answer: func(call int, _ alert.Message) error {
			if call == 1 || call == 2 {
				return alert.Permanent{Err: errors.New("slack: channel_not_found"), Fix: "set slack.channel"}
			}
			return nil
		}}
		d, stop := running(t, alert.DefaultConfig(), log, slack)
		defer stop()
		accept(t, d, finding(1, 1, time.Now()))
		time.Sleep(10 * time.Minute)
		if n := len(slack.heard()); n != 1 {
			t.Fatalf("%d attempts within ten minutes", n)
		}
		if e := log.only(t).Deliveries[0].Error; e != "slack: channel_not_found: set slack.channel" {
			t.Errorf("recorded as %q", e)
		}
		accept(t, d, finding(1, 2, time.Now())) // a change is tried at once
		synctest.Wait()
		if n := len(slack.heard()); n != 2 {
			t.Errorf("%d attempts after a change, want 2", n)
		}
		time.Sleep(16 * time.Minute)
		if del := log.only(t).Deliveries[0]; len(slack.heard()) != 3 || del.Error != "" {
			t.Errorf("after it was cured: %d attempts, %+v", len(slack.heard()), del)
		}
	})
}

func TestActsOnceAndTellsTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slack := &channel{name: "slack"}
		revoke := &actor{channel{name: "revoke", answer: func(_ int, m alert.Message) error {
			if m.Incident.Severity < schema.SeverityCritical {
				return alert.ErrSkip
			}
			return nil
		}}}
		d, stop := running(t, alert.DefaultConfig(), newMemory(), slack, revoke)
		defer stop()
		accept(t, d, finding(1, 1, time.Now()))
		synctest.Wait()
		if calls := slack.heard(); len(calls) != 1 || !strings.HasPrefix(calls[0].m.Actions[0], "Nothing was done") {
			t.Fatalf("first told: %+v", calls)
		}
		for n := range uint32(3) {
			f := finding(1, n+2, time.Now())
			f.Severity, f.Score = schema.SeverityCritical, 3+float64(n)
			accept(t, d, f)
			time.Sleep(time.Minute)
		}
		acted := 0
		for _, c := range revoke.heard() {
			if c.m.Incident.Severity == schema.SeverityCritical {
				acted++
			}
		}
		if acted != 1 {
			t.Errorf("acted %d times", acted)
		}
		calls := slack.heard()
		if last := calls[len(calls)-1].m; last.Actions[0] != "done" {
			t.Errorf("the channel reads %q", last.Actions)
		}
	})
}

// The first message waits a moment for the actor, so that it can say what was done.
func TestFirstMessageSaysWhatWasDone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slack := &channel{name: "slack"}
		revoke := &actor{channel{name: "revoke", answer: func(int, alert.Message) error {
			time.Sleep(300 * time.Millisecond)
			return nil
		}}}
		d, stop := running(t, alert.DefaultConfig(), newMemory(), slack, revoke)
		defer stop()
		start := time.Now()
		accept(t, d, finding(1, 1, start))
		time.Sleep(time.Minute)
		calls := slack.heard()
		if len(calls) != 1 || calls[0].m.Actions[0] != "done" || calls[0].at.Sub(start) > 400*time.Millisecond {
			t.Errorf("%d messages, the first after %s: %q", len(calls), calls[0].at.Sub(start), calls[0].m.Actions)
		}
	})
}

func TestSlowActorDoesNotHoldUpTheAlert(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slack := &channel{name: "slack"}
		revoke := &actor{channel{name: "revoke", answer: func(int, alert.Message) error {
			time.Sleep(20 * time.Second)
			return errors.New("HTTP 500")
		}}}
		d, stop := running(t, alert.DefaultConfig(), newMemory(), slack, revoke)
		defer stop()
		start := time.Now()
		accept(t, d, finding(1, 1, start))
		time.Sleep(5 * time.Minute)
		calls := slack.heard()
		if late := calls[0].at.Sub(start); late > time.Second {
			t.Errorf("the alert waited %s for the actor", late)
		}
		if last := calls[len(calls)-1].m; last.Actions[0] != "still trying: HTTP 500" {
			t.Errorf("the channel reads %q", last.Actions)
		}
	})
}

func TestActorsRefusalIsFinal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := newMemory()
		slack := &channel{name: "slack"}
		revoke := &actor{channel{name: "revoke", answer: func(int, alert.Message) error {
			return alert.Permanent{Err: errors.New("HTTP 410")}
		}}}
		d, stop := running(t, alert.DefaultConfig(), log, slack, revoke)
		accept(t, d, finding(1, 1, time.Now()))
		time.Sleep(time.Hour)
		accept(t, d, finding(1, 2, time.Now()))
		time.Sleep(time.Hour)
		stop()
		_, stop = running(t, alert.DefaultConfig(), log, slack, revoke)
		time.Sleep(time.Hour)
		stop()
		if n := len(revoke.heard()); n != 1 {
			t.Errorf("%d attempts after a final refusal", n)
		}
		calls := slack.heard()
		if last := calls[len(calls)-1].m; last.Actions[0] != "not done: HTTP 410" {
			t.Errorf("the channel reads %q", last.Actions)
		}
	})
}

func TestAcceptFailsWithTheLogAndCanBeRepeated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, slack := newMemory(), &channel{name: "slack"}
		d, stop := running(t, alert.DefaultConfig(), log, slack)
		defer stop()
		synctest.Wait()
		log.breakDown(true)
		f := finding(1, 1, time.Now())
		if err := d.Accept(t.Context(), []schema.Finding{f}); !errors.Is(err, errBroken) {
			t.Fatalf("accepted without a log: %v", err)
		}
		time.Sleep(time.Minute)
		if len(slack.heard()) != 0 {
			t.Error("told of something that was not stored")
		}
		log.breakDown(false)
		accept(t, d, f)
		time.Sleep(time.Minute)
		if len(slack.heard()) != 1 || len(log.all()) != 1 {
			t.Errorf("%d messages, %d incidents", len(slack.heard()), len(log.all()))
		}
	})
}

// Deliveries go on while the log is away, and are recorded once it is back.
func TestDeliversWhileTheLogIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, slack := newMemory(), &channel{name: "slack", pace: time.Second}
		d, stop := running(t, alert.DefaultConfig(), log, slack)
		defer stop()
		for n := range byte(3) {
			accept(t, d, finding(n+1, uint32(n), time.Now()))
		}
		log.breakDown(true)
		time.Sleep(time.Minute)
		if n := len(slack.heard()); n != 3 {
			t.Fatalf("%d of 3 were told while the log was away", n)
		}
		log.breakDown(false)
		time.Sleep(10 * time.Second)
		for id, inc := range log.all() {
			if len(inc.Deliveries) != 1 || inc.Deliveries[0].Ref == "" {
				t.Errorf("%s is recorded with %+v", id, inc.Deliveries)
			}
		}
	})
}

func TestTooManyOpenResolvesTheQuietest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := alert.DefaultConfig()
		cfg.MaxOpen = 10
		log := newMemory()
		d, stop := running(t, cfg, log)
		defer stop()
		for n := range byte(30) {
			accept(t, d, finding(n+1, uint32(n), time.Now()))
			time.Sleep(time.Second)
		}
		open := 0
		for _, inc := range log.all() {
			if inc.State == schema.IncidentOpen {
				open++
				if inc.Token[0] <= 20 {
					t.Errorf("token %d, one of the oldest, is still open", inc.Token[0])
				}
			}
		}
		if open != 10 {
			t.Errorf("%d are open, want 10", open)
		}
	})
}

func TestTwoDestinationsOfOneName(t *testing.T) {
	_, err := alert.New(alert.DefaultConfig(), newMemory(), []alert.Notifier{&channel{name: "a"}, &channel{name: "a"}})
	if err == nil || !strings.Contains(err.Error(), `"a"`) {
		t.Errorf("error %v", err)
	}
}

func TestRunEndsWithTheContextWhileTheLogIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := newMemory()
		log.breakDown(true)
		_, stop := running(t, alert.DefaultConfig(), log, &channel{name: "slack"})
		time.Sleep(time.Minute)
		stop()
	})
}

// A call that is under way when the process is told to end gets to finish.
func TestStopFinishesTheCallUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := newMemory()
		slow := &channel{name: "slack", answer: func(int, alert.Message) error {
			time.Sleep(2 * time.Second)
			return nil
		}}
		d, stop := running(t, alert.DefaultConfig(), log, slow)
		accept(t, d, finding(1, 1, time.Now()))
		synctest.Wait()
		stop()
		if del := log.only(t).Deliveries; len(del) != 1 || del[0].Ref == "" {
			t.Errorf("recorded as %+v", del)
		}
	})
}

var _ alert.Log = (*memory)(nil)

func TestAcceptEndsWithItsContext(t *testing.T) {
	log := newMemory()
	log.breakDown(true)
	d, err := alert.New(alert.DefaultConfig(), log, nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := d.Accept(ctx, []schema.Finding{finding(1, 1, noon)}); err == nil {
		t.Error("accepted without a log")
	}
}
