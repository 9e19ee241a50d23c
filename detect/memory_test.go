package detect_test

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/tokenwatch/tokenwatch/detect"
	"github.com/tokenwatch/tokenwatch/schema"
)

// TestRestartsWithoutRoom is TestRestarts with more tokens than there is room for: who is
// dropped, and when, is the same with restarts, and nobody who was dropped comes back.
func TestRestartsWithoutRoom(t *testing.T) {
	for seed := range uint64(10) {
		cfg := detect.DefaultConfig()
		cfg.AlertNats, cfg.MaxTokens = 4, 25
		events := inRecords(stream(seed, 40, 25))
		whole := detect.New(cfg, "t", 0)
		want := findings(whole, events)
		if whole.Evicted() == 0 || len(want) == 0 {
			t.Fatalf("seed %d: %d dropped, %d findings: nothing is tested", seed, whole.Evicted(), len(want))
		}
		got, tokens := interrupted(t, cfg, events, rand.New(rand.NewPCG(seed, 5)))
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("seed %d: %d findings with restarts, %d without; first difference %s", seed, len(got), len(want), firstDifference(got, want))
		}
		if tokens != whole.Tokens() {
			t.Errorf("seed %d: %d tokens after restarts, %d without", seed, tokens, whole.Tokens())
		}
	}
}

// interrupted runs events through engines that are stored and resumed between records.
func interrupted(t *testing.T, cfg detect.Config, events []schema.Event, r *rand.Rand) (found []schema.Finding, tokens int) {
	t.Helper()
	history := &store{profiles: map[schema.TokenID]schema.Profile{}, events: events}
	e := detect.New(cfg, "t", 0)
	for i := range events {
		if f := e.Process(&events[i]); f != nil {
			found = append(found, *f)
		}
		if i+1 < len(events) && events[i+1].Offset == events[i].Offset {
			continue
		}
		if r.IntN(100) == 0 {
			history.save(e.Snapshot())
			e.Stored()
		}
		if r.IntN(100) == 0 {
			var err error
			if e, err = detect.Resume(t.Context(), history, cfg, "t", 0, events[i].Offset+1, time.Time{}); err != nil {
				t.Fatal(err)
			}
		}
	}
	return found, e.Tokens()
}

// inRecords puts events in records of one to four items.
func inRecords(events []schema.Event) []schema.Event {
	offset, item := int64(0), uint32(0)
	for i := range events {
		events[i].Offset, events[i].Item = offset, item
		if item++; item > uint32(offset%4) {
			offset, item = offset+1, 0
		}
	}
	return events
}

// TestFloodTakesNoMemory: an hour of tokens that were made up, each with places and programs
// of its own, many times as many as there is room for, takes no more memory than its first
// minutes did, and those with a history stay.
func TestFloodTakesNoMemory(t *testing.T) {
	cfg := detect.DefaultConfig()
	cfg.MaxTokens = 2000
	e := detect.New(cfg, "t", 0)
	at := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	offset := int64(0)
	for day := range 3 {
		for tok := range 500 {
			offset++
			e.Process(&schema.Event{Time: at.AddDate(0, 0, day), Token: tokenOf(fmt.Sprint("old", tok)), Offset: offset, Client: "curl/8"})
		}
	}
	flood := func(from, to int) {
		for i := from; i < to; i++ {
			offset++
			ev := schema.Event{Time: at.AddDate(0, 0, 3).Add(time.Duration(i) * 20 * time.Millisecond), Offset: offset,
				Client: fmt.Sprint("made-up-", i), UserAgent: fmt.Sprint("made up ", i), Place: schema.Place{Country: "DE", City: fmt.Sprint("Town ", i), ASN: uint32(i + 1), Lat: 1}}
			binary.LittleEndian.PutUint64(ev.Token[:], uint64(i)*0x9E3779B97F4A7C15+1)
			e.Process(&ev)
		}
	}
	flood(0, 10_000)
	before, texts := held(), e.Texts()
	flood(10_000, 150_000)
	if grown := int64(held()) - int64(before); grown > 256<<10 || e.Texts() > texts+10 {
		t.Errorf("the flood took %d bytes and %d texts", grown, e.Texts()-texts)
	}
	if e.Tokens() != 2000 || e.Evicted() != 150_500-2000 {
		t.Errorf("%d tokens, %d evicted", e.Tokens(), e.Evicted())
	}
	kept := 0
	for _, p := range e.Snapshot() {
		if p.Days >= 3 {
			kept++
		}
	}
	if kept != 500 {
		t.Errorf("the flood pushed out %d of 500 tokens with a history", 500-kept)
	}
}

func held() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// TestNamesAreBounded: an outsider's strings are as long as he likes; what is kept is not.
func TestNamesAreBounded(t *testing.T) {
	e := detect.New(detect.DefaultConfig(), "t", 0)
	long := strings.Repeat("é", 100_000)
	e.Process(&schema.Event{Time: time.Unix(1.7e9, 0), Token: tokenOf("ann"), Client: long, UserAgent: long,
		Place: schema.Place{Country: "DE", City: long, ASN: 1, ASOrg: long, Lat: 1}})
	for _, p := range e.Snapshot() {
		if len(p.State) > 1024 && !p.Token.IsZero() {
			t.Errorf("a profile takes %d bytes", len(p.State))
		}
	}
	for text, want := range map[string]int{"": 0, long[:96]: 96, long[:98]: 96, long: 96} {
		if got := detect.Clip(text); len(got) != want {
			t.Errorf("of %d bytes %d are kept, want %d", len(text), len(got), want)
		}
	}
	if got := detect.Clip("x" + strings.Repeat("é", 100)); len(got) != 95 || !utf8.ValidString(got) {
		t.Errorf("a character was cut in two: %q", got)
	}
}

// TestEventsOfNobody: what has no token makes no profile.
func TestEventsOfNobody(t *testing.T) {
	e := detect.New(detect.DefaultConfig(), "t", 0)
	if f := e.Process(&schema.Event{Time: time.Unix(1.7e9, 0), Offset: 7}); f != nil || e.Tokens() != 0 || e.Offset() != 7 {
		t.Errorf("%+v, %d tokens, offset %d", f, e.Tokens(), e.Offset())
	}
}

// TestLoweredBound: when there is less room than before, those used last stay, and the
// others are stored as dropped.
func TestLoweredBound(t *testing.T) {
	cfg := detect.DefaultConfig()
	events := stream(4, 40, 10)
	e := detect.New(cfg, "t", 0)
	findings(e, events)
	cfg.MaxTokens = 10
	small := detect.New(cfg, "t", 0)
	if err := small.Restore(e.Snapshot()); err != nil {
		t.Fatal(err)
	}
	recent := map[schema.TokenID]bool{}
	for i := len(events) - 1; len(recent) < 10; i-- {
		recent[events[i].Token] = true
	}
	dropped := 0
	for _, p := range small.Snapshot() {
		if p.Status == schema.ProfileDropped {
			dropped++
			if recent[p.Token] || len(p.State) > 0 {
				t.Errorf("dropped %s", p.Token)
			}
		}
	}
	if small.Tokens() != 10 || dropped != 30 {
		t.Errorf("%d tokens, %d dropped", small.Tokens(), dropped)
	}
}
