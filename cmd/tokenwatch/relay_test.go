package main

import (
	"errors"
	"testing"
)

func TestRelay(t *testing.T) {
	for _, n := range []int{0, 1, relaySize - 1, relaySize, relaySize + 1, 20 * relaySize} {
		next := 0
		r := newRelay(func(v *int) error {
			if *v != next {
				t.Errorf("%d comes in place of %d", *v, next)
			}
			next++
			return nil
		})
		for i := range n {
			if !r.add(i) {
				t.Errorf("%d is not wanted", i)
			}
		}
		if err := r.close(); err != nil || next != n {
			t.Errorf("%d of %d used: %v", next, n, err)
		}
	}
}

// Whoever makes values is told that they are not wanted any more, and is never kept waiting.
func TestRelayFails(t *testing.T) {
	full, used := errors.New("no space left"), 0
	r := newRelay(func(*int) error {
		used++
		return full
	})
	added := 0
	for r.add(added) && added < 1_000_000 {
		added++
	}
	if err := r.close(); !errors.Is(err, full) || used != 1 || added == 1_000_000 {
		t.Errorf("used %d, added %d: %v", used, added, err)
	}
}
