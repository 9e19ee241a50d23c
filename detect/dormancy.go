package detect

import (
	"fmt"
	"math"
)

// dormancy finds a token that wakes up after it was silent for far longer than ever: one
// that nobody misses is the one that a thief can keep.
//
// Model: the silence against the token's own longest one, since a monthly job is asleep
// most of its life and never dormant:
//
//	r = silence / longest silence before (at least a week)
//
// How often a token-day begins with so long a silence is pooled over the cohort, from a
// prior of 0.006/r; a stolen token is a dormant one in one of ten cases. People go on
// holiday and projects are taken up again, so at home and with the usual program it says
// little; with a new program, or from a strange place, it says what it is worth.
type dormancy struct{}

const (
	dormancyName    = "dormancy"
	dormancyCap     = 3.0
	dormancyAtHome  = 0.25
	longSilence     = 7 * daySeconds // what is shorter is a few days off, and not remembered
	shortestSilence = 7              // days
	dormantDays     = 14             // what is shorter is a holiday
	dormantLeap     = 1.5
	theftWakes      = 0.1
	commonWakes     = 0.006
	dormantHistory  = 4 // active days before silence means anything
)

func (dormancy) name() string { return dormancyName }

func (dormancy) phrase() string { return "after a long silence" }

func (dormancy) look(l *look) {
	p := l.profile
	if p.doings.news&wakeNews == 0 || p.days < dormantHistory {
		return
	}
	r := p.doings.silence()
	owner := l.cohort.pools.wakes.beyond(p.doings.wakeBin(), commonWakes/r)
	llr := min(dormancyCap, math.Log(theftWakes/owner))
	if !l.strange && !l.unfamiliar() {
		llr *= dormancyAtHome
	}
	if llr < leastSaid {
		return
	}
	l.found(dormancyName, llr, func() words {
		return words{
			key:    "silence",
			seen:   fmt.Sprintf("first use after %d days", p.doings.gap),
			normal: fmt.Sprintf("silent for at most %d days so far", max(p.doings.longest, shortestSilence)),
		}
	})
}

// unfamiliar tells an event made with a program that is not the token's own.
func (l *look) unfamiliar() bool {
	return product(l.event.Client) != "" && l.habits(clients).settled(l.product, l.now, l.probation) == nil
}

// wake takes in that a token was silent for so many days.
func (d *doings) wake(days uint32) {
	d.gap = max(d.gap, uint8(min(days, math.MaxUint8)))
	if d.gap >= dormantDays && d.silence() >= dormantLeap {
		d.news |= wakeNews
	}
}

// silence is the open day's silence as a multiple of the longest before.
func (d *doings) silence() float64 {
	return float64(d.gap) / float64(max(d.longest, shortestSilence))
}

// wakeBin puts silences in quarter octaves, from 1 on for those longer than all before.
func (d *doings) wakeBin() int {
	if r := d.silence(); r > 1 {
		return 1 + int(4*math.Log2(r))
	}
	return 0
}
