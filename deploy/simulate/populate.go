package simulate

import (
	"math"
	"slices"
	"time"
)

// share is a class with its part of the fleet and the law of its rates: requests a day, median and spread.
type share struct {
	class          Class
	part           float64
	median, spread float64
}

func shares() []share {
	return []share{
		{Person, 0.47, 38, 0.85},
		{Traveller, 0.06, 32, 0.7},
		{Server, 0.18, 110, 0.95},
		{Cron, 0.12, 45, 0.8},
		{Batch, 0.05, 220, 0.7},
		{CI, 0.05, 70, 0.7},
		{Sparse, 0.07, 1.1, 0.5},
	}
}

// populate founds the owners and issues every token, with the habit of its class.
// plannedShares are the shares of a fleet that has a plan.
func plannedShares() []share {
	return []share{
		{Person, 0.43, 38, 0.85},
		{Traveller, 0.06, 32, 0.7},
		{Server, 0.16, 110, 0.95},
		{Worker, 0.06, 190, 0.9},
		{Cron, 0.12, 45, 0.8},
		{Batch, 0.05, 220, 0.7},
		{CI, 0.05, 70, 0.7},
		{Sparse, 0.07, 1.1, 0.5},
	}
}

func (f *Fleet) populate() {
	d := newDice(f.config.Seed, 0xf1ee7)
	names := map[string]bool{}
	var sizes []float64
	for i := range max(8, len(f.config.Gateways), f.config.Tokens/14) {
		d.about(f.config.Seed, 0x0117e7, uint64(i))
		f.owners = append(f.owners, found(d, f.atlas, names, i, f.config.Gateways))
		sizes = append(sizes, f.owners[i].size)
	}
	d.about(f.config.Seed, 0xc1a55)
	classes, rates := f.classes(d)
	gateways := f.balanced(d, sizes)
	for i, class := range classes {
		t := &token{Token: Token{Index: i, Class: class}, owner: f.owners[gateways[i]], seed: mix(f.config.Seed, 0x70c3, uint64(i))}
		d.about(t.seed, 0xb02)
		f.settle(d, t, rates[i])
		f.tokens = append(f.tokens, t)
	}
}

// classes deals the classes and their rates out in random order.
func (f *Fleet) classes(d dice) ([]Class, []float64) {
	n := f.config.Tokens
	classes, rates := make([]Class, 0, n), make([]float64, 0, n)
	mix := shares()
	if f.config.Plan != nil {
		mix = plannedShares()
	}
	for _, s := range mix {
		count := int(math.Round(s.part * float64(n)))
		for _, rate := range d.spread(count, s.median, s.spread) {
			classes, rates = append(classes, s.class), append(rates, rate)
		}
	}
	for len(classes) < n { // rounding
		classes, rates = append(classes, Person), append(rates, 25)
	}
	classes, rates = classes[:n], rates[:n]
	d.Shuffle(n, func(i, j int) {
		classes[i], classes[j] = classes[j], classes[i]
		rates[i], rates[j] = rates[j], rates[i]
	})
	return classes, rates
}

// balanced assigns tokens to owners by size, as many of them to owners behind each gateway.
func (f *Fleet) balanced(d dice, sizes []float64) []int {
	sides := len(f.config.Gateways)
	sums := make([][]float64, sides) // running sums of the sizes on each side
	total := make([]float64, sides)
	for i, s := range sizes {
		total[i%sides] += s
		sums[i%sides] = append(sums[i%sides], total[i%sides])
	}
	owner := make([]int, f.config.Tokens)
	for i := range owner {
		side := i % sides
		rank, _ := slices.BinarySearch(sums[side], d.Float64()*total[side])
		owner[i] = sides*rank + side
	}
	return owner
}

// settle gives a token its habit and the rest of what belongs to its class.
func (f *Fleet) settle(d dice, t *token, rate float64) {
	t.Owner, t.Gateway, t.write = t.owner.name, t.owner.gateway, f.writers[t.owner.gateway]
	t.Since = f.begin().Add(-90 * day)
	var lives *place
	switch t.Class {
	case Server:
		lives = f.server(d, t, rate)
	case Cron:
		lives = f.cron(d, t, rate)
	case Batch:
		lives = f.batch(d, t, rate)
	case CI:
		lives = f.ci(d, t, rate)
	case Worker:
		lives = f.worker(d, t, rate)
	default:
		lives = f.person(d, t, rate)
	}
	t.City, t.Country, t.Zone = lives.name, lives.country, lives.zone.String()
	t.consumer = t.owner.slug + "-" + t.Environment
	t.issue(d)
	if f.config.Plan != nil {
		f.comeAndGo(d, t)
		return
	}
	switch x := d.Float64(); {
	case x < 0.04: // a new token
		t.Since = f.config.End.Add(-time.Duration(d.between(0.3, 9) * float64(day)))
	case x < 0.06: // one that was given up
		t.until = f.config.End.Add(-time.Duration(d.between(1, 15) * float64(day)))
	}
}

