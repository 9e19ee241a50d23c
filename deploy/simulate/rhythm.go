package simulate

import (
	"math"
	"time"
)

// rhythm is at which hours of the local day a kind of person is active.
//
// The shapes are averages over four groups (of 9 to 25) of 67 people whose activity over years is public with its UTC
// offset: the hours in which they did something, in thousandths, and the part that fell on weekends. Facts only, and of
// groups: nobody's own hours are among them. How many of the fleet's people are of which kind is our choice, since
// tokens are used at work more than those people were.
type rhythm struct {
	share    float64
	hours    [24]float64
	weekends float64 // part of all activity
}

func rhythms() []rhythm {
	return []rhythm{
		{.52, [...]float64{5, 0, 2, 0, 0, 0, 11, 52, 66, 71, 87, 111, 73, 60, 126, 106, 109, 40, 40, 8, 13, 11, 4, 4}, .107},
		{.22, [...]float64{31, 7, 4, 2, 3, 3, 16, 25, 55, 73, 73, 69, 63, 48, 43, 48, 48, 59, 53, 59, 57, 51, 66, 44}, .242},
		{.19, [...]float64{53, 33, 15, 6, 6, 1, 1, 5, 10, 19, 38, 46, 57, 51, 67, 61, 76, 56, 52, 61, 63, 76, 72, 75}, .190},
		{.07, [...]float64{78, 68, 64, 48, 35, 24, 14, 5, 8, 6, 29, 11, 21, 31, 33, 38, 64, 63, 96, 61, 61, 41, 56, 46}, .319},
	}
}

// drawRhythm picks a kind for somebody.
func drawRhythm(d dice, all []rhythm) *rhythm {
	weights := make([]float64, len(all))
	for i := range all {
		weights[i] = all[i].share
	}
	return &all[d.weighted(weights)]
}

// at is the part of a day's activity in the hour around a time of day, in hours after midnight.
func (r *rhythm) at(hours float64) float64 {
	hours = math.Mod(hours+47.5, 24)
	low := int(hours)
	part := hours - float64(low)
	return (r.hours[low]*(1-part) + r.hours[(low+1)%24]*part) / 1000
}

// offDay is how much of a working day's activity a day off has.
func (r *rhythm) offDay() float64 { return (r.weekends / 2) / ((1 - r.weekends) / 5) }

// quiet is the three hours of the day with the least activity: when they begin, and their part of a day's activity.
func (r *rhythm) quiet() (begin, part float64) {
	part = 1
	for h := range 24 {
		if sum := (r.hours[h] + r.hours[(h+1)%24] + r.hours[(h+2)%24]) / 1000; sum < part {
			begin, part = float64(h), sum
		}
	}
	return begin, part
}

// dayBreak is the hour at which one day of a person ends and the next begins: a night owl's evening is one.
const dayBreak = 4 * time.Hour

// live draws the sittings of an hour of a person who has a rhythm.
func (p *person) live(s *scene, from time.Time) {
	where := p.whereabouts(from.Add(30 * time.Minute))
	local := from.In(where.place.zone)
	date := local.Add(-dayBreak)
	d := s.about(aDay, dayNumber(date))
	factor := math.Exp(0.55*d.NormFloat64()) * p.surgeAt(from)
	if p.off(date) {
		if !d.chance(p.weekends) {
			return
		}
	} else if d.chance(0.04) || p.away(date) { // ill, or on leave
		return
	}
	main := atHome
	if p.office != nil && d.chance(p.inOffice) || p.moved != nil && p.moved.holds(from) {
		main = atOffice
	}
	hours := float64(local.Hour()) + float64(local.Minute())/60 + 0.5 - p.shift - d.normal(0, 0.5) - where.jetlag(date)
	perHour := factor * p.rate * growth(p.trend, date) * p.rhythm.at(hours) / (1 + p.session*1.65)
	venue := main
	switch {
	case where.trip != nil:
		venue = atHotel
	case hours < 8 || hours > 19:
		venue = atHome
	}
	for n := s.dice.poisson(perHour); n > 0; n-- {
		p.sitting(s, from.Add(time.Duration(s.dice.Float64()*float64(time.Hour))), venue)
	}
	p.overnight(s, from, where)
}

func (p *person) surgeAt(at time.Time) float64 {
	if p.surge == nil || !p.surge.holds(at) {
		return 1
	}
	return p.surge.factor
}
