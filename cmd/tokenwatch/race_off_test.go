//go:build !race

package main

import "testing"

// notUnderRace skips nothing without the race detector.
func notUnderRace(testing.TB) {}
