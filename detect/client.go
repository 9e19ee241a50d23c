package detect

import (
	"math"
)

// newClient finds requests made with a program that the token's owner does not use.
//
// Model: the same ratio as for places, over products: an unseen product has the
// probability that a day brings this token a new one, times its share in the cohort; a thief uses what others use, or
// anything (½·P_cohort + ½·1/30). A new version of a known product is no new client.
// Within a visit from a strange place, the owner's usual program speaks for the owner,
// the more so when the whole User-Agent is one of the token's own, to the last digit of
// the version: a thief knows the token, not what it is used with. The ratio is negative
// then, and lowers the visit's sum, which is what keeps a traveller with his own laptop
// quiet. In a data centre it says nothing: programs that run there are few and the same
// for everybody.
type newClient struct{}

const (
	newClientName   = "new_client"
	theftProducts   = 30.0
	newClientCap    = 3.5
	sameVersion     = 0.25 // P(a thief with the same product has the same version)
	newClientFloor  = -5.0
	newClientAtHome = 0.5 // an owner who tries another tool from his own desk
)

func (newClient) name() string { return newClientName }

func (newClient) phrase() string { return "with a new client" }

func (newClient) look(l *look) {
	p, ev := l.profile, l.event
	used := l.used
	if used == "" {
		return
	}
	known := l.habits(clients).settled(l.product, l.now, l.probation)
	if l.group == home && known != nil {
		return
	}
	cohort := l.cohort.client(l.product)
	theft := cohort/2 + 0.5/theftProducts
	if known != nil {
		l.found(newClientName, usualRatio(l, known, theft), func() words {
			return words{key: "client:" + used, seen: ev.Client, normal: "the usual client"}
		})
		return
	}
	if l.habits(clients).empty(l.now, l.probation) {
		return // the token has no client of its own yet
	}
	n := l.cohort.noveltyOf(p)
	llr := math.Log(theft / (l.habits(clients).unseen(p, n.rate(n.clients), noveltyPrior, l.now, l.probation) * cohort))
	if !l.strange {
		llr *= newClientAtHome
	}
	if llr <= 0 {
		return
	}
	l.found(newClientName, min(newClientCap, llr), func() words {
		return words{
			key:    "client:" + used,
			seen:   ev.Client,
			normal: sharesInWords(l.shares(clients)) + overDays(int(p.days)-1),
		}
	})
}

// usualRatio is the ratio, at most 0, of a client that is the token's own.
func usualRatio(l *look, product *habit, theft float64) float64 {
	p := l.profile
	days, owner := product.days, 0.5 // a new version every other day that brings one: generous
	if agent := l.habits(agents).settled(value{l.agent, true}, l.now, l.probation); agent != nil {
		days, owner, theft = agent.days, 1, theft*sameVersion
	}
	owner *= min(1, (float64(days)+1)/(float64(p.days)+1))
	return max(newClientFloor, min(0, math.Log(theft/owner)))
}

// textHash tells texts apart, eight bytes at a time: it runs for every User-Agent.
func textHash(s string) uint32 {
	const prime = 0x9E3779B97F4A7C15
	h := uint64(len(s)) * prime
	for ; len(s) >= 8; s = s[8:] {
		h = (h ^ word(s)) * prime
		h ^= h >> 32
	}
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * prime
	}
	return uint32(h ^ h>>32)
}

// word is the first eight bytes of a text.
func word(s string) uint64 {
	_ = s[7]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}
