package detect

import (
	"math"
	"time"

	"github.com/tokenwatch/tokenwatch/schema"
)

// Count takes in that a token made so many requests in the interval that began at a moment:
// all that is known of history that was kept as counts. Only its rate can then be judged, in
// windows that are no shorter than the interval. Counts of a token come in the order of
// time. What is no whole number is rounded, and what is negative says nothing.
func (e *Engine) Count(token schema.TokenID, at time.Time, interval time.Duration, requests float64) *schema.Finding {
	e.offset++
	ev := schema.Event{Token: token, Time: at, Ingested: at, Topic: e.topic, Partition: e.partition, Offset: e.offset}
	p := e.profile(&ev)
	p.offset, p.touched = e.offset, true
	now := secondsOf(at)
	l := e.lookAt(&ev, p, now, setting{})
	e.at(p, now)
	n := uint32(max(0, min(math.Round(requests), math.MaxInt32)))
	if n == 0 {
		return nil
	}
	e.turn(l)
	leaps := p.rate.add(now, n, uint32(max(1, min(interval/time.Second, daySeconds))))
	if p.first == 0 {
		p.first = now
	}
	var found *schema.Finding
	if leaps {
		trafficSpike{}.look(l)
		found = e.judge(l)
	}
	p.last = max(p.last, now)
	p.events += uint64(n)
	p.fades = l.fades()
	return found
}

// at remembers whom Score is asked about.
func (e *Engine) at(p *profile, now uint32) { e.scored, e.scoredAt = p, now }

// Score is what the evidence in the air against the token of the last event or count comes
// to; 1.0 is a finding. It is 0 where nothing speaks for theft.
func (e *Engine) Score() float64 {
	if e.scored == nil {
		return 0
	}
	p, now, worth := e.scored, int64(e.scoredAt), e.factor
	nats := p.manner.nats()
	if s := e.memory.storyOf(p); s != nil {
		nats = max(nats, s.sum(now, e.cfg.HalfLife))
		worth *= p.weary(s, now)
	}
	score := max(0, nats/e.bar(p.class())*worth)
	if s := e.memory.storyOf(p); s != nil {
		score = s.episode.waiting.caps(score, now)
	}
	return score
}
