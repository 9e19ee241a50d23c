package detect

import (
	"hash/maphash"
	"math"
	"time"

	"github.com/tokenwatch/tokenwatch/schema"
)

// Engine detects over one partition's events. It is not safe for concurrent use: the
// partition's order is what makes its findings reproducible.
type Engine struct {
	cfg       Config
	topic     string
	partition int32
	memory    *memory // profiles are bounded by Config.MaxTokens, see evict
	young     int     // profiles of tokens seen on one day so far
	leaving   [2]leaving
	cohort    *cohort
	detectors []detector
	offset    int64 // of the last event taken in
	evicted   uint64
	gone      map[schema.TokenID]givenUp // names that profiles have given up since the last snapshot
	seed      maphash.Seed
	looking   look   // the event at hand
	near      uint64 // keeps the compiler from leaving out Prefetch
	found     ahead
	scored    *profile // of the last event or count, and when that was; see Score
	scoredAt  uint32
	factor    float64 // of its score, see Threshold
	rules     *rules
	verdicts  verdicts
	campaigns *Campaigns
	sightings []schema.Sighting // not taken yet, see Sightings
	spelt     map[string]string // while profiles come back, see coder
}

// New makes an engine for a partition that has seen nothing.
func New(cfg Config, topic string, partition int32) *Engine {
	memory := newMemory()
	return &Engine{
		cfg: cfg, topic: topic, partition: partition, offset: -1,
		memory: memory, cohort: newCohort(memory.texts), gone: map[schema.TokenID]givenUp{}, seed: maphash.MakeSeed(),
		rules: newRules(&cfg), factor: 1, campaigns: NewCampaigns(),
		// The place comes first: it decides which group the event belongs to.
		detectors: []detector{newGeo{}, unlikeOwner{}, impossibleTravel{}, oddHours{}, newClient{}, trafficSpike{},
			volumeSpike{}, drift{}, fanOut{}, probing{}, firstWrite{}, dormancy{}, confirmedTheft{}},
	}
}

// Process takes in an event and returns a finding if the event tips the scale. An event
// without a token belongs to nobody, and is passed over.
func (e *Engine) Process(ev *schema.Event) *schema.Finding {
	if f := e.process(ev); f != nil || len(e.campaigns.due) == 0 {
		return f
	}
	return e.campaigns.Due(ev)
}

func (e *Engine) process(ev *schema.Event) *schema.Finding {
	e.offset = max(e.offset, ev.Offset)
	if ev.Token.IsZero() {
		e.scored = nil
		return nil
	}
	e.pronounce(ev)
	p := e.profile(ev)
	p.offset, p.touched = e.offset, true
	now, set := secondsOf(ev.Time), settingOf(e.seed, ev)
	e.at(p, now)
	e.factor = e.rules.factor(ev)
	if !p.usualIn(now, set) || p.fading(now) && !e.stays(ev, p, now, set) {
		return e.look(e.lookAt(ev, p, now, set))
	}
	leaps := p.rate.add(now, 1, 1) || now < p.last && p.rate.leaping()
	news := p.does(ev, now, e.cohort.pools.salt)
	if news {
		return e.weigh(e.lookAt(ev, p, now, set))
	}
	if !p.usualAt(now) {
		l := e.lookAt(ev, p, now, set)
		if leaps || !l.hourIsUsual() || l.unlike() {
			return e.weighMoment(l)
		}
		p.noteHour(l.hour)
	} else if leaps {
		return e.weighMoment(e.lookAt(ev, p, now, set))
	}
	e.count(p, ev, now, set)
	return nil
}

// look takes in an event that may be news.
func (e *Engine) look(l *look) *schema.Finding {
	e.turn(l)
	l.profile.rate.add(uint32(l.now), 1, 1)
	l.profile.does(l.event, uint32(l.now), e.cohort.pools.salt)
	return e.weigh(l)
}

// turn brings the profile to the day and the moment of an event.
func (e *Engine) turn(l *look) {
	p := l.profile
	young := p.young()
	if l.day > p.day {
		e.campaigns.woke(l.event, l.day)
	}
	l.open(&e.cfg)
	if young && !p.young() {
		e.young--
	}
	l.settle()
}

