package detect

import (
	"bytes"
	"slices"

	"github.com/tokenwatch/tokenwatch/schema"
)

// maxGatherings bounds them: outsiders choose programs and, with stolen tokens, addresses.
const maxGatherings = 1024

func (c *Campaigns) gathering(key gatheringKey, now int64) *gathering {
	g := c.gatherings[key]
	if g == nil {
		if len(c.gatherings) >= maxGatherings {
			c.forget(now)
		}
		g = &gathering{key: key}
		c.gatherings[key] = g
	}
	return g
}

// forget makes room for an eighth more, so that a flood has little to do: gatherings that are over leave, then those of
// one token, and those that were unseen for longest.
func (c *Campaigns) forget(now int64) {
	c.forgotten++
	for key, g := range c.gatherings {
		if g.leave(now); len(g.members) == 0 && (g.past < 1 || !key.counts()) {
			delete(c.gatherings, key)
		}
	}
	list := c.sorted()
	slices.SortStableFunc(list, func(a, b *gathering) int {
		if lesser(a, b) {
			return -1
		}
		return 1
	})
	for _, g := range list[:max(0, len(list)-maxGatherings*7/8)] {
		delete(c.gatherings, g.key)
		c.due = slices.DeleteFunc(c.due, func(due *gathering) bool { return due == g })
	}
}

// counts reports whether it matters how many came to a value before: for a campaign, and for what moves from one
// network to another. An owner's tokens are held against how many the owner has.
func (k gatheringKey) counts() bool { return !k.oneOwner() && k.kind != sameTraffic }

func lesser(a, b *gathering) bool {
	single := func(g *gathering) bool { return len(g.members) < 2 }
	switch {
	case single(a) != single(b):
		return single(a)
	case a.last != b.last:
		return a.last < b.last
	}
	return a.key.compare(b.key) < 0
}

// sorted are all gatherings in the order of their keys.
func (c *Campaigns) sorted() []*gathering {
	list := make([]*gathering, 0, len(c.gatherings))
	for _, g := range c.gatherings {
		list = append(list, g)
	}
	slices.SortFunc(list, func(a, b *gathering) int { return a.key.compare(b.key) })
	return list
}

// rename gives a member its token's new name.
func (c *Campaigns) rename(from, to schema.TokenID) {
	for _, g := range c.gatherings {
		old := g.member(from)
		if old == nil || g.member(to) != nil {
			continue
		}
		old.token = to
		slices.SortFunc(g.members, func(a, b member) int { return bytes.Compare(a.token[:], b.token[:]) })
		if g.lead == from {
			g.lead = to
		}
	}
}

// code codes the state of campaigns.
func (c *Campaigns) code(k *coder) {
	gatherings := c.sorted()
	list(k, &gatherings, func(k *coder, g **gathering) {
		if k.reading {
			*g = &gathering{}
		}
		(*g).code(k)
	})
	c.codeOwners(k)
	c.all.code(k)
	k.float(&c.parts)
	k.int64(&c.partsAt)
	number(k, &c.watching) // not made from the owners: some of them were forgotten since
	k.int64(&c.watchUntil)
	if len(gatherings) > maxGatherings || c.parts < 0 {
		k.fail()
	}
	var due []gatheringKey
	for _, g := range c.due {
		due = append(due, g.key)
	}
	list(k, &due, func(k *coder, key *gatheringKey) {
		number(k, &key.kind)
		k.string(&key.value)
		k.string(&key.among)
	})
	if !k.reading || k.err != nil {
		return
	}
	for _, g := range gatherings {
		c.gatherings[g.key] = g
	}
	for _, key := range due {
		if g := c.gatherings[key]; g != nil {
			c.due = append(c.due, g)
		}
	}
}
