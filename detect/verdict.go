package detect

import (
	"cmp"
	"hash/fnv"
	"math"
	"slices"
	"strings"

	"github.com/tokenwatch/tokenwatch/schema"
)

// A verdict is what a person said of a token's alert. "It was us" makes what was seen the owner's at once, and is
// remembered for what makes no habit: a night of work, a burst. "Theft" takes back what came with it for good, and makes
// it weigh the more when it comes again. It takes effect at the first event that was ingested after it was given, so a
// replay judges every event as it was judged when it came.

const (
	// maxVerdicts is how many verdicts are remembered as done, the newest. Older ones are done by then.
	maxVerdicts = 4096
	// pardonLasts is for how long a reason that the owner has answered for is none.
	pardonLasts = 30 * daySeconds
	// pardonSlack is how much stronger, in nats, the same reason may be and still be the same.
	pardonSlack = 1.0
)

// verdicts are those that wait for their time and those that had it.
type verdicts struct {
	waiting []schema.Verdict // in the order in which they were given
	done    []done           // in the same order
}

// done is a verdict that had its effect.
type done struct {
	at int64 // unix milliseconds
	id uint64
}

func (a done) compare(b done) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.id, b.id)) }

func doneOf(v *schema.Verdict) done {
	h := fnv.New64a()
	h.Write([]byte(v.ID))
	return done{v.At.UnixMilli(), h.Sum64()}
}

// Verdict tells the engine what a person said. One that it knows already, and one that changes nothing of what is
// learnt (a snooze, an acknowledgement), is passed over.
func (e *Engine) Verdict(v *schema.Verdict) {
	if v.Token.IsZero() || v.Kind != schema.VerdictOwner && v.Kind != schema.VerdictTheft || e.verdicts.known(doneOf(v)) {
		return
	}
	list := e.verdicts.waiting
	at, found := slices.BinarySearchFunc(list, v, func(a schema.Verdict, v *schema.Verdict) int {
		return cmp.Or(a.At.Compare(v.At), strings.Compare(a.ID, v.ID))
	})
	if !found {
		e.verdicts.waiting = slices.Insert(list, at, *v)
	}
}

func (v *verdicts) known(d done) bool {
	if len(v.done) >= maxVerdicts && d.at < v.done[0].at {
		return true
	}
	_, found := slices.BinarySearchFunc(v.done, d, done.compare)
	return found
}

// pronounce gives effect to the verdicts that were given before an event was ingested.
func (e *Engine) pronounce(ev *schema.Event) {
	for len(e.verdicts.waiting) > 0 && e.verdicts.waiting[0].At.Before(ev.Ingested) {
		v := e.verdicts.waiting[0]
		e.verdicts.waiting = e.verdicts.waiting[1:]
		e.verdicts.note(doneOf(&v))
		if s, known := e.memory.find(&v.Token); known {
			e.judgeToken(e.memory.at(s), &v)
		}
	}
}

func (v *verdicts) note(d done) {
	at, _ := slices.BinarySearchFunc(v.done, d, done.compare)
	v.done = slices.Insert(v.done, at, d)
	if len(v.done) > maxVerdicts {
		v.done = slices.Delete(v.done, 0, 1)
	}
}

// judgeToken gives effect to a verdict on one token.
func (e *Engine) judgeToken(p *profile, v *schema.Verdict) {
	now := int64(secondsOf(v.At))
	f := e.memory.fileOf(p)
	if v.Kind == schema.VerdictOwner {
		e.excuse(p, f, now)
	} else {
		e.condemn(p, f, v)
	}
	f.unheard, f.peaks = matter{}, rateCount{}
	p.touched = true
	p.surprise()
}

// excuse makes what was alerted the owner's.
func (e *Engine) excuse(p *profile, f *file, now int64) {
	m := &f.unheard
	first := uint32(min(max(0, now-int64(e.cfg.Probation.Seconds())), math.MaxUint32))
	e.memory.adopt(p, m, first, uint16(now/daySeconds))
	for k, seen := range m.kinds {
		if seen {
			p.kinds[k].see(uint16(now / daySeconds))
		}
	}
	p.rate.accept(&f.peaks, p.day)
	f.theft.without(m)
	f.pardon(m, now+pardonLasts)
	f.trial = story{}
	p.quarantine, p.alertDay, p.manner = quarantine{}, 0, manner{ways: mannerFloor, hour: p.manner.hour, at: p.manner.at, silences: p.manner.silences}
	e.memory.close(p)
}

// accept makes a day of what the windows came to while something was unheard, so that the model has seen it, and lets
// the open day get used to it.
func (r *rates) accept(peaks *rateCount, day int32) {
	if *peaks == (rateCount{}) || day < 0 {
		return
	}
	before, total, busy := r.spans, r.total, r.busy
	for i := range peaks {
		s := &r.spans[i]
		s.past, s.last, s.open = peaks[i], 0, 0
	}
	r.total, r.busy = 0, 0 // counted already, or when the open day closes
	r.learn(day)
	r.total, r.busy = total, busy
	for i := range peaks {
		s := &r.spans[i]
		s.past, s.last, s.open = max(before[i].past, peaks[i]), before[i].last, before[i].open
	}
	r.raise(day)
}

