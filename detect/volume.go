package detect

import (
	"fmt"
	"math"
)

// volumeSpike finds more bytes, units or spend in ten minutes or an hour than the token's
// owner ever takes. Requests are trafficSpike's.
//
// Model: the leap of the window's sum beyond the past, in octaves,
//
//	x = lg(sum + c) − ½·(mean + peak of lg(a day's highest such sum + c))
//
// where the mean is over some ten days and the peak fades towards it. The tail of x is
// pooled over the cohort's token-days, by the token's age and by its volatility, which is
// how far its peak is above its mean: what is a theft for a server that takes the same
// every hour is Tuesday for a batch job. Sizes of answers are heavy-tailed, so the prior
// falls as r^-0.7, which is what the hourly maxima of 262 real API clients do (leaps of 1.3, 11
// and 148 are exceeded on 50, 10 and 2 of 1,000 token-days). It looks at four sums, of
// which the largest leap is told, so all of them share its surprise.
type volumeSpike struct{}

const (
	volumeSpikeName = "volume_spike"
	volumeSpikeCap  = 6.5
	theftTakes      = 0.1 // P(a thief takes this much)
	volumeDays      = 4   // active days before there is something to compare with
	leastSaid       = 0.5 // nats
)

var volumeLeaps = leaping{at: 0.06, power: 0.7, theft: theftTakes, looks: 3}

func (volumeSpike) name() string { return volumeSpikeName }

func (volumeSpike) phrase() string { return "for abnormal volumes" }

func (volumeSpike) look(l *look) {
	if g, llr := l.furthest(volumeNews, volumeDays, volumeLeaps); llr >= leastSaid {
		l.foundIn(traffic, volumeSpikeName, min(volumeSpikeCap, llr), func() words {
			return l.volumeWords(g, "volume:", [gauges]string{bytesTen: "10 min", bytesHour: "one hour", billTen: "10 min", billHour: "one hour"}[g])
		})
	}
}

// furthest is the gauge of some whose news is the least likely the owner's, and the
// log-likelihood ratio of it.
func (l *look) furthest(of news, days uint16, s leaping) (at gauge, llr float64) {
	p := l.profile
	if p.doings.news&of == 0 || p.days <= days {
		return 0, 0 // there is no news, or too little to compare with
	}
	for g := range gauges {
		if p.doings.news&of&(1<<g) == 0 {
			continue
		}
		if here := math.Log(s.theft / (s.looks * l.cohort.pools.beyond(p, g, s))); here > llr {
			at, llr = g, here
		}
	}
	return at, llr
}

// volumeWords tell how much was taken within a span of time.
func (l *look) volumeWords(g gauge, key, span string) words {
	d, days := &l.profile.doings, int(l.profile.days)-1
	what, say := "bytes", bytesInWords
	switch {
	case g == requestsLong:
		what, say = "requests", requestsInWords
	case (g == billTen || g == billHour || g == billLong) && l.event.CostUSD > 0:
		what, say = "spend", dollarsInWords
	case g == billTen || g == billHour || g == billLong:
		what, say = "units", unitsInWords
	}
	return words{
		key:    key + what + ":" + span,
		seen:   say(float64(d.sums[g])) + " in " + span,
		normal: "at most " + say(g.amount(d.peak(g))) + " in " + span + overDays(days),
	}
}

func requestsInWords(n float64) string { return fmt.Sprintf("%.0f requests", n) }

func unitsInWords(bill float64) string {
	switch units := bill / nominalPrice; {
	case units >= 1e6:
		return fmt.Sprintf("%.1f million units", units/1e6)
	case units >= 1e4:
		return fmt.Sprintf("%.0f,000 units", units/1e3)
	default:
		return fmt.Sprintf("%.0f units", units)
	}
}

func dollarsInWords(bill float64) string { return fmt.Sprintf("$%.2f", bill) }

func bytesInWords(n float64) string {
	for _, unit := range [...]string{"bytes", "kB", "MB", "GB"} {
		if n < 1000 {
			return fmt.Sprintf("%.3g %s", n, unit)
		}
		n /= 1000
	}
	return fmt.Sprintf("%.3g TB", n)
}
