package main

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/detect"
	"github.com/tokenwatch/tokenwatch/schema"
)

// lookout keeps in memory what ClickHouse keeps of sightings.
type lookout struct {
	list   []schema.Sighting
	events []schema.FleetEvent
	away   bool
}

func (o *lookout) InsertSightings(_ context.Context, _ string, list []schema.Sighting) error {
	o.list = append(o.list, list...)
	return nil
}

// Sightings gives all again and again, as it may those of the last moments.
func (o *lookout) Sightings(_ context.Context, since time.Time, each func(schema.Sighting) error) (time.Time, error) {
	if o.away {
		return since, errors.New("no connection")
	}
	for _, s := range o.list {
		if err := each(s); err != nil {
			return since, err
		}
	}
	return since, nil
}

func (o *lookout) InsertFleetEvents(_ context.Context, list []schema.FleetEvent) error {
	o.events = append(o.events, list...)
	return nil
}

// move is what engines of some partitions sight when a fleet of 12 moves.
func (o *lookout) move(at time.Time, partitions int) {
	for i := range 12 {
		at := at.Add(time.Duration(i) * 10 * time.Second)
		o.list = append(o.list, schema.Sighting{
			Time: at, Ingested: at, Token: schema.TokenID{byte(i + 1)}, Consumer: "acme", Topic: "t", Partition: int32(i % partitions), Offset: int64(i),
			ASN: 64500, Network: "AS64500 Cloud (hosting)", OwnAgent: true, OwnClient: true, Score: 1.5, Active: 12 / partitions, Tokens: 100,
		})
	}
}

// TestFleetwide: what the tokens of several partitions did together is told once, by the instance that has the first
// partition; what those of one did, by its engine.
func TestFleetwide(t *testing.T) {
	now := time.Now()
	for name, c := range map[string]struct {
		partitions int
		first      bool
		ago        time.Duration
		told       int
		events     bool
	}{
		"the first partition's":  {3, true, 3 * time.Minute, 1, true},
		"another one's":          {3, false, 3 * time.Minute, 0, false},
		"one partition":          {1, true, 3 * time.Minute, 0, false},
		"before the process was": {3, true, 3 * time.Hour, 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			s := &shelf{profiles: map[schema.TokenID]schema.Profile{}, findings: map[string]int{}}
			w, o := s.watch(detect.DefaultConfig()), &lookout{}
			var told []schema.Finding
			w.accept = func(_ context.Context, list []schema.Finding) error { told = append(told, list...); return nil }
			if c.first {
				w.parts[part{"t", 0}] = &lane{}
			}
			f := newFleetwide(w, o, part{"t", 0})
			o.move(now.Add(-c.ago), c.partitions)
			for range 3 {
				if err := f.look(t.Context(), now); err != nil {
					t.Fatal(err)
				}
			}
			if len(told) != c.told || len(s.findings) != c.told || (len(o.events) > 0) != c.events || w.wide.Load() != (c.partitions > 1) {
				t.Fatalf("told %d, stored %v, events %+v, wide %v", len(told), s.findings, o.events, w.wide.Load())
			}
			if c.told > 0 && (told[0].Kind != schema.FindingFleet || told[0].Consumer != "acme") {
				t.Errorf("told %+v", told[0])
			}
			ids := map[string]bool{}
			for _, e := range o.events {
				if ids[e.ID] {
					t.Errorf("event %s comes twice", e.ID)
				}
				ids[e.ID] = true
			}
			delete(w.parts, part{"t", 0}) // another instance takes over, and this one gets it back
			if err := f.look(t.Context(), now); err != nil {
				t.Fatal(err)
			}
			o.away = true
			if err := f.look(t.Context(), now); err == nil {
				t.Error("a store that is away went unnoticed")
			}
			o.away = false
			w.parts[part{"t", 0}] = &lane{}
			if err := f.look(t.Context(), now); err != nil {
				t.Fatal(err)
			}
			for _, e := range o.events {
				if c.events && !ids[e.ID] {
					t.Errorf("the same event has another id: %s", fmt.Sprint(ids, e))
				}
			}
		})
	}
}

// TestLanesStoreSightings: what engines sighted is stored with the block that it was sighted in.
func TestLanesStoreSightings(t *testing.T) {
	all := life()
	s := &shelf{profiles: map[schema.TokenID]schema.Profile{}, findings: map[string]int{}, events: all}
	w, o := s.watch(detect.DefaultConfig()), &lookout{}
	w.sighted = o
	l, err := w.Resume(t.Context(), "t", 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	show(l, all, 0, int64(len(all)))
	half := int64(len(all) - 601) // before the theft
	for _, b := range []schema.Block{{Topic: "t", Last: half}, {Topic: "t", First: half + 1, Last: int64(len(all)) - 1}} {
		before := len(o.list)
		if err := l.Handle(t.Context(), &b); err != nil {
			t.Fatal(err)
		}
		for _, seen := range o.list[before:] {
			if seen.Offset < b.First || seen.Offset > b.Last {
				t.Errorf("sighted at offset %d, stored with %d to %d", seen.Offset, b.First, b.Last)
			}
		}
	}
	if len(o.list) == 0 || o.list[0].ASN != 14061 {
		t.Errorf("sighted %+v", o.list)
	}
}
