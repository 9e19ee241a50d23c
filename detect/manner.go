package detect

import (
	"fmt"
	"math"
)

// unlikeOwner adds up, over a token's last active hours, how much more like somebody else's than
// like its owner's the hours, the places and the programs are, each of which may be quite possible
// for the owner. An odd hour or a new country is found by detectors of their own; this is for the
// thief who shows none of it clearly, and all of it a little, and for what lasts.
//
// Model: with the first request of every hour in which the token is active,
//
//	m ← max(−3, 0.9·m + ln P_others(hour)/P_token(hour) + ln P_others(place)/P_token(place)
//	                  + ln P_others(program)/P_token(program))
//
// all three cut off, so that no single one decides, and all densities shrunk to the cohort's. It
// is the log-likelihood ratio of "another of these tokens" against "this one", as Freeman et al.
// (NDSS 2016) have it, summed over a sequence with forgetting (a cumulative sum, after Page,
// Biometrika 1954: the floor keeps a long ordinary life from being held in a thief's favour).
// The owner's own program, to the last digit, is what keeps a journey quiet.
//
// A thief who stays would soon be what the token is like. So while m is above 0, days in a country
// are not counted towards it, for a month, or until an alert has gone unanswered for so long that
// what it was about is learnt: by then it is the owner who has moved.
//
// Who is abroad stays abroad, and who has a new program uses it: a strange place or program says
// less with every hour of a stay. What is left of the dependence makes the sum no number of nats
// to be added to others: what it is worth is read from a logistic curve, and of that and of what
// is said of single visits the smaller counts a quarter.
type unlikeOwner struct{}

const (
	mannerName    = "unlike_owner"
	mannerKept    = 0.9
	mannerFloor   = -3.0
	mannerHour    = 1.5 // most that one hour says, either way
	mannerPlace   = 3.0
	mannerOwn     = 4.0  // most that the owner's own program says for the owner
	mannerProgram = 1.0  // what another program says against
	mannerStay    = 0.75 // what the same strange place says an hour later
	mannerMost    = 9.0  // nats
	mannerMiddle  = 5.0  // where the sum counts half of that
	mannerWidth   = 2.0
	mannerSaid    = 2.5  // nats from which it is said: more than a single hour comes to
	mannerHours   = 10.0 // active hours that the cohort weighs
	mannerPlaces  = 0.3  // days that the cohort weighs
	mannerHolds   = 30   // days, and at least
	mannerHeld    = 10   // active ones, after which a country is the owner's whatever else is
)

type manner struct {
	sum   float32
	hour  uint32 // of the last observation
	since uint16 // day on which the sum rose above 0; 0 while it is not
	held  uint8  // days that were not counted since
	stay  uint8  // observations in a row that spoke of a strange place
}

func (unlikeOwner) name() string { return mannerName }

func (unlikeOwner) phrase() string { return "in a manner that is not the owner's" }

func (unlikeOwner) look(l *look) {
	l.behave()
	nats := l.profile.manner.nats()
	if !l.behaved || nats < mannerSaid {
		return
	}
	l.foundIn(ways, mannerName, nats, func() words {
		return words{
			key:    "manner",
			seen:   "hours, places and programs of late that are more like those of other tokens",
			normal: fmt.Sprintf("%s, %s", hoursInWords(&l.profile.hours), sharesInWords(l.shares(countries))),
		}
	})
}

// unlike takes an event that is no news otherwise into the token's manner, and reports whether
// that says something.
func (l *look) unlike() bool {
	l.behave()
	return l.behaved && l.profile.manner.nats() >= mannerSaid
}

// behave takes an event into the token's manner, the first of an hour; late ones say nothing.
func (l *look) behave() {
	p := l.profile
	m := &p.manner
	if uint32(l.hour) <= m.hour || p.days < 2 {
		return
	}
	l.read()
	ratio := l.heard(oddHoursName, l.hourRatio()) + l.stayed(l.heard(newGeoName, l.placeRatio())+l.heard(newClientName, l.programRatio()))
	l.behaved = ratio > 0
	m.sum, m.hour = float32(max(mannerFloor, mannerKept*float64(m.sum)+ratio)), uint32(l.hour)
	switch {
	case m.sum <= 0:
		m.since, m.held = 0, 0
	case m.since == 0:
		m.since = uint16(l.day)
	case l.day-int32(m.since) >= mannerHolds && m.held >= mannerHeld, p.tolerated(l.now):
		l.settleDown()
	}
}

