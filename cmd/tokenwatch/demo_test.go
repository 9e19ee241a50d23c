package main

import (
	"strings"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/deploy/simulate"
	"github.com/tokenwatch/tokenwatch/schema"
)

// TestDemoFailsOverAnUnseenTheft: it says which, and which world it was. An honest story of which nothing is said is as it
// should be.
func TestDemoFailsOverAnUnseenTheft(t *testing.T) {
	d := &demo{demoCommand: demoCommand{Seed: 7}, began: time.Date(2026, 11, 2, 4, 0, 0, 0, time.FixedZone("", 7200))}
	theft := func(kind string, incident *schema.Incident) outcome {
		return outcome{story: simulate.Story{Kind: kind, Theft: true}, incident: incident}
	}
	told := &schema.Incident{}
	seen := outcomes{stories: []outcome{theft(simulate.NightAbroad, told), {story: simulate.Story{Kind: simulate.LateJob}}, theft(simulate.Burst, told)}}
	if err := d.verdict(seen); err != nil {
		t.Errorf("all thefts were seen: %v", err)
	}
	seen.stories = append(seen.stories, theft(simulate.SlowUse, nil))
	err := d.verdict(seen)
	for _, word := range []string{"unseen: slow use.", "seed 7 at 2026-11-02 02:00 UTC"} {
		if err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("%v says nothing of %q", err, word)
		}
	}
}
