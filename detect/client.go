package detect

import (
	"fmt"
	"math"
)

// newClient finds requests made with a program that the token's owner does not use.
//
// Model: the same ratio as for places, over products: an unseen product has the token's
// Good-Turing mass times its share in the cohort; a thief uses what others use, or
// anything (½·P_cohort + ½·1/30). A new version of a known product is no new client.
// Within a visit from a strange place, the owner's usual product speaks for the owner:
// the ratio is negative then, and lowers the visit's sum, which is what keeps a
// traveller with his own laptop quiet.
type newClient struct{}

const (
	newClientName   = "new_client"
	theftProducts   = 30.0
	newClientCap    = 3.5
	newClientFloor  = -1.5
	newClientAtHome = 0.5 // an owner who tries another tool from his own desk
)

func (newClient) name() string { return newClientName }

func (newClient) phrase() string { return "with a new client" }

func (newClient) look(l *look) {
	p, ev := l.profile, l.event
	used := product(ev.Client)
	if used == "" {
		return
	}
	known := p.clients.settled(used, l.now, l.probation)
	if l.group == home && known != nil {
		return
	}
	cohort := l.cohort.client(used)
	theft := cohort/2 + 0.5/theftProducts
	if known != nil {
		share := min(1, (float64(known.days)+1)/(float64(p.days)+1))
		l.found(newClientName, max(newClientFloor, min(0, math.Log(theft/share))), func() words {
			return words{key: "client:" + used, seen: ev.Client, normal: "the usual client"}
		})
		return
	}
	unseen := p.clients.unseen(p.days, l.now, l.probation)
	if unseen == 1 {
		return // the token has no client of its own yet
	}
	llr := math.Log(theft / (unseen * cohort))
	if l.group == home {
		llr *= newClientAtHome
	}
	if llr <= 0 {
		return
	}
	l.found(newClientName, min(newClientCap, llr), func() words {
		return words{
			key:    "client:" + used,
			seen:   fmt.Sprintf("client %s", ev.Client),
			normal: sharesInWords(p.clients.shares()) + overDays(p.days-1),
		}
	})
}
