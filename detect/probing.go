package detect

import (
	"fmt"
	"math"
	"math/bits"

	"github.com/tokenwatch/tokenwatch/schema"
)

// probing finds somebody who tries what a token opens: who is refused again and again
// (401, 403, 404, 405, 429), or goes where the token never went.
//
// Model of refusals: a sequential test (Page's CUSUM for a share),
//
//	s ← max(0, s + ln(½ / p)) at a refusal,  s ← max(0, s − ½) at an answer
//
// with p the token's own share of refusals, shrunk to a common one. Refusals of owners
// come in runs too: a job whose permission expired asks for the same thing all night. So
// a path counts in full once an hour, and hardly at all after that, and what a day's
// highest s is worth is pooled over the cohort's token-days.
//
// Model of breadth: how many routes a day brings that the token never used, pooled alike.
// A release of the owner's software brings some, so at home both weigh less.
type probing struct{}

const (
	probingName      = "probing"
	probingCap       = 4.5
	probingAtHome    = 0.6
	theftProbes      = 0.1    // P(a thief is refused this often)
	probeShare       = 0.5    // of a prober's requests are refused
	commonRefusals   = 0.02   // of all requests, as a start
	refusalsPrior    = 50.0   // requests that this start weighs
	mostOfOne        = 3.0    // nats of a single refusal
	granted          = 128    // what an answer takes from a run: half a nat
	repeated         = 16     // a refusal of the same path counts this many times less
	mostRepeated     = 6 << 8 // and brings a run no further than this
	longestRun       = 40 << 8
	leastRun         = 4 // nats
	breadthCap       = 2.5
	breadthAtHome    = 0.3
	theftRoams       = 0.25 // P(a thief goes where the token never went)
	fullRoutes       = 40   // of 64 bits: from here on a new route is not told from the others
	breadthDays      = 3    // active days in which a token may show what it is for
	breadthTail      = 0.08
	breadthTailPower = 1.2
)

func (probing) name() string { return probingName }

func (probing) phrase() string { return "to see what it opens" }

func (probing) look(l *look) {
	p := l.profile
	if p.days < 2 {
		return
	}
	run, roam := 0.0, 0.0
	if p.doings.news&refusalNews != 0 {
		run = l.atHome(probingAtHome) * min(probingCap, l.cohort.pools.refusalRatio(p))
	}
	if p.doings.news&routeNews != 0 && p.days > breadthDays {
		roam = l.atHome(breadthAtHome) * min(breadthCap, l.cohort.pools.breadthRatio(p))
	}
	switch {
	case run >= max(roam, leastSaid):
		l.found(probingName, run, l.refusalWords)
	case roam >= leastSaid:
		l.found(probingName, roam, l.breadthWords)
	}
}

// atHome is a discount for what happens where nothing else is strange.
func (l *look) atHome(discount float64) float64 {
	if l.strange {
		return 1
	}
	return discount
}

func refused(status uint16) bool {
	return status == 403 || status == 404 || status == 401 || status == 429 || status == 405
}

// refuse takes in a refusal of a token that made so many requests.
func (d *doings) refuse(ev *schema.Event, events uint64, salt uint64) {
	path := ev.Path
	if path == "" {
		path = ev.Route
	}
	own := (float64(d.refused) + refusalsPrior*commonRefusals) / (float64(events) + refusalsPrior)
	nats := min(mostOfOne, max(0, math.Log(probeShare/own)))
	most := uint16(longestRun)
	if bit := uint16(1) << (blend(uint64(textHash(path)), salt) >> 60); d.paths&bit == 0 {
		d.paths |= bit
		d.refused = min(d.refused, math.MaxUint32-1) + 1
	} else {
		nats, most = nats/repeated, max(d.run, mostRepeated)
	}
	d.run = min(d.run+uint16(256*nats), most)
	if bin := uint8(d.run >> 8); bin > d.worst {
		d.worst = bin
		if bin >= leastRun {
			d.news |= refusalNews
		}
	}
}

func (k *pools) refusalRatio(p *profile) float64 {
	a, run := age(int(p.days)), p.doings.worst
	prior := 0.1 * math.Exp(-float64(run)/5) * float64(ages-a)
	return math.Log(theftProbes / k.refusals[a].beyond(int(run), prior))
}

// freshRoutes counts the routes that the open day brought.
func (d *doings) freshRoutes() int {
	if bits.OnesCount64(d.routes) > fullRoutes {
		return 0
	}
	return bits.OnesCount64(d.fresh)
}

func (k *pools) breadthRatio(p *profile) float64 {
	n, a := p.doings.freshRoutes(), p.maturity()
	if n == 0 {
		return 0
	}
	prior := breadthTail / math.Pow(float64(n), breadthTailPower) * float64(ages-a)
	return math.Log(theftRoams / k.routes[a].beyond(n, prior))
}

// maturity is a token's age, as far as its requests are enough to show what it does.
func (p *profile) maturity() int {
	switch {
	case p.events < 50:
		return 0
	case p.events < 300:
		return min(1, age(int(p.days)))
	}
	return age(int(p.days))
}

func (l *look) refusalWords() words {
	d := &l.profile.doings
	return words{
		key:    "refused",
		seen:   fmt.Sprintf("refused on %d paths within the hour, last %d for %s %s", bits.OnesCount16(d.paths), l.event.Status, l.event.Method, clip(l.event.Route)),
		normal: fmt.Sprintf("%.2g %% of requests refused", 100*float64(d.refused)/float64(max(l.profile.events, 1))) + overDays(int(l.profile.days)-1),
	}
}

func (l *look) breadthWords() words {
	d := &l.profile.doings
	return words{
		key:    "routes",
		seen:   fmt.Sprintf("%d routes never used before, last %s %s", d.freshRoutes(), l.event.Method, clip(l.event.Route)),
		normal: fmt.Sprintf("the same %d", bits.OnesCount64(d.routes)) + overDays(int(l.profile.days)-1),
	}
}
