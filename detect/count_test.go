package detect_test

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/detect"
	"github.com/tokenwatch/tokenwatch/schema"
)

// counted plays two weeks of counts of one token, some forty in ten minutes by day, and returns the engine and when it
// stopped, at noon.
func counted(t *testing.T, noise float64) (*detect.Engine, time.Time) {
	t.Helper()
	e, r := detect.New(detect.DefaultConfig(), "counts", 0), rand.New(rand.NewPCG(3, 3))
	at := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	for end := at.Add(14*24*time.Hour + 12*time.Hour); at.Before(end); at = at.Add(10 * time.Minute) {
		n := 0.0
		if at.Hour() >= 7 && at.Hour() < 19 {
			n = math.Round(40 * math.Exp(noise*r.NormFloat64()))
		}
		if f := e.Count(tokenOf("counted"), at, 10*time.Minute, n); f != nil {
			t.Fatalf("found at %s in ordinary life: %s", at, f.Summary)
		}
	}
	return e, at
}

func TestCountFindsABurst(t *testing.T) {
	e, at := counted(t, 0.2)
	before := e.Score()
	f := e.Count(tokenOf("counted"), at, 10*time.Minute, 4000)
	if f == nil {
		t.Fatalf("a hundred times the usual count is no finding; score %.2f", e.Score())
	}
	if f.Score != e.Score() || f.Score < 1 || before >= 1 || !f.Time.Equal(at) || f.Evidence[0].Detector != "traffic_spike" {
		t.Errorf("%+v at a score of %.2f (before %.2f)", f, e.Score(), before)
	}
}

func TestCountIsGraded(t *testing.T) {
	last := -1.0
	for _, n := range []float64{60, 150, 400, 1000} {
		e, at := counted(t, 0.3)
		e.Count(tokenOf("counted"), at, 10*time.Minute, n)
		if e.Score() < last || n == 60 && e.Score() >= 1 {
			t.Errorf("%.0f requests: score %.3f, fewer had %.3f", n, e.Score(), last)
		}
		last = e.Score()
	}
	if last <= 0 {
		t.Error("25 times the usual count says nothing")
	}
}

func TestCountTakesAnything(t *testing.T) {
	e, at := detect.New(detect.DefaultConfig(), "counts", 0), time.Unix(0, 0)
	for i, n := range []float64{-5, 0, 0.4, math.NaN(), math.Inf(1), math.Inf(-1), 1e300, 7} {
		e.Count(tokenOf("odd"), at.Add(time.Duration(i*7)*time.Minute), []time.Duration{0, time.Second, time.Hour, 48 * time.Hour}[i%4], n)
	}
	e.Count(tokenOf("odd"), at, time.Minute, 3) // out of order
	if s := e.Score(); math.IsNaN(s) || s < 0 {
		t.Errorf("score %v", s)
	}
}

func TestScoreIsOfTheLastEvent(t *testing.T) {
	e := detect.New(detect.DefaultConfig(), "t", 0)
	if s := e.Score(); s != 0 {
		t.Errorf("an engine that has seen nothing scores %v", s)
	}
	events, found := stream(5, 30, 20), 0
	for i := range events {
		f := e.Process(&events[i])
		if f == nil {
			continue
		}
		if found++; math.Abs(f.Score-e.Score()) > 1e-9 {
			t.Fatalf("a finding of %.4f, a score of %.4f", f.Score, e.Score())
		}
	}
	if found == 0 {
		t.Fatal("nothing found in a stream that has thefts")
	}
	if e.Process(&schema.Event{Time: time.Now()}); e.Score() != 0 {
		t.Error("an event without a token has a score")
	}
}

// TestTenMinutesSlide: what is counted are the last ten minutes, wherever the clock's begin.
func TestTenMinutesSlide(t *testing.T) {
	e := detect.New(detect.DefaultConfig(), "t", 0)
	begin := time.Date(2026, 3, 2, 12, 6, 0, 0, time.UTC)
	for _, step := range []struct {
		minute, requests int
		want             uint32
	}{{0, 1, 1}, {2, 10, 11}, {4, 100, 111}, {6, 1000, 1111}, {8, 10_000, 11_111}, {10, 5, 11_115}, {9, 2, 11_117}, {12, 3, 11_110}, {40, 7, 7}} {
		e.Count(tokenOf("sliding"), begin.Add(time.Duration(step.minute)*time.Minute), time.Minute, float64(step.requests))
		if got := e.TenMinutes(); got != step.want {
			t.Errorf("minute %d: %d requests in ten minutes, want %d", step.minute, got, step.want)
		}
	}
}
