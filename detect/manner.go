package detect

import (
	"fmt"
	"math"
)

// unlikeOwner adds up, over a token's last hours of use, how much more like somebody else's than
// like its owner's the hours, the places and the programs are, each of which may be quite possible
// for the owner. An odd hour or a new country is found by detectors of their own; this is for the
// thief who shows none of it clearly, and all of it a little, and for what lasts.
//
// Model: with the first request of an hour, if the last such was not just before,
//
//	w ← max(−5, 0.7·w + 0.86·ln P_others(hour)/P_token(hour) + 0.5·ln P_others(silence)/P_token(silence)
//	                  + 0.8·ln P_others(program)/P_token(program))
//	v ← min(3.2, 0.7·v + 0.4·ln P_others(country)/P_token(country))
//
// all ratios cut off, so that no single one decides, and all densities shrunk to the cohort's; where a
// token may turn up for the first time is learnt from all that set out from the same country (see
// journeys), and the silence before the request tells its rhythm (see silences). It is the log-likelihood
// ratio of "another of these tokens" against "this one", as Freeman et al. (NDSS 2016) have it, summed
// over a sequence with forgetting (a cumulative sum, after Page, Biometrika 1954: the floor keeps a long
// ordinary life from being held in a thief's favour). It forgets by hours of use, not by the clock: a thief
// who comes once a week adds up as well as one who stays. What counts is the last handful of hours;
// longer sums find fewer strangers and tire of fewer travellers.
//
// Who is abroad stays abroad, so places weigh less than hours, and however strange they are, they never
// come to an alert at the owner's own rhythm: a journey has to have something else about it. The owner's
// own program, to the last digit, is what keeps one quiet. A thief who stays would soon be what the token is like, so what
// the last four observations had of countries is not counted yet; hours have their probation.
//
// What is left of the dependence makes the sum no number of nats to be added to others: what it is
// worth is read from a curve, shallow up to its middle, steep beyond, and never flat, so that stranger is
// always more. Of that and of what is said of single visits the smaller counts a quarter. It tells what is
// now: when the owner is back, it takes back what it said.
type unlikeOwner struct{}

const (
	mannerName    = "unlike_owner"
	mannerKept    = 0.7
	mannerApart   = 45 * 60 // seconds between observations, at least
	mannerFloor   = -5.0
	mannerHours   = 0.86 // what a nat of the hour weighs
	mannerHour    = 1.5  // most that one hour says against the owner
	mannerHourOwn = 1.0  // and for
	mannerRhythm  = 0.5  // what a nat of the silence before it weighs
	mannerWhere   = 0.4  // what a nat of the place weighs
	mannerWith    = 0.8  // what a nat of the program weighs
	mannerPlace   = 4.0  // most that a place says against
	mannerPlaces  = 3.2  // most that all of them come to
	mannerHome    = 3.2  // and for
	mannerOwn     = 4.0  // most that the owner's own program says for the owner
	mannerProgram = 0.5  // what another program says against
	mannerMiddle  = 2.1  // where the sum counts mannerHalf
	mannerHalf    = 4.5  // nats, from which it is said
	mannerBelow   = 2.0  // how shallow the curve is below the middle
	mannerAbove   = 8.0  // how steep it begins above
	mannerGrows   = 0.67 // what an e-fold of that adds, in parts of mannerHalf
	mannerBeside  = 0.05 // what the hours before and after add to one
	cohortActive  = 8.0  // active hours that the cohort weighs
	cohortStays   = 0.3  // days that the cohort weighs
	mannerWaits   = 4    // observations until what they had of places is learnt
)

type manner struct {
	ways     float32 // what hours, rhythm and programs add up to
	places   float32 // and what places do
	hour     uint32  // the last that was looked at
	at       uint32  // when the last observation was
	silences silences
	recent   [mannerWaits]uint16 // which countries gained a day since each of the last observations, the newest first
}

func (unlikeOwner) name() string { return mannerName }

func (unlikeOwner) phrase() string { return "in a manner that is not the owner's" }

func (unlikeOwner) look(l *look) {
	l.behave()
	m := &l.profile.manner
	if l.behaved && m.nats() >= mannerHalf {
		l.foundIn(ways, mannerName, m.nats(), func() words {
			return words{
				key:    "manner",
				seen:   "hours, rhythm, places and programs of late that are more like those of other tokens",
				normal: fmt.Sprintf("%s, %s", hoursInWords(&l.profile.hours), sharesInWords(l.shares(countries))),
			}
		})
	}
	l.memory.storyOf(l.profile).relent(m)
}

// relent lowers what was said of the token's manner to what that is now: it is a sum that tells by itself when the
// owner is back.
func (s *story) relent(m *manner) {
	if s == nil {
		return
	}
	for i := range s.evidence {
		if e := &s.evidence[i]; e.detector == mannerName {
			e.llr = min(e.llr, m.nats())
		}
	}
}

