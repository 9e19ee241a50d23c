package simulate_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/deploy/simulate"
)

// TestStopClocks: beside a fleet that lives through a change of the clocks, the one that does not is the same but for the
// tokens whose hours would have changed, and for these until then.
func TestStopClocks(t *testing.T) {
	c := planned(7, 200)
	c.History, c.Live = 2*24*time.Hour, 6*24*time.Hour
	c.Plan = &simulate.Plan{Confusers: []simulate.Confuser{{Kind: simulate.ClockChange, Share: 0.1}}}
	change := map[int]time.Time{}
	records := func(stop bool) map[int][]simulate.Record {
		c.StopClocks = stop
		f, by := fleet(t, c), map[int][]simulate.Record{}
		for _, s := range f.Stories() {
			change[s.Index] = s.From
		}
		for r := range f.All() {
			r.Value = bytes.Clone(r.Value)
			by[r.Token] = append(by[r.Token], r)
		}
		return by
	}
	with, without := records(false), records(true)
	differ := 0
	for token := range with {
		a, b := with[token], without[token]
		same := len(a) == len(b)
		for i := 0; same && i < len(a); i++ {
			same = a[i].Time.Equal(b[i].Time) && bytes.Equal(a[i].Value, b[i].Value)
		}
		at, changes := change[token]
		switch {
		case !same && !changes:
			t.Errorf("token %d differs, whose clocks do not change", token)
		case !same:
			differ++
		}
		for i := 0; changes && i < min(len(a), len(b)) && a[i].Time.Before(at) && b[i].Time.Before(at); i++ {
			if !a[i].Time.Equal(b[i].Time) {
				t.Fatalf("token %d differs at %v, before its clocks change at %v", token, a[i].Time, at)
			}
		}
	}
	if len(change) < 5 || 2*differ < len(change) {
		t.Errorf("of %d tokens whose clocks change, %d live on otherwise without that", len(change), differ)
	}
}
