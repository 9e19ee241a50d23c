package alert_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tokenwatch/tokenwatch/alert"
	"github.com/tokenwatch/tokenwatch/schema"
)

// instance is a process that alerts: a dispatcher and a consumer. Its end gives what Work returned.
type instance struct {
	work *alert.Consumer
	stop context.CancelFunc
	end  chan error
}

func launch(t *testing.T, p *partition, a archive, notifiers ...alert.Notifier) *instance {
	t.Helper()
	cfg := alert.DefaultConfig()
	cfg.MaxOpen = 100
	d, err := alert.New(cfg, nil, notifiers)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	i := &instance{end: make(chan error, 1), stop: cancel, work: &alert.Consumer{
		Dispatcher: d, Journal: p, Archive: a, Partitions: 1, PartitionOf: func([]byte) int32 { return 0 }, Log: slog.New(slog.DiscardHandler),
	}}
	ran := make(chan struct{})
	go func() { _ = d.Run(ctx); close(ran) }()
	go func() {
		err := i.work.Work(ctx, p.claim())
		cancel()
		<-ran
		i.end <- err
	}()
	return i
}

// Findings become incidents in the journal and the archive, and are committed behind them. The next owner goes on: the
// same incident, the same message.
func TestConsumerHandsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, a, slack := newPartition(), archive{newMemory()}, &channel{name: "slack"}
		first := launch(t, p, a, slack)
		p.publish(finding(1, 1, time.Now()), finding(2, 2, time.Now()))
		p.mu.Lock()
		p.findings = append(p.findings, []byte("no finding"), []byte(`{"token":"00"}`), nil)
		p.mu.Unlock()
		p.publish(finding(1, 3, time.Now()))
		time.Sleep(time.Minute)
		if p.at() != 6 || len(p.incidents()) != 2 || len(a.all()) != 2 {
			t.Errorf("committed %d of 6; %d incidents in the journal, %d in the archive", p.at(), len(p.incidents()), len(a.all()))
		}
		first.stop()
		if err := <-first.end; err != nil {
			t.Error(err)
		}
		told := len(slack.heard())

		second := launch(t, p, a, slack)
		worse := finding(1, 4, time.Now())
		worse.Severity = schema.SeverityCritical
		p.publish(worse)
		time.Sleep(time.Minute)
		second.stop()
		if err := <-second.end; err != nil {
			t.Error(err)
		}
		calls := slack.heard()[told:]
		if len(calls) != 1 || calls[0].m.Ref != "slack-"+calls[0].m.Incident.ID || calls[0].m.Incident.Severity != schema.SeverityCritical {
			t.Errorf("after the takeover %d messages, want one edit", len(calls))
		}
		for id, inc := range p.incidents() {
			if archived := a.all()[id]; archived.Revision != inc.Revision {
				t.Errorf("%s is at revision %d in the journal, at %d in the archive", id, inc.Revision, archived.Revision)
			}
		}
	})
}

// An owner that was stalled and goes on writing does not spoil what its successor writes, and learns that it is over.
func TestFormerOwnerDoesNotCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, a := newPartition(), archive{newMemory()}
		slack, other := &channel{name: "slack"}, &channel{name: "slack"}
		stalled := launch(t, p, a, slack)
		p.publish(finding(1, 1, time.Now()))
		time.Sleep(time.Minute)
		successor := launch(t, p, a, other)
		synctest.Wait()
		worse := finding(1, 2, time.Now())
		worse.Severity = schema.SeverityCritical
		p.publish(worse) // both read it
		time.Sleep(time.Minute)
		if err := <-stalled.end; !errors.Is(err, errFenced) {
			t.Errorf("the former owner ended with %v", err)
		}
		successor.stop()
		<-successor.end
		told := len(other.heard())

		// What the former owner wrote last says something else.
		stale := p.incidents()
		for _, inc := range stale {
			inc.Summary, inc.Revision, inc.State = "stale", inc.Revision+9, schema.IncidentResolved
			value := fmt.Sprintf(`{"epoch":1,"id":%q,"revision":%d,"state":"resolved","severity":"low"}`, inc.ID, inc.Revision)
			if _, err := p.Append(t.Context(), 0, []alert.JournalRecord{{Key: inc.ID, Value: []byte(value)}}); err != nil {
				t.Fatal(err)
			}
		}
		third := launch(t, p, a, other)
		p.publish(finding(1, 3, time.Now()))
		time.Sleep(time.Minute)
		third.stop()
		<-third.end
		calls := other.heard()[told:]
		if len(calls) == 0 || calls[len(calls)-1].m.Incident.Severity != schema.SeverityCritical || calls[len(calls)-1].m.Ref == "" {
			t.Errorf("what a former owner wrote counts: %+v", calls)
		}
	})
}

// What a start reads is bounded by what is open, whatever was written before.
func TestStartReadsWhatIsOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, a := newPartition(), archive{newMemory()}
		i := launch(t, p, a, &channel{name: "slack"})
		for n := range uint32(1500) {
			f := finding(byte(n%5+1), n+1, time.Now())
			f.Evidence[0].Key = fmt.Sprint("country:", n)
			p.publish(f)
			time.Sleep(6 * time.Second)
		}
		i.stop()
		<-i.end
		written := len(p.journal)
		i = launch(t, p, a, &channel{name: "slack"})
		synctest.Wait()
		i.stop()
		<-i.end
		if written < 2900 || p.read > 2100 {
			t.Errorf("of %d records that were written %d were read at the start", written, p.read)
		}
		if n := len(p.incidents()); n != 5 {
			t.Errorf("%d incidents, want 5", n)
		}
	})
}

