package detect

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"

	"github.com/tokenwatch/tokenwatch/schema"
)

const maxNamed = 64 // tokens that a finding names

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

// sum tells gatherings of one id from each other.
func (k gatheringKey) sum() string {
	h := sha256.Sum256(fmt.Appendf(nil, "%d\x00%s\x00%s", k.kind, k.value, k.among))
	return hex.EncodeToString(h[:4])
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
