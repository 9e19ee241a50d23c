package picture

import (
	"cmp"
	"slices"
	"time"
)

// band is how many requests are to be expected within an hour.
type band struct{ low, high float64 }

// leastSamples is how many hours of the past it takes to expect anything.
const leastSamples = 3

// expected is what is to be expected within an hour that is shown.
func (v *view) expected(hour time.Time) (band, bool) {
	b, ok := v.bands[hour]
	return b, ok
}

// expect is what the same hour of earlier weeks, and the hours beside it, let expect; and
// where there is less than that, the same hour of earlier days. Hours of the incident teach
// nothing. An hour within the known past that nobody used the token in counts as zero.
func (v *view) expect(hour time.Time) (band, bool) {
	samples := v.samples(hour, 7*24*time.Hour)
	if len(samples) < leastSamples*2 {
		samples = append(samples, v.samples(hour, 24*time.Hour)...)
	}
	if len(samples) < leastSamples {
		return band{}, false
	}
	slices.Sort(samples)
	return band{low: quantile(samples, 0.1), high: quantile(samples, 0.9)}, true
}

func (v *view) samples(hour time.Time, period time.Duration) []float64 {
	var list []float64
	for at := hour.Add(-period); !at.Before(v.learnt); at = at.Add(-period) {
		for _, beside := range []time.Duration{-time.Hour, 0, time.Hour} {
			h := at.Add(beside)
			if v.first.IsZero() || h.Before(v.first) || v.ofIncident(h) {
				continue
			}
			list = append(list, float64(v.counts[h]))
		}
	}
	return list
}

// quantile of sorted samples, between two of them where it falls there.
func quantile(sorted []float64, q float64) float64 {
	at := q * float64(len(sorted)-1)
	i := int(at)
	if i+1 >= len(sorted) {
		return sorted[len(sorted)-1]
	}
	return sorted[i] + (at-float64(i))*(sorted[i+1]-sorted[i])
}

// week sums the requests of the past by weekday, Monday first, and hour.
func (v *view) week() (sums [7][24]float64, most float64) {
	for at, n := range v.counts {
		if v.ofIncident(at) {
			continue
		}
		d := (int(at.Weekday()) + 6) % 7
		sums[d][at.Hour()] += float64(n)
		most = max(most, sums[d][at.Hour()])
	}
	return sums, most
}

// marked are the hours of the week of the incident: those in which the token was used, or
// all of them where that is not known.
func (v *view) marked() (cells [7][24]bool) {
	used := false
	for at := v.began.Truncate(time.Hour); !at.After(v.last); at = at.Add(time.Hour) {
		used = used || v.counts[at] > 0
	}
	from := v.began.Truncate(time.Hour)
	if oldest := v.last.Add(-7*24*time.Hour + time.Hour); from.Before(oldest) {
		from = oldest
	}
	for at := from; !at.After(v.last); at = at.Add(time.Hour) {
		if !used || v.counts[at] > 0 {
			cells[(int(at.Weekday())+6)%7][at.Hour()] = true
		}
	}
	return cells
}

// ranked orders places: the new ones first, since they are what one looks for, then by the
// part they have of what was before and of what came since.
func ranked(places []Place) []Place {
	before, since := totals(places)
	weight := func(p Place) float64 {
		if isNew(p) {
			return 2 + float64(p.Since)/since
		}
		return float64(p.Before)/max(before, 1) + float64(p.Since)/max(since, 1)
	}
	list := slices.Clone(places)
	slices.SortFunc(list, func(a, b Place) int {
		return cmp.Or(cmp.Compare(weight(b), weight(a)), cmp.Compare(a.Name, b.Name))
	})
	return list
}

func totals(places []Place) (before, since float64) {
	for _, p := range places {
		before += float64(p.Before)
		since += float64(p.Since)
	}
	return before, since
}

func isNew(p Place) bool { return p.Since > 0 && p.Before == 0 }
