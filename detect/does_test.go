package detect_test

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/detect"
	"github.com/tokenwatch/tokenwatch/schema"
)

// busy is a small world in which tokens do things, some of them odd ones on the last day.
func busy(seed uint64, days int) []schema.Event {
	r := rand.New(rand.NewPCG(seed, 7))
	var events []schema.Event
	for _, ev := range stream(seed, 24, days) {
		name := ev.TokenHint
		day := int(ev.Time.Sub(time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)).Hours() / 24)
		if ev.Token == tokenOf("tok10") && day > 5 && day < days-1 {
			continue // silent
		}
		ev.TokenHint, ev.Method, ev.Status = name, "GET", 200
		ev.Route = fmt.Sprint("/v1/", r.IntN(4))
		ev.Path = fmt.Sprint(ev.Route, "/", r.IntN(30))
		ev.BytesOut = uint64(1e5 * math.Exp(r.NormFloat64()))
		ev.UnitsIn, ev.CostUSD = uint32(r.IntN(3000)), float64(r.IntN(3))/100
		if r.IntN(40) == 0 {
			ev.Status = [...]uint16{401, 403, 404, 429, 500}[r.IntN(5)]
		}
		events = append(events, ev)
		if day == days-1 {
			events = append(events, odd(ev, r)...)
		}
	}
	return inOrder(events)
}

// odd is what some tokens do after an event.
func odd(ev schema.Event, r *rand.Rand) []schema.Event {
	var events []schema.Event
	again := func(n int, change func(*schema.Event)) {
		for range n {
			ev.Time = ev.Time.Add(time.Duration(r.IntN(15)) * time.Second)
			ev.Ingested = ev.Time
			one := ev
			change(&one)
			events = append(events, one)
		}
	}
	switch ev.Token {
	case tokenOf("tok0"):
		again(40, func(e *schema.Event) { e.IP = netip.AddrFrom4([4]byte{99, byte(r.IntN(9)), 1, byte(r.IntN(250))}) })
	case tokenOf("tok2"):
		again(2, func(e *schema.Event) { e.Method = "DELETE" })
	case tokenOf("tok4"):
		again(30, func(e *schema.Event) {
			e.Route = fmt.Sprint("/admin/", r.IntN(50))
			e.Path, e.Status = e.Route, 403
		})
	case tokenOf("tok6"):
		again(3, func(e *schema.Event) { e.BytesOut *= 1e5 })
	case tokenOf("tok8"):
		again(1, func(e *schema.Event) { e.BytesOut *= 40 })
	case tokenOf("tok10"):
		again(1, func(e *schema.Event) { e.Client = "okhttp/4" })
	}
	return events
}

// TestDoingsAreTold: an engine that passes over what is no news finds the same as one that
// shows every event to every detector, and all detectors speak.
func TestDoingsAreTold(t *testing.T) {
	said := map[string]bool{}
	for seed := range uint64(8) {
		cfg := detect.DefaultConfig()
		cfg.AlertNats = 1.6
		quick, thorough := detect.New(cfg, "t", 0), detect.New(cfg, "t", 0)
		for i, ev := range busy(seed, 24) {
			a, b := quick.Process(&ev), thorough.ProcessThoroughly(&ev)
			if !reflect.DeepEqual(a, b) {
				t.Fatalf("seed %d, event %d: found\n%+v\nlooking at all\n%+v", seed, i, a, b)
			}
			if a == nil {
				continue
			}
			for _, e := range a.Evidence {
				said[e.Detector] = true
			}
		}
		if a, b := byToken(quick.Snapshot()), byToken(thorough.Snapshot()); !reflect.DeepEqual(a, b) {
			t.Errorf("seed %d: the two know different things", seed)
		}
	}
	for _, name := range []string{"volume_spike", "slow_exfiltration", "fan_out", "probing", "first_write", "dormancy"} {
		if !said[name] {
			t.Errorf("%s said nothing; those who did: %v", name, slices.Sorted(maps.Keys(said)))
		}
	}
}

