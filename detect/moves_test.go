package detect_test

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/detect"
	"github.com/tokenwatch/tokenwatch/schema"
)

// apart puts each token of a world into a partition of its own.
func apart(events []schema.Event, partitions int32) []schema.Event {
	of := map[schema.TokenID]int32{}
	for i := range events {
		p, known := of[events[i].Token]
		if !known {
			p = int32(len(of)) % partitions
			of[events[i].Token] = p
		}
		events[i].Partition = p
	}
	return events
}

// engines are those of some partitions, which share what they see as instances do: sightings go to one Campaigns, and what
// it makes of them comes back to all.
type engines struct {
	list  []*detect.Engine
	wide  *detect.Campaigns
	known []schema.FleetEvent
}

func (e *engines) process(ev *schema.Event, share bool) (found []schema.Finding) {
	one := e.list[ev.Partition]
	if f := one.Process(ev); f != nil {
		found = append(found, *f)
	}
	for _, s := range one.Sightings() {
		if !share {
			continue
		}
		e.wide.See(&s)
		if f := e.wide.Due(ev); f != nil {
			found = append(found, *f)
		}
		fresh := e.wide.FleetEvents(ev.Ingested)
		e.known = append(e.known, fresh...)
		for _, to := range e.list {
			to.Know(fresh)
		}
	}
	return found
}

// TestMovesAcrossPartitions: each partition has one token of an owner, so none can tell that the owner moved; together
// they can.
func TestMovesAcrossPartitions(t *testing.T) {
	want, events, cfg := playCampaign(t, "testdata/campaign/fleet-egress")
	events = apart(events, 22)
	run := func(share bool) (list []schema.Finding, e *engines) {
		e = &engines{wide: detect.NewCampaigns()}
		for p := range int32(22) {
			e.list = append(e.list, detect.New(cfg, "t", p))
		}
		for i := range events {
			list = append(list, e.process(&events[i], share)...)
		}
		return list, e
	}
	alone, _ := run(false)
	tokens := map[schema.TokenID]bool{}
	for _, f := range alone {
		tokens[f.Token] = true
	}
	if len(tokens) < 10 {
		t.Fatalf("only %d tokens are found by themselves: nothing is tested", len(tokens))
	}
	together, e := run(true)
	want.Alone = 3 // those who moved before it was clear
	checkTogether(t, want, together)
	if len(e.known) == 0 {
		t.Fatal("no fleet event")
	}
	// Whoever replays knows all fleet events from the start, and finds the same.
	var again []schema.Finding
	replay := &engines{wide: detect.NewCampaigns()}
	for p := range int32(22) {
		one := detect.New(cfg, "t", p)
		one.Know(e.known)
		replay.list = append(replay.list, one)
	}
	for i := range events {
		again = append(again, replay.process(&events[i], false)...)
	}
	var first []schema.Finding
	for _, f := range together {
		if f.Kind == schema.FindingToken {
			first = append(first, f)
		}
	}
	if !reflect.DeepEqual(again, first) {
		t.Errorf("%d findings when replayed, %d before; first difference %s", len(again), len(first), firstDifference(again, first))
	}
}

// TestFleetEventsEnd: an owner who goes on where he was has not moved.
func TestFleetEventsEnd(t *testing.T) {
	c := detect.NewCampaigns()
	at := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	seen := func(i int, returned bool) *schema.Sighting {
		s := &schema.Sighting{Time: at, Ingested: at, Token: tokenOf(fmt.Sprint("w", i)), Consumer: "acme", ASN: 64500, Origin: 3320, OwnAgent: true, OwnClient: true, Score: 1, Active: 5, Tokens: 50}
		if at = at.Add(time.Minute); returned {
			s.ASN, s.Returned = 3320, true
		}
		return s
	}
	for i := range 5 {
		c.See(seen(i, false))
	}
	begins := c.FleetEvents(at)
	if len(begins) != 2 || begins[0].Value != "AS64500" || !begins[0].Until.After(at) || len(c.FleetEvents(at)) != 0 {
		t.Fatalf("have %+v", begins)
	}
	for i := range 3 {
		c.See(seen(i, true))
	}
	ends := c.FleetEvents(at)
	if len(ends) != 2 || ends[0].ID != begins[0].ID || !ends[0].Until.Equal(at) {
		t.Errorf("have %+v", ends)
	}
	if f := c.Due(&schema.Event{}); f != nil {
		t.Errorf("told of what it is not: %+v", f)
	}
}

// TestCampaignsAreBounded: an outsider with stolen tokens makes up programs and addresses without end; an owner's move is
// remembered.
func TestCampaignsAreBounded(t *testing.T) {
	c := detect.NewCampaigns()
	at := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	for i := range 5 {
		c.See(&schema.Sighting{Time: at, Token: tokenOf(fmt.Sprint("w", i)), Consumer: "acme", ASN: 64500, OwnAgent: true, OwnClient: true, Score: 1, Active: 5, Tokens: 50})
	}
	for i := range 30_000 {
		c.See(&schema.Sighting{Time: at.Add(time.Duration(i) * time.Second), Token: tokenOf(fmt.Sprint("x", i%50)), Consumer: fmt.Sprint("owner", i), ASN: uint32(i + 1), Client: fmt.Sprint("made-up-", i), Score: 0.5})
	}
	if c.Gatherings() > 1024 {
		t.Errorf("%d gatherings", c.Gatherings())
	}
	if f := c.FleetEvents(at); len(f) == 0 || f[0].Among != "o:acme\x00" {
		t.Errorf("the move is forgotten: %+v", f)
	}
}
