package detect

import (
	"strings"

	"github.com/tokenwatch/tokenwatch/schema"
)

// Bounds of what one profile remembers. All values come from outside.
const (
	maxCountries = 12
	maxNetworks  = 24
	maxCities    = 12
	maxClients   = 12
	maxAgents    = 12
	maxPending   = 72 // hours in probation
	daySeconds   = 24 * 60 * 60
	staleAfter   = 30 * daySeconds
)

// profile is everything known of one token. All times are unix seconds of event time.
type profile struct {
	token                       schema.TokenID
	hint, consumer, environment string
	keyID                       uint16

	first, last int64  // first and newest event
	events      uint64 // learnt from
	days        int    // days with activity, the open one included
	day         int32  // the open day, in days since 1970

	hours     hourMap
	pending   []int64 // active hours (since 1970) in probation, oldest first
	usualHour int64   // the last hour found usual, so that it is looked at once

	countries habits[string]
	networks  habits[uint32] // by ASN
	cities    habits[string]
	clients   habits[string] // by product
	agents    habits[uint32] // by hash of the whole User-Agent
	kinds     [2]kindDays    // eyeballs and machines

	rate     rates
	position position

	evidence []evidence
	episode  episode

	offset  int64 // of the last event that touched the profile
	touched bool  // since the last snapshot

	newer, older *profile // neighbours in the engine's order of use
	queue        *queue
}

func newProfile(token schema.TokenID) *profile {
	p := &profile{token: token, day: -1}
	p.bound()
	return p
}

// bound sets what a decoded or new profile may remember at most.
func (p *profile) bound() {
	p.countries.bound = maxCountries
	p.networks.bound = maxNetworks
	p.cities.bound = maxCities
	p.clients.bound = maxClients
	p.agents.bound = maxAgents
}

// open moves the profile to the day of an event, closing the days before it.
func (p *profile) open(l *look) {
	if l.day <= p.day {
		return
	}
	if p.day >= 0 {
		l.cohort.learnDay(p)
		p.rate.closeDay(p.episode.alertDay == p.day)
	}
	p.day = l.day
	p.days++
	p.settleHours(l.now, l.probation)
}

// learn takes an event into the baseline. Suspicious ones stay out of it while an
// alert is in the air; new values are learnt on probation.
func (p *profile) learn(l *look, suspicious bool) {
	if p.first == 0 {
		p.first = l.now
	}
	p.last = max(p.last, l.now)
	if suspicious && l.now < p.episode.quarantine.until {
		return
	}
	ev := l.event
	p.events++
	p.noteHour(l.hour)
	p.clients.see(product(ev.Client), ev.Client, l.day, l.now)
	if ev.Country != "" {
		p.countries.see(ev.Country, "", l.day, l.now)
	}
	if ev.ASN != 0 {
		if p.networks.find(ev.ASN) == nil {
			p.networks.see(ev.ASN, networkName(ev.Place), l.day, l.now)
		} else {
			p.networks.see(ev.ASN, "", l.day, l.now)
		}
	}
	if ev.UserAgent != "" {
		p.agents.see(textHash(ev.UserAgent), "", l.day, l.now)
	}
	if ev.ASN != 0 {
		p.kinds[kindOf(ev.Network)].see(l.day)
	}
	p.learnCity(l)
}

func (p *profile) learnCity(l *look) {
	if l.event.City == "" {
		return
	}
	// The name is built only when it is new: this runs for every event.
	for i := range p.cities.list {
		if c := &p.cities.list[i]; isPlace(c.key, l.event.City, l.event.Country) {
			p.cities.see(c.key, "", l.day, l.now)
			return
		}
	}
	name := placeName(l.event.Place)
	if p.cities.see(name, "", l.day, l.now) {
		city := p.cities.find(name)
		city.lat, city.lon = l.event.Lat, l.event.Lon
	}
}

// forget takes back what was learnt on probation, because it came with an alert.
func (p *profile) forget(now, probation int64) {
	p.countries.forget(now, probation)
	p.networks.forget(now, probation)
	p.cities.forget(now, probation)
	p.clients.forget(now, probation)
	p.agents.forget(now, probation)
	p.pending = p.pending[:0]
}

// state says how far the profile can be trusted at a moment.
func (p *profile) state(now int64) schema.ProfileState {
	switch {
	case p.days < 4 || p.events < 20:
		return schema.ProfileLearning
	case now-p.last > staleAfter:
		return schema.ProfileStale
	}
	return schema.ProfileActive
}

// product is the client's name without its version: a new version is no new client.
func product(client string) string {
	name, _, _ := strings.Cut(client, "/")
	return name
}
