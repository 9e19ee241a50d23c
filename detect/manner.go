package detect

import (
	"math"
	"time"

	"github.com/tokenwatch/tokenwatch/schema"
)

// manner adds up, over a token's last active hours, how much more like somebody else's than
// like its owner's the hours and places are, each of which may be quite possible for the owner.
// An odd hour or a new country is found by detectors of their own; this is for the thief who
// shows none of it clearly, and all of it a little.
//
// Model: with the first request of every hour in which the token is active,
//
//	m ← max(−3, 0.9·m + ln P_cohort(hour)/P_token(hour) + ln P_cohort(country)/P_token(country))
//
// both logarithms cut off, so that no single one decides, and both densities shrunk to the
// cohort's. It is the log-likelihood ratio of "another of these tokens" against "this one", as
// Freeman et al. (NDSS 2016) have it, summed over a sequence with forgetting. Such observations
// depend on each other (who is abroad stays abroad), so the sum is no number of nats to be
// added to others (and the floor keeps tokens comparable, however unlike others they are); it counts for at most mannerMost, on a logistic curve.
const (
	mannerName    = "unlike_owner"
	mannerKept    = 0.9
	mannerFloor   = -3.0
	mannerHour    = 1.5 // most that one hour says, either way
	mannerCountry = 3.0
	mannerMost    = 2.5 // nats
	mannerMiddle  = 6.0 // where the sum counts half of that
	mannerWidth   = 4.0
	mannerSaid    = 1.0  // nats from which it is worth mentioning
	mannerHours   = 10.0 // active hours that the cohort weighs
	mannerPlaces  = 0.3  // days that the cohort weighs
)

type manner struct {
	sum  float32
	hour uint32 // of the last observation
}

// behave takes an event into the token's manner, the first of an hour; late ones say nothing.
func (l *look) behave() {
	p := l.profile
	if uint32(l.hour) <= p.manner.hour || p.days < 2 {
		return
	}
	l.country = l.memory.texts.value(l.event.Country)
	ratio := l.hourRatio() + l.countryRatio()
	p.manner = manner{float32(max(mannerFloor, mannerKept*float64(p.manner.sum)+ratio)), uint32(l.hour)}
}

// hourRatio compares how often the cohort and the token are active at an hour of the day.
func (l *look) hourRatio() float64 {
	own, h := densityOf(&l.profile.hours), int(hourOfWeek(l.hour)%24)
	cohort := l.cohort.hours.ofDay(h)
	share := 0.0
	if own.n > 0 {
		share = float64(own.day(h)) / 4 / own.n
	}
	ratio := math.Log(cohort * (own.n + mannerHours) / (own.n*share + mannerHours*cohort))
	return max(-mannerHour, min(ratio, mannerHour))
}

// countryRatio does the same for countries, by days. Countries that are new to the token say
// nothing here: they are for a detector of their own, and would be counted twice.
func (l *look) countryRatio() float64 {
	if l.event.Country == "" {
		return 0
	}
	cohort, total, here := l.cohort.country(l.country), 0.0, 0.0
	for _, h := range l.habits(countries) {
		total += float64(h.days)
		if l.country.known && h.key == l.country.key {
			here = float64(h.days)
		}
	}
	if here == 0 || l.habits(countries).settled(l.country, l.now, l.probation) == nil {
		return 0
	}
	ratio := math.Log(cohort * (total + mannerPlaces) / (here + mannerPlaces*cohort))
	return max(-mannerCountry, min(ratio, mannerCountry))
}

// nats is what the manner counts for.
func (m *manner) nats() float64 {
	if m.hour == 0 {
		return 0
	}
	return mannerMost / (1 + math.Exp(-(float64(m.sum)-mannerMiddle)/mannerWidth))
}

// evidence is how a finding tells of it.
func (m *manner) evidence(at int64) (schema.Evidence, bool) {
	nats := m.nats()
	return schema.Evidence{
		Detector: mannerName, Key: "manner", Time: time.Unix(at, 0).UTC(), LLR: nats, Attack: attackID,
		Seen:   "hours and countries of late that are more like those of other tokens",
		Normal: "hours and countries that differ from other tokens' in the owner's way",
	}, nats >= mannerSaid
}

func (m *manner) code(c *coder) {
	c.small(&m.sum)
	number(c, &m.hour)
}

// ofDay is the cohort's share of activity at an hour of the day, smoothed and with something
// left for hours that nobody has been seen at.
func (a *activity) ofDay(h int) float64 {
	if a.n == 0 {
		return 1.0 / 24
	}
	return 0.9*(a.daily[(h+23)%24]/4+a.daily[h]/2+a.daily[(h+1)%24]/4)/a.n + 0.1/24
}
