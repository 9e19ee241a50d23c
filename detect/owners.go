package detect

import (
	"slices"
	"strings"

	"github.com/tokenwatch/tokenwatch/schema"
)

// awakeTokens counts tokens by days.
type awakeTokens struct {
	day              int32
	today, yesterday uint32

	watched int64  // of a company: until when it is noted which of its networks are in use, see watch
	stays   []stay // the last of them
}

// maxOwners bounds the owners and companies whose tokens are counted: those of two days.
const maxOwners = 8192

// owner is who answers for a token, empty when the gateway does not say.
func owner(consumer, environment string) string {
	if consumer == "" {
		return ""
	}
	return clip(consumer) + "\x00" + clip(environment)
}

func (a *awakeTokens) woke(day int32) {
	switch {
	case day == a.day+1:
		a.day, a.yesterday, a.today = day, a.today, 0
	case day > a.day:
		a.day, a.yesterday, a.today = day, 0, 0
	case day < a.day:
		return
	}
	a.today++
}

func (a *awakeTokens) count() int { return int(max(a.today, a.yesterday)) }

// woke counts a token on the first event of its day.
func (c *Campaigns) woke(ev *schema.Event, day int32) {
	c.all.woke(day)
	name := c.namings.owner(ev.Consumer, ev.Environment)
	if name == "" {
		return
	}
	c.wokeOf(name, day)
	c.wokeOf(c.namings.company(ev.Consumer, ev.Environment), day)
}

func (c *Campaigns) wokeOf(name string, day int32) {
	a := c.owners[name]
	if a == nil {
		if len(c.owners) >= maxOwners {
			c.forgetOwners(day)
		}
		if len(c.owners) >= maxOwners {
			return // so many owners in two days: for further ones only the number of tokens counts
		}
		a = &awakeTokens{}
		c.owners[name] = a
	}
	a.woke(day)
}

func (c *Campaigns) forgetOwners(day int32) {
	c.ownersForgotten++
	for name, a := range c.owners {
		if a.day < day-1 {
			delete(c.owners, name)
		}
	}
}

// active is how many tokens of an owner, and of all, were awake of late.
func (c *Campaigns) active(consumer, environment string) (own, all int) {
	if a := c.owners[c.namings.owner(consumer, environment)]; a != nil {
		own = a.count()
	}
	return own, c.all.count()
}

// mates is how many tokens of a company were awake of late.
func (c *Campaigns) mates(ev *schema.Event) int {
	if a := c.companyAwake(ev.Consumer, ev.Environment); a != nil {
		return a.count()
	}
	return 0
}

func (c *Campaigns) codeOwners(k *coder) {
	type counted struct {
		name  string
		awake awakeTokens
	}
	var owners []counted
	for name, a := range c.owners {
		owners = append(owners, counted{name, *a})
	}
	slices.SortFunc(owners, func(a, b counted) int { return strings.Compare(a.name, b.name) })
	list(k, &owners, func(k *coder, o *counted) {
		k.string(&o.name)
		o.awake.code(k)
	})
	if len(owners) > maxOwners {
		k.fail()
	}
	if k.reading && k.err == nil {
		c.ownersForgotten++
		for _, o := range owners {
			c.owners[o.name] = &o.awake
		}
	}
}

func (a *awakeTokens) code(k *coder) {
	number(k, &a.day)
	number(k, &a.today)
	number(k, &a.yesterday)
	k.int64(&a.watched)
	list(k, &a.stays, func(k *coder, s *stay) {
		number(k, &s.asn)
		k.int64(&s.at)
	})
	if len(a.stays) > maxStays {
		k.fail()
	}
}
