package detect

import (
	"fmt"
	"math"
	"time"
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

// weekly is a weight for each hour of the week.
type weekly [hoursAWeek]float64

func (h *hourMap) weights() (w weekly) {
	for i, c := range h {
		w[i] = float64(c)
	}
	return w
}

// density is the smoothed share of activity of each hour of the week, and the sum of
// weights that it rests on.
func (w *weekly) density() (f weekly, n float64) {
	var daily [24]float64
	for i, c := range w {
		daily[i%24] += c
		n += c
	}
	if n == 0 {
		return f, 0
	}
	for i := range f {
		week := w[(i+hoursAWeek-1)%hoursAWeek]/4 + w[i]/2 + w[(i+1)%hoursAWeek]/4
		day := daily[(i+23)%24]/4 + daily[i%24]/2 + daily[(i+1)%24]/4
		f[i] = (week/2 + day/14) / n
	}
	return f, n
}

// noteHour marks an hour as active, on probation.
func (p *profile) noteHour(hour int64) {
	if n := len(p.pending); n > 0 && p.pending[n-1] >= hour {
		return // noted, or late: an event that arrives hours late teaches nothing of hours
	}
	if len(p.pending) == maxPending {
		p.hours.add(p.pending[0])
		p.pending = append(p.pending[:0], p.pending[1:]...)
	}
	p.pending = append(p.pending, hour)
}

// settleHours moves hours whose probation is over into the map.
func (p *profile) settleHours(now, probation int64) {
	done := 0
	for done < len(p.pending) && now-p.pending[done]*3600 >= probation {
		p.hours.add(p.pending[done])
		done++
	}
	p.pending = append(p.pending[:0], p.pending[done:]...)
}

func (oddHours) name() string { return oddHoursName }

func (oddHours) phrase() string { return "at an odd hour" }

func (oddHours) look(l *look) {
	p := l.profile
	if l.group == home && l.hour == p.usualHour {
		return // looked at already: the answer is the same for the whole hour
	}
	llr, mass := hourRatio(l)
	if llr <= 0 || mass >= oddHourMass {
		if l.group == home {
			p.usualHour = l.hour
		}
		return
	}
	if !l.strange {
		llr *= oddHourAtHome
	}
	l.found(oddHoursName, llr, func() words {
		return words{
			key:    "hour:" + hourName(l.hour),
			seen:   "active at " + hourName(l.hour) + " UTC",
			normal: hoursInWords(&p.hours),
		}
	})
}

// hourRatio is the log-likelihood ratio of the event's hour, and the mass of the hours
// that are no likelier.
func hourRatio(l *look) (llr, mass float64) {
	own := l.profile.hours.weights()
	f, n := own.density()
	g, _ := l.cohort.hours.density()
	for j := range f {
		f[j] = (n*f[j] + cohortHours*(g[j]+1.0/hoursAWeek)/2) / (n + cohortHours)
	}
	i := hourOfWeek(l.hour)
	here := max(f[(i+hoursAWeek-1)%hoursAWeek], f[i], f[(i+1)%hoursAWeek])
	for _, v := range f {
		if v <= here {
			mass += v
		}
	}
	return min(oddHourCap, math.Log(1/(hoursAWeek*here))), mass
}

func hourName(hour int64) string {
	return time.Unix(hour*3600, 0).UTC().Format("Mon 15h")
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
	for length = 1; length < 24; length++ {
		for from = range 24 {
			sum := 0.0
			for k := range length {
				sum += daily[(from+k)%24]
			}
			if sum >= mass {
				return from, length
			}
		}
	}
	return 0, 24
}
