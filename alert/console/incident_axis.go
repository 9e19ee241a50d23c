package console

import (
	"fmt"
	"math"
	"time"
)

const mostDown = 5

// down are the round numbers of the scale.
func (p *casePlot) down() []caseTick {
	var numbers []float64
	if p.log {
		for n := 1.0; n < p.max; n *= 10 {
			numbers = append(numbers, n)
		}
		for len(numbers) > mostDown {
			var fewer []float64
			for i := (len(numbers) + 1) % 2; i < len(numbers); i += 2 {
				fewer = append(fewer, numbers[i])
			}
			numbers = fewer
		}
		numbers = append(numbers, 0)
	} else {
		step := max(1, math.Pow(10, math.Floor(math.Log10(p.max))-1))
		for _, times := range []float64{2, 2.5, 2, 2, 2.5} { // 1, 2, 5, 10, 20, 50
			if p.max/step <= mostDown {
				break
			}
			step *= times
		}
		for n := 0.0; n <= p.max; n += step {
			numbers = append(numbers, n)
		}
	}
	var list []caseTick
	for _, n := range numbers {
		list = append(list, caseTick{At: p.y(n), Text: shortCount(n)})
	}
	return list
}

// short writes a count in few characters.
func shortCount(n float64) string {
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

// across are days below hours, and half hours below minutes.
func (p *casePlot) across() []caseTick {
	span := p.until.Sub(p.from)
	every, form := 24*time.Hour, "Mon 2"
	switch {
	case p.step < time.Hour && span <= 2*time.Hour:
		every, form = 15*time.Minute, "15:04"
	case p.step < time.Hour:
		every, form = 30*time.Minute, "15:04"
	case span > 16*24*time.Hour:
		every, form = 48*time.Hour, "2 Jan"
	}
	var list []caseTick
	for at := p.from.Truncate(every); at.Before(p.until); at = at.Add(every) {
		if x := p.x(at); !at.Before(p.from) && x < chartRight-30 {
			list = append(list, caseTick{At: x, Text: at.UTC().Format(form)})
		}
	}
	return list
}
