//go:build linux

package main

import (
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/deploy/simulate"
	"github.com/tokenwatch/tokenwatch/detect"
	"github.com/tokenwatch/tokenwatch/ingest"
	"github.com/tokenwatch/tokenwatch/schema"
)

// BenchmarkEngine measures the detection engine alone on the simulated fleet's three weeks,
// decoded beforehand: CPU time an event, of the thread that the engine runs on.
func BenchmarkEngine(b *testing.B) {
	events := fleetEvents(b)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	cfg := detect.DefaultConfig()
	cfg.BackfillAfter = demoBackfill
	var spent time.Duration
	for b.Loop() {
		engine, began := detect.New(cfg, "t", 0), threadTime(b)
		for i := range events {
			if i%detect.Ahead == 0 {
				engine.Prefetch(events[i:])
			}
			engine.Process(&events[i])
		}
		spent += threadTime(b) - began
	}
	b.ReportMetric(float64(spent.Nanoseconds())/float64(b.N)/float64(len(events)), "cpu-ns/event")
}

// fleetEvents is the history of the fleet that TestWorlds begins with.
func fleetEvents(b *testing.B) []schema.Event {
	b.Helper()
	places := placesOrSkip(b)
	cfg := simulate.DefaultConfig()
	cfg.Seed, cfg.End, cfg.Locate = *firstWorld, time.Date(2026, 11, 2, 0, 30, 0, 0, time.UTC), locateWith(places)
	fleet, err := simulate.New(cfg)
	if err != nil {
		b.Fatal(err)
	}
	p, block := newPlayer(b, places, cfg.End), schema.Block{}
	for r := range fleet.History() {
		p.decoder.Decode(&block, r.Value, ingest.Position{Topic: "t", Offset: int64(len(block.Events)), At: p.at})
	}
	shareStrings(block.Events)
	return block.Events
}

// shareStrings gives equal strings one place in memory. A pipeline's events are fresh from
// the decoder; those of three weeks, each with strings of its own, would be measured as a
// walk through memory.
func shareStrings(events []schema.Event) {
	known := map[string]string{}
	for i := range events {
		ev := &events[i]
		for _, s := range []*string{&ev.TokenHint, &ev.Consumer, &ev.Environment, &ev.Country, &ev.Region, &ev.City, &ev.ASOrg, &ev.Client, &ev.UserAgent} {
			if _, ok := known[*s]; !ok {
				known[strings.Clone(*s)] = strings.Clone(*s)
			}
			*s = known[*s]
		}
	}
}

func threadTime(b *testing.B) time.Duration {
	const thread = 1 // RUSAGE_THREAD
	var u syscall.Rusage
	if err := syscall.Getrusage(thread, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
