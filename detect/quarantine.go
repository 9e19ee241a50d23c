package detect

import "math"

// While a token is in quarantine nothing suspicious is learnt of it. But a thief who was found for one thing does others
// that nobody finds odd: a token whose own places no database knows has none to compare with, and would take those of the
// thief for its own. So a country, a network, a kind of network, a city or a program that is new is not learnt either, nor
// a User-Agent that comes with one of them. Of a day on which suspicious things went on no route is learnt, and no first
// write.
//
// What is learnt all the same:
//   - what is known already goes on being counted, and so do amounts: most requests of a robbed token are its owner's;
//   - hours, since an hour that is not odd is much like those that are known;
//   - a new version of the token's own program, from where it always is: most of them are the owner's updates;
//   - all of a token that has nothing of its own yet: a new token that alerts has to come to know somebody.
//
// In simulated fleets nearly all new hours and versions of tokens in quarantine were their owners'.
//
// Nobody finds odd what is held back here, so it makes no alerts meanwhile, and a verdict is not about it: it is learnt, on
// probation, when it is seen again after the quarantine. That ends when nothing suspicious has come for as long as a
// probation, when it has gone on for a week, or when the owner answers for it.

// quietTime ends a quarantine: what goes on for so long after an alert, with no
// verdict, is taken to be the owner's.
const quietTime = 7 * daySeconds

// quarantine keeps what was alerted out of the profile. It outlives its episode: a thief
// who comes every night is no less a thief in the second.
type quarantine struct {
	since uint32 // first alert of an unbroken run of suspicious days
	last  uint32 // newest suspicious event after an alert
	until uint32 // before this, nothing suspicious is learnt, nor what is new
	where uint32 // what the first alert was about: see weary
}

// isolate extends the quarantine of an episode that was reported, until it has gone on
// for so long that it is taken for the owner's.
func (l *look) isolate(s *story) {
	if !s.episode.alerted {
		return
	}
	q := &l.profile.quarantine
	now := uint32(l.now)
	if l.now-int64(q.last) > l.profile.pause() {
		q.since, q.where = now, s.where()
	}
	q.last, q.until = now, 0
	if l.now-int64(q.since) < quietTime {
		q.until = uint32(min(l.now+l.probation, math.MaxUint32))
	}
}

// pause is how long a token may be silent without its behaviour having ended: two days, or
// four times what lies between its active days.
func (p *profile) pause() int64 {
	return max(2*daySeconds, 4*(int64(p.last)-int64(p.first))/int64(max(p.days, 1)))
}

// quarantined reports whether the token is in quarantine.
func (l *look) quarantined() bool { return l.now < int64(l.profile.quarantine.until) }

// suspectToday reports whether suspicious things went on on the open day, told or not, that are not taken for the owner's.
func (p *profile) suspectToday() bool {
	return p.quarantine.until != 0 && int32(p.quarantine.last/daySeconds) == p.day
}

// isolated tells a suspicious event while what is suspicious is not learnt.
func (l *look) isolated() bool { return l.odd && (l.confirmed || l.quarantined()) }

// takesUp counts a sighting of a value that the token is known for, and reports whether it is one to be learnt.
func (l *look) takesUp(k kind, v value) bool {
	if l.see(k, v) {
		return false
	}
	l.held = l.held || l.quarantined() && l.settledIn()
	return !l.held
}

// settledIn reports whether the token has anything of its own.
func (l *look) settledIn() bool {
	r := &l.profile.habits
	return !habits(l.memory.all(r)[:r.len()]).empty(l.now, l.probation)
}
