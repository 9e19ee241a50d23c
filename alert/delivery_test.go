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

// many makes findings about so many tokens; every third is critical.
func many(n int) (list []schema.Finding) {
	for i := 1; i <= n; i++ {
		f := finding(byte(i), uint32(i), time.Now())
		f.Token[1], f.ID[1], f.ID[2] = byte(i>>8), byte(i>>8), byte(i)
		if i%3 == 0 {
			f.Severity = schema.SeverityCritical
		}
		list = append(list, f)
	}
	return list
}

// A queue that would take an hour becomes digests, the severe incidents first. Nobody is told of one twice.
func TestStormBecomesDigests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, slack := newMemory(), &desk{channel: channel{name: "slack", pace: time.Second}, entries: 30}
		d, stop := running(t, alert.DefaultConfig(), log, slack)
		defer stop()
		accept(t, d, many(3000)...)
		time.Sleep(4 * time.Minute)
		told := slack.told()
		if len(told) != 3000 {
			t.Errorf("%d of 3000 incidents were told in four minutes", len(told))
		}
		for id, n := range told {
			if n != 1 {
				t.Errorf("%s was told %d times", id, n)
			}
		}
		var order []schema.Severity
		for _, c := range slack.heard() {
			if c.m.Kind != alert.KindDigest {
				continue
			}
			if n := len(c.m.Entries); n > 30 || !strings.HasPrefix(c.m.Title, fmt.Sprint(n, " incidents: ")) {
				t.Errorf("a digest of %d: %s", n, c.m.Title)
			}
			for _, e := range c.m.Entries {
				order = append(order, e.Severity)
			}
		}
		if !slices.IsSortedFunc(order, func(a, b schema.Severity) int { return int(b) - int(a) }) {
			t.Error("mild incidents went before severe ones")
		}
		for _, inc := range log.all() {
			if del := inc.Deliveries[0]; del.Revision != inc.Revision || (del.Digest == "") == (del.Ref == "") {
				t.Fatalf("recorded as %+v", del)
			}
		}
	})
}

// What was told in a digest has no message to edit. It gets one of its own when it becomes more severe.
func TestAfterADigest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slack := &desk{channel: channel{name: "slack", pace: 10 * time.Second}, entries: 50}
		d, stop := running(t, alert.DefaultConfig(), newMemory(), slack)
		defer stop()
		list := many(40)
		for i := range list {
			list[i].Severity = schema.SeverityMedium
		}
		accept(t, d, list...)
		time.Sleep(5 * time.Minute)
		before := len(slack.heard())
		last := slack.heard()[before-1].m
		if last.Kind != alert.KindDigest {
			t.Fatalf("heard %v", slack.kinds())
		}
		same, worse := list[0], list[1]
		for _, f := range list {
			switch alert.Open(&f).ID {
			case last.Entries[0].Incident:
				same = f
			case last.Entries[1].Incident:
				worse = f
			}
		}
		same.ID[3], worse.ID[3] = 9, 9
		same.Score, worse.Score, worse.Severity = 9, 9, schema.SeverityCritical
		accept(t, d, same, worse)
		time.Sleep(5 * time.Minute)
		after := slack.heard()[before:]
		if len(after) != 1 || after[0].m.Ref != "" || after[0].m.Incident.Token != worse.Token || !after[0].m.Escalated {
			t.Errorf("%d messages after the digest, want one about what became critical: %+v", len(after), after)
		}
	})
}

