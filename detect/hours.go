package detect

import (
	"encoding/binary"
	"fmt"
	"math"
)

const hoursAWeek = 7 * 24

// oddHours finds requests at hours at which the owner is not active.
//
// Model: the density f of the token's active hours on the circle of the week, smoothed
// over neighbouring hours and over the same hour of other days (people keep hours
// rather than weekdays), shrunk to the cohort's density:
//
//	f = (n·f_token + m·f_cohort) / (n + m),  m = 8 active hours
//
// One hour more or less is forgiven, which covers daylight saving. A thief does not know
// the owner's hours, so P(hour | theft) = 1/168. The p-value is the mass of hours that
// are no likelier than this one (the complement of the highest-density region,
// R. J. Hyndman, The American Statistician 1996): a token that runs around the clock has
// a flat density, every hour has a large p, and nothing is odd.
//
// An odd hour from one of the token's own networks is most often the owner working
// late, so it counts half there.
type oddHours struct{}

const (
	oddHoursName  = "odd_hours"
	cohortHours   = 8.0  // m: how many active hours the cohort's opinion weighs
	oddHourMass   = 0.08 // an hour is odd when all hours as rare as it hold less than this
	oddHourCap    = 4.5
	oddHourAtHome = 0.5
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

// hourOfWeek maps hours since 1970, which began on a Thursday, to Monday-first hours.
func hourOfWeek(hour int64) int {
	return int(((hour+3*24)%hoursAWeek + hoursAWeek) % hoursAWeek)
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

func (oddHours) name() string { return oddHoursName }

func (oddHours) phrase() string { return "at an odd hour" }

func (oddHours) look(l *look) {
	if l.group == home && l.hourIsUsual() || l.judgeHour().usual {
		return
	}
	llr := l.judgeHour().llr
	if !l.strange {
		llr *= oddHourAtHome
	}
	l.found(oddHoursName, llr, func() words {
		return words{
			key:    "hour:" + hourName(l.hour),
			seen:   "active at " + hourName(l.hour) + " UTC",
			normal: hoursInWords(&l.profile.hours),
		}
	})
}

// judgeHour works out how odd the event's hour is, once an event: its log-likelihood ratio,
// and whether it is usual, which it is when it speaks for the owner or when the hours that
// are no likelier have too much mass.
func (l *look) judgeHour() *hourJudgement {
	if l.hourly.done {
		return &l.hourly
	}
	l.hourly.done = true
	own, cohort, i := densityOf(&l.profile.hours), &l.cohort.hours, hourOfWeek(l.hour)
	here := max(own.at(hourBefore(i), cohort.share(hourBefore(i))), own.at(i, cohort.share(i)), own.at(hourAfter(i), cohort.share(hourAfter(i))))
	if hoursAWeek*here >= 1 || own.massive(i, cohort) {
		l.hourly.usual = true
		return &l.hourly
	}
	l.hourly.llr = min(oddHourCap, math.Log(1/(hoursAWeek*here)))
	return &l.hourly
}

type hourJudgement struct {
	done, usual bool
	llr         float64
}

// hourIsUsual looks at the hour of an event at home, once an hour: the answer is the same
// for the whole of it.
func (l *look) hourIsUsual() bool {
	if l.hour == int64(l.profile.usualHour) {
		return true
	}
	if !l.judgeHour().usual {
		return false
	}
	l.profile.usualHour = uint32(l.hour)
	return true
}

// density is a token's own share of activity of each hour of the week, smoothed.
type density struct {
	hours *hourMap
	day   [24]int // smoothed counts of the same hour of all days, times 4
	n     float64
}

func densityOf(h *hourMap) (d density) {
	daily, n := h.daily(), 0
	for i := range daily {
		n += daily[i]
		d.day[i] = daily[(i+23)%24] + 2*daily[i] + daily[(i+1)%24]
	}
	d.hours, d.n = h, float64(n)
	return d
}

// at is the density of an hour of the week, shrunk to the cohort's.
func (d *density) at(i int, cohort float64) float64 {
	own := 0.0
	if d.n > 0 {
		own = (float64(d.hours.around(i))/8 + float64(d.day[i%24])/4/14) / d.n
	}
	return (d.n*own + cohort) / (d.n + cohortHours)
}

// massive tells whether the hours that are no likelier than i or its neighbours hold enough
// mass for i to be usual. It compares densities times 56·(n+m)·n_cohort, less what is the
// same for all hours: whole numbers, for which no division is needed.
func (d *density) massive(i int, cohort *activity) bool {
	weight, smooth := max(cohort.n, 1), cohort.smoothed()
	at := func(i int) float64 {
		return weight*float64(7*d.hours.around(i)+d.day[i%24]) + cohortHours/2*smooth[i]
	}
	here := max(at(hourBefore(i)), at(i), at(hourAfter(i)))
	enough, all := oddHourMass*56*weight*(d.n+cohortHours), cohortHours/2*56.0/hoursAWeek*weight
	mass := 0.0
	before, now := int(d.hours[hoursAWeek-1]), int(d.hours[0])
	for j := 0; j < hoursAWeek && mass < enough; j += 24 {
		for h, day := range d.day {
			after := int(d.hours[hourAfter(j+h)])
			v := weight*float64(7*(before+2*now+after)+day) + cohortHours/2*smooth[j+h]
			if v <= here {
				mass += v + all
			}
			before, now = now, after
		}
	}
	return mass >= enough
}

func hourName(hour int64) string {
	i := hourOfWeek(hour)
	return [...]string{"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"}[i/24] + " " + string([]byte{byte('0' + i%24/10), byte('0' + i%24%10), 'h'})
}

// hoursInWords names the hours of the day that hold nine tenths of the activity.
func hoursInWords(h *hourMap) string {
	var daily [24]float64
	total, weekend := 0.0, 0.0
	for i, c := range h {
		daily[i%24] += float64(c)
		total += float64(c)
		if i >= 5*24 {
			weekend += float64(c)
		}
	}
	if total == 0 {
		return "no hours known yet"
	}
	from, length := shortestSpan(daily, 0.9*total)
	if length >= 22 {
		return "active around the clock"
	}
	words := fmt.Sprintf("usually %02d–%02dh UTC", from, (from+length)%24)
	if weekend/total < 0.05 {
		words += ", Monday to Friday"
	}
	return words
}

// shortestSpan finds the shortest run of hours, around midnight too, that holds a mass.
func shortestSpan(daily [24]float64, mass float64) (from, length int) {
	var sums [2*24 + 1]float64 // of the hours before, twice around
	for i := range 2 * 24 {
		sums[i+1] = sums[i] + daily[i%24]
	}
	for length = 1; length < 24; length++ {
		for from = range 24 {
			if sums[from+length]-sums[from] >= mass {
				return from, length
			}
		}
	}
	return 0, 24
}