// heard is what a ratio comes to when nobody may speak of what its detector is about.
func (l *look) heard(detector string, ratio float64) float64 {
	if ratio > 0 && l.silenced(detector) {
		return 0
	}
	return ratio
}

// stayed makes a strange place say less with every hour in it.
func (l *look) stayed(ratio float64) float64 {
	m := &l.profile.manner
	if ratio <= 0 {
		m.stay = 0
		return ratio
	}
	m.stay = min(m.stay+1, 100)
	return ratio * math.Pow(mannerStay, float64(m.stay-1))
}

// hourRatio compares how often the cohort and the token are active at an hour of the day.
func (l *look) hourRatio() float64 {
	own, h := l.own(), int(hourOfWeek(l.hour)%24)
	cohort := l.cohort.hours.ofDay(h)
	share := 0.0
	if own.n > 0 {
		share = float64(own.day(h)) / 4 / own.n
	}
	ratio := math.Log(cohort * (own.n + mannerHours) / (own.n*share + mannerHours*cohort))
	return max(-mannerHour, min(ratio, mannerHour))
}

// placeRatio does the same for countries, by days. Of a country that is new to the token it asks
// the detector of new places.
func (l *look) placeRatio() float64 {
	if l.event.Country == "" {
		return 0
	}
	if l.group != home && l.group.asn == 0 {
		return min(l.novel, mannerPlace)
	}
	cohort, total, here := l.cohort.country(l.country), 0.0, 0.0
	for _, h := range l.habits(countries) {
		total += float64(h.days)
		if l.country.known && h.key == l.country.key && !l.profile.manner.began(&h) {
			here = float64(h.days)
		}
	}
	if total == 0 {
		return 0
	}
	ratio := math.Log(cohort * (total + mannerPlaces) / (here + mannerPlaces*cohort))
	return max(-mannerPlace, min(ratio, mannerPlace))
}

// programRatio asks how much the program says for the owner, or against.
func (l *look) programRatio() float64 {
	if l.used == "" || l.habits(clients).empty(l.now, l.probation) {
		return 0
	}
	cohort := l.cohort.client(l.product)
	theft := cohort/2 + 0.5/theftProducts
	if known := l.habits(clients).settled(l.product, l.now, l.probation); known != nil {
		return max(-mannerOwn, usualRatio(l, known, theft))
	}
	return mannerProgram
}

// holds reports whether days are not to be counted: the token is not what it was, for not so long
// that it will not be so again.
func (m *manner) holds(day int32) bool {
	return m.since != 0
}

// settleDown takes what has lasted for the owner's.
func (l *look) settleDown() {
	m := &l.profile.manner
	if h := l.habits(countries).find(l.country); h != nil {
		h.days = min(1<<16-1-uint16(m.held), h.days) + uint16(m.held)
	}
	*m = manner{sum: mannerFloor, hour: m.hour}
}

// began reports whether a habit is as new as what is unlike the owner.
func (m *manner) began(h *habit) bool {
	return m.since != 0 && h.day >= m.since && h.first/daySeconds >= uint32(m.since)
}

// nats is what the manner counts for.
func (m *manner) nats() float64 {
	if m.hour == 0 {
		return 0
	}
	return mannerMost / (1 + math.Exp(-(float64(m.sum)-mannerMiddle)/mannerWidth))
}

func (m *manner) code(c *coder) {
	c.small(&m.sum)
	number(c, &m.hour)
	number(c, &m.since)
	number(c, &m.held)
	number(c, &m.stay)
}

// ofDay is the cohort's share of activity at an hour of the day, smoothed and with something
// left for hours that nobody has been seen at.
func (a *activity) ofDay(h int) float64 {
	if a.n == 0 {
		return 1.0 / 24
	}
	return 0.9*(a.daily[(h+23)%24]/4+a.daily[h]/2+a.daily[(h+1)%24]/4)/a.n + 0.1/24
}
