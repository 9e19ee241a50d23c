package detect

import "math"

// What a day's highest value is held against: a mix of the mean of such highs, over some
// ten days, and of their peak, which fades towards the mean. The peak alone would forgive
// everything after one wild day, and the mean alone forgives nothing to a token that has
// such days. Both are logarithms, since what tokens take differs by factors.

const (
	octave      = 1024 // of lg
	leastLeapUp = octave / 2
	peakFade    = 0.95 // of the distance between peak and mean, an active day
	meanDays    = 10
)

// lg is the logarithm to the base 2 of a number from 1 on, in 1/1024, and straight between
// powers of 2: it serves to compare, and takes three instructions.
func lg(v float32) uint16 {
	return uint16(min((math.Float32bits(v)-127<<23)>>13, math.MaxUint16))
}

// unlg undoes lg.
func unlg(y int) float64 {
	return float64(math.Float32frombits(uint32(max(y, 0))<<13 + 127<<23))
}

// high is the open day's highest value as a logarithm.
func (d *doings) high(g gauge) int {
	switch today := d.today[g]; {
	case today == 0:
		return 0
	case g >= sums:
		return int(lg(1 + float32(today)/steadies[g]))
	default:
		return int(today)<<8 + 128
	}
}

// usual is what the open day's highest value is held against.
func (d *doings) usual(g gauge) int { return int(d.mean[g]) + int(d.above[g])*32 }

// peak is the highest value of the past, fading.
func (d *doings) peak(g gauge) int { return int(d.mean[g]) + int(d.above[g])*64 }

// leap is how far the open day's highest value is above the past's.
func (d *doings) leap(g gauge) int { return d.high(g) - d.usual(g) }

// amount is the value that a logarithm stands for.
func (g gauge) amount(y int) float64 { return float64(steadies[g]) * (unlg(y) - 1) }

// volatility is a class of tokens, by how far their days differ. Of sums that hardly ever
// were worth counting nobody knows, which is as good as wild.
func (d *doings) volatility(g gauge) int {
	switch above := d.above[g]; {
	case above >= 24 || g < sums && d.mean[g] < octave/2:
		return 2
	case above >= 8:
		return 1
	}
	return 0
}

const volatilities = 3

// learn makes the open day's highest value part of the past.
func (d *doings) learn(g gauge, days uint16) {
	y, mean := float64(d.high(g)), float64(d.mean[g])
	peak := float64(d.peak(g))
	mean += (y - mean) / float64(min(max(days, 1), meanDays))
	peak = max(y, mean+(peak-mean)*peakFade)
	d.mean[g] = uint16(math.Round(mean))
	d.above[g] = uint8(min(255, (peak-mean)/64))
}
