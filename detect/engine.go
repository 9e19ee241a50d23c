package detect

import (
	"time"

	"github.com/tokenwatch/tokenwatch/schema"
)

// Engine detects over one partition's events. It is not safe for concurrent use: the
// partition's order is what makes its findings reproducible.
type Engine struct {
	cfg       Config
	topic     string
	partition int32
	profiles  map[schema.TokenID]*profile // bounded by Config.MaxTokens, see evict
	young     queue                       // tokens seen on one day so far
	grown     queue
	cohort    *cohort
	detectors []detector
	offset    int64 // of the last event taken in
	evicted   uint64
}

// New makes an engine for a partition that has seen nothing.
func New(cfg Config, topic string, partition int32) *Engine {
	return &Engine{
		cfg: cfg, topic: topic, partition: partition,
		profiles: map[schema.TokenID]*profile{}, cohort: newCohort(), offset: -1,
		// The place comes first: it decides which group the event belongs to.
		detectors: []detector{newGeo{}, impossibleTravel{}, oddHours{}, newClient{}, trafficSpike{}},
	}
}

// Process takes in an event and returns a finding if the event tips the scale.
func (e *Engine) Process(ev *schema.Event) *schema.Finding {
	e.offset = max(e.offset, ev.Offset)
	p := e.profile(ev)
	l := e.lookAt(ev, p)
	p.open(l)
	p.settle(l, e.cfg.HalfLife)
	p.rate.add(l.now)
	for _, d := range e.detectors {
		d.look(l)
	}
	found := e.judge(l)
	p.learn(l, l.odd)
	p.offset, p.touched = ev.Offset, true
	e.use(p)
	return found
}

func (e *Engine) lookAt(ev *schema.Event, p *profile) *look {
	now := ev.Time.Unix()
	return &look{
		event: ev, profile: p, cohort: e.cohort, now: now, hour: now / 3600, day: int32(now / daySeconds),
		probation: int64(e.cfg.Probation / time.Second),
		backfill:  ev.Ingested.Sub(ev.Time) > e.cfg.BackfillAfter,
	}
}

// judge weighs the evidence if the event added to it.
func (e *Engine) judge(l *look) *schema.Finding {
	p := l.profile
	if !l.odd {
		return nil
	}
	p.episode.enter(l)
	p.episode.note(l)
	score := p.sum(l.now, e.cfg.HalfLife) / e.cfg.AlertNats
	p.episode.isolate(l)
	list := p.report()
	n := detectorsIn(list)
	if !p.episode.due(l.now, score, n) {
		return nil
	}
	first := !p.episode.alerted
	p.episode.report(l, score, n)
	p.episode.isolate(l)
	if first && l.now < p.episode.quarantine.until {
		p.forget(l.now, l.probation)
	}
	return e.finding(l, score, list)
}

func detectorsIn(list []schema.Evidence) int {
	names := map[string]bool{}
	for _, e := range list {
		names[e.Detector] = true
	}
	return len(names)
}

// Tokens is how many profiles are in memory.
func (e *Engine) Tokens() int { return len(e.profiles) }

// Evicted is how many profiles were dropped for want of room.
func (e *Engine) Evicted() uint64 { return e.evicted }

// Offset is the last offset taken in, -1 before the first.
func (e *Engine) Offset() int64 { return e.offset }

// profile finds or makes a token's profile and notes whose it is now.
func (e *Engine) profile(ev *schema.Event) *profile {
	p := e.profiles[ev.Token]
	if p == nil {
		if len(e.profiles) >= e.cfg.MaxTokens {
			e.evict()
		}
		p = newProfile(ev.Token)
		e.profiles[ev.Token] = p
	}
	p.hint, p.consumer, p.environment, p.keyID = ev.TokenHint, ev.Consumer, ev.Environment, ev.KeyID
	return p
}
