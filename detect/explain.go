package detect

import (
	"math"
	"slices"
	"time"

	"github.com/tokenwatch/tokenwatch/schema"
)

// Portrait is a stored profile as people can read it.
type Portrait struct {
	State       schema.ProfileState
	First, Last time.Time // event times
	Days        int       // with activity
	Events      uint64    // learnt from
	// Hours is in how many weeks, about, the token was active in each hour of the week: UTC, Monday 00h first.
	Hours        [hoursAWeek]int
	HoursInWords string
	Countries    []Habit // most days first, like all that follow
	Places       []Habit
	Networks     []Habit
	Clients      []Habit
	Agents       int // distinct User-Agents remembered
	Rates        []Rate
	// Evidence is what is in the air: what its detectors said, and what that still counts.
	Evidence []Weighed
	Score    float64 // that it adds up to; 1.0 = enough for an alert
	// Quarantine is until when nothing suspicious is learnt, nor what is new; zero when there was no alert.
	Quarantine time.Time
}

// Habit is a value that a token was seen with.
type Habit struct {
	Name      string
	Days      int     // on which it was seen
	Share     float64 // of the days of all values of its kind
	First     time.Time
	LastDay   time.Time
	Probation bool // too new to count as the owner's
}

// Rate is how many requests a token makes within a span of time.
type Rate struct {
	Span  time.Duration
	Most  uint64 // of the days before the last, fading
	Today uint64 // most on the last day
}

// Weighed is evidence and what it still counts.
type Weighed struct {
	schema.Evidence
	Weight float64 // nats
}

// Explain describes a stored profile as it is at a moment. shared is what the tokens of its partition
// share, if it is known: it says what makes a score of 1.0. It fails for state that another version wrote.
func Explain(cfg Config, row schema.Profile, shared *schema.Profile, now time.Time) (*Portrait, error) {
	e := New(cfg, row.Topic, row.Partition)
	if shared != nil {
		if err := e.restore(shared); err != nil {
			return nil, err
		}
	}
	if err := e.restore(&row); err != nil {
		return nil, err
	}
	s, known := e.memory.find(&row.Token)
	if !known {
		return nil, errState // what all tokens share, or what a token has left behind
	}
	profile := e.memory.at(s)
	l := &look{profile: profile, memory: e.memory, now: now.Unix(), probation: int64(cfg.Probation / time.Second)}
	p := &Portrait{
		State: profile.state(l.now), First: unix(profile.first), Last: unix(profile.last), Days: int(profile.days), Events: profile.events,
		HoursInWords: hoursInWords(&profile.hours),
		Countries:    l.portray(countries), Places: l.portray(cities), Networks: l.portray(networks), Clients: l.portray(clients), Agents: len(l.habits(agents)),
	}
	for i, n := range profile.hours {
		p.Hours[i] = int(n)
	}
	for i := range spans {
		p.Rates = append(p.Rates, Rate{time.Duration(spans[i].seconds) * time.Second, uint64(profile.rate.spans[i].most()), uint64(profile.rate.spans[i].today())})
	}
	if until := profile.quarantine.until; int64(until) > l.now {
		p.Quarantine = unix(until)
	}
	p.weigh(e.memory.storyOf(profile), l.now, cfg.HalfLife)
	e.at(profile, uint32(l.now))
	p.Score = e.Score()
	return p, nil
}

// portray lists the habits of a kind.
func (l *look) portray(k kind) []Habit {
	all := l.habits(k)
	total := 0.0
	for i := range all {
		total += float64(all[i].days)
	}
	var list []Habit
	for i := range all {
		h := &all[i]
		list = append(list, Habit{
			Name: l.memory.nameOf(k, h), Days: int(h.days), Share: float64(h.days) / math.Max(total, 1), First: unix(h.first),
			LastDay: unix(uint32(h.day) * daySeconds), Probation: l.now-int64(h.first) < l.probation,
		})
	}
	slices.SortStableFunc(list, func(a, b Habit) int { return b.Days - a.Days })
	return list
}

// weigh says what evidence in the air still counts, the weightiest first.
func (p *Portrait) weigh(s *story, now int64, halfLife time.Duration) {
	for i := 0; s != nil && i < len(s.evidence); i++ {
		e := &s.evidence[i]
		e.words.spell()
		p.Evidence = append(p.Evidence, Weighed{schema.Evidence{
			Detector: e.detector, Key: e.words.key, Time: time.Unix(e.at, 0).UTC(), LLR: e.llr, Seen: e.words.seen, Normal: e.words.normal,
		}, e.weight(now, halfLife)})
	}
	slices.SortStableFunc(p.Evidence, func(a, b Weighed) int {
		switch {
		case a.Weight > b.Weight:
			return -1
		case a.Weight < b.Weight:
			return 1
		}
		return 0
	})
}

func unix(seconds uint32) time.Time {
	if seconds == 0 {
		return time.Time{}
	}
	return time.Unix(int64(seconds), 0).UTC()
}
