package alert_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tokenwatch/tokenwatch/alert"
	"github.com/tokenwatch/tokenwatch/schema"
)

// crash ends a process the way kill -9 does: whatever it still does reaches no log.
func crash(log *memory, stop func()) *memory {
	after := newMemory()
	after.rows = log.freeze()
	go stop()
	return after
}

func TestCrashBeforeDelivery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := newMemory()
		dead := &channel{name: "slack", answer: func(int, alert.Message) error { return errors.New("away") }}
		d, stop := running(t, alert.DefaultConfig(), log, dead)
		for n := range byte(10) {
			accept(t, d, finding(n+1, uint32(n), time.Now()))
		}
		log = crash(log, stop)

		slack := &channel{name: "slack"}
		_, stop = running(t, alert.DefaultConfig(), log, slack)
		time.Sleep(time.Minute)
		stop()
		if n := len(slack.heard()); n != 10 {
			t.Errorf("%d of 10 were told after the restart", n)
		}
	})
}

func TestRestartEditsAndDoesNotRepeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := newMemory()
		first := finding(1, 1, time.Now())
		slack, revoke := &channel{name: "slack"}, &actor{channel{name: "revoke"}}
		d, stop := running(t, alert.DefaultConfig(), log, slack, revoke)
		accept(t, d, first)
		time.Sleep(time.Minute)
		log = crash(log, stop)
		time.Sleep(time.Minute)

		again, revokeAgain := &channel{name: "slack"}, &actor{channel{name: "revoke"}}
		d, stop = running(t, alert.DefaultConfig(), log, again, revokeAgain)
		accept(t, d, first) // the block that was under way is replayed
		time.Sleep(time.Hour)
		if len(again.heard()) != 0 || len(revokeAgain.heard()) != 0 {
			t.Errorf("after the restart %d messages and %d actions, want none", len(again.heard()), len(revokeAgain.heard()))
		}
		accept(t, d, finding(1, 2, time.Now()))
		time.Sleep(time.Minute)
		calls := again.heard()
		if len(calls) != 1 || calls[0].m.Ref != "slack-"+slack.heard()[0].m.Incident.ID {
			t.Errorf("want one edit of the message posted before, have %+v", calls)
		}
		if calls[0].m.Actions[0] != "done" {
			t.Errorf("the edit forgot what was done: %q", calls[0].m.Actions)
		}
		stop()
	})
}

func TestCrashOfOneDestinationOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := newMemory()
		slack := &channel{name: "slack"}
		dead := &channel{name: "telegram", answer: func(int, alert.Message) error { return errors.New("away") }}
		d, stop := running(t, alert.DefaultConfig(), log, slack, dead)
		accept(t, d, finding(1, 1, time.Now()))
		time.Sleep(time.Minute)
		log = crash(log, stop)

		slack2, telegram2 := &channel{name: "slack"}, &channel{name: "telegram"}
		_, stop = running(t, alert.DefaultConfig(), log, slack2, telegram2)
		time.Sleep(time.Minute)
		stop()
		if len(slack2.heard()) != 0 || len(telegram2.heard()) != 1 {
			t.Errorf("slack %d, telegram %d; want 0 and 1", len(slack2.heard()), len(telegram2.heard()))
		}
	})
}

// What resolved while a destination was away is still told there; what others heard of
// long ago is not told to a destination that is new.
func TestResolvedWhileAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := newMemory()
		dead := &channel{name: "slack", answer: func(int, alert.Message) error { return errors.New("away") }}
		d, stop := running(t, alert.DefaultConfig(), log, dead)
		accept(t, d, finding(1, 1, time.Now()))
		time.Sleep(30 * time.Hour)
		if log.only(t).State != schema.IncidentResolved {
			t.Fatal("not resolved")
		}
		log = crash(log, stop)

		slack, other := &channel{name: "slack"}, &channel{name: "new"}
		_, stop = running(t, alert.DefaultConfig(), log, slack, other)
		time.Sleep(time.Minute)
		stop()
		if len(slack.heard()) != 1 || len(other.heard()) != 0 {
			t.Errorf("slack %d, the new one %d; want 1 and 0", len(slack.heard()), len(other.heard()))
		}
	})
}

// A finding of a resolved incident that is replayed by the next process opens nothing.
func TestReplayOfResolvedAfterRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := newMemory()
		first := finding(1, 1, time.Now())
		d, stop := running(t, alert.DefaultConfig(), log)
		accept(t, d, first)
		time.Sleep(30 * time.Hour)
		log = crash(log, stop)
		d, stop = running(t, alert.DefaultConfig(), log)
		defer stop()
		accept(t, d, first)
		if inc := log.only(t); inc.State != schema.IncidentResolved {
			t.Errorf("a replay reopened the incident: %+v", inc)
		}
	})
}

func TestNotifierRemembersItsPast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := newMemory()
		d, stop := running(t, alert.DefaultConfig(), log, &actor{channel{name: "revoke"}})
		accept(t, d, finding(1, 1, time.Now()))
		time.Sleep(time.Minute)
		log = crash(log, stop)
		r := &rememberer{actor: actor{channel{name: "revoke"}}}
		_, stop = running(t, alert.DefaultConfig(), log, r)
		synctest.Wait()
		stop()
		if len(r.past) != 1 || r.past[0].Ref == "" {
			t.Errorf("remembers %+v", r.past)
		}
	})
}

type rememberer struct {
	actor
	past []schema.Delivery
}

func (r *rememberer) Remember(_ string, d schema.Delivery) { r.past = append(r.past, d) }
