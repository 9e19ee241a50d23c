package schema_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/tokenwatch/tokenwatch/schema"
)

// Strings are what they were made of, until their memory is used again; a few as short as others are longer than a piece.
func TestTexts(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	var texts schema.Texts
	for round := range 20 {
		var have, want []string
		for i := range random.IntN(3000) {
			b := fmt.Appendf(nil, "text %d of round %d", i, round)[:random.IntN(14)]
			if random.IntN(500) == 0 {
				b = []byte(strings.Repeat("long", random.IntN(30_000)))
			}
			want = append(want, string(b))
			have = append(have, texts.Copy(b))
			clear(b)
		}
		for i := range want {
			if have[i] != want[i] {
				t.Fatalf("round %d: string %d of %d is %.20q, want %.20q", round, i, len(want), have[i], want[i])
			}
		}
		texts.Reuse()
	}
}

// What is used again is not allocated again.
func TestTextsAreReused(t *testing.T) {
	var texts schema.Texts
	request := []byte("0198a1b2-3c4d-7e5f-8a9b-0c1d2e3f4a5b")
	round := func() {
		for range 128 {
			texts.Copy(request)
		}
		texts.Reuse()
	}
	round()
	if have := testing.AllocsPerRun(100, round); have > 0 {
		t.Errorf("%v allocations a round, want none", have)
	}
}
