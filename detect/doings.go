package detect

import "github.com/tokenwatch/tokenwatch/schema"

// doings is what a token does, beside where, when and with what: how much it takes, from
// how many addresses, on which routes, and what it is refused. Every event feeds it, so it
// is small and has no loops; what is news is told apart by a few comparisons, and only
// that is shown to detectors. All of it is the profile's own; how far tokens leap beyond
// their past is pooled in the cohort (see pools).
type doings struct {
	addresses     [2]uint64 // of the open ten minutes and hour, a bit each (see count)
	routes, fresh uint64    // used before; used for the first time on the open day
	clock         uint32    // number of the open ten minutes since 1970
	refused       uint32    // refusals ever, each path once an hour
	sums          [sums]float32

	mean              [gauges]uint16 // of the days' highest, see lg
	networks, nations uint16         // of the open hour, a bit each
	paths             uint16         // refused in the open hour, a bit each
	run               uint16         // of refusals, in 1/256 nats
	news              news           // about the event at hand
	above             [gauges]uint8  // how far the fading peak is above the mean, in 1/16 octaves
	today             [gauges]uint8  // the open day's highest: quarter octaves of a sum, or a count
	worst             uint8          // the open day's longest run, in nats
	gap, longest      uint8          // days of silence: before the open day's events, and in the past
	methods           uint8          // kinds of methods of the past, and, above, of the open day
}

// gauge is something of which a token has a highest value every day.
type gauge uint8

const (
	bytesTen gauge = iota
	bytesHour
	billTen
	billHour
	requestsLong
	bytesLong
	billLong
	addressesTen
	addressesHour
	networksHour
	nationsHour
	gauges

	sums = addressesTen // gauges before it are sums, the others count what is distinct
)

// news says of what an event may be news: a bit for each gauge, and these.
type news uint16

const (
	refusalNews news = 1 << (gauges + iota)
	routeNews
	methodNews
	wakeNews

	volumeNews = 1<<bytesTen | 1<<bytesHour | 1<<billTen | 1<<billHour
	driftNews  = 1<<requestsLong | 1<<bytesLong | 1<<billLong
	fanOutNews = 1<<addressesTen | 1<<addressesHour | 1<<networksHour | 1<<nationsHour
)

const (
	tenMinutes = 600
	// nominalPrice is what a unit counts for, in dollars, when a log has units and no cost.
	// Any figure serves as long as it stays the same, since only ratios are looked at.
	nominalPrice = 1e-6
	mostSum      = 1e30
	// longHalfLife is after how many ten minutes a drifting sum counts half: four hours.
	longHalfLife = 24
)

// steadies are added to both sides of a ratio, so that small numbers do not look large: a
// page with its pictures, a quarter of a dollar, a few requests, an address or two.
var steadies = [gauges]float32{
	bytesTen: 512 << 10, bytesHour: 512 << 10, billTen: 0.25, billHour: 0.25,
	requestsLong: 20, bytesLong: 2 << 20, billLong: 0.5,
	addressesTen: 2, addressesHour: 2, networksHour: 2, nationsHour: 2,
}

// does takes in what the event does and reports whether that may be news. The salt keeps
// those who choose addresses and paths from aiming at one bit.
func (p *profile) does(ev *schema.Event, now uint32, salt uint64) bool {
	d := &p.doings
	d.news = 0
	window := now / tenMinutes
	if window > d.clock {
		d.turn(window)
	}
	open := window == d.clock // late events are no part of an open window
	if open {
		d.take(ev)
		d.spread(ev, salt)
	}
	d.ask(ev, salt)
	if !refused(ev.Status) {
		d.run -= min(d.run, granted)
	} else if open {
		d.refuse(ev, p.events, salt)
	}
	if last := p.last; last > 0 && now > last && now-last >= longSilence {
		d.wake((now - last) / daySeconds)
	}
	return d.news != 0
}

// turn opens another ten minutes.
func (d *doings) turn(window uint32) {
	passed, hours := window-d.clock, window/6-d.clock/6
	d.clock = window
	d.sums[bytesTen], d.sums[billTen], d.addresses[0] = 0, 0, 0
	if hours > 0 {
		d.sums[bytesHour], d.sums[billHour], d.addresses[1] = 0, 0, 0
		d.networks, d.nations, d.paths = 0, 0, 0
		d.run >>= min(hours, 15)
	}
	fade := faded(passed)
	for g := requestsLong; g <= billLong; g++ {
		d.sums[g] *= fade
	}
}

// closeDay makes the open day part of the past, unless what happened on it is in doubt; of a day that is suspect routes and
// methods are no part of it. Days are those with activity, this one included.
func (d *doings) closeDay(doubtful, suspect bool, days uint16) {
	if !doubtful {
		for g := range gauges {
			d.learn(g, days)
		}
		d.longest = max(d.longest, d.gap)
	}
	if !doubtful && !suspect {
		d.routes |= d.fresh
		d.methods |= d.methods >> openDay
	}
	d.methods &= 1<<openDay - 1
	d.today, d.fresh, d.worst, d.gap = [gauges]uint8{}, 0, 0, 0
}
