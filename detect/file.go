package detect

import (
	"slices"

	"github.com/tokenwatch/tokenwatch/schema"
)

// file is what few profiles have beside their story: what their alerts were about, until somebody has judged it, what
// came of that, and what detectors on trial say. It lives as long as its profile; its lists are bounded, and hold what
// came first.
type file struct {
	trial   story
	unheard matter    // alerted, and not judged yet
	theft   matter    // confirmed: never learnt, and no stranger when it comes again
	pardons []pardon  // what the owner has answered for
	peaks   rateCount // of the windows during what is unheard
}

// matter is what a token was seen with that its owner was not known for.
type matter struct {
	since, to int64 // event times of the first and the last of it
	countries []string
	networks  []named
	cities    []city
	clients   []string // as the event names them, with the version
	agents    []uint32 // hashes of User-Agents
	addresses []uint32 // hashes
	reasons   []reason
	hours     [3]uint64 // of the week, a bit each
	kinds     [2]bool   // of network
}

type rateCount [len(spans)]uint32

type named struct {
	asn  uint32
	name string
}

type city struct {
	name     string
	lat, lon float32
}

// reason is what a detector said, at its strongest.
type reason struct {
	detector, key string
	llr           float64
}

// pardon is a reason that the owner has answered for: while it holds, it is no evidence unless it is much stronger.
type pardon struct {
	reason
	until int64 // event time
}

const (
	maxMatter    = 12
	maxAddresses = 64
	maxReasons   = 24
	maxPardons   = 48
	// matterLasts is for how long a verdict finds what it is about.
	matterLasts = 30 * daySeconds
)

// filed returns a profile's file, nil if it has none: most have none, and this is asked of every evidence.
func (m *memory) filed(p *profile) *file {
	if !p.filed {
		return nil
	}
	return m.files[p.token]
}

// fileOf returns a profile's file, and opens one if it has none.
func (m *memory) fileOf(p *profile) *file {
	f := m.filed(p)
	if f == nil {
		f, p.filed = &file{}, true
		m.files[p.token] = f
	}
	return f
}

// refile gives a file to the token's new name.
func (m *memory) refile(from, to schema.TokenID) {
	if f := m.files[from]; f != nil {
		delete(m.files, from)
		m.files[to] = f
	}
}

// record notes what an alert was about. When it is the first one of its episode, that includes what was learnt on
// probation since the episode began.
func (l *look) record(s *story, first bool) {
	f := l.memory.fileOf(l.profile)
	if f.unheard.to != 0 && l.now-f.unheard.to > matterLasts {
		f.unheard, f.peaks = matter{}, rateCount{}
	}
	m := &f.unheard
	if m.to == 0 {
		m.since = s.episode.since
	}
	m.since, m.to = min(m.since, s.episode.since), max(m.to, l.now)
	if first {
		l.gather(m, s.episode.since)
	}
	if l.odd { // else it is the owner's, for which a finding has waited
		m.see(l)
	}
	for i := range s.evidence {
		if e := &s.evidence[i]; e.llr > 0 {
			m.say(e.detector, e.words.key, e.llr)
		}
	}
	for i := range f.peaks {
		f.peaks[i] = max(f.peaks[i], l.profile.rate.spans[i].count, l.profile.rate.spans[i].today())
	}
}

// see adds what an event was seen with.
func (m *matter) see(l *look) {
	ev := l.event
	if ev.Country != "" {
		m.countries = with(m.countries, clip(ev.Country), maxMatter)
	}
	if ev.ASN != 0 && !slices.ContainsFunc(m.networks, func(n named) bool { return n.asn == ev.ASN }) && len(m.networks) < maxMatter {
		m.networks = append(m.networks, named{ev.ASN, clip(networkName(ev.Place))})
		m.kinds[kindOf(ev.Network)] = true
	}
	if ev.City != "" {
		m.addCity(city{clip(placeName(ev.Place)), ev.Lat, ev.Lon})
	}
	if ev.Client != "" {
		m.clients = with(m.clients, clip(ev.Client), maxMatter)
	}
	if ev.UserAgent != "" {
		m.agents = with(m.agents, textHash(ev.UserAgent), maxMatter)
	}
	if ev.IP.IsValid() {
		m.addresses = with(m.addresses, addressHash(ev), maxAddresses)
	}
	i := hourOfWeek(l.hour)
	m.hours[i/64] |= 1 << (i % 64)
}

func (m *matter) addCity(c city) {
	if len(m.cities) < maxMatter && !slices.ContainsFunc(m.cities, func(old city) bool { return old.name == c.name }) {
		m.cities = append(m.cities, c)
	}
}

