package console

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/tokenwatch/tokenwatch/alert"
	"github.com/tokenwatch/tokenwatch/schema"
)

const (
	markNear  = 140.0 // evidence that is nearer together shares a flag
	markWords = 3
	mostMarks = 12
)

// shownEvidence is what speaks against the owner, the strongest first.
func (p *casePlot) shownEvidence() []schema.Evidence {
	list := slices.DeleteFunc(slices.Clone(p.evidence), func(e schema.Evidence) bool {
		return e.LLR <= 0 || !p.when(e).Before(p.until)
	})
	slices.SortStableFunc(list, func(a, b schema.Evidence) int { return cmp.Compare(b.LLR, a.LLR) })
	return list
}

// when is the time of evidence, which cannot be before the incident.
func (p *casePlot) when(e schema.Evidence) time.Time {
	if e.Time.Before(p.began) {
		return p.began
	}
	return e.Time
}

// marks puts a flag where the evidence is, with the strongest named.
func (p *casePlot) marks() []caseMark {
	var list []caseMark
	for _, e := range p.shownEvidence() {
		x, word := p.x(p.when(e)), alert.Label(e)
		i := slices.IndexFunc(list, func(m caseMark) bool { return math.Abs(m.X-x) <= markNear })
		detail := p.when(e).UTC().Format("2006-01-02 15:04:05") + " " + word + ": " + clip(e.Seen, 80)
		switch {
		case i < 0 && len(list) < mostMarks:
			list = append(list, caseMark{X: x, End: x > (chartLeft+chartRight)/2, Words: []string{word}, Detail: detail})
		case i >= 0 && !slices.Contains(list[i].Words, word):
			list[i].Detail += "; " + detail
			if len(list[i].Words) < markWords {
				list[i].Words = append(list[i].Words, word)
			}
		}
	}
	return list
}