// What is over leaves the journal an hour later, and stays in the archive.
func TestWhatIsOverLeavesTheJournal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, a := newPartition(), archive{newMemory()}
		i := launch(t, p, a, &channel{name: "slack"})
		p.publish(finding(1, 1, time.Now()), finding(2, 2, time.Now()))
		time.Sleep(24*time.Hour + 30*time.Minute)
		if n := len(p.incidents()); n != 2 {
			t.Errorf("%d incidents half an hour after they resolved; a replay of their findings would open them again", n)
		}
		time.Sleep(time.Hour)
		if n := len(p.incidents()); n != 0 || len(a.all()) != 2 {
			t.Errorf("%d incidents in the journal, %d in the archive; want 0 and 2", n, len(a.all()))
		}
		i.stop()
		<-i.end
	})
}

// The archive may be away for long: people are told all the same, and it gets everything later.
func TestArchiveAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, a, slack := newPartition(), archive{newMemory()}, &channel{name: "slack"}
		i := launch(t, p, a, slack)
		synctest.Wait()
		a.breakDown(true)
		p.publish(many(30)...)
		time.Sleep(time.Hour)
		if n := len(slack.heard()); n != 30 {
			t.Errorf("%d of 30 were told", n)
		}
		a.breakDown(false)
		time.Sleep(5 * time.Minute)
		for id, inc := range a.all() {
			if len(inc.Deliveries) != 1 || inc.Deliveries[0].Ref == "" {
				t.Errorf("%s is archived with %+v", id, inc.Deliveries)
			}
		}
		if len(a.all()) != 30 {
			t.Errorf("%d of 30 are archived", len(a.all()))
		}
		i.stop()
		<-i.end
	})
}

// The journal away: nothing is committed, nobody is told of what is not written down, and nothing is lost.
func TestJournalAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, a, slack := newPartition(), archive{newMemory()}, &channel{name: "slack"}
		i := launch(t, p, a, slack)
		p.breakDown(true)
		p.publish(many(3)...)
		time.Sleep(time.Minute)
		if len(slack.heard()) != 0 || p.at() != -1 {
			t.Errorf("%d messages, committed %d", len(slack.heard()), p.at())
		}
		p.breakDown(false)
		time.Sleep(5 * time.Minute)
		if len(slack.heard()) != 3 || p.at() != 3 {
			t.Errorf("after it is back %d messages, committed %d", len(slack.heard()), p.at())
		}
		i.stop()
		<-i.end
	})
}

// A tokenwatch without a journal left open incidents in the archive: they go on.
func TestInheritsFromTheArchive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, a, slack := newPartition(), archive{newMemory()}, &channel{name: "slack"}
		before, stop := running(t, alert.DefaultConfig(), a.memory, slack)
		accept(t, before, finding(1, 1, time.Now()))
		time.Sleep(time.Minute)
		stop()
		i := launch(t, p, a, slack)
		p.publish(finding(1, 2, time.Now()))
		time.Sleep(time.Minute)
		i.stop()
		<-i.end
		calls := slack.heard()
		if len(a.all()) != 1 || len(calls) != 2 || calls[1].m.Ref == "" {
			t.Errorf("%d incidents, %d messages", len(a.all()), len(calls))
		}
	})
}

// A partition that goes to another instance takes its queue along, once the call that is under way has ended.
func TestReleaseFinishesWhatIsUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, a := newPartition(), archive{newMemory()}
		slow := &channel{name: "slack", answer: func(int, alert.Message) error { time.Sleep(2 * time.Second); return nil }}
		i := launch(t, p, a, slow)
		p.publish(many(5)...)
		time.Sleep(time.Second)
		i.stop()
		if err := <-i.end; err != nil {
			t.Error(err)
		}
		other := &channel{name: "slack"}
		i = launch(t, p, a, other)
		time.Sleep(time.Minute)
		i.stop()
		<-i.end
		told := map[string]int{}
		for _, c := range append(slow.heard(), other.heard()...) {
			told[c.m.Incident.ID]++
		}
		for id, n := range told {
			if n != 1 {
				t.Errorf("%s was told %d times", id, n)
			}
		}
		if len(told) != 5 || len(slow.heard()) != 1 {
			t.Errorf("%d of 5 were told, %d by the first", len(told), len(slow.heard()))
		}
	})
}

func TestFindingKey(t *testing.T) {
	f := finding(1, 1, noon)
	if key := string(alert.FindingKey(&f)); key != f.Token.String() {
		t.Errorf("key %s", key)
	}
	f.Former = schema.TokenID{7}
	if key := string(alert.FindingKey(&f)); !strings.HasPrefix(key, "07") {
		t.Errorf("while peppers are rotated the key is %s, want the former name", key)
	}
}

func FuzzParseEntry(f *testing.F) {
	f.Add("inc-1", []byte(`{"epoch":3,"id":"inc-1","revision":1,"state":"open","severity":"high","token":"00"}`))
	f.Add("", []byte(`{}`))
	f.Fuzz(func(t *testing.T, key string, value []byte) {
		id, revision, err := alert.ParseEntry(key, value)
		if err == nil && (id != key || id == "" || revision == 0) {
			t.Errorf("%q was read as %q, revision %d", key, id, revision)
		}
	})
}