// gather adds the habits that the profile took up since a moment.
func (l *look) gather(m *matter, since int64) {
	each := func(k kind, take func(*habit)) {
		list := l.habits(k)
		for i := range list {
			if int64(list[i].first) >= since {
				take(&list[i])
			}
		}
	}
	texts := l.memory.texts
	each(countries, func(h *habit) { m.countries = with(m.countries, texts.of(text(h.key)), maxMatter) })
	each(clients, func(h *habit) { m.clients = with(m.clients, texts.of(h.name), maxMatter) })
	each(agents, func(h *habit) { m.agents = with(m.agents, h.key, maxMatter) })
	each(cities, func(h *habit) { m.addCity(city{texts.of(text(h.key)), h.lat, h.lon}) })
	each(networks, func(h *habit) {
		if len(m.networks) < maxMatter {
			m.networks = append(m.networks, named{h.key, texts.of(h.name)})
		}
	})
}

// say keeps a reason at its strongest.
func (m *matter) say(detector, key string, llr float64) {
	for i := range m.reasons {
		if r := &m.reasons[i]; r.detector == detector && r.key == key {
			r.llr = max(r.llr, llr)
			return
		}
	}
	if len(m.reasons) < maxReasons {
		m.reasons = append(m.reasons, reason{detector, key, llr})
	}
}

// join adds what another matter has.
func (m *matter) join(o *matter) {
	m.since, m.to = o.since, max(m.to, o.to)
	for _, v := range o.countries {
		m.countries = with(m.countries, v, maxMatter)
	}
	for _, v := range o.networks {
		m.networks = with(m.networks, v, maxMatter)
	}
	for _, v := range o.clients {
		m.clients = with(m.clients, v, maxMatter)
	}
	for _, v := range o.agents {
		m.agents = with(m.agents, v, maxMatter)
	}
	for _, v := range o.addresses {
		m.addresses = with(m.addresses, v, maxAddresses)
	}
}

// without takes away what another matter has.
func (m *matter) without(o *matter) {
	m.countries = less(m.countries, o.countries)
	m.networks = less(m.networks, o.networks)
	m.clients = less(m.clients, o.clients)
	m.agents = less(m.agents, o.agents)
	m.addresses = less(m.addresses, o.addresses)
}

// with is a list with one more value, unless it has it or is full.
func with[T comparable](list []T, v T, bound int) []T {
	if len(list) >= bound || slices.Contains(list, v) {
		return list
	}
	return append(list, v)
}

func less[T comparable](list, gone []T) []T {
	return slices.DeleteFunc(list, func(v T) bool { return slices.Contains(gone, v) })
}

// codeFile codes a profile's file, when it has one.
func (m *memory) codeFile(c *coder, p *profile) {
	f := m.filed(p)
	any := f != nil
	c.bool(&any)
	if !any || c.err != nil {
		return
	}
	if c.reading {
		f = m.fileOf(p)
	}
	list(c, &f.trial.evidence, codeEvidence)
	f.trial.episode.code(c)
	f.unheard.code(c)
	f.theft.code(c)
	list(c, &f.pardons, func(c *coder, p *pardon) {
		p.reason.code(c)
		c.int64(&p.until)
	})
	for i := range f.peaks {
		number(c, &f.peaks[i])
	}
	if len(f.trial.evidence) > maxEvidence || len(f.pardons) > maxPardons {
		c.fail()
	}
}

func (r *reason) code(c *coder) {
	c.string(&r.detector)
	c.string(&r.key)
	c.float(&r.llr)
}

func (m *matter) code(c *coder) {
	c.int64(&m.since)
	c.int64(&m.to)
	list(c, &m.countries, (*coder).string)
	list(c, &m.networks, func(c *coder, n *named) {
		number(c, &n.asn)
		c.string(&n.name)
	})
	list(c, &m.cities, func(c *coder, v *city) {
		c.string(&v.name)
		c.degrees(&v.lat)
		c.degrees(&v.lon)
	})
	list(c, &m.clients, (*coder).string)
	list(c, &m.agents, number[uint32])
	list(c, &m.addresses, number[uint32])
	list(c, &m.reasons, func(c *coder, r *reason) { r.code(c) })
	for i := range m.hours {
		low, high := uint32(m.hours[i]), uint32(m.hours[i]>>32)
		number(c, &low)
		number(c, &high)
		m.hours[i] = uint64(low) | uint64(high)<<32
	}
	for i := range m.kinds {
		c.bool(&m.kinds[i])
	}
	if len(m.countries) > maxMatter || len(m.networks) > maxMatter || len(m.cities) > maxMatter || len(m.clients) > maxMatter ||
		len(m.agents) > maxMatter || len(m.addresses) > maxAddresses || len(m.reasons) > maxReasons {
		c.fail()
	}
}
