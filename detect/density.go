package detect

import (
	"encoding/binary"
	"math"
)

// hourMap counts active hours by hour of the week (UTC, Monday 00h first). When a count
// is about to overflow all are halved: the past fades, the shape stays.
type hourMap [hoursAWeek]uint8

func (h *hourMap) add(hour int64) {
	i := hourOfWeek(hour)
	if h[i] == math.MaxUint8 {
		for j := range h {
			h[j] /= 2
		}
	}
	h[i]++
}

// total is the sum of the counts.
func (h *hourMap) total() (n int) {
	for _, c := range h.daily() {
		n += c
	}
	return n
}

// daily sums up the days' counts of each hour of the day, eight hours at a time: this runs
// for every hour of every token.
func (h *hourMap) daily() (sums [24]int) {
	const low = 0x00FF00FF00FF00FF // every other byte
	for from := 0; from < 24; from += 8 {
		var even, odd uint64 // four sums of 16 bits each
		for i := from; i < hoursAWeek; i += 24 {
			v := binary.LittleEndian.Uint64(h[i:])
			even += v & low
			odd += v >> 8 & low
		}
		for i := from; i < from+8; i += 2 {
			sums[i], sums[i+1] = int(even&0xFFFF), int(odd&0xFFFF)
			even, odd = even>>16, odd>>16
		}
	}
	return sums
}

// around sums up a count and its neighbours, which weigh half as much.
func (h *hourMap) around(i int) int {
	return int(h[hourBefore(i)]) + 2*int(h[i]) + int(h[hourAfter(i)])
}

func hourBefore(i int) int {
	if i == 0 {
		return hoursAWeek - 1
	}
	return i - 1
}

func hourAfter(i int) int {
	if i == hoursAWeek-1 {
		return 0
	}
	return i + 1
}

// activity is how active the cohort is in each hour of the week.
type activity struct {
	week   [hoursAWeek]float64
	daily  [24]float64         // sums by hour of the day
	n      float64             // sum of all
	smooth [hoursAWeek]float64 // 56 times the smoothed weights, which makes whole numbers of them
	fresh  bool                // smooth is worked out
}

func (a *activity) add(hourOfWeek int) {
	a.week[hourOfWeek]++
	a.daily[hourOfWeek%24]++
	a.n++
	a.fresh = false
}

// halve lets the past fade.
func (a *activity) halve() {
	for i := range a.week {
		a.week[i] /= 2
	}
	a.sum()
}

// sum works the sums out anew.
func (a *activity) sum() {
	a.daily, a.n, a.fresh = [24]float64{}, 0, false
	for i, w := range a.week {
		a.daily[i%24] += w
		a.n += w
	}
}

// share is what an hour of the week adds to the density of a token.
func (a *activity) share(i int) float64 {
	density := 0.0
	if a.n > 0 {
		h := i % 24
		week := a.week[hourBefore(i)]/4 + a.week[i]/2 + a.week[hourAfter(i)]/4
		day := a.daily[(h+23)%24]/4 + a.daily[h]/2 + a.daily[(h+1)%24]/4
		density = (week/2 + day/14) / a.n
	}
	return cohortHours * (density + 1.0/hoursAWeek) / 2
}

// smoothed are the smoothed weights of all hours, times 56.
func (a *activity) smoothed() *[hoursAWeek]float64 {
	if a.fresh {
		return &a.smooth
	}
	for i := range a.smooth {
		h := i % 24
		week := a.week[hourBefore(i)] + 2*a.week[i] + a.week[hourAfter(i)]
		a.smooth[i] = 7*week + a.daily[(h+23)%24] + 2*a.daily[h] + a.daily[(h+1)%24]
	}
	a.fresh = true
	return &a.smooth
}

// density is a token's own share of activity of each hour of the week, smoothed.
type density struct {
	hours *hourMap
	daily [24]int // sums of the same hour of all days
	n     float64
}

func densityOf(h *hourMap) density {
	d := density{hours: h, daily: h.daily()}
	n := 0
	for _, c := range d.daily {
		n += c
	}
	d.n = float64(n)
	return d
}

// day sums up an hour of the day and its neighbours, which weigh half as much.
func (d *density) day(h int) int {
	switch h {
	case 0:
		return d.daily[23] + 2*d.daily[0] + d.daily[1]
	case 23:
		return d.daily[22] + 2*d.daily[23] + d.daily[0]
	}
	return d.daily[h-1] + 2*d.daily[h] + d.daily[h+1]
}

// at is the density of an hour of the week, shrunk to the cohort's.
func (d *density) at(i int, cohort float64) float64 {
	own := 0.0
	if d.n > 0 {
		own = (float64(d.hours.around(i))/8 + float64(d.day(i%24))/4/14) / d.n
	}
	return (d.n*own + cohort) / (d.n + cohortHours)
}

// massive tells whether the hours that are no likelier than i or its neighbours hold enough
// mass for i to be usual. It compares densities times 56·(n+m)·n_cohort, less what is the
// same for all hours: whole numbers, for which no division is needed. What is compared is
// as good as random, so it is added without a branch.
func (d *density) massive(i int, cohort *activity) bool {
	weight, smooth := max(cohort.n, 1), cohort.smoothed()
	at := func(i int) float64 {
		return weight*float64(7*d.hours.around(i)+d.day(i%24)) + cohortHours/2*smooth[i]
	}
	here := max(at(hourBefore(i)), at(i), at(hourAfter(i)))
	enough, all := oddHourMass*56*weight*(d.n+cohortHours), cohortHours/2*56.0/hoursAWeek*weight
	var day [24]int
	for h := range day {
		day[h] = d.day(h)
	}
	mass, other := 0.0, 0.0 // of even hours and of odd ones: neither has to wait for the other
	before, now := int(d.hours[hoursAWeek-1]), int(d.hours[0])
	for j := 0; j < hoursAWeek && mass+other < enough; j += 24 {
		hours, smooth := d.hours[j:j+24:j+24], smooth[j:j+24:j+24]
		for h := 0; h < 24; h += 2 {
			next, after := int(hours[h+1]), int(d.hours[hourAfter(j+h+1)])
			v := weight*float64(7*(before+2*now+next)+day[h]) + cohortHours/2*smooth[h]
			w := weight*float64(7*(now+2*next+after)+day[h+1]) + cohortHours/2*smooth[h+1]
			mass += upTo(here, v, all)
			other += upTo(here, w, all)
			before, now = next, after
		}
	}
	return mass+other >= enough
}

// upTo is v and all when v is not above here, and 0 otherwise.
func upTo(here, v, all float64) float64 {
	likelier := uint64(int64(math.Float64bits(here-v)) >> 63) // all bits, or none
	return math.Float64frombits(math.Float64bits(v+all) &^ likelier)
}