// An edit notifies nobody, so an escalation is told below the message too, once, also over a restart.
func TestEscalationIsToldBelowTheMessage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, slack := newMemory(), &desk{channel: channel{name: "slack"}}
		d, stop := running(t, alert.DefaultConfig(), log, slack)
		accept(t, d, finding(1, 1, time.Now()))
		time.Sleep(time.Minute)
		accept(t, d, finding(1, 2, time.Now())) // no worse
		time.Sleep(time.Minute)
		worse := finding(1, 3, time.Now())
		worse.Severity = schema.SeverityCritical
		accept(t, d, worse)
		time.Sleep(time.Minute)
		log = crash(log, stop)
		_, stop = running(t, alert.DefaultConfig(), log, slack)
		time.Sleep(time.Minute)
		stop()
		if have := fmt.Sprint(slack.kinds()); have != "[post edit edit reply]" {
			t.Fatalf("heard %s", have)
		}
		calls := slack.heard()
		post, below := calls[0].m, calls[3].m
		if below.Ref != "slack-"+post.Incident.ID || !below.Escalated || !strings.HasPrefix(below.Title, "NOW CRITICAL") {
			t.Errorf("the reply: ref %q, %q", below.Ref, below.Title)
		}
		if post.Key == "" || calls[1].m.Key != post.Key || below.Key == post.Key {
			t.Errorf("keys %q, %q, %q", post.Key, calls[1].m.Key, below.Key)
		}
	})
}

// A crash between a post and its record: the message is found, and not posted again. What it does not say is edited in.
func TestFindsWhatItPosted(t *testing.T) {
	for name, c := range map[string]struct {
		find func(calls *atomic.Int32) func(string) (string, error)
		want string
	}{
		"it is there": {func(*atomic.Int32) func(string) (string, error) {
			return func(key string) (string, error) { return "ts-1", nil }
		}, "[edit]"},
		"it is not there": {func(*atomic.Int32) func(string) (string, error) { return nil }, "[post]"},
		"the channel is away for a while": {func(calls *atomic.Int32) func(string) (string, error) {
			return func(string) (string, error) {
				if calls.Add(1) < 3 {
					return "", errors.New("HTTP 500")
				}
				return "ts-1", nil
			}
		}, "[edit]"},
		"nobody may look": {func(*atomic.Int32) func(string) (string, error) {
			return func(string) (string, error) { return "", alert.Permanent{Err: errors.New("missing_scope")} }
		}, "[post]"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				log := newMemory()
				var frozen *memory
				first := &desk{channel: channel{name: "slack"}}
				first.answer = func(int, alert.Message) error { // killed while it waits for the answer
					frozen = newMemory()
					frozen.rows = log.freeze()
					return nil
				}
				d, stop := running(t, alert.DefaultConfig(), log, first)
				accept(t, d, finding(1, 1, time.Now()))
				time.Sleep(time.Second)
				synctest.Wait()
				go stop()
				key := first.heard()[0].m.Key

				second := &desk{channel: channel{name: "slack"}, find: c.find(new(atomic.Int32))}
				d, stop = running(t, alert.DefaultConfig(), frozen, second)
				defer stop()
				time.Sleep(time.Minute)
				if have := fmt.Sprint(second.kinds()); have != c.want {
					t.Errorf("heard %s, want %s", have, c.want)
				}
				for _, call := range second.heard() {
					if call.m.Key != key {
						t.Errorf("posted again as %q, before as %q", call.m.Key, key)
					}
				}
				accept(t, d, finding(1, 2, time.Now()))
				time.Sleep(time.Minute)
				calls := second.heard()
				if ref := calls[len(calls)-1].m.Ref; c.want == "[edit]" && ref != "ts-1" || ref == "" {
					t.Errorf("the next change is told to %q", ref)
				}
			})
		})
	}
}