// TestDoingsSurviveRestarts is TestRestarts for a world in which tokens do things.
func TestDoingsSurviveRestarts(t *testing.T) {
	for seed := range uint64(6) {
		cfg := detect.DefaultConfig()
		cfg.AlertNats = 1.6
		events := inRecords(busy(seed, 24))
		want := findings(detect.New(cfg, "t", 0), events)
		got, _ := interrupted(t, cfg, events, rand.New(rand.NewPCG(seed, 8)))
		if !reflect.DeepEqual(got, want) || len(want) == 0 {
			t.Fatalf("seed %d: %d findings with restarts, %d without; first difference %s", seed, len(got), len(want), firstDifference(got, want))
		}
	}
}

// TestStrangeDoings: what no log should hold does no harm.
func TestStrangeDoings(t *testing.T) {
	e := detect.New(detect.DefaultConfig(), "t", 0)
	at := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	for i, change := range []func(*schema.Event){
		func(e *schema.Event) { e.BytesOut = math.MaxUint64 },
		func(e *schema.Event) { e.CostUSD = math.NaN() },
		func(e *schema.Event) { e.CostUSD = math.Inf(1) },
		func(e *schema.Event) { e.CostUSD = -5 },
		func(e *schema.Event) { e.UnitsIn, e.UnitsOut = math.MaxUint32, math.MaxUint32 },
		func(e *schema.Event) { e.Country, e.ASN = "X", math.MaxUint32 },
		func(e *schema.Event) { e.Method, e.Status = "MÜLL", 65535 },
		func(e *schema.Event) { e.Time = e.Time.AddDate(60, 0, 0) },
	} {
		for day := range 10 {
			ev := schema.Event{Time: at.AddDate(0, 0, day), Token: tokenOf("ann"), Offset: int64(10*i + day), Method: "GET"}
			change(&ev)
			e.Process(&ev)
		}
	}
	again := detect.New(detect.DefaultConfig(), "t", 0)
	if err := again.Restore(e.Snapshot()); err != nil {
		t.Errorf("what was learnt of it does not come back: %v", err)
	}
}

// TestLateEventsMakeNoWindow: a backlog that arrives at once, hours late, is no burst of bytes.
func TestLateEventsMakeNoWindow(t *testing.T) {
	cfg := detect.DefaultConfig()
	cfg.AlertNats = 2
	e := detect.New(cfg, "t", 0)
	at, offset := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC), int64(0)
	send := func(at time.Time, ip byte) *schema.Finding {
		offset++
		return e.Process(&schema.Event{Time: at, Ingested: at, Token: tokenOf("ann"), Offset: offset, BytesOut: 5e6,
			IP: netip.AddrFrom4([4]byte{80, 0, 0, ip}), Place: berlin, Client: "curl/8"})
	}
	for hour := range 24 * 14 {
		send(at.Add(time.Duration(hour)*time.Hour), 1)
	}
	now := at.AddDate(0, 0, 14)
	for i := range 8 {
		if f := send(now.Add(-time.Duration(i+1)*time.Hour), byte(i)); f != nil {
			t.Errorf("%d h late: %s", i+1, f.Summary)
		}
	}
}

// TestLogarithm: the quick logarithm keeps the order, and comes back.
func TestLogarithm(t *testing.T) {
	last := uint16(0)
	for v := float32(1); v < 1e18; v *= 1.01 {
		y := detect.Lg(v)
		if y < last {
			t.Fatalf("lg(%g) = %d after %d", v, y, last)
		}
		last = y
		if back := detect.Unlg(int(y)); math.Abs(back/float64(v)-1) > 0.002 {
			t.Fatalf("lg(%g) stands for %g", v, back)
		}
		if exact := 1024 * math.Log2(float64(v)); math.Abs(exact-float64(y)) > 90 {
			t.Fatalf("lg(%g) = %d, want about %.0f", v, y, exact)
		}
	}
	if detect.Lg(float32(math.Inf(1))) != math.MaxUint16 {
		t.Error("what is too large is not the largest")
	}
}
