package detect_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/detect"
	"github.com/tokenwatch/tokenwatch/schema"
)

// stream makes a small world from a seed: tokens with habits, some of which are robbed.
func stream(seed uint64, tokens, days int) []schema.Event {
	r := rand.New(rand.NewPCG(seed, 1))
	places := []schema.Place{
		{Country: "DE", City: "Berlin", Lat: 52.5, Lon: 13.4, ASN: 3320, ASOrg: "DTAG", Network: schema.NetworkResidential},
		{Country: "FR", City: "Paris", Lat: 48.9, Lon: 2.4, ASN: 3215, ASOrg: "Orange", Network: schema.NetworkResidential},
		{Country: "US", City: "Ashburn", Lat: 39, Lon: -77.5, ASN: 14618, ASOrg: "Amazon", Network: schema.NetworkHosting},
		{Country: "BR", City: "São Paulo", Lat: -23.5, Lon: -46.6, ASN: 28573, ASOrg: "Claro", Network: schema.NetworkMobile},
	}
	clients := []string{"curl/8", "python-requests/2", "Go-http-client/2", "okhttp/4"}
	start := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	var events []schema.Event
	for day := range days {
		for tok := range tokens {
			place, client := places[tok%2], clients[tok%4]
			for range 1 + r.IntN(12) {
				at := start.AddDate(0, 0, day).Add(time.Duration(8+r.IntN(9))*time.Hour + time.Duration(r.IntN(3600))*time.Second)
				ev := schema.Event{Time: at, Ingested: at, Token: tokenOf(fmt.Sprint("tok", tok)), Client: client, Place: place,
					IP: netip.AddrFrom4([4]byte{80, 0, byte(tok), byte(r.IntN(4))}), BytesOut: uint64(r.IntN(9000))}
				if r.IntN(200) == 0 {
					ev.Place, ev.Client = places[2+r.IntN(2)], clients[r.IntN(4)]
				}
				events = append(events, ev)
			}
		}
	}
	return inOrder(events)
}

func findings(e *detect.Engine, events []schema.Event) []schema.Finding {
	var list []schema.Finding
	for i := range events {
		if f := e.Process(&events[i]); f != nil {
			list = append(list, *f)
		}
	}
	return list
}

// store is a History that keeps what it is given.
type store struct {
	profiles map[schema.TokenID]schema.Profile
	events   []schema.Event
	broken   error
}

func (s *store) save(list []schema.Profile) {
	for _, p := range list {
		s.profiles[p.Token] = p
	}
}

func (s *store) Profiles(_ context.Context, _ string, _ int32, each func(schema.Profile) error) error {
	for _, p := range s.profiles {
		if err := each(p); err != nil {
			return err
		}
	}
	return s.broken
}

