package schema

import (
	"crypto/rand"
	"encoding/hex"
	"time"
)

// NewAllowanceID names an entry of the allow-list that a person makes.
func NewAllowanceID() string {
	var b [5]byte
	_, _ = rand.Read(b[:]) // it does not fail
	return "al-" + hex.EncodeToString(b[:])
}

// Holding are the entries that were neither removed nor are over, out of all changes in the order in which they were made.
func Holding(changes []Allowance, now time.Time) []Allowance {
	last := map[string]Allowance{}
	for _, a := range changes {
		last[a.ID] = a
	}
	var list []Allowance
	for _, a := range changes {
		if l := last[a.ID]; a.Action == AllowAdd && l.Action == AllowAdd && l.At.Equal(a.At) && (a.Until.IsZero() || a.Until.After(now)) {
			list = append(list, a)
		}
	}
	return list
}

// Removed is the change that takes an entry away. What was allowed until then stays allowed: the past is not judged anew.
func (a Allowance) Removed(at time.Time, by, reason string) Allowance {
	a.Action, a.At, a.By, a.Reason = AllowRemove, at.UTC().Truncate(time.Millisecond), by, reason
	return a
}
