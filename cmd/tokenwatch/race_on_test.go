//go:build race

package main

import "testing"

// notUnderRace skips what plays millions of events through one engine: the race detector makes it ten times as long
// and can find nothing in it. `make test` runs it without.
func notUnderRace(t testing.TB) {
	t.Helper()
	t.Skip("runs without the race detector: make test does")
}
