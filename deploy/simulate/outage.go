package simulate

import "time"

// outage is a bad time of the API itself: for some minutes a part of all requests fails.
type outage struct {
	from, to time.Time
	share    float64
}

// outages draws the API's bad times: one every few days, most short and partial.
func outages(seed uint64, from, to time.Time) []outage {
	var all []outage
	d := newDice(seed, 0x0bad)
	for midnight := from.Truncate(day); midnight.Before(to); midnight = midnight.Add(day) {
		d.about(seed, 0x0bad, uint64(midnight.Unix()))
		if !d.chance(0.22) {
			continue
		}
		start := midnight.Add(time.Duration(d.Float64() * float64(day)))
		length := time.Duration(min(d.logNormal(6, 0.8), 45) * float64(time.Minute))
		all = append(all, outage{start, start.Add(length), d.between(0.05, 0.7)})
	}
	return all
}

// trouble is the share of requests that fail for the API's own reasons at a time.
func (f *Fleet) trouble(at time.Time) float64 {
	for i := range f.outages {
		if o := &f.outages[i]; !at.Before(o.from) && at.Before(o.to) {
			return o.share
		}
	}
	return 0
}
