package detect

import (
	"slices"

	"github.com/tokenwatch/tokenwatch/schema"
)

// Whether a token that is used from a new network was stolen or has moved, its company's other tokens tell: if one that
// lives where it lived goes on there, the company has not moved. If none was used at all, nobody can tell yet. So while
// there is something to be told apart, the networks that the company's tokens are at home in and used from are noted.
//
// That concerns few companies at a time. Of all others' events nothing is looked at but four letters of the owner's name.

// stay is the newest use of a network by tokens that are at home there.
type stay struct {
	asn uint32
	at  int64
}

// maxStays bounds the networks of one company: the last ones.
const maxStays = 16

// watch begins to note where a company's tokens are used at home, until a moment.
func (c *Campaigns) watch(company string, until int64) {
	a := c.owners[company]
	if a == nil || until <= a.watched {
		return
	}
	a.watched = until
	c.watching |= bitOf(company[len(amongCompany):])
	c.watchUntil = max(c.watchUntil, until)
}

// bitOf stands for some of all companies, by the first letters of their names: those that a consumer's name has too.
func bitOf(name string) uint64 {
	if len(name) < leastName {
		return 1
	}
	sum := int(name[0]) + 5*int(name[1]) + 11*int(name[2])
	if len(name) > leastName && !separates(name[leastName]) { // there the company's name may end
		sum += 23 * int(name[leastName])
	}
	return 1 << (sum & 63)
}

// atHome notes that a token is used where it always was, if anybody wants to know.
func (c *Campaigns) atHome(ev *schema.Event, now int64) {
	if c.watching == 0 || ev.ASN == 0 || c.watching&bitOf(ev.Consumer) == 0 {
		return
	}
	if now > c.watchUntil {
		c.unwatch()
		return
	}
	if a := c.companyAwake(ev.Consumer, ev.Environment); a != nil && now <= a.watched {
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

// stayed reports whether a token of a company was used where it is at home, in a network, at a moment or later; it is not
// known of a company that was not watched.
func (c *Campaigns) stayed(company string, asn uint32, since, now int64) (stayed, known bool) {
	a := c.owners[company]
	if a == nil || now > a.watched {
		return false, false
	}
	return slices.ContainsFunc(a.stays, func(s stay) bool { return s.asn == asn && s.at >= since }), true
}

// nobodyStays reports whether no token that lives where a member of a gathering lived was used there since it began.
func (c *Campaigns) nobodyStays(g *gathering, now int64) bool {
	who := g.key.whose()
	return !slices.ContainsFunc(g.members, func(m member) bool {
		stayed, known := c.stayed(who, m.origin, g.began+overlaps, now)
		return stayed || !known
	})
}
