package detect

import (
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

// hourOfWeek maps hours since 1970, which began on a Thursday, to Monday-first hours.
func hourOfWeek(hour int64) int {
	return int(((hour+3*24)%hoursAWeek + hoursAWeek) % hoursAWeek)
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
		name := hourName(l.hour)
		return words{
			key:    "hour:" + name,
			seen:   "active at " + name + " UTC",
			normal: hoursInWords(&l.profile.hours),
		}
	})
}

// judgeHour works out how odd the event's hour is, once an event.
func (l *look) judgeHour() *hourJudgement {
	if l.hourly.done {
		return &l.hourly
	}
	i, cohort := hourOfWeek(l.hour), &l.cohort.hours
	known := &cohort.judged[l.profile.token[0]%judgedHours]
	if !known.done || known.hour != i || known.change != cohort.change || known.hours != l.profile.hours {
		*known = judgedHour{l.own().judge(i, cohort), i, cohort.change, l.profile.hours}
	}
	l.hourly = known.hourJudgement
	return &l.hourly
}

// hourJudgement is the log-likelihood ratio of an hour, and whether it is usual, which it is when it speaks for the owner
// or when the hours that are no likelier have too much mass.
type hourJudgement struct {
	done, usual bool
	llr         float64
}

// judgedHour is a judgement and all that it follows from. Who is there at an odd hour makes many requests in it, of which
// each is judged, so the last judgements are kept.
type judgedHour struct {
	hourJudgement
	hour   int
	change uint64 // of the cohort
	hours  hourMap
}

const judgedHours = 64

func (d *density) judge(i int, cohort *activity) hourJudgement {
	here := max(d.at(hourBefore(i), cohort.share(hourBefore(i))), d.at(i, cohort.share(i)), d.at(hourAfter(i), cohort.share(hourAfter(i))))
	if hoursAWeek*here >= 1 || d.massive(i, cohort) {
		return hourJudgement{done: true, usual: true}
	}
	return hourJudgement{done: true, llr: min(oddHourCap, math.Log(1/(hoursAWeek*here)))}
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

func hourName(hour int64) string {
	i := hourOfWeek(hour)
	return [...]string{"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"}[i/24] + " " + twoDigits(i%24) + "h"
}

// hoursInWords names the hours of the day that hold nine tenths of the activity.
func hoursInWords(h *hourMap) string {
	var daily [24]uint16
	total, weekend := h.daily(&daily), 0
	if total == 0 {
		return "no hours known yet"
	}
	from, length := shortestSpan(&daily, int(math.Ceil(0.9*float64(total))))
	if length >= 22 {
		return "active around the clock"
	}
	words := "usually " + twoDigits(from) + "–" + twoDigits((from+length)%24) + "h UTC"
	for _, c := range h[5*24:] {
		weekend += int(c)
	}
	if float64(weekend)/float64(total) < 0.05 {
		words += ", Monday to Friday"
	}
	return words
}

// shortestSpan finds the shortest run of hours, around midnight too, that holds a mass, and of
// several the first: from each hour on, the first end that is late enough, which never moves back.
func shortestSpan(daily *[24]uint16, mass int) (from, length int) {
	length = 24
	end := 0 // the hour behind the span
	for start, n, held := 0, 0, 0; start < 24; start, n = start+1, n-1 {
		for ; held < mass && n < 24; n++ {
			held += int(daily[end])
			if end++; end == 24 {
				end = 0
			}
		}
		if n < length && held >= mass {
			from, length = start, n
		}
		held -= int(daily[start])
	}
	return from, length
}

func twoDigits(n int) string { return string([]byte{byte('0' + n/10), byte('0' + n%10)}) }
