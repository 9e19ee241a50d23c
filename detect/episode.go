package detect

import (
	"slices"
	"time"

	"github.com/tokenwatch/tokenwatch/schema"
)

const (
	maxSeenNames     = 8
	maxSeenAddresses = 256
	// updateEvery is how often an episode that goes on is reported again, in event time.
	updateEvery = 60
	// quietTime ends a quarantine: what goes on for so long after an alert, with no
	// verdict, is taken to be the owner's.
	quietTime = 7 * daySeconds
)

// episode is a stretch of odd behaviour: from its first evidence until all has faded.
type episode struct {
	since      int64
	last       int64 // newest suspicious event
	lastSeen   int64 // the owner's last event before it
	requests   uint64
	bytesOut   uint64
	cost       float64
	addresses  []uint32 // hashes, sorted; counted up to maxSeenAddresses
	places     []string
	networks   []string
	clients    []string
	peakMinute uint32

	score      float64 // as last reported; 0 before the first report
	reported   int64
	detectors  int    // how many spoke when last reported
	told       uint64 // requests when last reported
	alertDay   int32
	alerted    bool // reported, and not as backfill
	quarantine quarantine
}

// quarantine keeps what was alerted out of the profile. It outlives its episode: a thief
// who comes every night is no less a thief in the second.
type quarantine struct {
	since int64 // first alert of an unbroken run of suspicious days
	last  int64 // newest suspicious event after an alert
	until int64 // before this, nothing suspicious is learnt
}

// settle lets evidence fade, and closes an episode that has none left or has been quiet
// for two half-lives: what comes later is another story.
func (p *profile) settle(l *look, halfLife time.Duration) {
	if len(p.evidence) == 0 {
		return
	}
	p.fade(l.now, halfLife)
	if len(p.evidence) == 0 || l.now-p.episode.last > 2*int64(halfLife/time.Second) {
		p.evidence = p.evidence[:0]
		p.episode = episode{alertDay: p.episode.alertDay, quarantine: p.episode.quarantine}
	}
}

// enter opens an episode with the event at hand if none is open.
func (e *episode) enter(l *look) {
	if e.since == 0 {
		*e = episode{since: l.now, lastSeen: l.profile.last, alertDay: e.alertDay, quarantine: e.quarantine}
	}
}

// note counts a suspicious event.
func (e *episode) note(l *look) {
	ev := l.event
	e.requests++
	e.last = max(e.last, l.now)
	e.bytesOut += ev.BytesOut
	e.cost += ev.CostUSD
	e.peakMinute = max(e.peakMinute, l.profile.rate[1].count)
	if at, known := slices.BinarySearch(e.addresses, addressHash(ev)); !known && len(e.addresses) < maxSeenAddresses {
		e.addresses = slices.Insert(e.addresses, at, addressHash(ev))
	}
	e.clients = remember(e.clients, ev.Client, func() string { return ev.Client })
	if ev.Country == "" && ev.ASN == 0 {
		return
	}
	if len(e.places) < maxSeenNames && !slices.ContainsFunc(e.places, func(s string) bool { return isPlace(s, ev.City, ev.Country) }) {
		e.places = append(e.places, placeName(ev.Place))
	}
	if len(e.networks) < maxSeenNames {
		if name := networkName(ev.Place); !slices.Contains(e.networks, name) {
			e.networks = append(e.networks, name)
		}
	}
}

func remember(list []string, key string, say func() string) []string {
	if key == "" || len(list) >= maxSeenNames || slices.Contains(list, key) {
		return list
	}
	return append(list, say())
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
func (e *episode) report(l *look, score float64, detectors int) {
	e.score, e.reported, e.detectors, e.told = max(e.score, score), l.now, max(e.detectors, detectors), e.requests
	if l.backfill {
		return
	}
	e.alerted = true
	e.alertDay = l.day
}

// isolate extends the quarantine of an episode that was reported, until it has gone on
// for so long that it is taken for the owner's.
func (e *episode) isolate(l *look) {
	if !e.alerted {
		return
	}
	q := &e.quarantine
	if l.now-q.last > 2*daySeconds {
		q.since = l.now
	}
	q.last, q.until = l.now, 0
	if l.now-q.since < quietTime {
		q.until = l.now + l.probation
	}
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
