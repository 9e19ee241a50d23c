package ingest_test

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/schema"
)

var crashSeeds = flag.Int("crash-seeds", 300, "how many random histories of crashes to try")

var errCrash = errors.New("crashed")

// crash makes a process die at its n-th step, where each commit, insert and hand-over is two: before
// and after it takes effect. Once dead, nothing it does has an effect.
type crash struct {
	steps atomic.Int64
	at    int64
}

func (c *crash) step() error {
	if c.steps.Add(1) >= c.at {
		return errCrash
	}
	return nil
}

// Whatever the moments of the crashes: every record is stored once, and handled in order at least once.
func TestExactlyOnceOverRandomCrashes(t *testing.T) {
	for seed := range *crashSeeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(uint64(seed), 1))
			words, want := history(random)
			s, h, log := newStore(t), newHandler(t), newLog(words...)
			end := int64(len(words))
			for lives := 0; ; lives++ {
				if lives == 500 {
					t.Fatal("no end after 500 lives")
				}
				if live(t, random, s, h, log, end) {
					break
				}
			}
			if got := s.offsets(0); !slices.Equal(got, want) {
				t.Errorf("stored  %v\nwant %v", got, want)
			}
			handled := h.offsets(0)
			slices.Sort(handled)
			if got := slices.Compact(handled); !slices.Equal(got, want) {
				t.Errorf("handled %v\nwant %v", got, want)
			}
		})
	}
}

// history is a log with holes and tombstones, and the offsets that are to be stored.
func history(random *rand.Rand) (words []string, want []int64) {
	for offset := range int64(20 + random.IntN(60)) {
		switch random.IntN(8) {
		case 0:
			words = append(words, hole)
		case 1:
			words = append(words, "")
		default:
			words = append(words, fmt.Sprint("value ", offset))
			want = append(want, offset)
		}
	}
	return append(words, "last"), append(want, int64(len(words)))
}

// live runs one process until it crashes, or stops in good order, and tells whether all was done. The next
// one may have another configuration, and so cut its blocks differently.
func live(t *testing.T, random *rand.Rand, s *store, h *handler, log *topicLog, end int64) bool {
	life := &crash{at: 1 + random.Int64N(60)}
	life.steps.Store(0)
	s.mu.Lock()
	s.fail = func(_ *schema.Block, _ int, _ bool) error { return life.step() }
	s.mu.Unlock()
	h.mu.Lock()
	h.fail = func(*schema.Block) error { return life.step() }
	h.mu.Unlock()
	c := log.claim()
	c.fail = func(int64, string, bool) error { return life.step() }
	p := pipeline(s, h)
	p.Config.Rows = 1 + random.IntN(9)
	p.Config.FlushInterval = time.Duration(1+random.IntN(3)) * time.Millisecond
	p.Retryable = func(err error) bool { return !errors.Is(err, errCrash) }
	done := func() bool { offset, note := log.group(); return offset == end && note == "" }
	stopAt := life.at - random.Int64N(3) // sometimes it is told to stop just before
	err := runUntil(t, p, c, "the end", func() bool { return done() || life.steps.Load() >= stopAt })
	if err != nil && !errors.Is(err, errCrash) {
		t.Fatal(err)
	}
	return done()
}

// A former owner that was stalled, and goes on after its partition was given away, repeats at most a block that
// the store knows.
func TestStalledFormerOwner(t *testing.T) {
	for seed := range 50 {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(uint64(seed), 2))
			s, log := newStore(t), newLog(values(60)...)
			stalled, goOn := make(chan struct{}), make(chan struct{})
			var inserts atomic.Int64
			stallAt, before := 1+random.Int64N(12), random.IntN(2) == 0
			s.fail = nil
			old := pipeline(&stalling{store: s, stall: func(b *schema.Block, stored bool) {
				if stored == before {
					return
				}
				if inserts.Add(1) == stallAt {
					close(stalled)
					<-goOn
				}
			}}, newHandler(t))
			result := make(chan error, 1)
			former := log.claim()
			go func() { result <- old.Run(t.Context(), former) }()
			<-stalled
			next := pipeline(s, newHandler(t))
			next.Config.Rows = 1 + random.IntN(9)
			err := runUntil(t, next, log.claim(), "the end", func() bool { offset, note := log.group(); return offset == 60 && note == "" })
			if err != nil {
				t.Fatal(err)
			}
			close(goOn)
			if err := <-result; !errors.Is(err, errFenced) {
				t.Errorf("the former owner ended with %v, want to be fenced", err)
			}
			if got := s.offsets(0); !slices.Equal(got, upTo(60)) {
				t.Errorf("stored %v", got)
			}
		})
	}
}
