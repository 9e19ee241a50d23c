package detect_test

import (
	"encoding/binary"
	"math"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/detect"
	"github.com/tokenwatch/tokenwatch/schema"
)

// TestSurgesBelieveOnlyWhatIsCalmer: days that stay below what the model says make a surprise rarer, down to a hundredth
// (of which five looks make a twentieth); wilder days change nothing, and neither do those of small tokens for a
// token that is none. What is known of younger tokens is where older ones begin, and not the other way round.
func TestSurgesBelieveOnlyWhatIsCalmer(t *testing.T) {
	const surprise, young, old = 3.0, 5, 30
	model := math.Exp(-surprise)
	for name, c := range map[string]struct {
		days  int
		known uint16  // for how long the tokens of these days are
		each  float64 // what the days surprise by
		asked uint16
		small bool
		want  float64
	}{
		"nothing learnt":        {0, young, 0, young, true, model},
		"some calm days":        {900, young, 0.5, young, true, 5 * model / 10},
		"many calm days":        {100_000, young, 0.5, young, true, model / 20},
		"wild days":             {1000, young, 5, young, true, model},
		"not small":             {100_000, young, 0.5, young, false, model},
		"calm days of younger":  {900, young, 0.5, old, true, 5 * model / 10},
		"calm days of older":    {900, old, 0.5, young, true, model},
		"calm days, also older": {900, old, 0.5, old, true, 5 * model / 10},
	} {
		t.Run(name, func(t *testing.T) {
			s := detect.Surges{}
			for range c.days {
				s.Learn(c.known, c.each)
			}
			if got := s.Beyond(c.asked, surprise, c.small); math.Abs(got-c.want) > 1e-9 {
				t.Errorf("probability %.5f, want %.5f", got, c.want)
			}
		})
	}
}

// TestSmallTokensTeachEachOther: five requests an hour for three weeks and then fifty are the more suspicious, the more
// tokens live as evenly.
func TestSmallTokensTeachEachOther(t *testing.T) {
	alone, among := burstOfSmall(1), burstOfSmall(60)
	if alone <= 0 || among < alone*1.2 {
		t.Errorf("score %.2f alone, %.2f among tokens that are alike", alone, among)
	}
}

// burstOfSmall is the score that one of so many even small tokens comes to when it makes fifty requests in an hour.
func burstOfSmall(tokens int) float64 {
	e := detect.New(detect.DefaultConfig(), "t", 0)
	id := func(n int) (id schema.TokenID) {
		binary.BigEndian.PutUint64(id[:], uint64(n)+1)
		return id
	}
	begin := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	for at := begin; at.Before(begin.AddDate(0, 0, 21)); at = at.Add(10 * time.Minute) {
		for n := range tokens {
			if at.Hour() >= 8 && at.Hour() < 18 && at.Minute() > 0 {
				e.Count(id(n), at, 10*time.Minute, 1)
			}
		}
	}
	best := 0.0
	for i := range 6 {
		e.Count(id(0), begin.AddDate(0, 0, 21).Add(12*time.Hour+time.Duration(i)*10*time.Minute), 10*time.Minute, 8)
		best = max(best, e.Score())
	}
	return best
}
