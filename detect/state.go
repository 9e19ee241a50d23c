package detect

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tokenwatch/tokenwatch/schema"
)

// stateVersion is the first byte of all stored state. Raise it when the layout changes:
// older state is then refused, and profiles are learnt again from the stored events.
const stateVersion = 5

// Snapshot returns what changed since the last one, and the state that the partition's
// tokens share under the zero token. Of a token that was dropped since it comes without
// state. A snapshot is consistent only if it is stored as a whole. Call Stored when that
// has succeeded.
func (e *Engine) Snapshot() []schema.Profile {
	c := &coder{texts: e.memory.texts}
	shared := schema.Profile{Topic: e.topic, Partition: e.partition, Offset: e.offset}
	shared.State = c.write(e.codeShared)
	list := []schema.Profile{shared}
	e.each(func(p *profile) {
		if p.touched {
			list = append(list, e.profileRow(c, p))
		}
	})
	return append(list, e.givenUp()...)
}

// each calls f for every profile.
func (e *Engine) each(f func(*profile)) {
	for s := slot(0); s < e.memory.slots; s++ {
		if p := e.memory.at(s); !p.token.IsZero() {
			f(p)
		}
	}
}

func (e *Engine) profileRow(c *coder, p *profile) schema.Profile {
	return schema.Profile{
		Topic: e.topic, Partition: e.partition, Token: p.token, Offset: e.offset,
		Updated: time.Unix(int64(p.last), 0).UTC(), Status: p.state(int64(p.last)),
		Days: p.days, Events: p.events, State: c.write(func(c *coder) { e.memory.code(c, p) }),
	}
}

// Stored tells the engine that its last Snapshot is safe.
func (e *Engine) Stored() {
	e.each(func(p *profile) {
		p.stored = p.stored || p.touched
		p.touched = false
	})
	clear(e.gone)
}

// Restore takes back what Snapshot returned, into an engine that has seen nothing. The
// order of the list does not matter.
func (e *Engine) Restore(list []schema.Profile) error {
	for i := range list {
		if err := e.restore(&list[i]); err != nil {
			return err
		}
	}
	e.fit()
	return nil
}

// restore takes back one profile, or what the partition's tokens share.
func (e *Engine) restore(row *schema.Profile) error {
	if isGivenUp(row) {
		return nil
	}
	if len(row.State) == 0 || row.State[0] != stateVersion {
		return fmt.Errorf("profile of token %s: %w", row.Token, errState)
	}
	if e.spelt == nil {
		e.spelt = map[string]string{}
	}
	c := &coder{buf: row.State[1:], reading: true, texts: e.memory.texts, spelt: e.spelt}
	if row.Token.IsZero() {
		e.codeShared(c)
		e.offset = row.Offset
	} else {
		if s, known := e.memory.find(&row.Token); known {
			e.drop(s)
			delete(e.gone, row.Token)
		}
		p := e.memory.add(row.Token)
		e.memory.code(c, p)
		p.stored = true
		if p.young() {
			e.young++
		}
	}
	if c.err != nil || len(c.buf) > 0 {
		return fmt.Errorf("profile of token %s: %w", row.Token, errState)
	}
	return nil
}

// fit ends a restoring: it drops what is more than the bound, which may have been lowered since.
func (e *Engine) fit() {
	e.spelt = nil
	for e.Tokens() > max(e.cfg.MaxTokens, 1) {
		e.evict()
	}
}

func (m *memory) code(c *coder, p *profile) {
	c.int64(&p.offset)
	number(c, &p.events)
	number(c, &p.first)
	number(c, &p.last)
	number(c, &p.days)
	number(c, &p.day)
	number(c, &p.alertDay)
	c.small(&p.most)
	p.awake.code(c)
	number(c, &p.usualHour)
	c.bytes(p.hours[:])
	for i := range p.kinds {
		number(c, &p.kinds[i].days)
		number(c, &p.kinds[i].day)
	}
	for k := range habitKinds {
		m.codeHabits(c, p, k)
	}
	p.rate.code(c)
	p.doings.code(c)
	p.manner.code(c)
	p.position.code(c)
	number(c, &p.quarantine.since)
	number(c, &p.quarantine.last)
	number(c, &p.quarantine.until)
	number(c, &p.quarantine.where)
	m.codeStory(c, p)
	m.codeFile(c, p)
}

// codeShared codes what the partition's tokens share.
func (e *Engine) codeShared(c *coder) {
	e.cohort.code(c)
	e.verdicts.code(c)
	e.campaigns.code(c)
}

func (a *awake) code(c *coder) {
	number(c, &a.newest)
	number(c, &a.lo)
	number(c, &a.hi)
	if (a.newest == 0) != (a.hi|a.lo == 0) {
		c.fail()
	}
}

