package ingest_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/tokenwatch/tokenwatch/ingest"
	"github.com/tokenwatch/tokenwatch/schema"
)

var errPoison = errors.New("value out of range in column path")

// poisonous refuses blocks with an event that holds one of the words.
func poisonous(words ...string) func(b *schema.Block, attempt int, stored bool) error {
	return func(b *schema.Block, _ int, stored bool) error {
		for _, e := range b.Events {
			if !stored && slices.Contains(words, e.Path) {
				return errPoison
			}
		}
		return nil
	}
}

func refusing(s *store, h *handler) *ingest.Pipeline {
	p := pipeline(s, h)
	p.Config.Rows = 16
	p.Refused = func(err error) bool { return errors.Is(err, errPoison) }
	p.Retryable = func(err error) bool { return !errors.Is(err, errPoison) }
	return p
}

// knows tells whether the lane has looked at one of the offsets since it was resumed.
func (h *handler) knows(offsets []int) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.ContainsFunc(offsets, func(o int) bool { return slices.Contains(h.looked[0], int64(o)) })
}

// A row that the store cannot hold becomes a dead letter; every other row is stored, once.
func TestRefusedRowsBecomeDeadLetters(t *testing.T) {
	for _, poison := range [][]int{{0}, {15}, {7}, {7, 8}, {0, 15}, {3, 20, 39}, {39}} {
		t.Run(fmt.Sprint(poison), func(t *testing.T) {
			words := values(40)
			words[5] = "bad"
			var bad []string
			for _, offset := range poison {
				bad = append(bad, words[offset])
			}
			s, h, log := newStore(t), newHandler(t), newLog(words...)
			s.fail = poisonous(bad...)
			err := runUntil(t, refusing(s, h), log.claim(), "the end, and that the lane has forgotten what is not stored", func() bool {
				offset, note := log.group()
				return offset == 40 && note == "" && !h.knows(poison)
			})
			if err != nil {
				t.Fatal(err)
			}
			if got := s.offsets(0); !slices.Equal(got, upTo(40)) {
				t.Errorf("stored %v", got)
			}
			for _, r := range s.rows() {
				if refused := r.text == "dead: "+ingest.ReasonStoreRefused; refused != slices.Contains(poison, int(r.offset)) {
					t.Errorf("offset %d is %q", r.offset, r.text)
				}
			}
			var want []int64
			for _, offset := range upTo(40) {
				if offset != 5 && !slices.Contains(poison, int(offset)) {
					want = append(want, offset)
				}
			}
			if got := h.offsets(0); !slices.Equal(got, want) {
				t.Errorf("handled %v, want %v", got, want)
			}
		})
	}
}

// A store that refuses everything has a trouble of its own: the data must not become dead letters.
func TestAStoreThatRefusesEverythingIsNotBelieved(t *testing.T) {
	s, h, log := newStore(t), newHandler(t), newLog(values(200)...)
	s.fail = poisonous(values(200)...)
	p := refusing(s, h)
	p.Config.Rows = 100
	if err := p.Run(t.Context(), log.claim()); !errors.Is(err, errPoison) || !strings.Contains(err.Error(), "too many rows") {
		t.Errorf("Run: %v", err)
	}
	if n := len(s.rows()); n > 16 {
		t.Errorf("%d dead letters were made of good rows", n)
	}
}
