package detect

import (
	"slices"
	"time"

	"github.com/tokenwatch/tokenwatch/schema"
)

// A detector looks at one event beside its token's profile. When the event speaks for
// theft it says so through look.found; it keeps no state of its own.
//
// An event that is no news to its token is not shown to detectors at all (see usual.go): a
// detector that has something to say of a settled client in a settled place, in an hour that
// was found usual, at a rate that is no leap, has to be asked there.
type detector interface {
	name() string
	phrase() string // completes "used ..." in a finding's sentence
	look(*look)
}

// look is what a detector sees: an event, the profile as it was before the event, and
// the cohort. The place detector runs first and decides which group the event is in.
type look struct {
	event     *schema.Event
	profile   *profile
	memory    *memory
	cohort    *cohort
	now       int64 // event time in unix seconds
	hour      int64 // event time in hours since 1970
	day       int32 // event time in days since 1970
	probation int64 // seconds
	halfLife  time.Duration
	group     group
	strange   bool          // the place is far from everything that is the token's own
	spokeOf   bool          // something was said of the place or the program, or may have been
	odd       bool          // something was found
	held      bool          // something new about it is not learnt, since the token is in quarantine
	away      bool          // the token was in no place of its own before
	rehearsed bool          // something was found by a detector on trial
	confirmed bool          // it is what somebody confirmed to be theft
	behaved   bool          // the event is the first of an hour, and adds to what is unlike the owner
	awaits    bool          // a finding has waited for it
	history   time.Duration // an event that is older than that when it comes is history

	// What the event has of each kind of habit.
	run              []habit // the profile's, as long as none is added
	density          density
	hasRead          bool
	country, product value
	used             string // the product's name
	agent            uint32
	setting          setting
	hourly           hourJudgement
	novel            float64 // nats of a new place

	rules    *rules
	allowed  allowed
	campaign string // that the event is part of
}

// backfill tells an event that is history which is being loaded.
func (l *look) backfill() bool { return l.event.Ingested.Sub(l.event.Time) > l.history }

// group names what moves together and is counted once: a visit to a place that is not
// the token's own, the token's own places, or its traffic.
type group struct {
	traffic bool
	spread  bool // over many addresses at once
	ways    bool // of the token's last active hours, wherever they were
	country string
	asn     uint32
}

// home is the group of everything that happens in the token's own places.
var home = group{}

// traffic is the group of rates: they do not depend on the place.
var traffic = group{traffic: true}

// ways is the group of how like its owner the token has been of late.
var ways = group{ways: true}

// words say what was seen and what is normal. They are built only when they are kept.
type words struct {
	key, seen, normal string
	leap              leap // what seen and normal are yet to be made of
}

// read finds out what the event has of each kind of habit.
func (l *look) read() {
	if l.hasRead {
		return
	}
	l.hasRead = true
	ev, texts := l.event, l.memory.texts
	l.used = product(ev.Client)
	l.product = texts.value(l.used)
	l.country = texts.value(ev.Country)
	l.agent = textHash(ev.UserAgent)
}

// city is the event's place as a value of habits.
func (l *look) city() value {
	var name [2 * maxText]byte
	return l.memory.texts.valueOf(appendPlace(name[:0], l.event.City, l.event.Country))
}

// placeName is placeName of the event's place, as a rule without making a string: the token's own are held.
func (l *look) placeName() string {
	ev := l.event
	if ev.City == "" || ev.Country == "" {
		return placeName(ev.Place)
	}
	var name [2 * maxText]byte
	return l.memory.texts.said(appendPlace(name[:0], ev.City, ev.Country))
}

func (t *texts) value(s string) value {
	id, held := t.find(s)
	return value{uint32(id), held}
}

// valueOf is value for what is put together for this question only.
func (t *texts) valueOf(s []byte) value {
	if len(s) > maxText {
		return t.value(string(s))
	}
	hint := &t.hints[hintOf(s)]
	if *hint != 0 && t.list[*hint].s == string(s) {
		return value{uint32(*hint), true}
	}
	id, held := t.ids[string(s)]
	if held {
		*hint = id
	}
	return value{uint32(id), held}
}

// said is a string of its own, or the one that is held of the same bytes.
func (t *texts) said(s []byte) string {
	if len(s) <= maxText {
		if v := t.valueOf(s); v.known {
			return t.of(text(v.key))
		}
	}
	return string(s)
}

// habits are the profile's habits of a kind.
func (l *look) habits(k kind) habits {
	r := &l.profile.habits
	if l.run == nil {
		l.run = l.memory.all(r)
	}
	at := r.start(k)
	return l.run[at : at+int(r.n[k])]
}

// own is when the profile is active, worked out once an event: no hour is learnt before all detectors were asked.
func (l *look) own() *density {
	if l.density.hours == nil {
		l.density.of(&l.profile.hours)
	}
	return &l.density
}

// network is the event's network as a value of habits.
func (l *look) network() value { return value{l.event.ASN, true} }

// ofTheMoment are the detectors that are asked about events in a usual setting too: see weighMoment.
var ofTheMoment = [...]string{mannerName, oddHoursName, trafficSpikeName}

// found keeps a detector's evidence for the event's group.
func (l *look) found(detector string, llr float64, say func() words) {
	l.foundIn(l.group, detector, llr, say)
}

// foundIn keeps evidence for another group than the event's.
func (l *look) foundIn(g group, detector string, llr float64, say func() words) {
	l.spokeOf = l.spokeOf || !slices.Contains(ofTheMoment[:], detector)
	if llr > 0 && (l.silenced(detector) || l.pardoned(detector, llr, say)) {
		return
	}
	if l.rules.onTrial(detector) {
		l.rehearse(evidence{group: g, detector: detector, llr: llr}, say)
		return
	}
	if llr > 0 {
		l.odd = true
	}
	s := l.memory.storyOf(l.profile)
	if s == nil {
		s = l.memory.begin(l.profile)
	}
	s.keep(l.now, evidence{group: g, detector: detector, llr: llr}, say)
}
