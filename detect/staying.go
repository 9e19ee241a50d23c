package detect

import (
	"slices"
	"strings"

	"github.com/tokenwatch/tokenwatch/schema"
)

// Whether a token that is used from a new network was stolen or has moved, its owner's other tokens tell: if one that
// lives where it lived goes on there, the owner has not moved. If none was used at all, nobody can tell yet. So while
// there is something to be told apart, the networks that the owner's tokens are at home in and used from are noted.
//
// That concerns few owners at a time. Of all others' events nothing is looked at but the length and three letters of the owner's name.

// stay is the newest use of a network by tokens that are at home there.
type stay struct {
	asn uint32
	at  int64
}

// maxStays bounds the networks of one owner: the last ones.
const maxStays = 16

// watch begins to note where an owner's tokens are used at home, until a moment.
func (c *Campaigns) watch(owner string, until int64) {
	a := c.owners[owner]
	if a == nil || until <= a.watched {
		return
	}
	a.watched = until
	c.watching |= watchBit(owner)
	c.watchUntil = max(c.watchUntil, until)
}

// watchBit stands for some of all owners, by the length and three letters of their names.
func watchBit(owner string) uint64 {
	name, _, _ := strings.Cut(owner, "\x00")
	return bitOf(name)
}

func bitOf(consumer string) uint64 {
	n := len(consumer)
	if n == 0 {
		return 0
	}
	return 1 << ((int(consumer[0]) + 5*int(consumer[n/2]) + 11*int(consumer[n-1]) + n) & 63)
}

// atHome notes that a token is used where it always was, if anybody wants to know.
func (c *Campaigns) atHome(ev *schema.Event, now int64) {
	if c.watching == 0 || ev.ASN == 0 || c.watching&bitOf(clip(ev.Consumer)) == 0 {
		return
	}
	if now > c.watchUntil {
		c.unwatch()
		return
	}
	if a := c.owners[c.namings.owner(ev.Consumer, ev.Environment)]; a != nil && now <= a.watched {
		a.stay(ev.ASN, now)
	}
}

func (c *Campaigns) unwatch() {
	c.watching, c.watchUntil = 0, 0
	for _, a := range c.owners {
		a.watched, a.stays = 0, nil
	}
}

func (a *awakeTokens) stay(asn uint32, now int64) {
	if i := slices.IndexFunc(a.stays, func(s stay) bool { return s.asn == asn }); i >= 0 {
		a.stays[i].at = max(a.stays[i].at, now)
		return
	}
	if len(a.stays) >= maxStays {
		a.stays = slices.Delete(a.stays, 0, 1)
	}
	a.stays = append(a.stays, stay{asn, now})
}

// stayed reports whether a token of an owner was used where it is at home, in a network, at a moment or later; it is not
// known of an owner that was not watched.
func (c *Campaigns) stayed(owner string, asn uint32, since, now int64) (stayed, known bool) {
	a := c.owners[owner]
	if a == nil || now > a.watched {
		return false, false
	}
	return slices.ContainsFunc(a.stays, func(s stay) bool { return s.asn == asn && s.at >= since }), true
}

// nobodyStays reports whether no token that lives where a member of a gathering lived was used there since it began.
func (c *Campaigns) nobodyStays(g *gathering, now int64) bool {
	who := strings.TrimPrefix(g.key.among, amongOwner)
	return !slices.ContainsFunc(g.members, func(m member) bool {
		stayed, known := c.stayed(who, m.origin, g.began+overlaps, now)
		return stayed || !known
	})
}
