package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/tokenwatch/tokenwatch/detect"
	"github.com/tokenwatch/tokenwatch/detect/backtest"
	"github.com/tokenwatch/tokenwatch/schema"
	boards "github.com/tokenwatch/tokenwatch/schema/board"
	"github.com/tokenwatch/tokenwatch/schema/clickhouse"
)

const (
	learnFirst = 28 * 24 * time.Hour // before what is judged
	mostLabels = 200
	// afterwards is how much later than in life an alert may come to be about what was judged.
	afterwards = time.Hour
	paceEvery  = 512 // events
)

// tryout plays stored history with two configurations side by side, so that it is read once.
type tryout struct {
	db        *clickhouse.DB
	now, then Config
	order     boards.BacktestOrder
	most      uint64
	tell      func(phase string, done, total uint64)

	sample clickhouse.Sample
	judged time.Time
	labels []boards.BacktestLabel
	sides  [2]*tryoutSide
	days   map[schema.TokenID]int32 // the last day of each token; its size is that of the events
	tokens int
	spent  int // token-days
}

// tryoutSide is one of the two.
type tryoutSide struct {
	engine *detect.Engine
	alerts *alertCount
}

// play plays, and sums up.
func (t *tryout) play(ctx context.Context) (*boards.BacktestResult, error) {
	if err := t.prepare(ctx); err != nil {
		return nil, err
	}
	n, began := uint64(0), time.Now()
	t.tell("Playing", 0, t.sample.Events)
	err := t.db.EventsByTime(ctx, t.sample.Extent, func(e *schema.Event) error {
		e.Offset, e.Ingested = int64(n), e.Time // as if each had been taken in when it happened
		t.event(e)
		if n++; n%paceEvery != 0 {
			return nil
		}
		t.tell("Playing", n, t.sample.Events)
		err := rest(ctx, time.Since(began)) // as long as it worked: half a processor is the others'
		began = time.Now()
		return err
	})
	if err != nil {
		return nil, err
	}
	return t.result(n), nil
}

// rest waits, and ends with ctx.
func rest(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// prepare chooses what is played, and makes the engines.
func (t *tryout) prepare(ctx context.Context) (err error) {
	to := time.Now().UTC()
	from := to.AddDate(0, 0, -t.order.Days)
	if t.labels, err = t.db.BoardBacktestLabels(ctx, from, mostLabels); err != nil {
		return err
	}
	var named []schema.TokenID
	for _, l := range t.labels {
		named = append(named, l.Token)
	}
	if t.sample, err = t.db.SampleEvents(ctx, from.Add(-learnFirst), to, t.most, named); err != nil {
		return err
	}
	if t.sample.Events == 0 {
		return fmt.Errorf("no requests are stored since %s", from.Add(-learnFirst).Format(time.DateOnly))
	}
	t.judged = t.sample.First.Add(backtest.WarmUp(learnFirst, t.sample.First, t.sample.Last))
	if from.After(t.judged) {
		t.judged = from
	}
	t.labels = slices.DeleteFunc(t.labels, func(l boards.BacktestLabel) bool { return l.Until.Before(t.judged) })
	changes, err := t.db.Allowances(ctx)
	if err != nil {
		return err
	}
	t.days = map[schema.TokenID]int32{}
	for i, cfg := range []Config{t.now, t.then} {
		cfg.Detect.MaxTokens = min(cfg.Detect.MaxTokens, benchTokens)
		engine := newEngine(cfg)
		engine.Allow(changes)
		t.sides[i] = &tryoutSide{engine, newAlertCount(cfg.Alert)}
	}
	return nil
}

// event plays one event into both.
func (t *tryout) event(e *schema.Event) {
	if e.Token.IsZero() {
		return
	}
	counts := !e.Time.Before(t.judged)
	within := t.sample.Within(e.Token)
	day := int32(e.Time.Unix() / (24 * 60 * 60))
	if last, known := t.days[e.Token]; !known || last != day {
		if t.days[e.Token] = day; !known {
			t.tokens++
		}
		if counts && within {
			t.spent++
		}
	}
	for i, side := range t.sides {
		f := side.engine.Process(e)
		if f == nil || !counts || !side.alerts.add(f, within) {
			continue
		}
		t.meet(f, i)
	}
}

// meet notes that an alert is about what people have judged.
func (t *tryout) meet(f *schema.Finding, side int) {
	for i := range t.labels {
		l := &t.labels[i]
		if l.Token != f.Token || f.Time.Before(l.At) || f.Time.After(l.Until.Add(afterwards)) {
			continue
		}
		if side == 0 {
			l.Now = true
		} else {
			l.Then = true
		}
	}
}

func (t *tryout) result(events uint64) *boards.BacktestResult {
	now, then := t.sides[0].alerts, t.sides[1].alerts
	r := &boards.BacktestResult{
		From: t.sample.First, Judged: t.judged, To: t.sample.Last, Events: events, Stored: t.sample.Stored, Tokens: t.tokens, Share: t.sample.Share,
		Now: t.side(now), Then: t.side(then), Detectors: detectorParts(now, then), Labels: t.labels, Examples: examples(now, then), Config: changedKeys(t.now, t.then),
	}
	if asked := time.Now().AddDate(0, 0, -t.order.Days); t.judged.Sub(asked) > time.Hour {
		r.Notes = append(r.Notes, fmt.Sprintf("There is history from %s on only: half of it was learnt from, so %s rather than %d days were judged.",
			t.sample.First.Format("2006-01-02 15:04"), stretch(t.sample.Last.Sub(t.judged).Round(time.Hour)), t.order.Days))
	}
	if t.sides[0].engine.Evicted()+t.sides[1].engine.Evicted() > 0 {
		r.Notes = append(r.Notes, fmt.Sprintf("There was no room for more than %d profiles: some were dropped, and learnt anew when their tokens came back.", min(t.now.Detect.MaxTokens, benchTokens)))
	}
	return r
}

func (t *tryout) side(a *alertCount) boards.BacktestSide {
	s := boards.BacktestSide{Alerts: a.n, Severities: a.severities}
	if weeks := t.sample.Last.Sub(t.judged).Hours() / (7 * 24); weeks > 0 {
		s.PerWeek = float64(a.n) / weeks / t.sample.Share
	}
	if t.spent > 0 {
		s.PerThousand = 1000 * float64(a.n) / float64(t.spent)
	}
	return s
}
