package detect

import (
	"math"

	"github.com/tokenwatch/tokenwatch/schema"
)

// take adds what the event took to the sums.
func (d *doings) take(ev *schema.Event) {
	d.pour(requestsLong, 1)
	if much := float32(ev.BytesOut); much > 0 {
		d.pour(bytesTen, much)
		d.pour(bytesHour, much)
		d.pour(bytesLong, much)
	}
	if much := bill(ev); much > 0 {
		d.pour(billTen, much)
		d.pour(billHour, much)
		d.pour(billLong, much)
	}
}

// bill is what an event costs. Spend and units are one quantity: whoever has the first has
// it from the second.
func bill(ev *schema.Event) float32 {
	if ev.CostUSD > 0 {
		return float32(ev.CostUSD)
	}
	return (float32(ev.UnitsIn) + float32(ev.UnitsOut)) * nominalPrice
}

// pour adds to a sum. It is news when the day's highest reaches another quarter of an
// octave that is far above the past, which happens a few times a day at most.
func (d *doings) pour(g gauge, much float32) {
	sum := d.sums[g] + much
	if sum > mostSum { // min asks for more of floats than is needed here
		sum = mostSum
	}
	d.sums[g] = sum
	if bin := uint8(lg(1+sum/steadies[g]) >> 8); bin > d.today[g] {
		d.rise(g, bin)
	}
}

// rise takes in that a gauge is higher than ever today.
func (d *doings) rise(g gauge, high uint8) {
	d.today[g] = high
	if d.leap(g) >= leastLeapUp {
		d.news |= 1 << g
	}
}

// faded is what is left of a drifting sum some ten minutes later.
func faded(passed uint32) float32 {
	halves := passed / longHalfLife
	if halves > 100 {
		return 0
	}
	return roots[passed%longHalfLife] * math.Float32frombits((127-halves)<<23)
}

// roots are what is left of a sum within its half-life, by ten minutes.
var roots = func() (left [longHalfLife]float32) {
	for i := range left {
		left[i] = float32(math.Exp2(-float64(i) / longHalfLife))
	}
	return left
}()