// A digest that was cut off goes out again as it was, under the same key.
func TestDigestIsRepeatedAsItWas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := newMemory()
		var healed atomic.Bool
		slack := &desk{channel: channel{name: "slack", pace: 10 * time.Second}, entries: 10}
		slack.answer = func(_ int, m alert.Message) error {
			if m.Kind == alert.KindDigest && !healed.Load() {
				return errors.New("connection reset")
			}
			return nil
		}
		d, stop := running(t, alert.DefaultConfig(), log, slack)
		accept(t, d, many(60)...)
		time.Sleep(5 * time.Minute)
		log = crash(log, stop)
		before := len(slack.heard())
		healed.Store(true)
		_, stop = running(t, alert.DefaultConfig(), log, slack)
		time.Sleep(time.Hour)
		stop()
		entries := map[string][]string{}
		for _, c := range slack.heard() {
			var ids []string
			for _, e := range c.m.Entries {
				ids = append(ids, e.Incident)
			}
			slices.Sort(ids)
			if old, again := entries[c.m.Key]; again && c.m.Kind == alert.KindDigest && !slices.Equal(old, ids) {
				t.Errorf("%s tells of\n%v, before of\n%v", c.m.Key, ids, old)
			}
			entries[c.m.Key] = ids
		}
		after := map[string]int{}
		for _, c := range slack.heard()[before:] {
			for _, e := range c.m.Entries {
				after[e.Incident]++
			}
		}
		for id, n := range after {
			if n != 1 {
				t.Errorf("%s was told %d times after the crash", id, n)
			}
		}
		if told := slack.told(); len(told) != 60 {
			t.Errorf("%d of 60 were told", len(told))
		}
	})
}

// Where a channel fails, the one that stands in for it is told; the message there says so.
func TestFallback(t *testing.T) {
	for name, c := range map[string]struct {
		err  error
		soon bool
	}{
		"refused":   {alert.Permanent{Err: errors.New("channel_not_found"), Fix: "set slack.channel"}, true},
		"not there": {errors.New("connection refused"), false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cfg := alert.DefaultConfig()
				cfg.Routes = []alert.Route{{Receivers: []string{"slack"}}}
				cfg.Receivers = map[string]alert.Receiver{"slack": {Fallback: "mail"}}
				dead := &channel{name: "slack", answer: func(int, alert.Message) error { return c.err }}
				mail := &channel{name: "mail"}
				d, stop := running(t, cfg, newMemory(), dead, mail)
				defer stop()
				accept(t, d, finding(1, 1, time.Now()))
				time.Sleep(time.Minute)
				if told := len(mail.heard()) > 0; told != c.soon {
					t.Errorf("after a minute the fallback was told: %v", told)
				}
				time.Sleep(5 * time.Minute)
				calls := mail.heard()
				if len(calls) == 0 || !strings.Contains(strings.Join(calls[len(calls)-1].m.Actions, "\n"), "Could not be told to slack: ") {
					t.Errorf("the fallback heard %+v", calls)
				}
			})
		})
	}
}

// After the last try a delivery is dead, also over restarts, until somebody has it tried again, or there are news.
func TestGivesUpAndIsRetried(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := alert.DefaultConfig()
		cfg.GiveUpAfter, cfg.ResolveAfter = time.Hour, 240*time.Hour
		var healed atomic.Bool
		slack := &channel{name: "slack", answer: func(int, alert.Message) error {
			if healed.Load() {
				return nil
			}
			return errors.New("connection refused")
		}}
		log, orders := newMemory(), &office{}
		d, err := alert.New(cfg, log, []alert.Notifier{slack}, alert.WithOrders(orders))
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go func() { _ = d.Run(ctx) }()
		accept(t, d, finding(1, 1, time.Now()))
		time.Sleep(90 * time.Minute)
		dead := log.only(t).Deliveries[0]
		if !dead.Dead || dead.Error == "" || dead.Since.IsZero() || dead.Attempts < 10 {
			t.Fatalf("after an hour of failures: %+v", dead)
		}
		tries := len(slack.heard())
		time.Sleep(24 * time.Hour)
		if n := len(slack.heard()); n != tries {
			t.Errorf("%d attempts after it was given up", n-tries)
		}
		healed.Store(true)
		orders.order(func(o *office) {
			o.retries = append(o.retries, schema.Retry{Incident: log.only(t).ID, Destination: "slack", By: "alice", At: time.Now()})
		})
		time.Sleep(time.Minute)
		if del := log.only(t).Deliveries[0]; del.Dead || del.Ref == "" || len(slack.heard()) != tries+1 {
			t.Errorf("after a retry: %+v, %d attempts", del, len(slack.heard())-tries)
		}
		time.Sleep(time.Minute)
		if len(slack.heard()) != tries+1 {
			t.Error("an order was obeyed twice")
		}
	})
}