func (m *memory) codeHabits(c *coder, p *profile, k kind) {
	list := m.of(p, k)
	n := len(list)
	c.length(&n)
	if n > maxHabits[k] {
		c.fail()
	}
	for i := range n {
		var h habit
		if !c.reading {
			h = list[i]
		}
		if m.codeHabit(c, k, &h); c.err != nil {
			return
		}
		if c.reading {
			m.insert(p, k, h)
		}
	}
}

func (m *memory) codeHabit(c *coder, k kind, h *habit) {
	if k.spelt() {
		c.text((*text)(&h.key))
	} else {
		number(c, &h.key)
	}
	if k == networks || k == clients {
		c.text(&h.name)
	}
	number(c, &h.days)
	number(c, &h.day)
	number(c, &h.first)
	if k == cities {
		c.degrees(&h.lat)
		c.degrees(&h.lon)
	}
}

// codeStory codes the evidence in the air and its episode, when there is any.
func (m *memory) codeStory(c *coder, p *profile) {
	s := m.storyOf(p)
	any := s != nil
	c.bool(&any)
	if !any {
		return
	}
	if c.reading {
		s = m.begin(p)
	}
	list(c, &s.evidence, codeEvidence)
	s.episode.code(c)
	if len(s.evidence) > maxEvidence {
		c.fail()
	}
}

func (r *rates) code(c *coder) {
	for i := range r.spans {
		s := &r.spans[i]
		for _, v := range []*uint32{&s.window, &s.count, &s.past, &s.last, &s.open, &s.bar} {
			number(c, v)
		}
		c.small(&s.peak)
		c.small(&s.mean)
	}
	for i := range r.ring {
		number(c, &r.ring[i])
	}
	number(c, &r.slot)
	for i := range r.slots {
		number(c, &r.slots[i])
	}
	number(c, &r.first)
	number(c, &r.total)
	number(c, &r.busy)
	number(c, &r.closed)
	number(c, &r.judged)
	number(c, &r.startling)
	number(c, &r.active)
	for _, v := range []*float32{&r.sum, &r.top, &r.early, &r.weight, &r.spread} {
		c.small(v)
	}
}

func (g *group) code(c *coder) {
	c.bool(&g.traffic)
	c.bool(&g.spread)
	c.bool(&g.ways)
	c.string(&g.country)
	number(c, &g.asn)
}

func (p *position) code(c *coder) {
	number(c, &p.at)
	c.text(&p.country)
	c.text(&p.city)
	c.text(&p.visitorCountry)
	number(c, &p.visitorASN)
	c.degrees(&p.lat)
	c.degrees(&p.lon)
	number(c, &p.accuracy)
	number(c, &p.network)
}

func codeEvidence(c *coder, e *evidence) {
	e.group.code(c)
	e.words.spell()
	c.string(&e.detector)
	c.string(&e.words.key)
	c.string(&e.words.seen)
	c.string(&e.words.normal)
	c.float(&e.llr)
	c.int64(&e.at)
	c.int64(&e.last)
	c.bool(&e.excused)
}

func (e *episode) code(c *coder) {
	c.int64(&e.since)
	c.int64(&e.last)
	c.int64(&e.lastSeen)
	number(c, &e.requests)
	number(c, &e.bytesOut)
	c.float(&e.cost)
	list(c, &e.addresses, number[uint32])
	list(c, &e.places, (*coder).string)
	list(c, &e.networks, (*coder).string)
	list(c, &e.clients, (*coder).string)
	number(c, &e.peakMinute)
	c.float(&e.score)
	c.int64(&e.reported)
	number(c, &e.detectors)
	number(c, &e.told)
	c.bool(&e.alerted)
	e.waiting.code(c)
}

func (k *cohort) code(c *coder) {
	c.count(&k.days)
	for i := range k.hours.week {
		c.count(&k.hours.week[i])
	}
	k.hours.sum()
	for i := range k.novelty {
		n := &k.novelty[i]
		for _, v := range []*float64{&n.days, &n.countries, &n.networks, &n.clients, &n.flips} {
			c.count(v)
		}
	}
	k.calm.code(c)
	k.surges.code(c)
	for i := range k.calibrations {
		k.calibrations[i].code(c)
	}
	k.codeCounts(c, k.countries)
	k.codeCounts(c, k.clients)
	k.journeys.code(c)
	k.pools.code(c)
}

// codeCounts codes a map in the order of its keys, so that equal state is equal bytes.
func (k *cohort) codeCounts(c *coder, m map[text]float64) {
	type entry struct {
		key text
		n   float64
	}
	var entries []entry
	for key, n := range m {
		entries = append(entries, entry{key, n})
	}
	slices.SortFunc(entries, func(a, b entry) int { return strings.Compare(k.texts.of(a.key), k.texts.of(b.key)) })
	list(c, &entries, func(c *coder, e *entry) {
		c.text(&e.key)
		c.count(&e.n)
	})
	for _, e := range entries {
		m[e.key] = e.n
	}
}
