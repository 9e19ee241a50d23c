package detect

import (
	"cmp"
	"slices"
	"strings"
)

// journeys is where tokens of a country turn up that were never seen elsewhere: most people who go from Germany for
// the first time go to a neighbour, and a place that is named by its clock has another name when that changes. It counts
// for each pair of countries how many tokens that are mostly used in the first were used in the second for the first
// time. A country that many went to before says less of a theft than one that nobody did.
type journeys struct {
	texts *texts
	to    map[journey]float64 // bounded by maxJourneys
	from  map[text]float64    // sums of to
}

type journey struct{ from, to text }

const (
	// maxJourneys bounds the pairs. Those beyond it are not counted: by then the map holds what is common.
	maxJourneys = 4096
	// journeyPrior is how many journeys it weighs how common the country is among all tokens.
	journeyPrior = 2.0
)

func newJourneys(t *texts) journeys {
	return journeys{texts: t, to: map[journey]float64{}, from: map[text]float64{}}
}

// learnDay takes in the countries that a token was first seen in on the day that closes.
func (j *journeys) learnDay(list habits, p *profile) {
	if p.days < 2 || p.alertedToday() || len(list) < 2 {
		return
	}
	for i := range list {
		if int32(list[i].first/daySeconds) != p.day {
			continue
		}
		if home := list.most(&list[i]); home != nil {
			j.add(journey{text(home.key), text(list[i].key)}, 1)
		}
	}
}

// most is the habit with the most days beside one, and of several the one that was learnt first.
func (h habits) most(beside *habit) (most *habit) {
	for i := range h {
		if k := &h[i]; k != beside && (most == nil || k.days > most.days) {
			most = k
		}
	}
	return most
}

func (j *journeys) add(way journey, n float64) {
	if _, known := j.to[way]; !known {
		if len(j.to) >= maxJourneys {
			return
		}
		j.texts.hold(j.texts.of(way.from))
		j.texts.hold(j.texts.of(way.to))
	}
	j.to[way] += n
	j.from[way.from] += n
}

// share is how probable it is that a token of a country that turns up in a new one does so in this one, of which a
// share of all token-days is.
func (j *journeys) share(home *habit, to value, common float64) float64 {
	if home == nil {
		return common
	}
	n := 0.0
	if to.known {
		n = j.to[journey{text(home.key), text(to.key)}]
	}
	return (n + journeyPrior*common) / (j.from[text(home.key)] + journeyPrior)
}

func (j *journeys) halve() {
	for way := range j.to {
		j.to[way] /= 2
	}
	for home := range j.from {
		j.from[home] /= 2
	}
}

// code codes the pairs in the order of their names, so that equal state is equal bytes.
func (j *journeys) code(c *coder) {
	type entry struct {
		way journey
		n   float64
	}
	var entries []entry
	for way, n := range j.to {
		entries = append(entries, entry{way, n})
	}
	slices.SortFunc(entries, func(a, b entry) int {
		return cmp.Or(strings.Compare(j.texts.of(a.way.from), j.texts.of(b.way.from)), strings.Compare(j.texts.of(a.way.to), j.texts.of(b.way.to)))
	})
	list(c, &entries, func(c *coder, e *entry) {
		c.text(&e.way.from)
		c.text(&e.way.to)
		c.count(&e.n)
	})
	if len(entries) > maxJourneys {
		c.fail()
	}
	if !c.reading || c.err != nil {
		return
	}
	for _, e := range entries {
		j.to[e.way] = e.n
		j.from[e.way.from] += e.n
	}
}
