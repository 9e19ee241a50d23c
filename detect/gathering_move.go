package detect

import (
	"math"
)

const (
	leastMove    = 8.0
	leastExit    = 3
	beginsWithin = 6 * 3600
)

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
// turn that are used every few hours; a day, as long as nobody goes on where one of them was.
func (c *Campaigns) beginning(g *gathering, now int64) bool {
	if g.key.among == amongAll || len(g.members) < 2 {
		return false
	}
	switch since := now - g.began; {
	case since <= returnsWithin:
	case !g.slow() || since > daySeconds:
		return false
	case since > beginsWithin && !(g.key.oneOwner() && c.nobodyStays(g, now)):
		return false
	}
	if g.key.kind == sameClient || g.key.kind == sameTraffic {
		return g.share(func(m *member) bool { return m.home }) == 1
	}
	return g.share(func(m *member) bool { return m.ownAgent && !m.returned }) == 1
}

// slow reports whether it may take long until all have had their turn.
func (g *gathering) slow() bool {
	return g.key.oneOwner() && g.key.kind == sameNetwork || g.key.kind == sameAddress
}

// exit tells whether an address is a new way out of a network, such as a company's VPN: tokens that came from there are
// used from it, whoever owns them, with programs of their own. A gateway may know a company by several names.
func (g *gathering) exit(n int) bool {
	return g.key.origins() && n >= leastExit && g.ownWays()
}

// ownWays reports whether the members brought their programs along and stay.
func (g *gathering) ownWays() bool {
	return g.share(func(m *member) bool { return m.ownAgent }) >= mostlyOwn && g.share(func(m *member) bool { return m.returned }) <= 0.2
}

// moved is judge for places.
func (g *gathering) moved(n int, part float64, now int64, rate float64) bool {
	returned := g.share(func(m *member) bool { return m.returned })
	own := g.share(func(m *member) bool { return m.ownAgent })
	program := g.share(func(m *member) bool { return m.ownClient })
	switch {
	case g.key.origins():
		return n >= 4 && own >= 0.8 && returned <= 0.1 && g.surplus(n, g.began, now, rate) >= leastMove
	case !g.key.oneOwner():
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
