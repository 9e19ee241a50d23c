package detect

import (
	"fmt"
	"math"
)

// fanOut finds a token in use from many addresses, networks or countries at once: a key
// that was published, or that is sold, or a thief behind a pool of proxies.
//
// Model: how many distinct ones there are in ten minutes and in an hour, against the
// token's own past in the same way as volumes are: fleets of workers, carriers that change
// a phone's address, pools behind a NAT all have their own numbers, and only a leap beyond
// them speaks. Numbers of addresses leap far less than traffic does, so the prior falls as
// r^-2.5. In a network that is the token's own, more addresses most often are more
// machines of the owner's: it counts for less, and as a side of the traffic that they bring. The
// detector counts what is distinct, so a visit's strangeness is not told twice; elsewhere
// the sum takes it for one more visit.
type fanOut struct{}

const (
	fanOutName   = "fan_out"
	fanOutCap    = 7.5
	fanOutAtHome = 0.35
	fanOutDays   = 1
	leastSpread  = 5 // of addresses; three countries within an hour are many
)

var fanOutLeaps = leaping{at: 0.08, power: 2.5, theft: 0.2, looks: 1.5}

// spreading is the group of fan-out: it belongs to no place.
var spreading = group{spread: true}

func (fanOut) name() string { return fanOutName }

func (fanOut) phrase() string { return "from many addresses at once" }

func (fanOut) look(l *look) {
	g, llr := l.furthest(fanOutNews, fanOutDays, fanOutLeaps)
	least := uint8(leastSpread)
	if g == nationsHour {
		least--
	}
	if l.profile.doings.today[g] < least {
		return
	}
	where := spreading
	if l.group == home && (l.event.ASN == 0 || l.habits(networks).settled(l.network(), l.now, l.probation) != nil) {
		where, llr = traffic, llr*fanOutAtHome
	}
	if llr >= leastSaid {
		l.foundIn(where, fanOutName, min(fanOutCap, llr), func() words { return l.fanOutWords(g) })
	}
}

func (l *look) fanOutWords(g gauge) words {
	d := &l.profile.doings
	what, span := "addresses", "one hour"
	switch g {
	case addressesTen:
		span = "10 min"
	case networksHour:
		what = "networks"
	case nationsHour:
		what = "countries"
	}
	return words{
		key:    "fan_out:" + what + ":" + span,
		seen:   fmt.Sprintf("%d %s in %s", d.today[g], what, span),
		normal: fmt.Sprintf("at most %.0f in %s", math.Round(g.amount(d.peak(g))), span) + overDays(int(l.profile.days)-1),
	}
}
