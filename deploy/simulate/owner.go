package simulate

import (
	"fmt"
	"strings"
	"time"
)

// owner is a company that uses the API. Its people sit in its offices, its servers in its clouds.
type owner struct {
	name, slug string
	home       *place
	offices    []*office
	clouds     []*network
	onPremises bool // its servers stand in its own building
	gateway    string
	style      int               // how its tokens look
	apiKey     bool              // sends X-API-Key instead of Authorization
	forwarded  bool              // its requests pass a CDN, which names the client in X-Forwarded-For too
	consumers  map[string]string // ids by environment
	size       float64

	exit *exit     // another way out of the company, from some moment on; nil: never
	step time.Time // when a deploy moves its clients to the next major version; zero: never
}

// exit is a company's new way out: a VPN or NAT gateway for its people, or another cloud for its machines.
type exit struct {
	at       time.Time
	people   *line
	machines []line
}

// office is where people of a company work together, behind one uplink or two.
type office struct {
	place   *place
	uplinks []line
}

func openOffice(d dice, p *place) *office {
	o := &office{place: p, uplinks: []line{p.uplink(d)}}
	if d.chance(0.25) {
		o.uplinks = append(o.uplinks, p.uplink(d))
	}
	return o
}

// found draws a company.
func found(d dice, a *atlas, names map[string]bool, rank int, gateways []string) *owner {
	o := &owner{home: pick(d, a.cities), consumers: map[string]string{}}
	o.name = invent(d)
	for tries := 0; names[o.name]; tries++ {
		if o.name = invent(d); tries > 20 { // a large fleet: most names are taken
			o.name += fmt.Sprintf(" %d", rank)
		}
	}
	names[o.name] = true
	o.slug = strings.ToLower(strings.ReplaceAll(o.name, " ", "-"))
	o.offices = []*office{openOffice(d, o.home)}
	for i := d.poisson(0.7); i > 0; i-- {
		o.offices = append(o.offices, openOffice(d, pick(d, a.cities)))
	}
	o.clouds = a.nearest(d, o.home, 1+d.IntN(2))
	o.onPremises = d.chance(0.12)
	o.gateway = gateways[rank%len(gateways)]
	o.style, o.apiKey, o.forwarded = d.IntN(3), d.chance(0.2), d.chance(0.2)
	for _, environment := range environments() {
		o.consumers[environment] = uuid(d)
	}
	o.size = d.logNormal(1, 0.9)
	return o
}

func environments() []string { return []string{"prod", "dev", "test"} }

// nearest are n hosting networks a company would rent: near its home mostly, as latency has it, now and then far away.
func (a *atlas) nearest(d dice, home *place, n int) []*network {
	var chosen []*network
	for range n {
		best := pick(d, a.hosting)
		for range 12 {
			if other := pick(d, a.hosting); !d.chance(0.1) && distance(other.place, home) < distance(best.place, home) {
				best = other
			}
		}
		chosen = append(chosen, best)
	}
	return chosen
}

// invent makes up a company's name.
func invent(d dice) string {
	first := [...]string{"Nor", "Quin", "Vel", "Ar", "Bren", "Cal", "Dor", "El", "Fenn", "Gal", "Hel", "Is", "Jor", "Kest", "Lum", "Mar", "Nim", "Or", "Pal", "Ros", "Sol", "Tam", "Ul", "Ver", "Wex", "Yar", "Zen", "Ash", "Bir", "Cor"}
	second := [...]string{"vale", "tarc", "dane", "mora", "wick", "lio", "sten", "dria", "fort", "nova", "mere", "tis", "quo", "ber", "lane", "vik", "zon", "ria", "dell", "path"}
	third := [...]string{"", "", "", " Labs", " Health", " Robotics", " Data", " Bank", " Media", " Works", " Energy", " Research", " Games", " Logistics", " Cloud"}
	return pick(d, first[:]) + pick(d, second[:]) + pick(d, third[:])
}
