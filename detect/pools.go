package detect

import (
	"encoding/binary"
	"math"

	"github.com/tokenwatch/tokenwatch/schema"
)

// pools are what the tokens of a partition share about their doings: how far token-days
// leap beyond the days before them. A token's own days are too few to tell how rare a leap
// is, and parametric tails fail on bursty clients; so tokens of one age and volatility
// share one tail, which begins as a prior and is replaced by what is seen.
type pools struct {
	salt           uint64 // from the first token, whose name is keyed with a secret
	gauges         [gauges][ages][volatilities]tail
	refusals       [ages]tail // by the longest run, in nats
	routes         [ages]tail // by how many were new
	wakes          tail       // by how much longer the silence was than all before
	days, alerted  float64    // token-days, and those with an alert that were learnt
	readers, first float64    // token-days of tokens that never wrote; those on which one began
}

// begin draws the salt from the first token of all.
func (k *pools) begin(token *schema.TokenID) {
	if k.salt == 0 {
		k.salt = blend(binary.LittleEndian.Uint64(token[:8]), binary.LittleEndian.Uint64(token[8:])) | 1
	}
}

// tail is a distribution over token-days of a value that most often is small.
type tail struct {
	days float64
	bins [tailBins]float64
}

const (
	tailBins  = 40
	tailPrior = 100.0 // token-days that the prior weighs
	// tailFloor is the part of the prior that no amount of data takes away: a thousand
	// quiet days do not prove that there is no launch day.
	tailFloor = 0.1
)

func (t *tail) add(bin int) {
	t.days++
	t.bins[max(0, min(bin, tailBins-1))]++
}

// beyond is the probability that an owner's day reaches a bin, of which prior is the guess.
func (t *tail) beyond(bin int, prior float64) float64 {
	n := 0.0
	for _, b := range t.bins[max(0, min(bin, tailBins-1)):] {
		n += b
	}
	prior = min(1, prior)
	return max((n+tailPrior*prior)/(t.days+tailPrior), tailFloor*prior)
}

// leaping is how a detector looks at leaps: the prior that a day reaches r times the past is
// at·r^-power; thieves do with probability theft; and it looks as if so many times.
type leaping struct{ at, power, theft, looks float64 }

// prior is wider for tokens that are young or that have wild days.
func (s leaping) prior(octaves float64, age, volatility int) float64 {
	wild := [volatilities]float64{0.4, 1, 2.5}[volatility]
	return s.at * math.Exp2(-s.power*octaves) * wild * float64(ages-age)
}

// beyond is the probability that a token's day leaps as far as the open one does.
func (k *pools) beyond(p *profile, g gauge, s leaping) float64 {
	d := &p.doings
	leap, a, v := d.leap(g), age(int(p.days)), d.volatility(g)
	return k.gauges[g][a][v].beyond(leapBinOf(leap), s.prior(float64(leap)/octave, a, v))
}

// leapBinOf puts leaps in quarter octaves.
func leapBinOf(leap int) int { return max(0, leap>>8) }

// learnDay takes in a token's day as it closes. Days with an alert may be abuse; but as many
// as the budget has room for are owners' days, and the wildest of all: without them the
// tails would get thinner with every alert.
func (k *pools) learnDay(cfg *Config, p *profile) {
	if p.days < 2 || p.doings.clock == 0 {
		return // there is no day to compare with, or nothing known but counts
	}
	if k.days++; p.alertedToday() {
		if 1000*(k.alerted+1) > cfg.Budget*k.days {
			return
		}
		k.alerted++
	}
	d, a := &p.doings, age(int(p.days))
	for g := range gauges {
		if d.today[g] != 0 || d.mean[g] != 0 { // else it is nothing that this token has
			k.gauges[g][a][d.volatility(g)].add(leapBinOf(d.leap(g)))
		}
	}
	k.refusals[a].add(int(d.worst))
	k.routes[p.maturity()].add(d.freshRoutes())
	k.wakes.add(d.wakeBin())
	if d.reads() && p.days > readerDays {
		k.readers++
		if d.methods>>openDay&writes != 0 {
			k.first++
		}
	}
}

func (k *pools) halve() {
	k.each(func(t *tail) {
		t.days /= 2
		for i := range t.bins {
			t.bins[i] /= 2
		}
	})
	for _, n := range []*float64{&k.days, &k.alerted, &k.readers, &k.first} {
		*n /= 2
	}
}

func (k *pools) each(f func(*tail)) {
	for g := range k.gauges {
		for a := range k.gauges[g] {
			for v := range k.gauges[g][a] {
				f(&k.gauges[g][a][v])
			}
		}
	}
	for a := range ages {
		f(&k.refusals[a])
		f(&k.routes[a])
	}
	f(&k.wakes)
}
