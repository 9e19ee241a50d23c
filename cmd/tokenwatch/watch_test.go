package main

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/detect"
	"github.com/tokenwatch/tokenwatch/ingest"
	"github.com/tokenwatch/tokenwatch/schema"
)

// shelf keeps in memory what ClickHouse keeps for a watch.
type shelf struct {
	events   []schema.Event
	profiles map[schema.TokenID]schema.Profile
	findings map[string]int // how often each was stored
}

func (s *shelf) SaveProfiles(_ context.Context, list []schema.Profile) error {
	for _, p := range list {
		if p.Offset >= s.profiles[p.Token].Offset {
			s.profiles[p.Token] = p
		}
	}
	return nil
}

func (s *shelf) InsertFindings(_ context.Context, _ string, list []schema.Finding) error {
	for _, f := range list {
		s.findings[f.ID.String()]++
	}
	return nil
}

func (s *shelf) Profiles(_ context.Context, _ string, _ int32, each func(schema.Profile) error) error {
	for _, p := range s.profiles {
		if err := each(p); err != nil {
			return err
		}
	}
	return nil
}

func (s *shelf) Events(_ context.Context, _ string, _ int32, after, before int64, _ time.Time, each func(*schema.Event) error) error {
	for i := range s.events {
		if o := s.events[i].Offset; o > after && o < before {
			if err := each(&s.events[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *shelf) watch(cfg detect.Config) *watch {
	return &watch{
		cfg: cfg, history: s, record: s, accept: func(context.Context, []schema.Finding) error { return nil },
		log: slog.New(slog.DiscardHandler), metrics: newMetrics(), parts: map[part]*lane{},
	}
}

// life is ten days of some tokens, and at its end a theft of one of them.
func life() []schema.Event {
	var events []schema.Event
	at := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	add := func(token byte, country string, asn uint32) {
		offset := int64(len(events))
		events = append(events, schema.Event{
			Topic: "t", Offset: offset, Token: schema.TokenID{token}, Time: at, Ingested: at.Add(time.Second), Client: "acme-sdk/2", UserAgent: "acme-sdk/2.1",
			Place: schema.Place{Country: country, City: country, ASN: asn, ASOrg: fmt.Sprint(asn), Network: schema.NetworkBusiness},
		})
	}
	for range 10 * 48 {
		for token := range byte(4) {
			add(token+1, "DE", 3320)
		}
		at = at.Add(30 * time.Minute)
	}
	for range 300 {
		add(2, "BR", 14061)
		add(3, "DE", 3320)
		at = at.Add(100 * time.Millisecond)
	}
	return events
}

// show is what a pipeline does while it reads: the lane looks at the events of [from, to).
func show(l ingest.Lane, all []schema.Event, from, to int64) {
	for i := from; i < to; i++ {
		l.Look(all[i : i+1])
	}
}

// A process that dies leaves its last block in one of two states: its offsets committed,
// or not, and then the next process sees it again. Beyond that block it has looked at events that are not
// stored. Either way the engine ends as one that was never interrupted, and finds the same.
func TestWatchDies(t *testing.T) {
	cfg := detect.DefaultConfig()
	cfg.SnapshotEvery = time.Nanosecond // at every chance
	all := life()
	whole := detect.New(cfg, "t", 0)
	want := map[string]int{}
	for i := range all {
		if f := whole.Process(&all[i]); f != nil {
			want[f.ID.String()] = 1
		}
	}
	if len(want) == 0 {
		t.Fatal("nothing to find: nothing is tested")
	}
	for seed := range uint64(20) {
		random := rand.New(rand.NewPCG(seed, 0))
		s := &shelf{profiles: map[schema.TokenID]schema.Profile{}, findings: map[string]int{}}
		w := s.watch(cfg)
		committed, looked := int64(0), int64(0)
		var l ingest.Lane
		resume := func() {
			var err error
			if l, err = w.Resume(t.Context(), "t", 0, committed); err != nil {
				t.Fatal(err)
			}
			looked = committed
		}
		resume()
		for committed < int64(len(all)) {
			last := min(max(committed+int64(random.IntN(60)), looked-1), int64(len(all))-1)
			show(l, all, looked, last+1)
			l.Cut(last)
			looked = min(last+1+int64(random.IntN(40)), int64(len(all)))
			show(l, all, last+1, looked)
			block := &schema.Block{Topic: "t", First: committed, Last: last, Events: slices.Clone(all[committed : last+1])}
			s.events = all[:last+1]
			if err := l.Handle(t.Context(), block); err != nil {
				t.Fatal(err)
			}
			dies := random.IntN(4)
			if dies != 1 { // else before it could commit
				committed = last + 1
			}
			if dies <= 1 {
				w = s.watch(cfg)
				resume()
			}
		}
		if have := w.parts[part{"t", 0}].engine; have.Tokens() != 4 || have.Offset() != int64(len(all))-1 {
			t.Errorf("seed %d: %d tokens up to offset %d", seed, have.Tokens(), have.Offset())
		}
		if have, want := slices.Sorted(maps.Keys(s.findings)), slices.Sorted(maps.Keys(want)); !slices.Equal(have, want) {
			t.Errorf("seed %d: found %v, want %v", seed, have, want)
		}
		if err := w.saveAll(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, p := range whole.Snapshot() {
			if have := s.profiles[p.Token]; have.Events != p.Events || string(have.State) != string(p.State) {
				t.Errorf("seed %d: the profile of %s has %d events in %d bytes, want %d in %d", seed, p.Token, have.Events, len(have.State), p.Events, len(p.State))
			}
		}
	}
}

// TestFailedPartitionIsNotStored: when a pipeline fails, its offsets may not be committed,
// and profiles that are ahead of them would learn the block twice.
func TestFailedPartitionIsNotStored(t *testing.T) {
	s := &shelf{profiles: map[schema.TokenID]schema.Profile{}, findings: map[string]int{}}
	w := s.watch(detect.DefaultConfig())
	ctx := context.Background()
	block := &schema.Block{Topic: "t", First: 0, Last: 0, Events: []schema.Event{{Topic: "t", Token: schema.TokenID{1}, Time: time.Unix(1e9, 0), Ingested: time.Unix(1e9, 0)}}}
	for _, failed := range []bool{true, false} {
		l, err := w.Resume(ctx, "t", 0, 0)
		if err != nil {
			t.Fatal(err)
		}
		l.Look(block.Events)
		l.Cut(0)
		if err := l.Handle(ctx, block); err != nil {
			t.Fatal(err)
		}
		if failed {
			w.forget("t", 0)
		}
		if err := w.saveAll(ctx); err != nil {
			t.Fatal(err)
		}
		if stored := len(s.profiles) > 0; stored == failed {
			t.Errorf("failed is %v: %d profiles stored", failed, len(s.profiles))
		}
	}
}

// What was looked at and never handled may come again in another process: nothing of it is reported or stored,
// although the process ends in good order.
func TestOnlyWhatWasHandledLeavesTheProcess(t *testing.T) {
	all := life()
	s := &shelf{profiles: map[schema.TokenID]schema.Profile{}, findings: map[string]int{}}
	cfg := detect.DefaultConfig()
	cfg.SnapshotEvery = time.Nanosecond
	w := s.watch(cfg)
	l, err := w.Resume(t.Context(), "t", 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	const last = 1000
	show(l, all, 0, last+1)
	l.Cut(last)
	show(l, all, last+1, int64(len(all)))
	if w.parts[part{"t", 0}].unsent == nil {
		t.Fatal("nothing was found: nothing is tested")
	}
	block := &schema.Block{Topic: "t", First: 0, Last: last, Events: all[:last+1]}
	if err := l.Handle(t.Context(), block); err != nil {
		t.Fatal(err)
	}
	if err := w.saveAll(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(s.findings) > 0 {
		t.Errorf("%d findings were reported about events that are not stored", len(s.findings))
	}
	if len(s.profiles) == 0 {
		t.Error("the snapshot at the end of the block that was handled is not stored")
	}
	for _, p := range s.profiles {
		if p.Offset > last {
			t.Errorf("the profile of %s is stored up to offset %d", p.Token, p.Offset)
		}
	}
}
