package simulate

import (
	"math"
	"slices"
)

// weather is how a service's traffic strays from its own daily curve: quiet spells, swings of hours, and bursts.
//
// The figures are statistics of real clients of a large language model's API: requests in 10 minutes, divided by the
// client's own mean at that time of day, over two weeks of 46 clients that are active at least half of the time. They
// were computed from the client traces of ServeGen (github.com/alibaba/ServeGen, Apache-2.0); none of its rows is here. How
// many of the fleet's services are of which kind is our choice.
type weather struct {
	climate *climate
	seed    uint64
}

// climate is a kind of service.
type climate struct {
	share float64 // of the services
	// ratios are the quantiles of the ratio to the usual level, at the probabilities below.
	ratios [18]float64
	// spells part the variance over things that last 10 minutes, 1 hour, 6 hours, 1 day and 4 days, fitted to the
	// autocorrelation of the ratios' ranks.
	spells [5]float64
}

func climateQuantiles() [18]float64 {
	return [...]float64{0, .02, .05, .1, .2, .3, .4, .5, .6, .7, .8, .9, .95, .98, .99, .995, .999, .9998}
}

func climates() []climate {
	return []climate{
		{ // the calmest third of those that are always active
			.28, [...]float64{0, 0, .473, .592, .825, .938, .981, 1.019, 1.058, 1.108, 1.175, 1.309, 1.463, 1.618, 1.698, 1.751, 1.891, 2.122},
			[...]float64{.10, .17, .33, 0, .40},
		},
		{ // the middle third
			.28, [...]float64{0, 0, .183, .442, .656, .804, .916, .997, 1.066, 1.146, 1.237, 1.414, 1.643, 2.028, 2.390, 2.674, 3.073, 3.749},
			[...]float64{.10, .25, .40, .05, .20},
		},
		{ // the wildest third
			.28, [...]float64{0, 0, .009, .037, .231, .399, .570, .726, .894, 1.110, 1.426, 2.081, 2.997, 4.305, 5.789, 7.061, 10.595, 16.937},
			[...]float64{.09, .19, .35, .25, .12},
		},
		{ // those that are silent now and then
			.16, [...]float64{0, 0, 0, 0, 0, .146, .376, .629, .914, 1.117, 1.401, 1.970, 2.807, 5.987, 7.266, 8.883, 12.312, 16.243},
			[...]float64{.20, .09, .36, .05, .30},
		},
	}
}

// spellLengths are what the parts of a spell last, in slots of 10 minutes.
func spellLengths() [5]int64 { return [...]int64{1, 6, 36, 144, 576} }

// forecast draws a service's climate.
func forecast(d dice, all []climate) *weather {
	weights := make([]float64, len(all))
	for i := range all {
		weights[i] = all[i].share
	}
	return &weather{&all[d.weighted(weights)], d.Uint64()}
}

// at is the ratio to the usual level in a slot of 10 minutes since 1970. It depends on nothing but the slot, so
// that any hour can be drawn alone.
func (w *weather) at(slot int64) float64 {
	z := 0.0
	for i, length := range spellLengths() {
		if part := w.climate.spells[i]; part > 0 {
			phase := int64(w.seed>>(8*i)) & 0xffff % length
			z += math.Sqrt(part) * gauss(mix(w.seed, uint64(i), uint64((slot+phase)/length)))
		}
	}
	return w.climate.ratio(0.5 * math.Erfc(-z/math.Sqrt2))
}

// gauss turns a hash into a draw of the normal law.
func gauss(h uint64) float64 {
	u := (float64(h>>11) + 0.5) / (1 << 53)
	return math.Sqrt2 * math.Erfinv(2*u-1)
}

// ratio interpolates between the quantiles.
func (c *climate) ratio(p float64) float64 {
	points := climateQuantiles()
	i, _ := slices.BinarySearch(points[:], p)
	if i == 0 || i == len(points) {
		return c.ratios[min(i, len(points)-1)]
	}
	part := (p - points[i-1]) / (points[i] - points[i-1])
	return c.ratios[i-1] + part*(c.ratios[i]-c.ratios[i-1])
}
