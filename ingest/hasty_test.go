package ingest_test

import (
	"context"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/ingest"
	"github.com/tokenwatch/tokenwatch/schema"
)

// hurried is a handler whose lanes are in a hurry about every record from an offset on.
type hurried struct {
	*handler
	from int64
}

func (h *hurried) Resume(ctx context.Context, topic string, partition int32, next int64) (ingest.Lane, error) {
	l, err := h.handler.Resume(ctx, topic, partition, next)
	return &hurriedLane{Lane: l, from: h.from}, err
}

type hurriedLane struct {
	ingest.Lane
	from int64
	now  bool
}

func (l *hurriedLane) Look(events []schema.Event) {
	l.Lane.Look(events)
	l.now = l.now || events[len(events)-1].Offset >= l.from
}

func (l *hurriedLane) Hurry() bool {
	now := l.now
	l.now = false
	return now
}

// A lane in a hurry does not wait until its block is large or old; one that is always in a hurry gets no more than some
// blocks a second, however many records there are.
func TestHurry(t *testing.T) {
	s, log := newStore(t), newLog(values(60)...)
	h := &hurried{newHandler(t), 59}
	p := pipeline(s, h)
	p.Config.FlushInterval, p.Config.Rows = time.Hour, 1000
	err := runUntil(t, p, log.claim(), "all stored", func() bool { return len(s.offsets(0)) == 60 })
	if err != nil {
		t.Fatal(err)
	}
	h = &hurried{newHandler(t), 0}
	s, log = newStore(t), newLog(values(2000)...)
	p = pipeline(s, h)
	p.Config.FlushInterval, p.Config.Rows = time.Hour, 10_000
	began := time.Now()
	if err := runUntil(t, p, log.claim(), "all stored", func() bool { return len(s.offsets(0)) == 2000 }); err != nil {
		t.Fatal(err)
	}
	if n, most := len(s.attempts()), 2+int(time.Since(began)/(200*time.Millisecond)); n > most {
		t.Errorf("%d blocks in %s, want at most %d", n, time.Since(began), most)
	}
}
