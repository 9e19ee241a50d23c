package detect

import (
	"fmt"
	"slices"

	"github.com/tokenwatch/tokenwatch/schema"
)

// The first token of a move cannot be told from a theft by itself: nothing speaks against it but the new network. When
// it is used with its own program, to the last digit, and its owner has more tokens, a finding waits for a few minutes:
// if others come after it, it was a move, and that is told once. It waits no longer when anything else speaks against
// the token, or as soon as the owner is seen to go on where he was: who moves does not return. It waits for longer while
// none of the owner's tokens from there was used at all: nobody can tell then.
//
// What that costs: a thief who copies the whole User-Agent, comes at the owner's hours and does nothing else that is
// strange is found that much later. Nothing is lost: if he is gone by then, the token's next event tells of him.

const (
	settles      = 10 * 60 // seconds that a finding waits
	quietSettles = 60 * 60 // while nobody of the owner's was where the token was: most jobs run every hour
	overlaps     = 60      // seconds for which requests from the old place may still come in after a move
	leastMates   = 3       // active tokens of a company, this one included
	waitingScore = 0.99
	noWait       = -1 // of a story that has waited, or must not
)

// waiting is a finding that is held back.
type waiting struct {
	since int64 // noWait when that is over
	until int64
	score float64
	asn   uint32
}

// on reports whether something waits.
func (w *waiting) on() bool { return w.since > 0 }

// over reports whether it has waited for long enough.
func (w *waiting) over(now int64) bool { return w.on() && now >= w.until }

// caps is what a score looks like while its finding waits.
func (w *waiting) caps(score float64, now int64) float64 {
	if w.on() && !w.over(now) {
		return min(score, waitingScore)
	}
	return score
}

// hold decides whether a finding waits, goes on waiting, or is made now, and returns its score.
func (e *Engine) hold(l *look, s *story, score float64) float64 {
	w := &s.episode.waiting
	switch {
	case w.since == noWait || s.episode.alerted || s.episode.score > 0:
		return score
	case l.released(w):
		return e.release(l, s, score)
	case score < 1:
		if w.on() && s.excused() {
			w.since = noWait // others came
		}
		return score
	case w.over(l.now) || !e.mayMove(l, s):
		w.since = noWait
		return score
	case !w.on():
		*w = waiting{since: max(1, l.now), until: l.now + quietSettles, asn: l.event.ASN}
		e.campaigns.watch(e.campaigns.namings.company(l.event.Consumer, l.event.Environment), w.until)
	}
	w.score = max(w.score, score)
	return min(score, waitingScore)
}

// released reports whether the event ends the waiting without adding to what is strange: the owner is where he always
// was, or the time is over.
func (l *look) released(w *waiting) bool {
	if !w.on() || l.group != home {
		return false
	}
	return w.over(l.now) || l.event.ASN != 0 && l.now-w.since >= overlaps
}

// awaited notes whether a finding has waited for the event, and whether it need wait no longer than usual: a token that
// lives where this one lived goes on there.
func (e *Engine) awaited(l *look) {
	s := l.memory.storyOf(l.profile)
	if s == nil || !s.episode.waiting.on() {
		return
	}
	w := &s.episode.waiting
	if stayed, known := e.campaigns.stayed(e.campaigns.namings.company(l.event.Consumer, l.event.Environment), l.origin(), w.since+overlaps, l.now); stayed || !known {
		w.until = min(w.until, w.since+settles)
	}
	l.awaits = l.released(w)
}

// release makes the finding that has waited, unless it is known by now that others moved too.
func (e *Engine) release(l *look, s *story, score float64) float64 {
	w := s.episode.waiting
	s.episode.waiting = waiting{since: noWait}
	who := owner(l.event.Consumer, l.event.Environment)
	if e.campaigns.explaining(sameNetwork, fmt.Sprint("AS", w.asn), who, l.origin(), l.now, l.event.Ingested) == nil {
		return max(score, w.score)
	}
	for i := range s.evidence {
		if v := &s.evidence[i]; v.group != home && v.group != traffic && v.llr > 0 {
			v.excused = true
		}
	}
	return s.sum(l.now, e.cfg.HalfLife) / e.bar(l.class()) * e.factor
}

// mayMove reports whether all that speaks against a token is what its owner's move would look like.
func (e *Engine) mayMove(l *look, s *story) bool {
	if l.group == home || l.event.ASN == 0 || l.event.Consumer == "" || l.event.Network == schema.NetworkTor {
		return false
	}
	if own, _ := l.ownProgram(); !own {
		return false
	}
	if e.campaigns.mates(l.event) < leastMates {
		return false
	}
	return !slices.ContainsFunc(s.evidence, func(v evidence) bool {
		switch {
		case !v.speaks(), v.detector == newGeoName && v.group == l.group:
			return false
		case v.detector == impossibleTravelName:
			return v.llr > travelNatsMachine
		}
		return true
	})
}

func (w *waiting) code(c *coder) {
	c.int64(&w.since)
	c.int64(&w.until)
	c.float(&w.score)
	number(c, &w.asn)
}