// weighMoment is weigh for an event of which only the hour and the rate can be news: the place, the program and what it
// does were looked at today, and are noted.
func (e *Engine) weighMoment(l *look) *schema.Finding {
	unlikeOwner{}.look(l)
	oddHours{}.look(l)
	trafficSpike{}.look(l)
	e.campaigns.atHome(l.event, l.now)
	found := e.judge(l)
	p := l.profile
	p.last = max(p.last, uint32(l.now))
	if !l.isolated() {
		p.events++
		p.noteHour(l.hour)
	}
	l.stay()
	p.fades = l.fades()
	return found
}

// weigh asks the detectors, judges what they said, and learns.
func (e *Engine) weigh(l *look) *schema.Finding {
	l.read()
	for _, d := range e.detectors {
		d.look(l)
	}
	e.backHome(l)
	e.awaited(l)
	if l.group == home {
		e.campaigns.atHome(l.event, l.now)
	}
	found := e.judge(l)
	before := l.profile.last
	l.learn()
	l.expect(before)
	l.profile.fades = l.fades()
	return found
}

func (e *Engine) lookAt(ev *schema.Event, p *profile, now uint32, c setting) *look {
	e.looking = look{
		event: ev, profile: p, memory: e.memory, cohort: e.cohort, setting: c,
		now: int64(now), hour: int64(now / 3600), day: int32(now / daySeconds),
		probation: int64(e.cfg.Probation / time.Second), halfLife: e.cfg.HalfLife,
		history: e.cfg.BackfillAfter, rules: e.rules, away: !p.position.home(),
	}
	return &e.looking
}

// secondsOf is a time in unix seconds. Profiles know times from 1970 to 2106; what is
// outside was refused long before, and counts as the nearer end.
func secondsOf(t time.Time) uint32 {
	return uint32(min(max(t.Unix(), 0), math.MaxUint32))
}

// judge weighs the evidence if the event added to it.
func (e *Engine) judge(l *look) *schema.Finding {
	if !l.odd && !l.awaits {
		return e.rehearsal(l)
	}
	p, s := l.profile, l.memory.storyOf(l.profile)
	if l.odd {
		l.enter(s)
		l.note(s)
	}
	bar := e.bar(l.class())
	nats := e.together(l, s, s.sum(l.now, e.cfg.HalfLife), bar)
	p.most = max(p.most, float32(nats))
	raw := nats / bar * e.factor
	score := raw * p.weary(s, l.now)
	if raw >= 1 && score < raw && !l.backfill() {
		s.episode.alerted = true // of a story that was told
	}
	score = e.hold(l, s, score)
	l.isolate(s)
	n := s.detectors()
	if s.episode.alerted {
		l.record(s, false)
	}
	if !s.episode.due(l.now, score, n) {
		return e.rehearsal(l)
	}
	first := !s.episode.alerted
	l.report(s, score, n)
	l.isolate(s)
	list := s.report()
	if first && s.episode.alerted {
		l.record(s, true)
	}
	if first && l.quarantined() {
		l.forget()
	}
	return e.finding(l, s, score, list)
}

// Tokens is how many profiles are in memory.
func (e *Engine) Tokens() int { return e.memory.index.len }

// Evicted is how many profiles were dropped for want of room.
func (e *Engine) Evicted() uint64 { return e.evicted }

// Offset is the last offset taken in, -1 before the first.
func (e *Engine) Offset() int64 { return e.offset }

// profile finds or makes a token's profile.
func (e *Engine) profile(ev *schema.Event) *profile {
	if s, known := e.slot(&ev.Token); known {
		return e.memory.at(s)
	}
	if p := e.takeOver(ev); p != nil {
		return p
	}
	if e.Tokens() >= e.cfg.MaxTokens && e.Tokens() > 0 {
		e.evict()
	}
	e.young++
	e.cohort.pools.begin(&ev.Token)
	p := e.memory.add(ev.Token)
	e.comeBack(p)
	return p
}

// drop forgets a profile.
func (e *Engine) drop(s slot) {
	p := e.memory.at(s)
	if p.young() {
		e.young--
	}
	e.giveUp(p, schema.ProfileDropped)
	e.memory.drop(s)
}
