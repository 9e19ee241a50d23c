package simulate

import (
	"math"
	"time"
)

// day plans a person's local day that starts at midnight: nothing, or morning, lunch, afternoon and perhaps an evening,
// each with its sittings per hour. The plan is the same whenever it is asked for.
func (p *person) day(s *scene, midnight time.Time, where whereabouts) []span {
	d := s.about(aDay, dayNumber(midnight))
	factor := math.Exp(0.55 * d.NormFloat64()) // some days are all meetings, some all code
	if p.off(midnight) {
		factor *= d.between(0.25, 0.7)
		if !d.chance(p.weekends) {
			return nil
		}
	} else if d.chance(0.04) || p.away(midnight) { // ill, or on leave
		return nil
	}
	begin := p.start + d.normal(0, 0.55) + where.jetlag(midnight)
	lunch := begin + 0.42*p.length + d.normal(0, 0.3)
	end := begin + p.length + d.normal(0, 0.8)
	dinner := end + d.between(0.8, 2.5)
	main := atHome
	if p.office != nil && d.chance(p.inOffice) {
		main = atOffice
	}
	if p.moved != nil && p.moved.holds(midnight.Add(time.Duration(lunch*float64(time.Hour)))) {
		main = atOffice
	}
	if where.trip != nil {
		main = atHotel
	}
	perHour := factor * p.rate * growth(p.trend, midnight) / p.length / (1 + p.session*1.65) // 1.65: mean over median of a sitting
	spans := append(s.spans[:0],
		span{between(midnight, begin, lunch), main, perHour},
		span{between(midnight, lunch, lunch+0.9), main, 0.25 * perHour},
		span{between(midnight, lunch+0.9, end), main, 1.1 * perHour})
	if d.chance(p.evenings) {
		private := atHome
		if where.trip != nil {
			private = atHotel
		}
		spans = append(spans, span{between(midnight, dinner, dinner+d.between(0.5, 2.2)), private, 0.7 * perHour})
	}
	return spans
}

// between gives a stretch of a day in hours after midnight.
func between(midnight time.Time, from, to float64) stretch {
	return stretch{midnight.Add(time.Duration(from * float64(time.Hour))), midnight.Add(time.Duration(to * float64(time.Hour)))}
}

// off says whether the date is a weekend or a public holiday where the person lives.
func (p *person) off(date time.Time) bool {
	first, second := weekend(p.base.country)
	day := date.Weekday()
	return day == first || day == second || holiday(p.base.country, date)
}

func (p *person) away(at time.Time) bool {
	for _, l := range p.leave {
		if l.holds(at) {
			return true
		}
	}
	return false
}

// weekend gives a country's two days off.
func weekend(country string) (first, second time.Weekday) {
	switch country {
	case "IL", "EG", "BD":
		return time.Friday, time.Saturday
	}
	return time.Saturday, time.Sunday
}

// holiday knows the large public holidays. Others pass as leave does.
func holiday(country string, date time.Time) bool {
	_, month, d := date.Date()
	on := func(m time.Month, days ...int) bool {
		for _, n := range days {
			if month == m && d == n {
				return true
			}
		}
		return false
	}
	if moving(country, date) {
		return true
	}
	if on(time.January, 1) && country != "IL" && country != "BD" {
		return true
	}
	switch country {
	case "US":
		thanksgiving := month == time.November && date.Weekday() == time.Thursday && d >= 22 && d <= 28
		return thanksgiving || on(time.July, 4) || on(time.December, 25)
	case "GB", "CA", "IE", "AU", "NZ", "ZA", "KE", "NG":
		return on(time.December, 25, 26)
	case "IN":
		return on(time.January, 26) || on(time.August, 15) || on(time.October, 2)
	case "JP":
		return on(time.January, 2, 3) || on(time.November, 3, 23)
	case "FR":
		return on(time.May, 1, 8) || on(time.July, 14) || on(time.November, 1, 11) || on(time.December, 25)
	case "PL":
		return on(time.May, 1, 3) || on(time.November, 1, 11) || on(time.December, 25, 26)
	case "DE", "AT", "CH", "CZ", "SE", "FI", "NL", "IT", "GR", "RO":
		return on(time.May, 1) || on(time.December, 24, 25, 26)
	case "TR":
		return on(time.April, 23) || on(time.October, 29)
	case "IL", "EG", "BD", "AE", "TH", "ID", "TW":
		return false
	}
	return on(time.May, 1) || on(time.December, 25)
}
