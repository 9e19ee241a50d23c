package simulate

import (
	"math"
	"math/rand/v2"
)

// dice draws from one seeded stream. It is seeded anew for each thing that is drawn (a token's hour, a person's day),
// which is what lets any hour be generated without those before it.
type dice struct {
	*rand.Rand
	source *rand.PCG
}

func newDice(parts ...uint64) dice {
	source := rand.NewPCG(0, 0)
	d := dice{rand.New(source), source}
	d.about(parts...)
	return d
}

// about starts the stream that belongs to parts.
func (d dice) about(parts ...uint64) {
	d.source.Seed(mix(parts...), mix(parts[0], 0x9e37))
}

// mix hashes numbers into one (splitmix64's finaliser over a running sum).
func mix(parts ...uint64) uint64 {
	var h uint64 = 0x51_7c_c1_b7_27_22_0a_95
	for _, p := range parts {
		h ^= p + 0x9e3779b97f4a7c15 + h<<6 + h>>2
		h ^= h >> 30
		h *= 0xbf58476d1ce4e5b9
		h ^= h >> 27
		h *= 0x94d049bb133111eb
		h ^= h >> 31
	}
	return h
}

func (d dice) chance(p float64) bool { return d.Float64() < p }

func (d dice) between(low, high float64) float64 { return low + (high-low)*d.Float64() }

// whole draws from low to high, both included.
func (d dice) whole(low, high int) int { return low + d.IntN(high-low+1) }

func (d dice) normal(mean, sigma float64) float64 { return mean + sigma*d.NormFloat64() }

func (d dice) logNormal(median, sigma float64) float64 {
	return median * math.Exp(sigma*d.NormFloat64())
}

// poisson counts arrivals of the given mean; above 60 the normal approximation is as good and does not loop.
func (d dice) poisson(mean float64) int {
	if mean <= 0 {
		return 0
	}
	if mean > 60 {
		return max(0, int(math.Round(d.normal(mean, math.Sqrt(mean)))))
	}
	n, p, limit := 0, d.Float64(), math.Exp(-mean)
	for p > limit {
		p *= d.Float64()
		n++
	}
	return n
}

// weighted picks an index with a chance proportional to its weight.
func (d dice) weighted(weights []float64) int {
	sum := 0.0
	for _, w := range weights {
		sum += w
	}
	x := d.Float64() * sum
	for i, w := range weights {
		if x -= w; x < 0 {
			return i
		}
	}
	return len(weights) - 1
}

// spread gives n values of a log-normal law, one from each of n equal slices of its mass and in random order: a small
// fleet then has its rare heavy tokens as surely as a large one, whatever the seed.
func (d dice) spread(n int, median, sigma float64) []float64 {
	values := make([]float64, n)
	for i, rank := range d.Perm(n) {
		q := (float64(rank) + d.Float64()) / float64(n)
		q = min(max(q, 0.002), 0.998)
		values[i] = median * math.Exp(sigma*math.Sqrt2*math.Erfinv(2*q-1))
	}
	return values
}

func pick[T any](d dice, from []T) T { return from[d.IntN(len(from))] }
