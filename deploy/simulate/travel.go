package simulate

import (
	"math"
	"time"
)

// trip is a journey: no activity in the air, then a hotel and a phone in another place, and the way back.
type trip struct {
	away   stretch // from take-off to the landing back home
	there  stretch // from the landing there to the take-off back
	place  *place
	from   *place
	hotel  line
	phone  line // a local SIM; or the home carrier's, which roams home and shows a home address
	story  int
	adjust float64 // hours by which the body's clock is still wrong on arrival
}

// whereabouts is where a person is at a time.
type whereabouts struct {
	place  *place
	trip   *trip // nil: at home
	flying bool
	story  int
}

func (p *person) whereabouts(at time.Time) whereabouts {
	for i := range p.trips {
		t := &p.trips[i]
		switch {
		case !t.away.holds(at):
			continue
		case t.there.holds(at):
			return whereabouts{place: t.place, trip: t, story: t.story}
		case at.Before(t.there.from):
			return whereabouts{place: t.from, flying: true, story: ordinary}
		default:
			return whereabouts{place: t.place, trip: t, flying: true, story: ordinary}
		}
	}
	return whereabouts{place: p.base, story: ordinary}
}

// jetlag shifts a day's hours: half the difference of the zones at first, gone within days.
func (w whereabouts) jetlag(midnight time.Time) float64 {
	if w.trip == nil {
		return 0
	}
	days := max(0, midnight.Sub(w.trip.there.from).Hours()/24)
	return w.trip.adjust * math.Exp(-days/2)
}

// flight is the time from leaving one city's networks to using another's: taxis, airports and the air.
func flight(d dice, a, b *place) time.Duration {
	hours := 2.2 + distance(a, b)/820 + d.between(0, 1.5)
	return time.Duration(hours * float64(time.Hour))
}

// travel draws a trip that takes off at a time and lasts some days.
func travel(d dice, p *person, to *place, off time.Time, days float64) trip {
	landed := off.Add(flight(d, p.base, to))
	back := landed.Add(time.Duration(days * float64(day)))
	t := trip{
		place: to, from: p.base, story: ordinary,
		there: stretch{landed, back},
		away:  stretch{off, back.Add(flight(d, to, p.base))},
		phone: to.phone(d),
	}
	t.hotel = leased(d, pick(d, to.networks[residential]))
	if firms := to.networks[business]; len(firms) > 0 && d.chance(0.55) {
		t.hotel = fixed(d, pick(d, firms))
	}
	if d.chance(0.4) {
		t.phone = p.phone
	}
	_, here := off.In(p.base.zone).Zone()
	_, there := off.In(to.zone).Zone()
	shift := float64(there-here) / 3600
	shift -= 24 * math.Round(shift/24)
	t.adjust = min(max(-shift/2, -3), 3)
	return t
}

// itinerary draws a frequent traveller's trips: every two to four weeks, two to eight days, to a few known places.
func itinerary(d dice, p *person, cities []*place, from, to time.Time) []trip {
	known := []*place{abroad(d, p.base, cities), abroad(d, p.base, cities), abroad(d, p.base, cities)}
	var trips []trip
	at := from.Add(-time.Duration(d.Float64() * float64(14*day)))
	for at.Before(to) {
		t := travel(d, p, pick(d, known), daytime(d, at, p.base), d.between(1.5, 8))
		trips = append(trips, t)
		at = t.away.to.Add(time.Duration(d.between(6, 22) * float64(day)))
	}
	return trips
}

// outing is the one short trip that an ordinary person may make, mostly within the country or next to it.
func outing(d dice, p *person, cities []*place, from, to time.Time) []trip {
	where := abroad(d, p.base, cities)
	for range 14 {
		if other := pick(d, cities); other != p.base && distance(other, p.base) < distance(where, p.base) {
			where = other
		}
	}
	at := from.Add(time.Duration(d.Float64() * float64(to.Sub(from))))
	return []trip{travel(d, p, where, daytime(d, at, p.base), d.between(1, 4))}
}

// daytime moves a take-off to an hour at which people leave.
func daytime(d dice, at time.Time, p *place) time.Time {
	local := at.In(p.zone)
	hours := d.between(6.5, 21)
	return between(time.Date(local.Year(), local.Month(), local.Day(), 0, 0, 0, 0, p.zone), hours, hours).from
}

func abroad(d dice, home *place, cities []*place) *place {
	for {
		if p := pick(d, cities); p.country != home.country {
			return p
		}
	}
}
