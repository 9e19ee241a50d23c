package main

import (
	"context"
	"fmt"
	"reflect"
	"time"

	"github.com/tokenwatch/tokenwatch/detect"
	"github.com/tokenwatch/tokenwatch/schema"
)

const (
	// askEvery is how often running engines ask what people decided.
	askEvery = 2 * time.Second
	// settling is how long after it was made a decision takes effect: by then every instance has asked, so that
	// events are judged alike wherever, and however often, they are looked at.
	settling = 5 * time.Second
	// overlap is how far back verdicts are read again, since a clock may be wrong and an insert late.
	overlap = time.Minute
)

// decided is where people's decisions are kept.
type decided interface {
	Verdicts(ctx context.Context, since time.Time) ([]schema.Verdict, error)
	Allowances(ctx context.Context) ([]schema.Allowance, error)
	FleetEvents(ctx context.Context, since time.Time) ([]schema.FleetEvent, error)
}

// settled is a history whose decisions take effect when everybody knows them.
type settled struct {
	detect.History
	decided decided
}

// Verdicts lists verdicts.
func (s settled) Verdicts(ctx context.Context, since time.Time) ([]schema.Verdict, error) {
	list, err := s.decided.Verdicts(ctx, since)
	for i := range list {
		list[i].At = list[i].At.Add(settling)
	}
	return list, err
}

// Allowances lists the changes of the allow-list.
func (s settled) Allowances(ctx context.Context) ([]schema.Allowance, error) {
	list, err := s.decided.Allowances(ctx)
	for i := range list {
		list[i].At = list[i].At.Add(settling)
	}
	return list, err
}

// FleetEvents lists what was found over all partitions.
func (s settled) FleetEvents(ctx context.Context, since time.Time) ([]schema.FleetEvent, error) {
	list, err := s.decided.FleetEvents(ctx, since)
	for i := range list {
		list[i].At, list[i].Until = list[i].At.Add(settling), list[i].Until.Add(settling)
	}
	return list, err
}

// follow brings what people decide to the engines, until ctx ends. While the store is away, engines work on with what they know.
func (w *watch) follow(ctx context.Context, every time.Duration) error {
	known, ok := w.history.(detect.Decisions)
	if !ok {
		<-ctx.Done()
		return nil
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	var changes []schema.Allowance
	since, away := time.Now().Add(-overlap), false
	for {
		began := time.Now()
		list, err := w.ask(ctx, known, changes, since)
		if err == nil {
			changes, since = list, began.Add(-overlap)
		} else if ctx.Err() == nil && !away {
			w.log.Warn("cannot read what people decided; working with what is known", "error", err)
		}
		away = err != nil
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// ask reads decisions once, and returns the allow-list's changes.
func (w *watch) ask(ctx context.Context, known detect.Decisions, before []schema.Allowance, since time.Time) ([]schema.Allowance, error) {
	changes, err := known.Allowances(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading the allow-list: %w", err)
	}
	verdicts, err := known.Verdicts(ctx, since)
	if err != nil {
		return nil, fmt.Errorf("reading verdicts: %w", err)
	}
	events, err := known.FleetEvents(ctx, since)
	if err != nil {
		return nil, fmt.Errorf("reading fleet events: %w", err)
	}
	if len(verdicts)+len(events) == 0 && reflect.DeepEqual(changes, before) {
		return changes, nil
	}
	for _, l := range w.lanes() {
		l.tell(changes, verdicts, events)
	}
	return changes, nil
}

// lanes are the partitions that this process has.
func (w *watch) lanes() []*lane {
	w.mu.Lock()
	defer w.mu.Unlock()
	list := make([]*lane, 0, len(w.parts))
	for _, l := range w.parts {
		list = append(list, l)
	}
	return list
}

func (l *lane) tell(changes []schema.Allowance, verdicts []schema.Verdict, events []schema.FleetEvent) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.engine.Allow(changes)
	l.engine.Know(events)
	for i := range verdicts {
		l.engine.Verdict(&verdicts[i])
	}
}
