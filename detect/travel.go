package detect

import (
	"fmt"
	"math"

	"github.com/tokenwatch/tokenwatch/schema"
)

// impossibleTravel finds a token in two places that nobody can have travelled between.
//
// Model: the least distance that the addresses allow is the great circle between them
// less both accuracy radii; it is impossible when it is more than 500 km and would have
// taken more than 900 km/h, an airliner's speed. Machines do not travel: a hop between
// two hosting networks says nothing, and a hop to or from one machine little, since it
// is what an owner's own VPN looks like. A hop made by the owner's usual client says
// little too: abroad, a phone leaves through its carrier at home while the laptop beside
// it leaves through the hotel. And a hop between two places that both are the token's own
// is how that token works.
type impossibleTravel struct{}

const (
	impossibleTravelName = "impossible_travel"
	airlinerKMH          = 900
	leastTravelKM        = 500
	leastTravelSeconds   = 60 // clocks of gateways differ
	travelNats           = 5.0
	travelNatsMachine    = 1.5
	travelNatsOwn        = 0.7
	earthRadiusKM        = 6371
)

func (impossibleTravel) name() string { return impossibleTravelName }

func (impossibleTravel) phrase() string { return "from places too far apart" }

func (impossibleTravel) look(l *look) {
	p, ev := l.profile, l.event
	if !ev.Located() || l.now < int64(p.position.at) {
		return
	}
	if p.position.home() && l.group == home {
		l.arrive()
		return
	}
	before, visitor, since := l.memory.placeOf(p.position), l.memory.visitorOf(p.position), l.now-int64(p.position.at)
	l.arrive()
	if !before.Located() {
		return
	}
	km := distance(before, ev.Place)
	hours := float64(max(since, leastTravelSeconds)) / 3600
	if km < leastTravelKM || km/hours < airlinerKMH {
		return
	}
	llr := travelNats
	switch from, to := machines(before.Network), machines(ev.Network); {
	case from && to:
		return
	case from || to:
		llr = travelNatsMachine
	case l.habits(clients).settled(l.product, l.now, l.probation) != nil:
		llr = travelNatsOwn
	}
	where := l.group
	if where == home {
		where = visitor // the owner goes on at home: it speaks against the visitor
	}
	l.foundIn(where, impossibleTravelName, llr, func() words {
		return words{
			key:    "hop:" + before.Country + "-" + ev.Country,
			seen:   fmt.Sprintf("%s, then %s %s later: %.0f km", placeName(before), placeName(ev.Place), lapse(since), km),
			normal: fmt.Sprintf("nobody travels faster than %d km/h", airlinerKMH),
		}
	})
}

// distance is the least distance in km that two located places can have.
func distance(a, b schema.Place) float64 {
	const rad = math.Pi / 180
	lat1, lat2 := float64(a.Lat)*rad, float64(b.Lat)*rad
	sinLat := math.Sin((lat2 - lat1) / 2)
	sinLon := math.Sin(float64(b.Lon-a.Lon) * rad / 2)
	h := sinLat*sinLat + math.Cos(lat1)*math.Cos(lat2)*sinLon*sinLon
	km := 2 * earthRadiusKM * math.Asin(min(1, math.Sqrt(h)))
	return max(0, km-float64(a.AccuracyKM)-float64(b.AccuracyKM))
}

// lapse is a span of seconds in words.
func lapse(s int64) string {
	switch {
	case s < 120:
		return fmt.Sprintf("%d s", s)
	case s < 2*3600:
		return fmt.Sprintf("%d min", s/60)
	}
	return fmt.Sprintf("%d h", s/3600)
}
