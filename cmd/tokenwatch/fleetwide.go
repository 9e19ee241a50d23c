package main

import (
	"context"
	"fmt"
	"time"

	"github.com/tokenwatch/tokenwatch/detect"
	"github.com/tokenwatch/tokenwatch/schema"
)

// An engine sees one partition, and an owner's tokens are spread over all of them. So lanes store what their engines
// sighted, every instance reads all of it and shows it to a detect.Campaigns of its own, and one of them, the one
// that has the first partition, tells what comes of it: grouped findings to people, fleet events to the engines.

// sighted is where sightings and fleet events are kept.
type sighted interface {
	InsertSightings(ctx context.Context, token string, list []schema.Sighting) error
	Sightings(ctx context.Context, since time.Time, each func(schema.Sighting) error) (next time.Time, err error)
	InsertFleetEvents(ctx context.Context, list []schema.FleetEvent) error
}

const (
	// fleetMemory is how far back sightings are read at a start.
	fleetMemory = 48 * time.Hour
	// freshFor is how old a grouped finding may be to be told: older ones were, before this process began.
	freshFor = 10 * time.Minute
	// maxSeen bounds the sightings that are known to have been read: those of the last seconds, which are read again.
	maxSeen = 100_000
)

// fleetwide is what one instance makes of the sightings of all.
type fleetwide struct {
	watch     *watch
	store     sighted
	first     part // who has it tells
	campaigns *detect.Campaigns
	leads     bool
	since     time.Time
	seen      map[sightingID]bool
	parts     map[part]bool // that sightings came from, bounded by the topics' partitions
}

type sightingID struct {
	part
	offset   int64
	token    schema.TokenID
	returned bool
}

func newFleetwide(w *watch, store sighted, first part) *fleetwide {
	f := &fleetwide{watch: w, store: store, first: first}
	f.begin(time.Now())
	return f
}

// begin forgets everything: what counts is read again.
func (f *fleetwide) begin(now time.Time) {
	f.campaigns, f.seen, f.parts, f.since = detect.NewCampaigns(), map[sightingID]bool{}, map[part]bool{}, now.Add(-fleetMemory)
}

// run reads what was sighted until ctx ends.
func (f *fleetwide) run(ctx context.Context, every time.Duration) error {
	tick := time.NewTicker(every)
	defer tick.Stop()
	away := false
	for {
		err := f.look(ctx, time.Now())
		if err != nil && ctx.Err() == nil && !away {
			f.watch.log.Warn("cannot see beyond this instance's partitions; each is judged by itself", "error", err)
		}
		away = err != nil
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// look takes in what was sighted since the last time, and tells what came of it. Who comes to tell begins anew, since
// the one who told before may not have come to the end.
func (f *fleetwide) look(ctx context.Context, now time.Time) error {
	if leads := f.watch.has(f.first); leads != f.leads {
		f.leads = leads
		f.begin(now)
	}
	var found []schema.Finding
	again := map[sightingID]bool{}
	next, err := f.store.Sightings(ctx, f.since, func(s schema.Sighting) error {
		id := sightingID{part{s.Topic, s.Partition}, s.Offset, s.Token, s.Returned}
		if len(again) < maxSeen {
			again[id] = true
		}
		if f.seen[id] {
			return nil
		}
		f.parts[id.part] = true
		f.campaigns.See(&s)
		at := schema.Event{Ingested: s.Ingested, Topic: s.Topic, Partition: s.Partition, Offset: s.Offset}
		for g := f.campaigns.Due(&at); g != nil; g = f.campaigns.Due(&at) {
			found = append(found, *g)
		}
		return nil
	})
	if err != nil {
		f.begin(now) // what was read so far would be read again
		return err
	}
	if next.After(f.since) || len(again) > 0 {
		f.since, f.seen = next, again
	}
	f.watch.wide.Store(len(f.parts) > 1)
	if !f.watch.wide.Load() {
		return nil // the one engine there is tells it
	}
	return f.tell(ctx, found, now)
}

// tell stores fleet events, and what is to be told people.
func (f *fleetwide) tell(ctx context.Context, found []schema.Finding, now time.Time) error {
	events := f.campaigns.FleetEvents(now.UTC().Truncate(time.Millisecond))
	if !f.leads {
		return nil
	}
	if err := f.store.InsertFleetEvents(ctx, events); err != nil {
		return err
	}
	for i := range found {
		g := &found[i]
		if now.Sub(g.Ingested) > freshFor {
			continue
		}
		if err := f.watch.reportTogether(ctx, g); err != nil {
			return err
		}
	}
	return nil
}

// has tells whether this process has a partition.
func (w *watch) has(p part) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.parts[p] != nil
}

// reportTogether stores a grouped finding and hands it on.
func (w *watch) reportTogether(ctx context.Context, g *schema.Finding) error {
	list := []schema.Finding{*g}
	if err := w.record.InsertFindings(ctx, "together:"+g.ID.String(), list); err != nil {
		return fmt.Errorf("storing a grouped finding: %w", err)
	}
	if err := w.tell(ctx, list); err != nil {
		return fmt.Errorf("handing a grouped finding to alert: %w", err)
	}
	w.metrics.found(list)
	return nil
}

// storeSightings keeps what a lane's engine sighted, when its block is stored.
func (w *watch) storeSightings(ctx context.Context, list []schema.Sighting, b *schema.Block) error {
	if w.sighted == nil || len(list) == 0 {
		return nil
	}
	return w.sighted.InsertSightings(ctx, fmt.Sprintf("%s:%d:%d-%d@%d", b.Topic, b.Partition, b.First, b.Last, b.Ingested.UnixMilli()), list)
}
