package detect

import (
	"strings"

	"github.com/tokenwatch/tokenwatch/schema"
)

const (
	daySeconds = 24 * 60 * 60
	staleAfter = 30 * daySeconds
)

// profile is everything known of one token. All times are unix seconds of event time. It
// holds no pointers and lies in an array of its like (see memory): strings are texts, what
// varies in number is a run of habits, and what few tokens have is a story. What an
// ordinary event touches stands first, so that it lies in few cache lines.
type profile struct {
	token  schema.TokenID
	usual  settings
	offset int64  // of the last event that touched the profile
	events uint64 // learnt from
	last   uint32 // newest event
	fades  uint32 // before this, the story's evidence stays as it is

	rate   rates
	doings doings

	awake     awake
	usualHour uint32 // the last hour found usual, so that it is looked at once
	story     uint32 // 0: no evidence in the air
	position  position

	first      uint32 // first event
	day        int32  // the open day, in days since 1970; -1 before the first event
	quarantine quarantine
	days       uint16  // days with activity, the open one included
	alertDay   uint16  // last day of an alert
	most       float32 // evidence of the open day, in nats

	kinds  [2]kindDays // eyeballs and machines
	habits run
	hours  hourMap
	manner manner

	touched bool // since the last snapshot
	stored  bool // a snapshot of it was stored
	filed   bool // it has a file
}

// open moves the profile to the day of an event, closing the days before it.
func (l *look) open(cfg *Config) {
	p := l.profile
	if l.day <= p.day {
		return
	}
	if p.day >= 0 {
		l.cohort.learnDay(cfg, l.memory, p)
		p.most = 0
		if !p.alertedToday() {
			judged, startled := p.rate.startles(p.day)
			p.rate.judge(judged, startled)
			l.cohort.calm.learnDay(judged, startled)
		}
		l.cohort.surges.learnDay(cfg, &p.rate, p.day, p.alertedToday())
		p.rate.closeDay(p.alertedToday(), p.day, l.day)
		p.doings.closeDay(p.alertedToday(), p.suspectToday(), p.days)
	}
	p.day = l.day
	p.days = min(p.days, 1<<16-2) + 1
	p.settleHours(l.now, l.probation)
	p.surprise()
}

func (p *profile) alertedToday() bool { return int32(p.alertDay) == p.day }

// learn takes an event into the baseline. Suspicious ones stay out of it while an
// alert is in the air, as does what is new (see quarantine.go); new values are learnt on probation.
func (l *look) learn() {
	p := l.profile
	if p.first == 0 {
		p.first = uint32(l.now)
	}
	p.last = max(p.last, uint32(l.now))
	if l.isolated() {
		return
	}
	p.events++
	p.noteHour(l.hour)
	l.learnHabits()
	if ev := l.event; ev.ASN != 0 && l.habits(networks).find(l.network()) != nil {
		p.kinds[kindOf(ev.Network)].see(uint16(l.day))
	}
}

// learnHabits counts what the event has of each kind of habit, and takes up what is new, unless that is held back. The
// User-Agent comes last: it is learnt with the rest or not at all.
func (l *look) learnHabits() {
	ev, texts := l.event, l.memory.texts
	if l.takesUp(clients, l.product) {
		l.insert(clients, habit{key: uint32(texts.hold(product(ev.Client))), name: texts.hold(ev.Client)})
	}
	if ev.Country != "" && l.takesUp(countries, l.country) {
		l.insert(countries, habit{key: uint32(texts.hold(ev.Country))})
	}
	if ev.ASN != 0 && l.takesUp(networks, l.network()) {
		l.insert(networks, habit{key: ev.ASN, name: texts.hold(networkName(ev.Place))})
	}
	if ev.City != "" && l.takesUp(cities, l.city()) {
		l.insert(cities, habit{key: uint32(texts.hold(placeName(ev.Place))), lat: ev.Lat, lon: ev.Lon})
	}
	if ev.UserAgent != "" && !l.see(agents, value{l.agent, true}) && !l.held {
		l.insert(agents, habit{key: l.agent})
	}
}

// forget takes back what was learnt on probation, because it came with an alert.
func (l *look) forget() {
	l.memory.keep(l.profile, func(h *habit) bool { return l.now-int64(h.first) >= l.probation })
	l.profile.manner.unmark()
	l.run = nil
	l.profile.awake = awake{}
	l.profile.surprise()
}

// state says how far the profile can be trusted at a moment.
func (p *profile) state(now int64) schema.ProfileState {
	switch {
	case p.days < 4 || p.events < 20:
		return schema.ProfileLearning
	case now-int64(p.last) > staleAfter:
		return schema.ProfileStale
	}
	return schema.ProfileActive
}

// product is the client's name without its version: a new version is no new client.
func product(client string) string {
	name, _, _ := strings.Cut(client, "/")
	return name
}
