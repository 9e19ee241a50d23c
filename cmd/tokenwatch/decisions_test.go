package main

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/detect"
	"github.com/tokenwatch/tokenwatch/schema"
)

// court is a shelf that people's decisions are kept on, too.
type court struct {
	*shelf
	mu       sync.Mutex
	verdicts []schema.Verdict
	allowed  []schema.Allowance
	asked    int
	away     bool
}

func (c *court) Verdicts(context.Context, time.Time) ([]schema.Verdict, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]schema.Verdict(nil), c.verdicts...), nil
}

func (c *court) Allowances(context.Context) ([]schema.Allowance, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.asked++; c.away {
		return nil, errors.New("no connection")
	}
	return append([]schema.Allowance(nil), c.allowed...), nil
}

func (c *court) FleetEvents(context.Context, time.Time) ([]schema.FleetEvent, error) { return nil, nil }

// wait returns when the court was asked twice more: what was decided before is known then.
func (c *court) wait(t *testing.T) {
	t.Helper()
	asked := func() int { c.mu.Lock(); defer c.mu.Unlock(); return c.asked }
	for from, deadline := asked(), time.Now().Add(time.Minute); asked() < from+2; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("nobody asks what was decided")
		}
	}
}

// What people decide reaches engines that run, and those that begin later, and takes effect for what is ingested
// after it has settled.
func TestDecisionsReachTheEngines(t *testing.T) {
	all := life()
	thief := len(all) - 600
	theft := all[thief].Ingested
	for name, decide := range map[string]func(c *court){
		"nothing": func(*court) {},
		"allowed": func(c *court) {
			c.allowed = []schema.Allowance{{ID: "a", Action: schema.AllowAdd, At: theft.Add(-time.Minute), Kind: schema.AllowToken, Value: schema.TokenID{2}.String()}}
		},
		"allowed, not settled": func(c *court) {
			c.allowed = []schema.Allowance{{ID: "a", Action: schema.AllowAdd, At: theft, Kind: schema.AllowToken, Value: schema.TokenID{2}.String()}}
		},
	} {
		for _, running := range []bool{true, false} {
			t.Run(name, func(t *testing.T) {
				c := &court{shelf: &shelf{profiles: map[schema.TokenID]schema.Profile{}, findings: map[string]int{}}}
				w := c.watch(detect.DefaultConfig())
				w.history = settled{c, c}
				ctx, stop := context.WithCancel(t.Context())
				defer stop()
				ended := make(chan error, 1)
				if !running {
					decide(c)
				}
				l, err := w.Resume(ctx, "t", 0, 0)
				if err != nil {
					t.Fatal(err)
				}
				show(l, all, 0, int64(thief))
				if running {
					c.away = true
					go func() { ended <- w.follow(ctx, time.Millisecond) }()
					c.wait(t)
					c.mu.Lock()
					decide(c)
					c.away = false
					c.mu.Unlock()
					c.wait(t)
				}
				show(l, all, int64(thief), int64(len(all)))
				found := len(w.parts[part{"t", 0}].unsent) > 0
				if found == (name == "allowed") {
					t.Errorf("found: %v", found)
				}
				if stop(); running {
					if err := <-ended; err != nil {
						t.Error(err)
					}
				}
			})
		}
	}
}

// A finding of a detector on trial is stored, and nobody is told.
func TestTrialsTellNobody(t *testing.T) {
	s := &shelf{profiles: map[schema.TokenID]schema.Profile{}, findings: map[string]int{}}
	w := s.watch(detect.DefaultConfig())
	var told []schema.Finding
	w.accept = func(_ context.Context, list []schema.Finding) error { told = append(told, list...); return nil }
	b := &schema.Block{Topic: "t"}
	for _, list := range [][]schema.Finding{{{ID: schema.FindingID{1}, Simulated: true}}, {{ID: schema.FindingID{2}, Simulated: true}, {ID: schema.FindingID{3}}}} {
		if err := w.report(t.Context(), list, b); err != nil {
			t.Fatal(err)
		}
	}
	if len(s.findings) != 3 || len(told) != 1 || told[0].ID != (schema.FindingID{3}) {
		t.Errorf("stored %d, told %+v", len(s.findings), told)
	}
}
