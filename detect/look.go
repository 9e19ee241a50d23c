package detect

import (
	"github.com/tokenwatch/tokenwatch/schema"
)

// A detector looks at one event beside its token's profile. When the event speaks for
// theft it says so through look.found; it keeps no state of its own.
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
	cohort    *cohort
	now       int64 // event time in unix seconds
	hour      int64 // event time in hours since 1970
	day       int32 // event time in days since 1970
	probation int64 // seconds
	group     group
	strange   bool // the place is far from everything that is the token's own
	odd       bool // something was found
	backfill  bool // the event is history that is being loaded
}

// group names what moves together and is counted once: a visit to a place that is not
// the token's own, the token's own places, or its traffic.
type group struct {
	traffic bool
	country string
	asn     uint32
}

// home is the group of everything that happens in the token's own places.
var home = group{}

// traffic is the group of rates: they do not depend on the place.
var traffic = group{traffic: true}

// words say what was seen and what is normal. They are built only when they are kept.
type words struct{ key, seen, normal string }

// found keeps a detector's evidence for the event's group.
func (l *look) found(detector string, llr float64, say func() words) {
	l.foundIn(l.group, detector, llr, say)
}

// foundIn keeps evidence for another group than the event's.
func (l *look) foundIn(g group, detector string, llr float64, say func() words) {
	if llr > 0 {
		l.odd = true
	}
	l.profile.keep(l.now, evidence{group: g, detector: detector, llr: llr}, say)
}