// comeAndGo is growth: some tokens are made in the fleet's time, and some given up.
func (f *Fleet) comeAndGo(d dice, t *token) {
	span := f.finish().Sub(f.begin())
	switch x := d.Float64(); {
	case x < 0.10:
		t.Since = f.begin().Add(time.Duration(d.Float64() * float64(span)))
	case x < 0.13:
		t.until = f.begin().Add(time.Duration(d.Float64() * float64(span)))
	}
}

func (f *Fleet) person(d dice, t *token, rate float64) *place {
	o := t.owner
	p := &person{rate: rate, trend: d.normal(0, 0.25), office: pick(d, o.offices), session: d.between(1.4, 6), pause: d.logNormal(28, 0.6)}
	p.base = p.office.place
	if t.Class == Sparse {
		p.session = d.between(0.4, 1.5)
	}
	if d.chance(0.18) { // hired where they live
		p.office, p.base = nil, f.atlas.cities[(f.remote+int(f.config.Seed%64))%len(f.atlas.cities)]
		f.remote++ // city by city, so that somebody is awake and somebody asleep at any hour
	}
	p.cable, p.phone = p.base.home(d), p.base.phone(d)
	p.start, p.length = d.normal(9.1, 0.7), d.normal(8.6, 0.8)
	p.inOffice, p.onPhone = d.Float64(), 0.10*d.Float64()
	p.weekends, p.evenings = 0.08*d.Float64(), 0.35*d.Float64()
	switch x := d.Float64(); {
	case x < 0.07: // night owls
		p.start, p.evenings, p.weekends = d.normal(14, 1), 0.5, d.between(0.1, 0.6)
	case x < 0.12: // early birds
		p.start = d.normal(6.2, 0.5)
	case x < 0.20: // those for whom weekends are working days too
		p.weekends = d.between(0.4, 0.9)
	}
	if d.chance(0.08) {
		tunnel := fixed(d, pick(d, f.atlas.vpn))
		if d.chance(0.5) { // the company's own gateway in a cloud
			tunnel = fixed(d, o.clouds[0])
		}
		p.tunnel, p.inTunnel = &tunnel, d.between(0.1, 0.7)
	}
	if d.chance(0.1) {
		off := f.begin().Add(time.Duration(d.Float64() * float64(f.config.History+f.config.Live)))
		p.leave = append(p.leave, stretch{off, off.Add(time.Duration(d.between(3, 12) * float64(day)))})
	}
	f.equip(d, t, p)
	from, to := f.begin(), f.finish().Add(20*day)
	switch {
	case t.Class == Traveller:
		p.trips = itinerary(d, p, f.atlas.cities, from, to)
	case d.chance(0.12):
		p.trips = outing(d, p, f.atlas.cities, from, to.Add(20*day))
	}
	if f.config.Plan != nil {
		p.rhythm, p.shift = drawRhythm(d, f.rhythms), d.normal(0, 0.7)
		p.weekends = min(0.95, p.rhythm.offDay()*d.between(0.2, 1.2))
	}
	t.habit = p
	return p.base
}

// equip gives a person the tools of a trade.
func (f *Fleet) equip(d dice, t *token, p *person) {
	t.Environment = pick(d, []string{"dev", "dev", "dev", "dev", "prod", "test"})
	switch x := d.Float64(); {
	case x < 0.34:
		t.diet = diets()["completion"]
		p.clients = []client{install(d, workPlugin), install(d, workScript)}
		p.pause, p.session = p.pause/3, p.session*1.8
	case x < 0.60:
		t.diet = diets()["research"]
		p.clients = []client{install(d, workScript), install(d, workShell), install(d, workBrowser)}
	case x < 0.85:
		t.diet = diets()["assistant"]
		p.clients = []client{install(d, workScript), install(d, workShell)}
	default:
		t.diet = diets()["assistant"]
		p.clients = []client{install(d, workBrowser)}
	}
}
