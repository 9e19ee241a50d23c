package detect

import (
	"bytes"
	"math"
	"slices"
	"strings"

	"github.com/tokenwatch/tokenwatch/schema"
)

// gathering is what several tokens have in common that is new to each of them: a network, an address, a client, or
// more traffic than ever.
type gathering struct {
	key     gatheringKey
	network string // as a person reads it
	asn     uint32
	common  float64 // share of tokens that use the client
	members []member
	began   int64
	last    int64
	past    float64 // members who have left, which is how popular the value is
	days    float64 // in which they came
	since   int64   // when days was counted up last

	benign bool // an owner moved, as far as one can see
	held   bool // it explains what would have been an alert
	told   int  // members when it was last told
	toldAt int64
	times  int               // it was told
	muted  bool              // another gathering tells of the same tokens
	lead   schema.TokenID    // the token under which it is told
	id     string            // of its findings; empty before the first
	event  schema.FleetEvent // as given out, see FleetEvents; no part of an engine's state
	events int               // given out so far
}

type gatheringKind uint8

const (
	sameNetwork gatheringKind = iota
	sameAddress
	sameClient
	sameTraffic
)

// gatheringKey says what is shared, and among whom: tokens of one owner, of one company, tokens that come from one network, or all.
type gatheringKey struct {
	kind  gatheringKind
	value string
	among string
}

// among whom, see gatheringKey.
const (
	amongAll     = ""
	amongOwner   = "o:"
	amongOrigins = "n:"
)

// member is one token of a gathering.
type member struct {
	token       schema.TokenID
	first, last int64
	owner       string
	client      string // new to it
	origin      uint32
	score       float64
	home        bool
	ownAgent    bool
	ownClient   bool
	returned    bool // to where it came from: it has not moved
}

const (
	maxMembers   = 256 // beyond them a gathering grows no more
	daysOfWindow = daySeconds
	trafficLasts = 2 * 3600
	// ownerMoves is how long what an owner's tokens did together explains what the next one does.
	ownerMoves  = 30 * daySeconds
	othersMove  = 3 * daySeconds
	scoreIsNews = 0.3
	leaveEvery  = 60 // seconds between two looks at whose time is over
)

func (k gatheringKey) compare(o gatheringKey) int {
	if k.kind != o.kind {
		return int(k.kind) - int(o.kind)
	}
	if c := strings.Compare(k.value, o.value); c != 0 {
		return c
	}
	return strings.Compare(k.among, o.among)
}

func (k gatheringKey) owners() bool { return strings.HasPrefix(k.among, amongOwner) }

func (k gatheringKey) origins() bool { return strings.HasPrefix(k.among, amongOrigins) }

// window is how long a token is a member.
func (g *gathering) window() int64 {
	switch {
	case g.benign && g.key.oneOwner() && g.key.kind != sameTraffic:
		return ownerMoves
	case g.benign && g.key.kind != sameTraffic:
		return othersMove
	case g.key.kind == sameTraffic:
		return trafficLasts
	}
	return daysOfWindow
}

// leave lets members go whose time is over, and keeps count of them.
func (g *gathering) leave(now int64) {
	if g.since != 0 && now-g.since < leaveEvery {
		return
	}
	if g.since == 0 {
		g.since = now
	}
	if days := float64(now-g.since) / daySeconds; days > 0 {
		g.days += days
		g.since = now
		if g.days > 60 {
			g.days, g.past = g.days/2, g.past/2
		}
	}
	oldest, window := int64(math.MaxInt64), g.window()
	g.members = slices.DeleteFunc(g.members, func(m member) bool {
		gone := now-m.last > window
		if gone {
			g.past++
		} else {
			oldest = min(oldest, m.first)
		}
		return gone
	})
	g.began = oldest
	if len(g.members) == 0 {
		g.benign, g.held, g.told, g.toldAt, g.muted, g.lead, g.id = false, false, 0, 0, false, schema.TokenID{}, ""
	}
}

// join makes a token a member, or renews what is known of it, and reports whether that is news.
func (g *gathering) join(s *schema.Sighting, owner string, now int64) (news bool) {
	at, known := slices.BinarySearchFunc(g.members, s.Token, func(m member, t schema.TokenID) int { return bytes.Compare(m.token[:], t[:]) })
	if !known {
		if len(g.members) >= maxMembers {
			return false
		}
		g.members = slices.Insert(g.members, at, member{token: s.Token, first: now, ownAgent: true, ownClient: true, home: true})
		if len(g.members) == 1 {
			g.lead, g.began = s.Token, now
		}
	}
	m := &g.members[at]
	news = !known || s.Score >= m.score+scoreIsNews || m.ownAgent && !s.OwnAgent || m.home && !s.Home || s.Client != "" && m.client == ""
	m.last, m.owner, m.score = max(m.last, now), owner, max(m.score, s.Score)
	m.ownAgent, m.ownClient, m.home = m.ownAgent && s.OwnAgent, m.ownClient && s.OwnClient, m.home && s.Home
	m.origin = s.Origin
	if s.Client != "" {
		m.client = s.Client
	}
	g.last = max(g.last, now)
	return news
}

func (g *gathering) member(t schema.TokenID) *member {
	at, known := slices.BinarySearchFunc(g.members, t, func(m member, t schema.TokenID) int { return bytes.Compare(m.token[:], t[:]) })
	if !known {
		return nil
	}
	return &g.members[at]
}

// share is the part of the members of whom something is true.
func (g *gathering) share(of func(*member) bool) float64 {
	n := 0
	for i := range g.members {
		if of(&g.members[i]) {
			n++
		}
	}
	return float64(n) / float64(max(1, len(g.members)))
}