// What is silenced is told when the silence ends, if it is still open then, and not at all if it is over.
func TestSilenced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := alert.DefaultConfig()
		cfg.ResolveAfter = 3 * time.Hour
		log, slack := newMemory(), &channel{name: "slack"}
		silence := schema.Silence{ID: "a", Matchers: []string{"owner=acme-*"}, By: "alice", Reason: "pen test", From: time.Now(), Until: time.Now().Add(24 * time.Hour)}
		orders := &office{silences: []schema.Silence{silence}}
		d, err := alert.New(cfg, log, []alert.Notifier{slack}, alert.WithOrders(orders))
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go func() { _ = d.Run(ctx) }()
		synctest.Wait()
		loud := finding(2, 2, time.Now())
		loud.Consumer = "globex"
		accept(t, d, finding(1, 1, time.Now()), loud)
		time.Sleep(time.Hour)
		if calls := slack.heard(); len(calls) != 1 || calls[0].m.Incident.Consumer != "globex" {
			t.Fatalf("heard %+v", calls)
		}
		time.Sleep(3 * time.Hour) // both resolve
		if n := len(slack.heard()); n != 2 {
			t.Errorf("%d messages, want the loud one and its end", n)
		}
		accept(t, d, finding(3, 3, time.Now()))
		time.Sleep(time.Hour)
		orders.order(func(o *office) { o.silences = nil })
		time.Sleep(time.Minute)
		if calls := slack.heard(); len(calls) != 3 || calls[2].m.Incident.Token[0] != 3 {
			t.Errorf("after the silence was ended: %d messages", len(calls))
		}
	})
}

// A route that gathers tells of what came within group_wait in one message.
func TestGroupWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := alert.DefaultConfig()
		cfg.Routes = []alert.Route{{Match: matchers(t, "severity=high"), GroupWait: time.Minute}}
		slack := &desk{channel: channel{name: "slack"}, entries: 20}
		d, stop := running(t, cfg, newMemory(), slack)
		defer stop()
		accept(t, d, many(6)...) // two of them critical
		synctest.Wait()
		if have := fmt.Sprint(slack.kinds()); have != "[post post]" {
			t.Errorf("at once heard %s", have)
		}
		time.Sleep(2 * time.Minute)
		if have := fmt.Sprint(slack.kinds()); have != "[post post digest]" || len(slack.heard()[2].m.Entries) != 4 {
			t.Errorf("after group_wait heard %s", have)
		}
	})
}

func TestRepeatsUntilResolved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := alert.DefaultConfig()
		cfg.Routes, cfg.ResolveAfter = []alert.Route{{Repeat: 4 * time.Hour}}, 10*time.Hour
		slack := &desk{channel: channel{name: "slack"}}
		d, stop := running(t, cfg, newMemory(), slack)
		defer stop()
		accept(t, d, finding(1, 1, time.Now()))
		time.Sleep(24 * time.Hour)
		if have := fmt.Sprint(slack.kinds()); have != "[post reply reply edit]" {
			t.Fatalf("heard %s", have)
		}
		calls := slack.heard()
		if !strings.HasPrefix(calls[1].m.Title, "STILL OPEN") || calls[1].m.Key == calls[2].m.Key || calls[2].at.Sub(calls[1].at) < 4*time.Hour {
			t.Errorf("reminders %q after %s", calls[1].m.Title, calls[2].at.Sub(calls[1].at))
		}
	})
}

// Those who share the work share the vendor's limit.
func TestSlowDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slack := &channel{name: "slack", pace: time.Second}
		d, stop := running(t, alert.DefaultConfig(), newMemory(), slack)
		defer stop()
		d.SlowDown(2)
		accept(t, d, many(10)...)
		time.Sleep(time.Hour)
		calls := slack.heard()
		if took := calls[9].at.Sub(calls[0].at); took != 18*time.Second {
			t.Errorf("ten messages took %s, want 2 s from one to the next", took)
		}
	})
}

