package detect

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
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

// gatheringKey says what is shared, and among whom: tokens of one owner, tokens that come from one network, or all.
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
	maxNamed     = 64  // tokens that a finding names
	daysOfWindow = daySeconds
	trafficLasts = 2 * 3600
	// ownerMoves is how long what an owner's tokens did together explains what the next one does.
	ownerMoves = 30 * daySeconds
	othersMove = 3 * daySeconds
	// leastPart is the score from which on a token counts as part of a campaign.
	leastPart     = 0.35
	leastCampaign = 3
	leastSurplus  = 5.0 // nats
	leastMove     = 8.0
	scoreIsNews   = 0.3
	beginsWithin  = 6 * 3600
	leaveEvery    = 60 // seconds between two looks at whose time is over
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
	case g.benign && g.key.owners() && g.key.kind != sameTraffic:
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
func (g *gathering) join(s *schema.Sighting, now int64) (news bool) {
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
	m.last, m.owner, m.score = max(m.last, now), ownerOf(s), max(m.score, s.Score)
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

// judge says whether an owner moved. A thief who has many of an owner's tokens uses them beside the owner, who goes on
// where he was, and with programs of his own; who moves takes the programs along and does not return.
func (g *gathering) judge(active, tokens int, now int64, rate float64) {
	n := len(g.members)
	part := float64(n) / float64(max(active, n, 1))
	atHome := g.share(func(m *member) bool { return m.home })
	switch {
	case g.key.kind == sameAddress:
		g.benign = g.exit(n)
	case g.key.kind == sameNetwork:
		g.benign = g.moved(n, part, now, rate)
	case g.key.kind == sameClient && g.key.owners():
		g.benign = atHome >= 0.8 && n >= 3 && (part >= 0.2 || n >= 10)
	case g.key.kind == sameClient:
		g.benign = atHome >= 0.9 && n >= 8 && g.owners() >= 3
	case g.key.owners():
		g.benign = atHome >= 0.9 && n >= 3 && part >= 0.3
	default:
		g.benign = atHome >= 0.9 && n >= 8 && float64(n) >= 0.25*float64(tokens)
	}
}

// beginning tells whether an owner may be moving: the second token does what the first did, with programs of its own.
// It is given half an hour to become clear, and an owner's own tokens as long as it takes until those have had their
// turn that are used every few hours.
func (g *gathering) beginning(now int64) bool {
	within := int64(returnsWithin)
	if g.key.owners() && g.key.kind == sameNetwork || g.key.kind == sameAddress {
		within = beginsWithin
	}
	if g.key.among == amongAll || len(g.members) < 2 || now-g.began > within {
		return false
	}
	if g.key.kind == sameClient || g.key.kind == sameTraffic {
		return g.share(func(m *member) bool { return m.home }) == 1
	}
	return g.share(func(m *member) bool { return m.ownAgent && !m.returned }) == 1
}

// exit tells whether an address is a new way out of a network, such as a company's VPN: tokens that came from there are
// used from it, whoever owns them, with programs of their own. A gateway may know a company by several names.
func (g *gathering) exit(n int) bool {
	own := g.share(func(m *member) bool { return m.ownAgent })
	returned := g.share(func(m *member) bool { return m.returned })
	return g.key.origins() && n >= 3 && own >= mostlyOwn && returned <= 0.2
}

// moved is judge for places.
func (g *gathering) moved(n int, part float64, now int64, rate float64) bool {
	returned := g.share(func(m *member) bool { return m.returned })
	own := g.share(func(m *member) bool { return m.ownAgent })
	program := g.share(func(m *member) bool { return m.ownClient })
	switch {
	case g.key.origins():
		return n >= 4 && own >= 0.8 && returned <= 0.1 && g.surplus(n, g.began, now, rate) >= leastMove
	case !g.key.owners():
		return false
	case n >= 2 && part >= 0.5 && own == 1 && returned == 0:
		return true
	case n >= 3 && (part >= 0.25 || n >= 10) && program >= 0.8 && returned <= 0.2:
		return true
	}
	return n >= 5 && part >= 0.5 && returned <= 0.1 && g.newClient() != ""
}

// newClient is the one product that is new to most of the members.
func (g *gathering) newClient() string {
	name := ""
	for i := range g.members {
		if m := &g.members[i]; m.client != "" {
			if name != "" && name != m.client {
				return ""
			}
			name = m.client
		}
	}
	return name
}

func (g *gathering) owners() int {
	seen := map[string]bool{}
	for i := range g.members {
		seen[g.members[i].owner] = true
	}
	return len(seen)
}

// surplus is how unlikely it is, in nats, that so many tokens meet here by chance, of a Poisson number of them.
func (g *gathering) surplus(n int, first, now int64, rate float64) float64 {
	span := float64(max(now-first, 600)) / daySeconds
	expected := max(0.01, (g.past+rate*g.popular())/(g.days+1)*span)
	if float64(n) <= expected {
		return 0
	}
	return float64(n)*math.Log(float64(n)/expected) - (float64(n) - expected)
}

// popular is the share of all suspicious sightings that a value may have by itself.
func (g *gathering) popular() float64 {
	if g.key.kind == sameAddress {
		return 0.005
	}
	return max(0.05, min(g.common, 1))
}

// named are the tokens of a finding: the one under which it is told, then the others as they came.
func (g *gathering) named(in func(*member) bool) (tokens []schema.TokenID, count int) {
	var list []*member
	for i := range g.members {
		if m := &g.members[i]; in(m) {
			list = append(list, m)
		}
	}
	slices.SortStableFunc(list, func(a, b *member) int {
		if lead := g.lead; (a.token == lead) != (b.token == lead) {
			if a.token == lead {
				return -1
			}
			return 1
		}
		return int(min(1, max(-1, a.first-b.first)))
	})
	for _, m := range list[:min(maxNamed, len(list))] {
		tokens = append(tokens, m.token)
	}
	return tokens, len(list)
}

// name makes the id of a gathering's findings, once.
func (g *gathering) name() string {
	if g.id == "" {
		h := sha256.New()
		fmt.Fprintf(h, "%d\x00%s\x00%s\x00%d\x00%x", g.key.kind, g.key.value, g.key.among, g.began, g.lead)
		g.id = hex.EncodeToString(h.Sum(nil)[:8])
	}
	return g.id
}

func (g *gathering) code(c *coder) {
	number(c, &g.key.kind)
	c.string(&g.key.value)
	c.string(&g.key.among)
	c.string(&g.network)
	number(c, &g.asn)
	c.float(&g.common)
	list(c, &g.members, func(c *coder, m *member) { m.code(c) })
	c.int64(&g.began)
	c.int64(&g.last)
	c.float(&g.past)
	c.float(&g.days)
	c.int64(&g.since)
	c.bool(&g.benign)
	c.bool(&g.held)
	number(c, &g.told)
	c.int64(&g.toldAt)
	number(c, &g.times)
	c.bool(&g.muted)
	c.bytes(g.lead[:])
	c.string(&g.id)
	sorted := slices.IsSortedFunc(g.members, func(a, b member) int { return bytes.Compare(a.token[:], b.token[:]) })
	if len(g.members) > maxMembers || !sorted || g.key.kind > sameTraffic || g.past < 0 || g.days < 0 {
		c.fail()
	}
}

func (m *member) code(c *coder) {
	c.bytes(m.token[:])
	c.int64(&m.first)
	c.int64(&m.last)
	c.string(&m.owner)
	c.string(&m.client)
	number(c, &m.origin)
	c.float(&m.score)
	c.bool(&m.home)
	c.bool(&m.ownAgent)
	c.bool(&m.ownClient)
	c.bool(&m.returned)
}
