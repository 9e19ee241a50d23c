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
type drift struct{}

const (
	driftName  = "slow_exfiltration"
	driftCap   = 6.0
	driftLooks = 2.0
)

var driftTail = leapTail{at: 0.04, power: 1.2}

func (drift) name() string { return driftName }

func (drift) phrase() string { return "for ever more" }

func (drift) look(l *look) {
	if g, llr := l.furthest(driftNews, volumeDays, driftTail, driftLooks); llr >= leastSaid {
		l.foundIn(traffic, driftName, min(driftCap, llr), func() words {
			return l.volumeWords(g, "drift:", "six hours")
		})
	}
}
