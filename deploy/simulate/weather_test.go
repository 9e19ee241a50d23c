package simulate_test

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/deploy/simulate"
)

// TestWeatherIsAsMeasured holds many services' ratios against the quantiles that were measured.
func TestWeatherIsAsMeasured(t *testing.T) {
	points, want := simulate.Climates()
	for kind := range want {
		var all []float64
		for seed := range uint64(150) {
			all = append(all, simulate.Weather(kind, seed*77+1, 2000)...)
		}
		slices.Sort(all)
		for i, p := range points {
			if p < 0.05 || p > 0.99 {
				continue
			}
			got := all[int(p*float64(len(all)))]
			if math.Abs(got-want[kind][i]) > 0.1+0.15*want[kind][i] {
				t.Errorf("kind %d: %.0f %% are below %.2f, measured %.2f", kind, 100*p, got, want[kind][i])
			}
		}
	}
}

// TestWeatherLasts: what is unusual now is unusual in ten minutes, and hardly in three days.
func TestWeatherLasts(t *testing.T) {
	near, far, n := 0.0, 0.0, 0
	for seed := range uint64(60) {
		w := simulate.Weather(2, seed+1, 3000)
		for i := range 2000 {
			high := func(k int) float64 {
				if w[k] > 1.5 {
					return 1
				}
				return 0
			}
			near, far, n = near+high(i)*high(i+1), far+high(i)*high(i+700), n+1
		}
	}
	if near/float64(n) < 0.12 || far > 0.6*near {
		t.Errorf("of %d slots %.0f are high together with the next, %.0f with that of five days later", n, near, far)
	}
}

func TestRhythmsAreWholeDays(t *testing.T) {
	hours, weekends := simulate.Rhythms()
	for i, h := range hours {
		sum := 0.0
		for _, part := range h {
			sum += part
		}
		if math.Abs(sum-1000) > 8 || weekends[i] <= 0 || weekends[i] > 2.0/7+0.1 {
			t.Errorf("rhythm %d: %.0f thousandths, %.2f on weekends", i, sum, weekends[i])
		}
	}
}

func TestHolidays(t *testing.T) {
	for date, countries := range map[string][2]string{
		"2026-04-03": {"GB", "US"}, "2026-04-06": {"FR", "ES"}, "2027-03-29": {"DE", "JP"}, "2025-04-18": {"BR", "FR"},
		"2026-11-26": {"US", "CA"}, "2026-09-07": {"US", "GB"}, "2026-05-25": {"US", "FR"}, "2026-12-25": {"DE", "IL"},
	} {
		on, err := time.Parse(time.DateOnly, date)
		if err != nil {
			t.Fatal(err)
		}
		if !simulate.DayOff(countries[0], on) || simulate.DayOff(countries[1], on) {
			t.Errorf("%s: a holiday in %s %v, in %s %v", date, countries[0], simulate.DayOff(countries[0], on), countries[1], simulate.DayOff(countries[1], on))
		}
	}
}