// adopt makes habits of what was seen, as if they had passed their probation.
func (m *memory) adopt(p *profile, from *matter, first uint32, day uint16) {
	settle := func(k kind, v value, h habit) {
		if old := m.of(p, k).find(v); old != nil {
			old.first = min(old.first, first)
			m.texts.drop(h.name)
			if k.spelt() {
				m.texts.drop(text(h.key))
			}
			return
		}
		h.first, h.days, h.day = first, 1, day
		m.insert(p, k, h)
	}
	spelt := func(k kind, s string, h habit) {
		h.key = uint32(m.texts.hold(s))
		settle(k, value{h.key, true}, h)
	}
	for _, c := range from.countries {
		spelt(countries, c, habit{})
	}
	for _, n := range from.networks {
		settle(networks, value{n.asn, true}, habit{key: n.asn, name: m.texts.hold(n.name)})
	}
	for _, c := range from.cities {
		spelt(cities, c.name, habit{lat: c.lat, lon: c.lon})
	}
	for _, c := range from.clients {
		spelt(clients, product(c), habit{name: m.texts.hold(c)})
	}
	for _, a := range from.agents {
		settle(agents, value{a, true}, habit{key: a})
	}
}

// pardon remembers the reasons of a matter as answered for.
func (f *file) pardon(m *matter, until int64) {
	reasons := slices.Clone(m.reasons)
	strongest := 0.0
	for _, r := range m.reasons {
		if r.detector == oddHoursName {
			strongest = max(strongest, r.llr)
		}
	}
	if strongest > 0 { // of a night only the oddest hour is told
		for i := range int64(hoursAWeek) {
			if m.hours[i/64]&(1<<(i%64)) != 0 {
				reasons = append(reasons, reason{oddHoursName, "hour:" + hourName(i+4*24), strongest})
			}
		}
	}
	for _, r := range reasons {
		if r.detector == trafficSpikeName {
			continue // its rates were learnt: many times more is another matter
		}
		f.addPardon(pardon{reason{r.detector, pardonKey(r.key), r.llr}, until})
	}
}

func (f *file) addPardon(p pardon) {
	for i := range f.pardons {
		if old := &f.pardons[i]; old.detector == p.detector && old.key == p.key {
			old.llr, old.until = max(old.llr, p.llr), p.until
			return
		}
	}
	if len(f.pardons) >= maxPardons {
		f.pardons = slices.Delete(f.pardons, 0, 1)
	}
	f.pardons = append(f.pardons, p)
}

// pardonKey is a reason's key; who works at two on a Monday may do so on a Tuesday.
func pardonKey(key string) string {
	if rest, hour := strings.CutPrefix(key, "hour:"); hour {
		_, of, _ := strings.Cut(rest, " ")
		return "hour:" + of
	}
	return key
}

// pardoned tells whether the owner has answered for what a detector says.
func (l *look) pardoned(detector string, llr float64, say func() words) bool {
	f := l.memory.filed(l.profile)
	if f == nil || !slices.ContainsFunc(f.pardons, func(p pardon) bool { return p.detector == detector && l.now < p.until }) {
		return false
	}
	w := say()
	key := pardonKey(w.key)
	return slices.ContainsFunc(f.pardons, func(p pardon) bool {
		return p.detector == detector && p.key == key && l.now < p.until && llr <= p.llr+pardonSlack
	})
}

// condemn keeps what was alerted for what it is, and takes back what was learnt of it.
func (e *Engine) condemn(p *profile, f *file, v *schema.Verdict) {
	m := &f.unheard
	since := int64(secondsOf(v.Since))
	if m.to != 0 {
		since = min(since, m.since)
	}
	f.theft.join(m)
	e.memory.unlearn(p, m, since)
	f.theft.only(e.memory, p)
	f.pardons = slices.DeleteFunc(f.pardons, func(p pardon) bool {
		return slices.ContainsFunc(m.reasons, func(r reason) bool { return r.detector == p.detector && pardonKey(r.key) == p.key })
	})
}

// unlearn takes back the habits of a matter that began with it.
func (m *memory) unlearn(p *profile, from *matter, since int64) {
	for k := range habitKinds {
		list := m.of(p, k)
		for i := range list {
			if h := &list[i]; int64(h.first) >= since && from.has(m, k, h) {
				h.days = 0 // no habit has none
			}
		}
	}
	m.keep(p, func(h *habit) bool { return h.days > 0 })
}

func (m *matter) has(mem *memory, k kind, h *habit) bool {
	switch k {
	case countries:
		return slices.Contains(m.countries, mem.texts.of(text(h.key)))
	case networks:
		return slices.ContainsFunc(m.networks, func(n named) bool { return n.asn == h.key })
	case cities:
		return slices.ContainsFunc(m.cities, func(c city) bool { return c.name == mem.texts.of(text(h.key)) })
	case clients:
		return slices.ContainsFunc(m.clients, func(c string) bool { return product(c) == mem.texts.of(text(h.key)) })
	}
	return slices.Contains(m.agents, h.key)
}

// only leaves what is none of the profile's own: a thief in the owner's country says nothing of the country.
func (m *matter) only(mem *memory, p *profile) {
	held := func(k kind, s string) bool {
		return mem.of(p, k).find(mem.texts.value(s)) != nil
	}
	m.countries = slices.DeleteFunc(m.countries, func(s string) bool { return held(countries, s) })
	m.clients = slices.DeleteFunc(m.clients, func(s string) bool { return held(clients, product(s)) })
	m.networks = slices.DeleteFunc(m.networks, func(n named) bool { return mem.of(p, networks).find(value{n.asn, true}) != nil })
	m.agents = slices.DeleteFunc(m.agents, func(a uint32) bool { return mem.of(p, agents).find(value{a, true}) != nil })
}

func (v *verdicts) code(c *coder) {
	list(c, &v.done, func(c *coder, d *done) {
		c.int64(&d.at)
		id := int64(d.id)
		c.int64(&id)
		d.id = uint64(id)
	})
	if len(v.done) > maxVerdicts || !slices.IsSortedFunc(v.done, done.compare) {
		c.fail()
	}
}
