package detect_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/detect"
	"github.com/tokenwatch/tokenwatch/schema"
)

// restless is a small world in which much happens at the borders of what is usual: bursts,
// nights, places and programs that come and go, events that are late, twice, or know nothing.
func restless(seed uint64, days int) []schema.Event {
	r := rand.New(rand.NewPCG(seed, 6))
	events := stream(seed, 30, days)
	for i := range events {
		ev := &events[i]
		ev.UserAgent = fmt.Sprint(ev.Client, ".", r.IntN(3))
		switch r.IntN(25) {
		case 0:
			ev.Time = ev.Time.Add(-time.Duration(r.IntN(30)) * time.Hour)
		case 1:
			ev.Place, ev.Client, ev.UserAgent = schema.Place{}, "", ""
		case 2:
			ev.ASN, ev.ASOrg = 64512+uint32(r.IntN(3)), "Café"
		case 3:
			ev.Time = ev.Time.Truncate(24 * time.Hour).Add(time.Duration(r.IntN(6)) * time.Hour)
		case 4:
			ev.Lat, ev.Lon = 0, 0
		case 5:
			ev.Time = ev.Time.Add(-time.Duration(r.IntN(900)) * time.Second)
		}
		ev.Ingested = ev.Time
	}
	n := len(events)
	for _, i := range []int{60, 40, 1} { // by day, and when most have gone home
		events = append(events, burst(events[n-i], r)...)
	}
	return events
}

// burst is an hour of many requests after an event, some of them late.
func burst(last schema.Event, r *rand.Rand) []schema.Event {
	var events []schema.Event
	for range 400 {
		last.Offset++
		last.Time = last.Time.Add(time.Duration(r.IntN(9)) * time.Second)
		ev := last
		if r.IntN(6) == 0 {
			ev.Time = ev.Time.Add(-time.Duration(r.IntN(1500)) * time.Second)
		}
		ev.Ingested = ev.Time
		events = append(events, ev)
	}
	return events
}

// TestNoNewsIsNoNews: an engine that passes over what is no news finds the same, and knows
// the same afterwards, as one that shows every event to every detector.
func TestNoNewsIsNoNews(t *testing.T) {
	for seed := range uint64(10) {
		cfg := detect.DefaultConfig()
		cfg.AlertNats = 2
		quick, thorough := detect.New(cfg, "t", 0), detect.New(cfg, "t", 0)
		found := 0
		for i, ev := range restless(seed, 25) {
			a, b := quick.Process(&ev), thorough.ProcessThoroughly(&ev)
			if !reflect.DeepEqual(a, b) {
				t.Fatalf("seed %d, event %d: found\n%+v\nlooking at all\n%+v", seed, i, a, b)
			}
			if a != nil {
				found++
			}
		}
		if found == 0 {
			t.Fatalf("seed %d: a world without findings proves nothing", seed)
		}
		if a, b := byToken(quick.Snapshot()), byToken(thorough.Snapshot()); !reflect.DeepEqual(a, b) {
			t.Errorf("seed %d: the two know different things", seed)
		}
	}
}

func byToken(list []schema.Profile) []schema.Profile {
	slices.SortFunc(list, func(a, b schema.Profile) int { return bytes.Compare(a.Token[:], b.Token[:]) })
	return list
}

// TestPrefetchChangesNothing: looking ahead is no look.
func TestPrefetchChangesNothing(t *testing.T) {
	events := restless(3, 12)
	plain, ahead := detect.New(detect.DefaultConfig(), "t", 0), detect.New(detect.DefaultConfig(), "t", 0)
	ahead.Prefetch(nil)
	for i := range events {
		ahead.Prefetch(events[i:])
		if a, b := plain.Process(&events[i]), ahead.Process(&events[i]); !reflect.DeepEqual(a, b) {
			t.Fatalf("event %d: %+v and %+v", i, a, b)
		}
	}
	if !reflect.DeepEqual(byToken(plain.Snapshot()), byToken(ahead.Snapshot())) {
		t.Error("looking ahead taught something")
	}
}

// TestUsualEventsTakeNoMemory: what is no news allocates nothing. The events are too few to be a burst.
func TestUsualEventsTakeNoMemory(t *testing.T) {
	events := stream(1, 50, 10)
	e := detect.New(detect.DefaultConfig(), "t", 0)
	findings(e, events)
	last := events[len(events)-1]
	last.BytesOut = 0
	next := func() {
		last.Offset++
		last.Time = last.Time.Add(time.Minute / 10)
		e.Process(&last)
	}
	if n := testing.AllocsPerRun(8, next); n > 0 {
		t.Errorf("%.1f allocations an event", n)
	}
}

// TestLateInAYoungPlace: a place that has just become the token's own was not yet when a late event was made.
func TestLateInAYoungPlace(t *testing.T) {
	cfg := detect.DefaultConfig()
	cfg.AlertNats = 40 // what is alerted is not learnt
	quick, thorough := detect.New(cfg, "t", 0), detect.New(cfg, "t", 0)
	life := stream(1, 1, 12)
	moved := life[len(life)-1].Time.Truncate(time.Hour)
	show := func(ev schema.Event) {
		if a, b := quick.Process(&ev), thorough.ProcessThoroughly(&ev); !reflect.DeepEqual(a, b) {
			t.Fatalf("%s: found\n%+v\nlooking at all\n%+v", ev.Time, a, b)
		}
	}
	for _, ev := range life {
		show(ev)
	}
	abroad := life[len(life)-1]
	abroad.Place = schema.Place{Country: "BR", City: "São Paulo", Lat: -23.5, Lon: -46.6, ASN: 28573, ASOrg: "Claro", Network: schema.NetworkMobile}
	for _, after := range []time.Duration{0, cfg.Probation + 5*time.Second, cfg.Probation + 6*time.Second, cfg.Probation - time.Second} {
		abroad.Time = moved.Add(time.Hour + after)
		abroad.Ingested = abroad.Time
		abroad.Offset++
		show(abroad)
	}
	if a, b := byToken(quick.Snapshot()), byToken(thorough.Snapshot()); !reflect.DeepEqual(a, b) {
		t.Error("the two know different things")
	}
}
