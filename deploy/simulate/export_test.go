package simulate

import (
	"iter"
	"net/netip"
	"time"
)

// TableCountry says in which country the built-in table puts an address.
func TableCountry() func(netip.Addr) string {
	world, err := loadAtlas(nil)
	if err != nil {
		panic(err)
	}
	return world.countries().of
}

// Past is the history of one token alone.
func (f *Fleet) Past(index int) iter.Seq[Record] {
	return f.play(f.begin(), f.config.End, f.tokens[index])
}

// Climates lists how the kinds of services' weather is distributed: probabilities and ratios.
func Climates() (probabilities []float64, ratios [][]float64) {
	points := climateQuantiles()
	for _, c := range climates() {
		ratios = append(ratios, append([]float64(nil), c.ratios[:]...))
	}
	return points[:], ratios
}

// Weather is n slots of 10 minutes of a service of a kind.
func Weather(kind int, seed uint64, n int) []float64 {
	w := weather{&climates()[kind], seed}
	all := make([]float64, n)
	for i := range all {
		all[i] = w.at(int64(i))
	}
	return all
}

// Rhythms are the hours of the kinds of people, in thousandths, and the part of weekends.
func Rhythms() (hours [][24]float64, weekends []float64) {
	for _, r := range rhythms() {
		hours, weekends = append(hours, r.hours), append(weekends, r.weekends)
	}
	return hours, weekends
}

// DayOff says whether a country has a public holiday.
func DayOff(country string, date time.Time) bool { return holiday(country, date) }

// Operators are the AS numbers from which its token is used for honest reasons.
func (f *Fleet) Operators(index int) map[uint32]bool { return f.tokens[index].operators() }

// Operator is the AS number that the table gives an address, 0 if none.
func Operator() func(netip.Addr) uint32 {
	world, err := loadAtlas(nil)
	if err != nil {
		panic(err)
	}
	all := map[netip.Prefix]uint32{}
	for _, p := range world.places {
		for _, networks := range p.networks {
			for _, n := range networks {
				for _, prefix := range n.prefixes {
					all[prefix] = n.asn
				}
			}
		}
	}
	return func(a netip.Addr) uint32 {
		for bits := 16; bits <= 30; bits++ {
			if prefix, err := a.Prefix(bits); err == nil && all[prefix] != 0 {
				return all[prefix]
			}
		}
		return 0
	}
}