func TestMessageLinksAndPicture(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := alert.DefaultConfig()
		cfg.ConsoleURL = "https://watch.example.org/"
		cfg.Labels = []alert.Labels{{Match: matchers(t, "owner=acme-*"), Set: map[string]string{"team": "billing"}}}
		slack := &channel{name: "slack"}
		d, err := alert.New(cfg, newMemory(), []alert.Notifier{slack}, alert.WithPicture(func(_ context.Context, inc schema.Incident) ([]byte, error) {
			return []byte("picture of " + inc.ID), nil
		}))
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go func() { _ = d.Run(ctx) }()
		accept(t, d, finding(1, 1, time.Now()))
		synctest.Wait()
		m := slack.heard()[0].m
		if m.Link != "https://watch.example.org/incidents/"+m.Incident.ID || m.Incident.Labels["team"] != "billing" {
			t.Errorf("link %q, labels %v", m.Link, m.Incident.Labels)
		}
		if png, err := m.Picture(ctx); err != nil || string(png) != "picture of "+m.Incident.ID {
			t.Errorf("picture %q, %v", png, err)
		}
	})
}

// A channel that has no use for an incident is not asked again once it is over, so that it can be let go of.
func TestSkippedIncidentsAreLetGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := newMemory()
		pager := &channel{name: "pager", answer: func(int, alert.Message) error { return alert.ErrSkip }}
		d, stop := running(t, alert.DefaultConfig(), log, pager)
		accept(t, d, finding(1, 1, time.Now()))
		time.Sleep(30 * time.Hour)
		stop()
		asked := len(pager.heard())
		if inc := log.only(t); inc.Deliveries[0].Revision != inc.Revision {
			t.Errorf("resolved, and still owed: %+v", inc.Deliveries)
		}
		_, stop = running(t, alert.DefaultConfig(), log, pager)
		time.Sleep(time.Hour)
		stop()
		if asked != 2 || len(pager.heard()) != asked {
			t.Errorf("asked %d times, and %d after a restart", asked, len(pager.heard())-asked)
		}
	})
}

// A digest that was posted, by a process that was killed before it could write that down, is found, and counts as the
// attempt that it was.
func TestDigestThatIsFoundWasAttempted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, posted := newMemory(), make(chan string, 1)
		slack := &desk{channel: channel{name: "slack", pace: 10 * time.Second}, entries: 10}
		cut := make(chan struct{})
		var lost atomic.Value // the key of the digest that was posted
		slack.find = func(asked string) (string, error) {
			if asked == lost.Load() {
				return "ref-digest", nil
			}
			return "", nil
		}
		slack.answer = func(_ int, m alert.Message) error {
			if m.Kind == alert.KindDigest {
				select {
				case posted <- m.Key:
					<-cut
					return errors.New("nobody is left to hear this")
				default:
				}
			}
			return nil
		}
		d, stop := running(t, alert.DefaultConfig(), log, slack)
		accept(t, d, many(60)...)
		time.Sleep(time.Minute)
		key := <-posted
		time.AfterFunc(time.Second, func() { close(cut) })
		log = crash(log, stop)
		posted <- "" // no further one hangs
		lost.Store(key)
		_, stop = running(t, alert.DefaultConfig(), log, slack)
		time.Sleep(time.Hour)
		stop()
		found := 0
		for _, inc := range log.all() {
			for _, del := range inc.Deliveries {
				if del.Digest == key {
					found++
				}
				if del.Attempts == 0 {
					t.Errorf("%s was told (%+v), and never attempted", inc.ID, del)
				}
			}
		}
		if found < 2 {
			t.Errorf("%d incidents are in the digest that was found: nothing is tested", found)
		}
	})
}
