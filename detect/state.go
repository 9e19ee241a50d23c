package detect

import (
	"fmt"
	"maps"
	"slices"
	"sort"
	"time"

	"github.com/tokenwatch/tokenwatch/schema"
)

// stateVersion is the first byte of all stored state. Raise it when the layout changes:
// older state is then refused, and profiles are learnt again from the stored events.
const stateVersion = 1

// Snapshot returns what changed since the last one, and the state that the partition's
// tokens share under the zero token. It is consistent only if it is stored as a whole.
// Call Stored when that has succeeded.
func (e *Engine) Snapshot() []schema.Profile {
	shared := schema.Profile{Topic: e.topic, Partition: e.partition, Offset: e.offset}
	c := coder{buf: []byte{stateVersion}}
	e.cohort.code(&c)
	shared.State = c.buf
	list := []schema.Profile{shared}
	for _, p := range e.profiles {
		if p.touched {
			list = append(list, e.stored(p))
		}
	}
	sort.Slice(list, func(i, j int) bool { return string(list[i].Token[:]) < string(list[j].Token[:]) })
	return list
}

func (e *Engine) stored(p *profile) schema.Profile {
	c := coder{buf: []byte{stateVersion}}
	p.code(&c)
	return schema.Profile{
		Topic: e.topic, Partition: e.partition, Token: p.token, Offset: e.offset,
		Updated: time.Unix(p.last, 0).UTC(), Status: p.state(p.last),
		Days: uint16(min(p.days, 65535)), Events: p.events, State: c.buf,
	}
}

// Stored tells the engine that its last Snapshot is safe.
func (e *Engine) Stored() {
	for _, p := range e.profiles {
		p.touched = false
	}
}

// Restore takes back what Snapshot returned, into an engine that has seen nothing.
func (e *Engine) Restore(list []schema.Profile) error {
	var order []*profile
	for i := range list {
		s := &list[i]
		if len(s.State) == 0 || s.State[0] != stateVersion {
			return fmt.Errorf("profile of token %s: %w", s.Token, errState)
		}
		c := coder{buf: s.State[1:], reading: true}
		if s.Token.IsZero() {
			e.cohort.code(&c)
			e.offset = s.Offset
		} else {
			p := newProfile(s.Token)
			p.code(&c)
			order = append(order, p)
		}
		if c.err != nil || len(c.buf) > 0 {
			return fmt.Errorf("profile of token %s: %w", s.Token, errState)
		}
	}
	// The order of use decides who is evicted, so it has to come back too.
	slices.SortStableFunc(order, func(a, b *profile) int { return int(a.offset - b.offset) })
	for _, p := range order {
		p.bound()
		e.profiles[p.token] = p
		e.use(p)
	}
	return nil
}

func (p *profile) code(c *coder) {
	c.string(&p.hint)
	c.string(&p.consumer)
	c.string(&p.environment)
	number(c, &p.keyID)
	c.int64(&p.first)
	c.int64(&p.last)
	number(c, &p.events)
	number(c, &p.days)
	number(c, &p.day)
	for i := range p.hours {
		number(c, &p.hours[i])
	}
	list(c, &p.pending, (*coder).int64)
	c.int64(&p.usualHour)
	codeHabits(c, &p.countries, (*coder).string)
	codeHabits(c, &p.networks, number[uint32])
	codeCities(c, &p.cities)
	codeHabits(c, &p.clients, (*coder).string)
	codeHabits(c, &p.agents, number[uint32])
	for i := range p.kinds {
		number(c, &p.kinds[i].days)
		number(c, &p.kinds[i].day)
	}
	p.rate.code(c)
	p.position.code(c)
	list(c, &p.evidence, codeEvidence)
	p.episode.code(c)
	c.int64(&p.offset)
}

func codeHabits[K interface{ ~string | ~uint32 }](c *coder, h *habits[K], key func(*coder, *K)) {
	list(c, &h.list, func(c *coder, k *habit[K]) {
		key(c, &k.key)
		c.string(&k.name)
		number(c, &k.days)
		number(c, &k.day)
		c.int64(&k.first)
	})
}

func codeCities(c *coder, h *habits[string]) {
	codeHabits(c, h, (*coder).string)
	for i := range h.list {
		c.degrees(&h.list[i].lat)
		c.degrees(&h.list[i].lon)
	}
}

func (r *rates) code(c *coder) {
	for i := range r {
		c.int64(&r[i].window)
		number(c, &r[i].count)
		number(c, &r[i].today)
		number(c, &r[i].past)
	}
}

func (g *group) code(c *coder) {
	c.bool(&g.traffic)
	c.string(&g.country)
	number(c, &g.asn)
}

func (p *position) code(c *coder) {
	c.int64(&p.at)
	c.string(&p.place.Country)
	c.string(&p.place.City)
	c.degrees(&p.place.Lat)
	c.degrees(&p.place.Lon)
	number(c, &p.place.AccuracyKM)
	number(c, &p.place.Network)
	p.visitor.code(c)
}

func codeEvidence(c *coder, e *evidence) {
	e.group.code(c)
	c.string(&e.detector)
	c.string(&e.words.key)
	c.string(&e.words.seen)
	c.string(&e.words.normal)
	c.float(&e.llr)
	c.int64(&e.at)
	c.int64(&e.last)
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
	number(c, &e.alertDay)
	c.bool(&e.alerted)
	c.int64(&e.quarantine.since)
	c.int64(&e.quarantine.last)
	c.int64(&e.quarantine.until)
}

func (k *cohort) code(c *coder) {
	c.count(&k.days)
	for i := range k.hours {
		c.count(&k.hours[i])
	}
	for i := range k.novelty {
		n := &k.novelty[i]
		for _, v := range []*float64{&n.days, &n.countries, &n.networks, &n.clients, &n.flips} {
			c.count(v)
		}
	}
	codeCounts(c, k.countries)
	codeCounts(c, k.clients)
	for i := range k.leaps {
		for j := range k.leaps[i] {
			for b := range k.leaps[i][j] {
				pool := &k.leaps[i][j][b]
				c.count(&pool.days)
				for n := range pool.bins {
					c.count(&pool.bins[n])
				}
			}
		}
	}
}

// codeCounts codes a map in the order of its keys, so that equal state is equal bytes.
func codeCounts(c *coder, m map[string]float64) {
	type entry struct {
		key string
		n   float64
	}
	var entries []entry
	for _, key := range slices.Sorted(maps.Keys(m)) {
		entries = append(entries, entry{key, m[key]})
	}
	list(c, &entries, func(c *coder, e *entry) {
		c.string(&e.key)
		c.count(&e.n)
	})
	for _, e := range entries {
		m[e.key] = e.n
	}
}
