package detect

import (
	"slices"
	"strings"
	"time"

	"github.com/tokenwatch/tokenwatch/schema"
)

const (
	maxSeenNames     = 8
	maxSeenAddresses = 256
	// updateEvery is how often an episode that goes on is reported again, in event time.
	updateEvery = 60
)

// episode is a stretch of odd behaviour: from its first evidence until all has faded.
type episode struct {
	since      int64
	last       int64 // newest suspicious event
	lastSeen   int64 // the owner's last event before it
	requests   uint64
	bytesOut   uint64
	cost       float64
	peakMinute uint32
	lists

	score     float64 // as last reported; 0 before the first report
	reported  int64
	detectors int    // how many spoke when last reported
	told      uint64 // requests when last reported
	alerted   bool   // reported, and not as backfill
	waiting   waiting
}

// lists are what an episode was seen with.
type lists struct {
	addresses []uint32 // hashes, sorted; counted up to maxSeenAddresses
	places    []string
	networks  []string
	clients   []string
}

// blank are the lists with nothing on them: most episodes are short, and have one entry on each.
func (o *lists) blank() lists {
	clear(o.places)
	clear(o.networks)
	clear(o.clients)
	return lists{o.addresses[:0], o.places[:0], o.networks[:0], o.clients[:0]}
}

// settle lets evidence fade, and closes an episode that has none left or has been quiet
// for two half-lives: what comes later is another story.
func (l *look) settle() {
	s := l.memory.storyOf(l.profile)
	if s == nil {
		return
	}
	if s.episode.waiting.on() {
		return // it is told first
	}
	s.fade(l.now, l.halfLife)
	if len(s.evidence) == 0 || l.now-s.episode.last > 2*int64(l.halfLife/time.Second) {
		l.memory.close(l.profile)
	}
}

// enter opens an episode with the event at hand if none is open.
func (l *look) enter(s *story) {
	if s.episode.since == 0 {
		s.episode = episode{since: l.now, lastSeen: int64(l.profile.last)}
	}
}

// note counts a suspicious event.
func (l *look) note(s *story) {
	e, ev := &s.episode, l.event
	e.requests++
	e.last = max(e.last, l.now)
	e.bytesOut += ev.BytesOut
	e.cost += ev.CostUSD
	e.peakMinute = max(e.peakMinute, l.profile.rate.spans[1].count)
	hash := addressHash(ev)
	if at, known := slices.BinarySearch(e.addresses, hash); !known && len(e.addresses) < maxSeenAddresses {
		e.addresses = slices.Insert(orBlank(e.addresses, s.blank.addresses), at, hash)
	}
	if ev.Client != "" && len(e.clients) < maxSeenNames && !slices.Contains(e.clients, ev.Client) {
		e.clients = append(orBlank(e.clients, s.blank.clients), ev.Client)
	}
	if ev.Country == "" && ev.ASN == 0 {
		return
	}
	if len(e.places) < maxSeenNames && !slices.ContainsFunc(e.places, func(s string) bool { return isPlace(s, ev.City, ev.Country) }) {
		e.places = append(orBlank(e.places, s.blank.places), l.placeName())
	}
	var buf [128]byte
	name := appendNetwork(buf[:0], &ev.Place)
	if len(e.networks) < maxSeenNames && !slices.ContainsFunc(e.networks, func(s string) bool { return s == string(name) }) {
		e.networks = append(orBlank(e.networks, s.blank.networks), l.memory.texts.said(name))
	}
}

// orBlank is a list, or the blank one when there is none yet.
func orBlank[T any](list, blank []T) []T {
	if list == nil {
		return blank
	}
	return list
}

// isPlace tells whether name is what placeName makes of a city and country.
func isPlace(name, city, country string) bool {
	rest, ok := strings.CutPrefix(name, city)
	return ok && (rest == "" || strings.HasPrefix(rest, ", ") && rest[2:] == country)
}

// addressHash is FNV-1a of the address: enough to count distinct ones.
func addressHash(ev *schema.Event) uint32 {
	h := uint32(2166136261)
	for _, b := range ev.IP.As16() {
		h = (h ^ uint32(b)) * 16777619
	}
	return h
}

// due tells whether a score deserves a report: the first time, when it becomes more
// severe, when another detector joins in, and every while as it goes on.
func (e *episode) due(now int64, score float64, detectors int) bool {
	switch {
	case score < 1:
		return false
	case e.score == 0:
		return true
	case severity(score) > severity(e.score), detectors > e.detectors:
		return true
	case e.requests >= 10 && e.requests >= 2*e.told:
		return true // a drain of a few seconds is over before the next minute
	}
	return now-e.reported >= updateEvery
}

// report marks the episode as told and puts what is suspicious into quarantine.
func (l *look) report(s *story, score float64, detectors int) {
	e := &s.episode
	e.score, e.reported, e.detectors, e.told = max(e.score, score), l.now, max(e.detectors, detectors), e.requests
	if l.backfill() {
		return
	}
	e.alerted = true
	l.profile.alertDay = uint16(l.day)
}

// severity ranks a score.
func severity(score float64) schema.Severity {
	switch {
	case score >= 2:
		return schema.SeverityCritical
	case score >= 1.4:
		return schema.SeverityHigh
	case score >= 1:
		return schema.SeverityMedium
	case score >= 0.7:
		return schema.SeverityLow
	}
	return schema.SeverityInfo
}

func (e *episode) seen() schema.Seen {
	return schema.Seen{
		Since: time.Unix(e.since, 0).UTC(), Requests: e.requests, BytesOut: e.bytesOut, CostUSD: e.cost,
		Addresses: len(e.addresses), Places: slices.Clone(e.places), Networks: slices.Clone(e.networks),
		Clients: slices.Clone(e.clients), PeakMinute: uint64(e.peakMinute),
	}
}