func (s *store) Events(_ context.Context, _ string, _ int32, after, before int64, since time.Time, each func(*schema.Event) error) error {
	for i := range s.events {
		if o := s.events[i].Offset; after < o && o < before && !s.events[i].Ingested.Before(since) {
			if err := each(&s.events[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

// TestRestarts is the property that everything else rests on: restarting at any points,
// with snapshots at any other points, gives the findings of never having restarted.
func TestRestarts(t *testing.T) {
	for seed := range uint64(20) {
		cfg := detect.DefaultConfig()
		cfg.AlertNats = 4
		cfg.MaxTokens = 1000
		events := stream(seed, 40, 25)
		want := findings(detect.New(cfg, "t", 0), events)
		if len(want) == 0 {
			t.Fatalf("seed %d: a world without findings proves nothing", seed)
		}
		r := rand.New(rand.NewPCG(seed, 2))
		history := &store{profiles: map[schema.TokenID]schema.Profile{}, events: events}
		e := detect.New(cfg, "t", 0)
		var got []schema.Finding
		for i := range events {
			if f := e.Process(&events[i]); f != nil {
				got = append(got, *f)
			}
			if r.IntN(400) == 0 {
				history.save(e.Snapshot())
				e.Stored()
			}
			if r.IntN(400) == 0 {
				var err error
				if e, err = detect.Resume(context.Background(), history, cfg, "t", 0, events[i].Offset+1, time.Time{}); err != nil {
					t.Fatal(err)
				}
			}
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("seed %d: %d findings with restarts, %d without; first difference %s", seed, len(got), len(want), firstDifference(got, want))
		}
	}
}

func firstDifference(a, b []schema.Finding) string {
	for i := range min(len(a), len(b)) {
		if !reflect.DeepEqual(a[i], b[i]) {
			return fmt.Sprintf("at %d:\n%+v\n%+v", i, a[i], b[i])
		}
	}
	return "in length"
}

// TestResumeWithoutProfiles learns from the stored events alone, and from none before
// the time it is told.
func TestResumeWithoutProfiles(t *testing.T) {
	cfg := detect.DefaultConfig()
	events := stream(7, 10, 25)
	next := events[len(events)-1].Offset + 1
	history := &store{events: events}
	e, err := detect.Resume(context.Background(), history, cfg, "t", 0, next, time.Time{})
	if err != nil || e.Tokens() != 10 || e.Offset() != next-1 {
		t.Fatalf("got %d tokens at %d, %v", e.Tokens(), e.Offset(), err)
	}
	late := events[len(events)-1].Ingested.Add(time.Hour)
	if e, _ = detect.Resume(context.Background(), history, cfg, "t", 0, next, late); e.Tokens() != 0 {
		t.Errorf("learnt %d tokens from before the history", e.Tokens())
	}
	// State of another version is learnt anew, not trusted and not fatal.
	history.profiles = map[schema.TokenID]schema.Profile{tokenOf("tok1"): {Token: tokenOf("tok1"), State: []byte{99, 1, 2}}}
	if e, err = detect.Resume(context.Background(), history, cfg, "t", 0, next, time.Time{}); err != nil || e.Tokens() != 10 {
		t.Errorf("with profiles of another version: %d tokens, %v", e.Tokens(), err)
	}
	history.broken = errors.New("no connection")
	if _, err = detect.Resume(context.Background(), history, cfg, "t", 0, next, time.Time{}); !errors.Is(err, history.broken) {
		t.Errorf("a failing store went unnoticed: %v", err)
	}
}

// TestMemoryIsBounded floods an engine with made-up tokens: the old ones stay.
func TestMemoryIsBounded(t *testing.T) {
	cfg := detect.DefaultConfig()
	cfg.MaxTokens = 1000
	e := detect.New(cfg, "t", 0)
	at := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	grown := 0
	for day := range 3 {
		for tok := range 500 {
			e.Process(&schema.Event{Time: at.AddDate(0, 0, day), Token: tokenOf(fmt.Sprint("old", tok)), Offset: int64(grown)})
			grown++
		}
	}
	for i := range 50_000 {
		e.Process(&schema.Event{Time: at.AddDate(0, 0, 3), Token: tokenOf(fmt.Sprint("flood", i)), Offset: int64(grown + i)})
	}
	if e.Tokens() > 1000 || e.Evicted() != 50_500-1000 {
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

// TestFindingNamesRecord: a replay of the same record gives the same id, another item
// or offset another one.
func TestFindingIDs(t *testing.T) {
	cfg := detect.DefaultConfig()
	cfg.AlertNats = 3
	events := stream(3, 40, 25)
	a, b := findings(detect.New(cfg, "t", 0), events), findings(detect.New(cfg, "t", 0), events)
	seen := map[schema.FindingID]bool{}
	for i := range a {
		if a[i].ID != b[i].ID {
			t.Fatalf("finding %d has two ids", i)
		}
		if seen[a[i].ID] {
			t.Fatalf("id %s names two findings", a[i].ID)
		}
		seen[a[i].ID] = true
	}
}

// TestTrouble feeds what goes wrong: clocks that jump, events hours late, twice, or
// from the edge of time, addresses that no database knows.
func TestTrouble(t *testing.T) {
	cfg := detect.DefaultConfig()
	events := stream(5, 20, 20)
	r := rand.New(rand.NewPCG(5, 5))
	e := detect.New(cfg, "t", 0)
	for i := range events {
		ev := events[i]
		switch r.IntN(20) {
		case 0:
			ev.Time = ev.Time.Add(-time.Duration(r.IntN(12)) * time.Hour)
		case 1:
			e.Process(&ev)
		case 2:
			ev.Place, ev.IP = schema.Place{}, netip.Addr{}
		case 3:
			ev.Time = time.Unix(0, 0)
		case 4:
			ev.Client, ev.UserAgent = "", ""
		case 5:
			ev.Time = ev.Time.AddDate(0, 0, r.IntN(20)-10) // a clock that is days wrong
		case 6:
			ev.Time = time.Unix(-1<<40, 0)
		}
		if f := e.Process(&ev); f != nil && f.Score < 1 {
			t.Fatalf("a finding below the line: %+v", f)
		}
	}
	if e.Tokens() != 20 {
		t.Errorf("%d tokens", e.Tokens())
	}
}

func FuzzRestore(f *testing.F) {
	e := detect.New(detect.DefaultConfig(), "t", 0)
	findings(e, stream(1, 5, 10))
	for _, p := range e.Snapshot() {
		f.Add(p.Token[:], p.State)
	}
	f.Fuzz(func(t *testing.T, token, state []byte) {
		p := schema.Profile{State: state}
		copy(p.Token[:], token)
		e := detect.New(detect.DefaultConfig(), "t", 0)
		if e.Restore([]schema.Profile{p}) != nil {
			return
		}
		for _, ev := range stream(2, 3, 3) {
			e.Process(&ev) // whatever was accepted must be fit to work with
		}
	})
}
