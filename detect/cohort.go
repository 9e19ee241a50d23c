package detect

import "math"

// cohort is what the tokens of a partition share: how common each country, kind of
// network, client and hour is among them, and how far a day's traffic leaps beyond all
// days before it. New tokens borrow from it; old ones are judged against it. It learns
// from whole token-days, so that a loud token has no more say than a quiet one.
type cohort struct {
	texts     *texts
	days      float64 // token-days learnt from
	hours     activity
	countries map[text]float64 // bounded by ISO 3166: see maxCohortValues
	clients   map[text]float64
	journeys  journeys
	pools     pools
	novelty   [ages]novelty // by the token's age

	calm         calm
	surges       surges
	calibrations [classes]calibration
}

// novelty counts token-days on which a token that had a history was seen with a value
// that was new for it.
type novelty struct {
	days, countries, networks, clients float64
	flips                              float64 // a first network of the other kind: machines or eyeballs
}

// ages is how many classes of age tokens are pooled in: what is young changes more.
const ages = 3

func age(days int) int {
	switch {
	case days < 4:
		return 0
	case days < 10:
		return 1
	}
	return 2
}

// noveltyOf is the pool of a profile's age.
func (c *cohort) noveltyOf(p *profile) *novelty { return &c.novelty[age(int(p.days))] }

// rate is a share of token-days, starting from one in fifty until there are many.
func (n *novelty) rate(count float64) float64 { return (count + 1) / (n.days + 50) }

const (
	// maxCohortValues bounds each map. Values beyond it are not counted: by then the map
	// holds what is common, and everything else is rare whatever its name.
	maxCohortValues = 1024
	// maxCohortDays is when all counts are halved, so that the cohort follows its time.
	maxCohortDays = 1 << 20
	// elsewhere is the share of a cohort's mass kept for values that it has not seen.
	elsewhere = 0.1
)

func newCohort(texts *texts) *cohort {
	return &cohort{texts: texts, countries: map[text]float64{}, clients: map[text]float64{}, journeys: newJourneys(texts)}
}

// learnDay takes in a token's day as it closes.
func (c *cohort) learnDay(cfg *Config, m *memory, p *profile) {
	c.calibrations[p.class()].learnDay(cfg, float64(p.most), p.alertedToday())
	c.pools.learnDay(cfg, p)
	c.days++
	c.noveltyOf(p).learnDay(m, p)
	c.journeys.learnDay(m.of(p, countries), p)
	c.count(c.countries, m.of(p, countries), p.day)
	c.count(c.clients, m.of(p, clients), p.day)
	awake := p.awake
	for hour, any := awake.oldest(); any; hour, any = awake.oldest() {
		if int32(hour/24) == p.day {
			c.hours.add(hourOfWeek(hour))
		}
		awake.dropOldest()
	}
	if c.days >= maxCohortDays {
		c.halve()
	}
}

func (n *novelty) learnDay(m *memory, p *profile) {
	if p.days < 2 {
		return // everything is new on the first day
	}
	n.days++
	n.countries += m.of(p, countries).fresh(p.day)
	n.networks += m.of(p, networks).fresh(p.day)
	n.clients += m.of(p, clients).fresh(p.day)
	if p.flipped() {
		n.flips++
	}
}

// flip is how often a network that is new for a token is its first of the other kind.
func (n *novelty) flip() float64 { return (n.flips + 1) / (n.networks + 10) }

// count takes in the habits that were seen on a day.
func (c *cohort) count(into map[text]float64, list habits, day int32) {
	for i := range list {
		if int32(list[i].day) != day {
			continue
		}
		id := text(list[i].key)
		if _, known := into[id]; !known {
			if len(into) >= maxCohortValues {
				continue
			}
			c.texts.hold(c.texts.of(id))
		}
		into[id]++
	}
}

func (c *cohort) halve() {
	c.days /= 2
	for i := range c.novelty {
		n := &c.novelty[i]
		n.days, n.countries, n.networks, n.clients, n.flips = n.days/2, n.countries/2, n.networks/2, n.clients/2, n.flips/2
	}
	c.hours.halve()
	c.journeys.halve()
	c.pools.halve()
	c.calm.halve()
	c.surges.halve()
	for i := range c.calibrations {
		c.calibrations[i].halve()
	}
	for _, m := range []map[text]float64{c.countries, c.clients} {
		for k := range m {
			m[k] /= 2
		}
	}
}

// country is the probability that a token-day of the cohort is in a country.
func (c *cohort) country(v value) float64 {
	const countries = 200
	return (1-elsewhere)*c.share(c.countries, v) + elsewhere/countries
}

// client is the probability that a token-day of the cohort uses a product.
func (c *cohort) client(v value) float64 {
	const products = 50
	return (1-elsewhere)*c.share(c.clients, v) + elsewhere/products
}

func (c *cohort) share(of map[text]float64, v value) float64 {
	if !v.known {
		return 0
	}
	return of[text(v.key)] / math.Max(c.days, 1)
}
