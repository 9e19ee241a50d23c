package detect

import "math/bits"

// awake holds the hours in which a token was active and that are on probation, as a bit
// an hour, back from the newest. More than 128 hours are never held: what is older has
// passed its probation.
type awake struct {
	hi, lo uint64 // bit k of lo is the hour newest-1-k, bit k of hi the one 64 before it
	newest uint32 // hours since 1970, plus 1; 0 when there is none
}

const awakeHours = 128

// oldest is the longest past of the hours.
func (a *awake) oldest() (hour int64, any bool) {
	switch {
	case a.newest == 0:
		return 0, false
	case a.hi != 0:
		return int64(a.newest) - 1 - 64 - int64(bits.Len64(a.hi)-1), true
	}
	return int64(a.newest) - 1 - int64(bits.Len64(a.lo)-1), true
}

// dropOldest takes the longest past hour away.
func (a *awake) dropOldest() {
	switch {
	case a.hi != 0:
		a.hi &^= 1 << (bits.Len64(a.hi) - 1)
	default:
		a.lo &^= 1 << (bits.Len64(a.lo) - 1)
	}
	if a.hi|a.lo == 0 {
		a.newest = 0
	}
}

// add takes in an hour that is newer than all, when those that are 128 hours older or
// more are gone.
func (a *awake) add(hour int64) {
	if gap := uint(hour + 1 - int64(a.newest)); a.newest != 0 {
		// Shifts of 64 and more give 0, so one of the two that cross the border does.
		a.hi, a.lo = a.hi<<gap|a.lo>>(64-gap)|a.lo<<(gap-64), a.lo<<gap
	}
	a.lo |= 1
	a.newest = uint32(hour + 1)
}

// noteHour marks an hour as active, on probation.
func (p *profile) noteHour(hour int64) {
	a := &p.awake
	if int64(a.newest) > hour {
		return // noted, or late: an event that arrives hours late teaches nothing of hours
	}
	p.settleBefore(hour - awakeHours + 1)
	a.add(hour)
}

// settleHours moves hours whose probation is over into the map.
func (p *profile) settleHours(now, probation int64) {
	for h, any := p.awake.oldest(); any && now-h*3600 >= probation; h, any = p.awake.oldest() {
		p.hours.add(h)
		p.awake.dropOldest()
	}
}

func (p *profile) settleBefore(hour int64) {
	for h, any := p.awake.oldest(); any && h < hour; h, any = p.awake.oldest() {
		p.hours.add(h)
		p.awake.dropOldest()
	}
}
