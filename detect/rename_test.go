package detect_test

import (
	"bytes"
	"context"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/detect"
	"github.com/tokenwatch/tokenwatch/schema"
)

// renamed is a token's name under the next pepper.
func renamed(id schema.TokenID) schema.TokenID {
	for i := range id {
		id[i] ^= 0xa5
	}
	return id
}

// rotated is the same world with a new pepper from an event on. Of the events after that
// the share that is given tells the former name too.
func rotated(events []schema.Event, at int, share float64) []schema.Event {
	r := rand.New(rand.NewPCG(uint64(at), 3))
	world := append([]schema.Event(nil), events...)
	met := map[schema.TokenID]bool{}
	for i := at; i < len(world); i++ {
		ev := &world[i]
		if !met[ev.Token] || r.Float64() < share { // the first one always does
			ev.Former = ev.Token
		}
		met[ev.Token] = true
		ev.Token, ev.KeyID = renamed(ev.Token), 2
	}
	return world
}

// plain undoes in findings what a rotation may change.
func plain(list []schema.Finding, names map[schema.TokenID]schema.TokenID) []schema.Finding {
	same := append([]schema.Finding(nil), list...)
	for i := range same {
		f := &same[i]
		if former, ok := names[f.Token]; ok {
			f.Token = former
		}
		f.Tokens = slices.Clone(f.Tokens)
		for i, token := range f.Tokens {
			if former, ok := names[token]; ok {
				f.Tokens[i] = former
			}
		}
		slices.SortFunc(f.Tokens, func(a, b schema.TokenID) int { return bytes.Compare(a[:], b[:]) })
		f.ID, f.KeyID, f.Former, f.Group = schema.FindingID{}, 0, schema.TokenID{}, ""
	}
	return same
}

// A rotation changes names and nothing else: the same findings as without one, none more,
// whatever restarts and is stored in between.
func TestRotationChangesNothingButNames(t *testing.T) {
	for seed := range uint64(8) {
		cfg := detect.DefaultConfig()
		cfg.AlertNats, cfg.MaxTokens = 4, 1000
		events := stream(seed, 30, 25)
		names := map[schema.TokenID]schema.TokenID{}
		for i := range events {
			names[renamed(events[i].Token)] = events[i].Token
		}
		r := rand.New(rand.NewPCG(seed, 4))
		world := rotated(events, len(events)/2+r.IntN(len(events)/4), 0.5)
		want := plain(findings(detect.New(cfg, "t", 0), events), names)
		if len(want) == 0 {
			t.Fatalf("seed %d: a world without findings proves nothing", seed)
		}
		e := detect.New(cfg, "t", 0)
		if got := plain(findings(e, world), names); !reflect.DeepEqual(got, want) {
			t.Fatalf("seed %d: %d findings with a rotation, %d without; first difference %s", seed, len(got), len(want), firstDifference(got, want))
		}
		if e.Tokens() != 30 {
			t.Errorf("seed %d: %d profiles of 30 tokens", seed, e.Tokens())
		}
		got, tokens := restarting(t, cfg, world, r)
		if got = plain(got, names); !reflect.DeepEqual(got, want) {
			t.Fatalf("seed %d: with restarts %d findings, %d without; first difference %s", seed, len(got), len(want), firstDifference(got, want))
		}
		if tokens != 30 {
			t.Errorf("seed %d: %d profiles of 30 tokens after restarts", seed, tokens)
		}
	}
}

// restarting runs the events through engines that are stored and resumed at random points.
func restarting(t *testing.T, cfg detect.Config, events []schema.Event, r *rand.Rand) (found []schema.Finding, tokens int) {
	t.Helper()
	history := &store{profiles: map[schema.TokenID]schema.Profile{}, events: events}
	e := detect.New(cfg, "t", 0)
	for i := range events {
		if f := e.Process(&events[i]); f != nil {
			found = append(found, *f)
		}
		if r.IntN(300) == 0 {
			history.save(e.Snapshot())
			e.Stored()
		}
		if r.IntN(300) == 0 || i == len(events)-1 {
			var err error
			if e, err = detect.Resume(context.Background(), history, cfg, "t", 0, events[i].Offset+1, time.Time{}); err != nil {
				t.Fatal(err)
			}
		}
	}
	return found, e.Tokens()
}

// Without a former name a new pepper makes every token a stranger; that is what the former
// pepper is for. An event that names itself, or nobody, as its former one takes nothing over.
func TestTakingOver(t *testing.T) {
	cfg := detect.DefaultConfig()
	events := stream(1, 3, 6)
	e := detect.New(cfg, "t", 0)
	findings(e, events)
	next := events[len(events)-1]
	next.Offset++
	next.Token, next.Former = tokenOf("new"), schema.TokenID{}
	e.Process(&next)
	if e.Tokens() != 4 {
		t.Errorf("%d profiles, want 4: without a former name it is another token", e.Tokens())
	}
	next.Offset++
	next.Token, next.Former = tokenOf("newer"), tokenOf("nobody")
	e.Process(&next)
	if e.Tokens() != 5 {
		t.Errorf("%d profiles, want 5: its former name is not known", e.Tokens())
	}
	next.Offset++
	next.Token, next.Former = tokenOf("newer"), tokenOf("tok0")
	e.Process(&next)
	if e.Tokens() != 5 {
		t.Errorf("%d profiles, want 5: a token with a profile takes none over", e.Tokens())
	}
	next.Offset++
	next.Token, next.Former = tokenOf("tok0"), tokenOf("tok0")
	e.Process(&next)
	if e.Tokens() != 5 {
		t.Errorf("%d profiles, want 5: it has always been called so", e.Tokens())
	}
}

// A name that was given up is stored as such once, and no longer when it is used again.
func TestGivenUpNamesAreStored(t *testing.T) {
	events := stream(2, 2, 6)
	e := detect.New(detect.DefaultConfig(), "t", 0)
	findings(e, events)
	e.Stored()
	next := events[len(events)-1]
	next.Offset++
	next.Token, next.Former = tokenOf("new"), tokenOf("tok0")
	e.Process(&next)
	given := func() (list []schema.Profile) {
		for _, p := range e.Snapshot() {
			if p.Status == schema.ProfileRenamed {
				list = append(list, p)
			}
		}
		return list
	}
	if list := given(); len(list) != 1 || list[0].Token != tokenOf("tok0") || len(list[0].State) != 0 || list[0].Offset != next.Offset {
		t.Errorf("given up: %+v", list)
	}
	next.Offset++
	next.Token, next.Former = tokenOf("tok0"), schema.TokenID{}
	e.Process(&next)
	if list := given(); len(list) != 0 {
		t.Errorf("given up, though it is used again: %+v", list)
	}
	e.Stored()
	if list := given(); len(list) != 0 {
		t.Errorf("given up twice: %+v", list)
	}
}
