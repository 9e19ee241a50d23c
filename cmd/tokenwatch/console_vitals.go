package main

import (
	"context"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/tokenwatch/tokenwatch/alert/console"
	"github.com/tokenwatch/tokenwatch/detect"
	"github.com/tokenwatch/tokenwatch/schema"
	models "github.com/tokenwatch/tokenwatch/schema/board"
)

var _ console.Vitals = (*vitals)(nil)

const (
	// vitalsEvery is how often this process looks at itself, and vitalsKept how often it stores what it saw.
	vitalsEvery = 5 * time.Second
	vitalsKept  = 15 * time.Second
)

// vitals tell the console how this process is: what it saw when it last looked. A page that is asked for waits for no
// lock of the pipelines.
type vitals struct {
	app     *app
	began   time.Time
	last    atomic.Pointer[models.Vitals]
	before  counters // of the look before: rates are what came since
	kept    time.Time
	failing bool // to store them: said once
}

func newVitals(a *app) *vitals {
	v := &vitals{app: a, began: time.Now().UTC().Truncate(time.Millisecond)}
	v.last.Store(&models.Vitals{Instance: instanceName(a.cfg), Version: version(), Started: v.began, At: v.began})
	return v
}

// Vitals implements console.Vitals.
func (v *vitals) Vitals() models.Vitals { return *v.last.Load() }

// Allowed implements console.Vitals.
func (v *vitals) Allowed() []schema.Allowance { return v.app.cfg.Detect.Allowed() }

// Detectors implements console.Vitals.
func (v *vitals) Detectors() []string { return slices.Sorted(slices.Values(detect.Detectors())) }

// run looks until ctx ends.
func (v *vitals) run(ctx context.Context) error {
	tick := time.NewTicker(vitalsEvery)
	defer tick.Stop()
	for {
		now := v.look()
		v.last.Store(&now)
		v.keep(ctx, now)
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// keep stores them for the other instances. If that fails the page of this one says why: its store is away.
func (v *vitals) keep(ctx context.Context, now models.Vitals) {
	if now.At.Sub(v.kept) < vitalsKept {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, vitalsEvery)
	defer cancel()
	err := v.app.engines.db.SaveVitals(ctx, now)
	if err == nil {
		v.kept = now.At
	}
	if err != nil && !v.failing && ctx.Err() == nil {
		v.app.log.Warn("the other instances do not learn how this one is", "error", err)
	}
	v.failing = err != nil
}

func (v *vitals) look() models.Vitals {
	a, stands := v.app, gather(v.app.metrics.registry)
	now := models.Vitals{
		Instance: instanceName(a.cfg), Version: version(), Started: v.began, At: time.Now().UTC().Truncate(time.Millisecond),
		Waiting: v.waiting(), Partitions: v.partitions(stands), Queues: queuesOf(stands), Places: v.places(), Bars: v.bars(), Engines: v.engines(),
		Profiles: int(stands.sum("tokenwatch_profiles")), MaxProfiles: a.cfg.Detect.MaxTokens, Evicted: uint64(stands.sum("tokenwatch_profiles_evicted_total")),
		Incidents: int(stands.sum("tokenwatch_open_incidents")), Resident: uint64(stands.sum("process_resident_memory_bytes")),
		Heap: uint64(stands.sum("go_memstats_heap_inuse_bytes")), Goroutines: runtime.NumGoroutine(),
	}
	v.before = stands
	return now
}

func (v *vitals) waiting() (list []models.Waiting) {
	for part, why := range v.app.ready.waiting() {
		list = append(list, models.Waiting{Part: part, Why: why})
	}
	slices.SortFunc(list, func(a, b models.Waiting) int { return strings.Compare(a.Part, b.Part) })
	return list
}

func (v *vitals) places() (list []models.PlaceFile) {
	for _, f := range v.app.places.Files() {
		list = append(list, models.PlaceFile{Key: f.Key, File: f.Name, Kind: f.Kind, Built: f.Built, Changed: f.Changed, Bytes: f.Bytes})
	}
	return list
}

func (v *vitals) engines() []models.Engine {
	store, log := "embedded", "embedded, "
	if v.app.cfg.ClickHouse.DSN != "" {
		store = "configured (clickhouse.dsn)"
	}
	if len(v.app.cfg.Kafka.Brokers) > 0 {
		log = ""
	}
	return []models.Engine{{Name: "ClickHouse", Where: store}, {Name: "Kafka", Where: log + strings.Join(v.app.engines.kafka.Brokers, ", ")}}
}

// bars sums up what the partitions of this process have learnt. Each has a bar of its own.
func (v *vitals) bars() (list []models.Bar) {
	for _, of := range append(v.app.watch.bars(), v.app.together.watch.bars()...) {
		for i, b := range of {
			if i == len(list) {
				list = append(list, models.Bar{Class: b.Class, Bar: b.Nats, Most: b.Nats})
			}
			sum := &list[i]
			sum.Days, sum.Alerted, sum.Learnt = sum.Days+b.Days, sum.Alerted+b.Alerted, sum.Learnt || b.Learnt
			sum.Bar, sum.Most, sum.Fresh = min(sum.Bar, b.Nats), max(sum.Most, b.Nats), max(sum.Fresh, b.Fresh)
		}
	}
	return list
}

// bars are those of each partition.
func (w *watch) bars() (list [][]detect.Bar) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, l := range w.parts {
		l.mu.Lock()
		list = append(list, l.engine.Bars())
		l.mu.Unlock()
	}
	return list
}
