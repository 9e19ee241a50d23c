package console

import (
	"time"

	"github.com/tokenwatch/tokenwatch/alert"
)

// down are the round numbers of the scale.
func (p *casePlot) down() []caseTick {
	var list []caseTick
	for _, n := range alert.Ticks(p.max, p.log) {
		list = append(list, caseTick{At: p.y(n), Text: alert.ShortCount(n)})
	}
	return list
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
