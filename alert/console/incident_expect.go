package console

import (
	"slices"
	"time"

	"github.com/tokenwatch/tokenwatch/schema/board"
)

// past is what is known of a token's requests by hour of the clock.
type casePast struct {
	counts map[int64]float64 // by the hour's Unix time; bounded by what the store gives
	first  time.Time         // the first hour that is known of
	until  time.Time         // hours from here on are the incident's, and teach nothing
}

func casePastOf(hours []board.CaseHour, began time.Time) casePast {
	p := casePast{counts: map[int64]float64{}, until: began.Truncate(time.Hour)}
	for _, h := range hours {
		p.counts[h.At.Unix()] = float64(h.Requests)
		if p.first.IsZero() || h.At.Before(p.first) {
			p.first = h.At
		}
	}
	return p
}

// band is how many requests are to be expected within an hour.
type caseBand struct{ low, middle, high float64 }

// leastSamples is how many hours of the past it takes to expect anything.
const leastSamples = 3

// expect is what the same hour of earlier weeks, and the hours beside it, let expect; and where there is less than that,
// the same hour of earlier days: from the 10th to the 90th of a hundred, and the median. An hour within the known past
// in which nobody used the token counts as zero. The pictures in messages say the same.
func (p casePast) expect(hour time.Time) (caseBand, bool) {
	samples := p.samples(hour, 7*24*time.Hour)
	if len(samples) < leastSamples*2 {
		samples = append(samples, p.samples(hour, 24*time.Hour)...)
	}
	if len(samples) < leastSamples {
		return caseBand{}, false
	}
	slices.Sort(samples)
	return caseBand{low: caseQuantile(samples, 0.1), middle: caseQuantile(samples, 0.5), high: caseQuantile(samples, 0.9)}, true
}

func (p casePast) samples(hour time.Time, period time.Duration) []float64 {
	var list []float64
	if p.first.IsZero() {
		return nil
	}
	for at := hour.Add(-period); at.After(p.first.Add(-2 * time.Hour)); at = at.Add(-period) {
		for _, beside := range []time.Duration{-time.Hour, 0, time.Hour} {
			h := at.Add(beside)
			if h.Before(p.first) || !h.Before(p.until) {
				continue
			}
			list = append(list, p.counts[h.Unix()])
		}
	}
	return list
}

// quantile of sorted samples, between two of them where it falls there.
func caseQuantile(sorted []float64, q float64) float64 {
	at := q * float64(len(sorted)-1)
	i := int(at)
	if i+1 >= len(sorted) {
		return sorted[len(sorted)-1]
	}
	return sorted[i] + (at-float64(i))*(sorted[i+1]-sorted[i])
}
