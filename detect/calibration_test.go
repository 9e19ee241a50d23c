package detect_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/tokenwatch/tokenwatch/detect"
)

// TestCalibrationMeetsTheBudget: whatever tail a class's evidence has, about as many days exceed the bar as the budget
// allows, once the class has taught it.
func TestCalibrationMeetsTheBudget(t *testing.T) {
	for name, c := range map[string]struct{ budget, busy, tail float64 }{
		"quiet":        {2, 0.05, 1},
		"busy":         {2, 0.3, 1},
		"heavier tail": {2, 0.15, 1.3},
		"more budget":  {10, 0.2, 1},
	} {
		t.Run(name, func(t *testing.T) {
			r := rand.New(rand.NewPCG(1, 2))
			cal, cfg := detect.Calibration{}, detect.DefaultConfig()
			cfg.Budget = c.budget
			above, days := 0, 0
			for i := range 400_000 {
				nats := 0.0
				if r.Float64() < c.busy {
					nats = c.tail * r.ExpFloat64()
				}
				alerted := nats >= cal.Bar(&cfg)
				if i > 200_000 {
					days++
					if alerted {
						above++
					}
				}
				cal.LearnDay(&cfg, nats, alerted)
			}
			got, low := 1000*float64(above)/float64(days), cal.Bar(&cfg)
			// The bar moves no further than it may from where it starts.
			floor := 5.5 - math.Log(c.budget/2) - 1.5
			if got > 1.5*c.budget || got < 0.6*c.budget && low > floor+0.01 {
				t.Errorf("%.2f alerts per 1,000 token-days at a budget of %.0f; the bar is %.2f", got, c.budget, low)
			}
		})
	}
}

// TestCalibrationIgnoresAnAttack: a week in which a fifth of all tokens alert moves the bar by little.
func TestCalibrationIgnoresAnAttack(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	cal, cfg := detect.Calibration{}, detect.DefaultConfig()
	day := func(abused float64) {
		nats := 0.0
		if r.Float64() < 0.2 {
			nats = r.ExpFloat64()
		}
		if r.Float64() < abused {
			nats = 12
		}
		cal.LearnDay(&cfg, nats, nats >= cal.Bar(&cfg))
	}
	for range 100_000 {
		day(0)
	}
	before := cal.Bar(&cfg)
	for range 20_000 {
		day(0.2)
	}
	if after := cal.Bar(&cfg); math.Abs(after-before) > 0.5 {
		t.Errorf("the bar went from %.2f to %.2f", before, after)
	}
}
