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
func (h *hourMap) total() int {
	var sums [24]uint16
	return h.daily(&sums)
}

// daily sums up the days' counts of each hour of the day, eight hours at a time, and returns the
// sum of all: this runs for every hour of every token.
func (h *hourMap) daily(sums *[24]uint16) (total int) {
	const (
		low  = 0x00FF00FF00FF00FF // every other byte
		each = 0x0001000100010001 // of four sums, which a product with it adds up in its highest bits
	)
	for from := 0; from < 24; from += 8 {
		var even, odd uint64 // four sums of 16 bits each
		for i := from; i < hoursAWeek; i += 24 {
			v := binary.LittleEndian.Uint64(h[i:])
			even += v & low
			odd += v >> 8 & low
		}
		total += int((even + odd) * each >> 48)
		for i := from; i < from+8; i += 2 {
			sums[i], sums[i+1] = uint16(even), uint16(odd)
			even, odd = even>>16, odd>>16
		}
	}
	return total
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
	daily  [24]float64       // sums by hour of the day
	n      float64           // sum of all
	weight int64             // n, and at least 1, times wholes
	smooth [hoursAWeek]int64 // what the cohort adds to each hour's mass, times 56 and wholes: see massive
	fresh  bool              // these two are worked out
	judged [judgedHours]judgedHour
	change uint64 // counts what was added, so that one knows of when a judgement is
}

func (a *activity) add(hourOfWeek int) {
	a.week[hourOfWeek]++
	a.daily[hourOfWeek%24]++
	a.n++
	a.fresh = false
	a.change++
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
	a.change++
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

// wholes makes whole numbers of weights that were halved up to ten times; of smaller parts nothing is left.
const wholes = 1 << 10

// smoothed are the weight of the cohort, and what it adds to each hour, in whole numbers.
func (a *activity) smoothed() (weight int64, smooth *[hoursAWeek]int64) {
	if a.fresh {
		return a.weight, &a.smooth
	}
	a.fresh, a.weight = true, int64(wholes*max(a.n, 1))
	for i := range a.smooth {
		h := i % 24
		week := a.week[hourBefore(i)] + 2*a.week[i] + a.week[hourAfter(i)]
		a.smooth[i] = int64(wholes * cohortHours / 2 * (7*week + a.daily[(h+23)%24] + 2*a.daily[h] + a.daily[(h+1)%24]))
	}
	return a.weight, &a.smooth
}

// density is a token's own share of activity of each hour of the week, smoothed.
type density struct {
	hours *hourMap
	daily [24]uint16 // sums of the same hour of all days
	total int        // of all hours
	n     float64    // the same
}

// of works out when a profile is active.
func (d *density) of(h *hourMap) {
	d.hours, d.total = h, h.daily(&d.daily)
	d.n = float64(d.total)
}

// day sums up an hour of the day and its neighbours, which weigh half as much.
func (d *density) day(h int) int {
	switch h {
	case 0:
		return int(d.daily[23] + 2*d.daily[0] + d.daily[1])
	case 23:
		return int(d.daily[22] + 2*d.daily[23] + d.daily[0])
	}
	return int(d.daily[h-1] + 2*d.daily[h] + d.daily[h+1])
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
	weight, smooth := cohort.smoothed()
	at := func(i int) int64 { return weight*int64(7*d.hours.around(i)+d.day(i%24)) + smooth[i] }
	here := max(at(hourBefore(i)), at(i), at(hourAfter(i)))
	const same = 3 * cohortHours / 2 * 56 / hoursAWeek // of all hours; three times as much is whole
	enough, all := int64(math.Ceil(3*oddHourMass*56*float64(weight)*(d.n+cohortHours))), same*weight
	var day [24]int
	for h := range day {
		day[h] = d.day(h)
	}
	mass := int64(0)
	before, now := int(d.hours[hoursAWeek-1]), int(d.hours[0])
	for j := 0; j < hoursAWeek && mass < enough; j += 24 {
		hours, smooth := d.hours[j:j+24:j+24], smooth[j:j+24:j+24]
		for h := 0; h < 23; h++ {
			next := int(hours[h+1])
			v := weight*int64(7*(before+2*now+next)+day[h]) + smooth[h]
			mass += upTo(here, v, all)
			before, now = now, next
		}
		next := int(d.hours[hourAfter(j+23)])
		mass += upTo(here, weight*int64(7*(before+2*now+next)+day[23])+smooth[23], all)
		before, now = now, next
	}
	return mass >= enough
}

// upTo is three times v and all when v is not above here, and 0 otherwise.
func upTo(here, v, all int64) int64 { return (3*v + all) &^ ((here - v) >> 63) }