// unlike takes an event that is no news otherwise into the token's manner, and reports whether that says something, or
// may take back what was said.
func (l *look) unlike() bool {
	l.behave()
	return l.behaved && l.profile.manner.nats() >= mannerHalf || l.profile.story != 0
}

// behave takes an event into the token's manner, the first of an hour; late ones say nothing.
func (l *look) behave() {
	p := l.profile
	m := &p.manner
	if uint32(l.hour) <= m.hour || p.days < 2 {
		return
	}
	m.hour = uint32(l.hour)
	if l.now-int64(m.at) < mannerApart {
		return
	}
	l.read()
	when := mannerHours*l.hourRatio() + mannerRhythm*l.silenceRatio()
	how := l.heard(oddHoursName, when) + mannerWith*l.heard(newClientName, l.programRatio())
	where := mannerWhere * l.heard(newGeoName, l.placeRatio())
	l.behaved = how+where > 0
	m.ways = float32(max(mannerFloor, mannerKept*float64(m.ways)+how))
	m.places = float32(min(mannerPlaces, mannerKept*float64(m.places)+where))
	m.at = uint32(l.now)
	copy(m.recent[1:], m.recent[:])
	m.recent[0] = 0
}

// heard is what a ratio comes to when nobody may speak of what its detector is about.
func (l *look) heard(detector string, ratio float64) float64 {
	if ratio > 0 && l.silenced(detector) {
		return 0
	}
	return ratio
}

// hourRatio compares how often the cohort and the token are active at an hour of the day.
func (l *look) hourRatio() float64 {
	own, h := l.own(), int(hourOfWeek(l.hour)%24)
	cohort := l.cohort.hours.ofDay(h)
	share := 0.0
	if own.n > 0 {
		share = own.sharp(h)
	}
	ratio := math.Log(cohort * (own.n + cohortActive) / (own.n*share + cohortActive*cohort))
	return max(-mannerHourOwn, min(ratio, mannerHour))
}

// silenceRatio does the same for how long the token was silent before the hour, and counts that.
func (l *look) silenceRatio() float64 {
	m := &l.profile.manner
	if m.at == 0 {
		return 0
	}
	class := silenceClass(l.now - int64(m.at))
	ratio := m.silences.ratio(class)
	if !l.quarantined() {
		m.silences.add(class)
	}
	return ratio
}

// placeRatio does the same for countries, by days. Of one that is new to the token it asks how many others went there.
func (l *look) placeRatio() float64 {
	if l.event.Country == "" {
		return 0
	}
	list, total, here := l.habits(countries), 0.0, 0.0
	for i := range list {
		days := float64(list[i].days) - l.profile.manner.gained(i)
		total += days
		if l.country.known && list[i].key == l.country.key {
			here = days
		}
	}
	if total <= 0 {
		return 0
	}
	cohort := l.cohort.country(l.country)
	expected := cohort
	if here < 1 {
		expected = l.cohort.journeys.share(list.most(nil), l.country, cohort)
	}
	ratio := math.Log(cohort * (total + cohortStays) / (here + cohortStays*expected))
	return max(-mannerHome, min(ratio, mannerPlace))
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

// gained is how many days a country gained of late.
func (m *manner) gained(at int) (days float64) {
	for _, marks := range m.recent {
		days += float64(marks >> at & 1)
	}
	return days
}

// mark notes that a country gained a day.
func (m *manner) mark(at int) { m.recent[0] |= 1 << at }

// unmark forgets which countries did, when they change their places.
func (m *manner) unmark() { m.recent = [mannerWaits]uint16{} }

// sum is what all of it adds up to.
func (m *manner) sum() float64 { return float64(m.ways) + float64(m.places) }

// nats is what the manner counts for.
func (m *manner) nats() float64 {
	if m.hour == 0 {
		return 0
	}
	beyond := m.sum() - mannerMiddle
	if beyond > 0 {
		return mannerHalf * (1 + math.Log1p(beyond*mannerAbove)*mannerGrows)
	}
	return 2 * mannerHalf / (1 + math.Exp(-beyond/mannerBelow))
}

func (m *manner) code(c *coder) {
	c.small(&m.ways)
	c.small(&m.places)
	number(c, &m.hour)
	number(c, &m.at)
	m.silences.code(c)
	for i := range m.recent {
		number(c, &m.recent[i])
	}
}

// sharp is the share of activity at an hour of the day, of which little is its neighbours': people who were never seen
// at five o'clock are seldom seen then, also when they often begin at six.
func (d *density) sharp(h int) float64 {
	return (float64(d.daily[(h+23)%24]+d.daily[(h+1)%24])*mannerBeside + float64(d.daily[h])) / (1 + 2*mannerBeside) / d.n
}

// ofDay is the cohort's share of activity at an hour of the day, with something left for hours that nobody has been
// seen at.
func (a *activity) ofDay(h int) float64 {
	if a.n == 0 {
		return 1.0 / 24
	}
	return 0.9*((a.daily[(h+23)%24]+a.daily[(h+1)%24])*mannerBeside+a.daily[h])/(1+2*mannerBeside)/a.n + 0.1/24
}
