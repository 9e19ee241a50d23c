package detect

// drift finds that more is taken over hours and days than the owner takes, although no
// single window shows it: a thief with patience.
//
// Model: the exponentially weighted moving average chart (S. W. Roberts, Technometrics
// 1959), the sister of CUSUM that needs no day to end: a sum that counts half after four
// hours, of requests, bytes, and spend or units. Its highest value of a day, as a
// logarithm, is held against the highest of days before, as volumeSpike does with windows.
// A thief who takes as much as the owner doubles it within some hours. It adapts with some ten
// active days, so that growth by a few percent a day stays below its line, while fifteen
// percent a day run away from it. Days without events neither teach nor alarm, and a quiet
// weekend lowers no peak that matters on Monday. A sum over hours has a lighter tail than
// one over minutes, so the prior falls faster.
//
// At an even rate the sum is what six hours take (4 h / ln 2), and is told as that.
//
// A sum that the last hour makes up is a burst, which others see sooner and say better.
type drift struct{}

const (
	driftName  = "slow_exfiltration"
	driftCap   = 6.0
	burstShare = 0.67
)

var driftLeaps = leaping{at: 0.04, power: 1.2, theft: theftTakes, looks: 2.5}

func (drift) name() string { return driftName }

func (drift) phrase() string { return "for more than usual over hours" }

func (drift) look(l *look) {
	if g, llr := l.furthest(driftNews&^l.bursts(), volumeDays, driftLeaps); llr >= leastSaid {
		l.foundIn(traffic, driftName, min(driftCap, llr), func() words {
			return l.volumeWords(g, "drift:", "six hours")
		})
	}
}

// bursts are the sums that the last hour makes up.
func (l *look) bursts() (of news) {
	d := &l.profile.doings
	last := [...]float32{float32(l.profile.rate.spans[hour].count), d.sums[bytesHour], d.sums[billHour]}
	for i, much := range last {
		if g := requestsLong + gauge(i); much > burstShare*d.sums[g] {
			of |= 1 << g
		}
	}
	return of
}
