package alert_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tokenwatch/tokenwatch/alert"
	"github.com/tokenwatch/tokenwatch/schema"
)

// slowBatches is a log that takes its time for each batch, whatever its size.
type slowBatches struct {
	*memory
	batches int
}

func (l *slowBatches) inserts() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.batches
}

func (l *slowBatches) SaveIncidents(ctx context.Context, incidents []schema.Incident) error {
	time.Sleep(10 * time.Millisecond)
	l.mu.Lock()
	l.batches++
	l.mu.Unlock()
	for i := range incidents {
		if err := l.memory.SaveIncident(ctx, &incidents[i]); err != nil {
			return err
		}
	}
	return nil
}

func (l *slowBatches) SaveIncident(context.Context, *schema.Incident) error {
	return errors.New("saved alone")
}

func TestSavesTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &slowBatches{memory: newMemory()}
		slack := &channel{name: "slack"}
		d, stop := running(t, alert.DefaultConfig(), log, slack)
		defer stop()
		var findings []schema.Finding
		for n := range 200 {
			findings = append(findings, finding(byte(n), uint32(n), time.Now()))
		}
		accept(t, d, findings...)
		if got := len(log.all()); got != 200 {
			t.Errorf("accepted, and %d of 200 are stored", got)
		}
		if n := log.inserts(); n > 50 {
			t.Errorf("200 incidents took %d batches", n)
		}
		time.Sleep(time.Minute)
		if n := len(slack.heard()); n != 200 {
			t.Errorf("%d of 200 were told", n)
		}
	})
}

func TestBatchThatFailsFailsEverybodyInIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &slowBatches{memory: newMemory()}
		d, err := alert.New(alert.DefaultConfig(), log, nil)
		if err != nil {
			t.Fatal(err)
		}
		findings := []schema.Finding{finding(1, 1, time.Now()), finding(2, 2, time.Now())}
		accept(t, d, findings[0])
		log.breakDown(true)
		if err := d.Accept(t.Context(), findings); !errors.Is(err, errBroken) {
			t.Errorf("error %v", err)
		}
		log.breakDown(false)
		accept(t, d, findings...)
		if n := len(log.all()); n != 2 {
			t.Errorf("%d incidents", n)
		}
	})
}

func TestSaveEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, err := alert.New(alert.DefaultConfig(), &slowBatches{memory: newMemory()}, nil)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if err := d.Accept(ctx, []schema.Finding{finding(1, 1, time.Now())}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v", err)
		}
		time.Sleep(time.Second)
	})
}
