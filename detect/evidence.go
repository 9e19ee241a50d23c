package detect

import (
	"math"
	"sort"
	"time"

	"github.com/tokenwatch/tokenwatch/schema"
)

const (
	// maxEvidence bounds what is kept for one token: a shared key can be seen from a
	// thousand networks, of which the strongest few tell the story.
	maxEvidence = 24
	// leastNats is when faded evidence is dropped.
	leastNats = 0.2
)

// evidence is a detector's strongest reason within one group.
type evidence struct {
	group    group
	detector string
	words    words
	llr      float64 // at its strongest
	at       int64   // when it was strongest
	last     int64   // when it was last renewed
}

// keep files evidence, or renews what the same detector said of the same group before.
// When the list is full, the weakest of it makes room.
func (p *profile) keep(now int64, e evidence, say func() words) {
	e.at, e.last = now, now
	weakest := -1
	for i := range p.evidence {
		old := &p.evidence[i]
		if old.group == e.group && old.detector == e.detector {
			old.last = max(old.last, now)
			if math.Abs(e.llr) > math.Abs(old.llr) {
				e.words = say()
				*old = e
			}
			return
		}
		if weakest < 0 || math.Abs(old.llr) < math.Abs(p.evidence[weakest].llr) {
			weakest = i
		}
	}
	if len(p.evidence) < maxEvidence {
		e.words = say()
		p.evidence = append(p.evidence, e)
		return
	}
	if math.Abs(e.llr) > math.Abs(p.evidence[weakest].llr) {
		e.words = say()
		p.evidence[weakest] = e
	}
}

// fade drops evidence that has lost its weight.
func (p *profile) fade(now int64, halfLife time.Duration) {
	kept := p.evidence[:0]
	for _, e := range p.evidence {
		if math.Abs(e.weight(now, halfLife)) >= leastNats {
			kept = append(kept, e)
		}
	}
	p.evidence = kept
}

// weight is what evidence still counts, in nats.
func (e *evidence) weight(now int64, halfLife time.Duration) float64 {
	age := max(0, now-e.last)
	return e.llr * math.Exp2(-float64(age)/halfLife.Seconds())
}

// sum adds a token's evidence up. Within a group the detectors look at different sides
// of the same visit and add. Visits do not: one thief who changes addresses makes many,
// and each further one says half as much as the one before. What was seen in one visit
// (the same new client, the same odd hour) is no news in the next. Traffic is a group of
// its own and counts in full.
func (p *profile) sum(now int64, halfLife time.Duration) float64 {
	var visits []float64
	total := 0.0
	for i := range p.evidence {
		if !p.firstOf(i) {
			continue
		}
		v := p.groupSum(i, now, halfLife)
		if p.evidence[i].group == traffic {
			total += v
		} else if v > 0 {
			visits = append(visits, v)
		}
	}
	sort.Sort(sort.Reverse(sort.Float64Slice(visits)))
	for i, v := range visits {
		total += v * math.Exp2(-float64(i))
	}
	return total
}

// groupSum adds up the group of evidence i, which is the first of it.
func (p *profile) groupSum(i int, now int64, halfLife time.Duration) float64 {
	sum := 0.0
	for j := i; j < len(p.evidence); j++ {
		e := &p.evidence[j]
		if e.group == p.evidence[i].group && (e.llr < 0 || !p.told(j)) {
			sum += e.weight(now, halfLife)
		}
	}
	return sum
}

// told reports whether evidence before j says the same of another group.
func (p *profile) told(j int) bool {
	for i := range j {
		if e := &p.evidence[i]; e.detector == p.evidence[j].detector && e.words.key == p.evidence[j].words.key && e.llr > 0 {
			return true
		}
	}
	return false
}

// firstOf tells whether evidence i is the first of its group in the list.
func (p *profile) firstOf(i int) bool {
	for j := range i {
		if p.evidence[j].group == p.evidence[i].group {
			return false
		}
	}
	return true
}

// report writes the evidence as others read it, strongest first.
func (p *profile) report() []schema.Evidence {
	var list []schema.Evidence
	for _, e := range p.evidence {
		if e.llr <= 0 {
			continue
		}
		list = append(list, schema.Evidence{
			Detector: e.detector, Key: e.words.key, Time: time.Unix(e.at, 0).UTC(), LLR: e.llr,
			Seen: e.words.seen, Normal: e.words.normal, Attack: attackID,
		})
	}
	sort.SliceStable(list, func(i, j int) bool { return list[i].LLR > list[j].LLR })
	return list
}

// attackID is MITRE ATT&CK's "Use Alternate Authentication Material: Application Access
// Token", which every detector here is about.
const attackID = "T1550.001"
