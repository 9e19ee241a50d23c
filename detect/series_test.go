package detect_test

import (
	"math"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/detect"
)

// daily plays days of a series with a daily rhythm, changed by a function, and returns when it found something.
func daily(days int, change func(at time.Time, v float64) float64) (found []time.Time, s *detect.Series) {
	s = detect.NewSeries()
	at := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	for end := at.AddDate(0, 0, days); at.Before(end); at = at.Add(5 * time.Minute) {
		v := 50 + 40*math.Sin(2*math.Pi*float64(at.Hour()*60+at.Minute())/1440)
		if f := s.Count(tokenOf("series"), at, 5*time.Minute, change(at, v)); f != nil {
			found = append(found, f.Time)
		}
	}
	return found, s
}

func TestSeries(t *testing.T) {
	noon := time.Date(2026, 3, 9, 12, 0, 0, 0, time.UTC)
	surge := func(factor float64, lasts time.Duration) func(time.Time, float64) float64 {
		return func(at time.Time, v float64) float64 {
			if !at.Before(noon) && at.Before(noon.Add(lasts)) {
				return factor * v
			}
			return v
		}
	}
	for name, c := range map[string]struct {
		change func(time.Time, float64) float64
		want   int
	}{
		"quiet":              {func(_ time.Time, v float64) float64 { return v }, 0},
		"small values":       {func(_ time.Time, v float64) float64 { return v / 1000 }, 0},
		"a surge, told once": {surge(6, 2*time.Hour), 1},
		"a new level":        {surge(6, 1000*time.Hour), 1},
		"a little more":      {surge(1.5, 2*time.Hour), 0},
		"nothing at all":     {func(time.Time, float64) float64 { return 0 }, 0},
		"no numbers":         {func(_ time.Time, v float64) float64 { return []float64{math.NaN(), -1, math.Inf(1)}[int(v)%3] }, 0},
	} {
		t.Run(name, func(t *testing.T) {
			found, s := daily(14, c.change)
			if len(found) != c.want {
				t.Fatalf("found at %v, want %d", found, c.want)
			}
			if c.want == 1 && (found[0].Before(noon) || found[0].After(noon.Add(10*time.Minute))) {
				t.Errorf("found at %s, it began at %s", found[0], noon)
			}
			if v := s.Score(); math.IsNaN(v) || v < 0 || v >= 1 {
				t.Errorf("score %v at the end", v)
			}
		})
	}
}
