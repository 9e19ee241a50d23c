package alert

import (
	"fmt"
	"math"
)

const mostTicks = 5

// Ticks are the round numbers at the scale of a chart of counts up to most, the same in a message's picture and in the
// console. A logarithmic scale ends with 0, which has its own line below 1.
func Ticks(most float64, logarithmic bool) []float64 {
	if logarithmic {
		return append(powers(most), 0)
	}
	step := max(1, math.Pow(10, math.Floor(math.Log10(most))-1))
	for _, times := range []float64{2, 2.5, 2, 2, 2.5} { // 1, 2, 5, 10, 20, 50
		if most/step <= mostTicks {
			break
		}
		step *= times
	}
	var list []float64
	for n := 0.0; n <= most; n += step {
		list = append(list, n)
	}
	return list
}

func powers(most float64) []float64 {
	var list []float64
	for n := 1.0; n < most; n *= 10 {
		list = append(list, n)
	}
	for len(list) > mostTicks { // every second one, the highest stays
		var fewer []float64
		for i := (len(list) + 1) % 2; i < len(list); i += 2 {
			fewer = append(fewer, list[i])
		}
		list = fewer
	}
	return list
}

// ShortCount writes a count in few characters: 1.2k, 3M.
func ShortCount(n float64) string {
	switch {
	case n >= 1e9:
		return fmt.Sprintf("%.0e", n)
	case n >= 1e6:
		return fmt.Sprintf("%gM", math.Round(n/1e5)/10)
	case n >= 1e3:
		return fmt.Sprintf("%gk", math.Round(n/100)/10)
	}
	return fmt.Sprintf("%g", n)
}
