package detect

import (
	"math"
	"slices"
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
	excused  bool    // a fleet event explains it: it does not count
}

// story is what few profiles have: evidence in the air, and the episode it belongs to.
type story struct {
	evidence []evidence
	episode  episode
	blank    lists // of a story that was told before, for the next episode to write on
}

// keep files evidence, or renews what the same detector said of the same group before.
// When the list is full, the weakest of it makes room.
func (s *story) keep(now int64, e evidence, say func() words) {
	e.at, e.last = now, now
	weakest := -1
	for i := range s.evidence {
		old := &s.evidence[i]
		if old.detector == e.detector && old.group == e.group {
			old.last = max(old.last, now)
			if math.Abs(e.llr) > math.Abs(old.llr) {
				e.words = say()
				*old = e
			}
			return
		}
		if weakest < 0 || math.Abs(old.llr) < math.Abs(s.evidence[weakest].llr) {
			weakest = i
		}
	}
	if len(s.evidence) < maxEvidence {
		e.words = say()
		s.evidence = append(s.evidence, e)
		return
	}
	if math.Abs(e.llr) > math.Abs(s.evidence[weakest].llr) {
		e.words = say()
		s.evidence[weakest] = e
	}
}

// fade drops evidence that has lost its weight.
func (s *story) fade(now int64, halfLife time.Duration) {
	kept := s.evidence[:0]
	for _, e := range s.evidence {
		if math.Abs(e.weight(now, halfLife)) >= leastNats {
			kept = append(kept, e)
		}
	}
	s.evidence = kept
}

// fades is a time before which the profile's evidence loses its weight in no case, and
// its episode is not closed; 0 when there is none.
func (l *look) fades() uint32 {
	s := l.memory.storyOf(l.profile)
	if s == nil {
		return 0
	}
	if s.episode.waiting.on() {
		return 0
	}
	first := s.episode.last + 2*int64(l.halfLife/time.Second)
	for i := range s.evidence {
		e := &s.evidence[i]
		lasts := l.halfLife.Seconds() * math.Log2(math.Abs(e.llr)/leastNats)
		first = min(first, e.last+int64(max(0, min(lasts, math.MaxInt32)))-1)
	}
	return uint32(max(0, min(first, math.MaxUint32)))
}

// weight is what evidence still counts, in nats.
func (e *evidence) weight(now int64, halfLife time.Duration) float64 {
	age := max(0, now-e.last)
	if age == 0 {
		return e.llr // most is of the event at hand
	}
	return e.llr * math.Exp2(-float64(age)/halfLife.Seconds())
}

// speaks tells evidence for theft that counts.
func (e *evidence) speaks() bool { return e.llr > 0 && !e.excused }

// sum adds a token's evidence up. Within a group the detectors look at different sides
// of the same visit and add. Visits do not: one thief who changes addresses makes many,
// and each further one says half as much as the one before. What was seen in one visit
// (the same new client, the same odd hour) is no news in the next. Traffic is a group of
// its own, of which the strongest counts in full (see strongest). How unlike its owner the
// token has been over hours is the same facts once more, added up in another way.
func (s *story) sum(now int64, halfLife time.Duration) float64 {
	if s.excused() {
		rest := s.unexcused()
		return rest.sum(now, halfLife)
	}
	var visits [maxEvidence]float64 // largest first
	n, total, manner := 0, 0.0, 0.0
	for i := range s.evidence {
		if !s.firstOf(i) {
			continue
		}
		v := s.groupSum(i, now, halfLife)
		switch g := s.evidence[i].group; {
		case g == traffic:
			total += s.strongest(traffic, now, halfLife)
		case g == ways:
			manner = max(0, v)
		case v > 0:
			n = insertSorted(&visits, n, v)
		}
	}
	visited := 0.0
	for i, v := range visits[:n] {
		visited += v * math.Exp2(-float64(i))
	}
	return total + max(visited, manner) + dependence*min(visited, manner)
}

// excused reports whether a fleet event explains some of it.
func (s *story) excused() bool {
	for i := range s.evidence { // by number: evidence is large, and this is asked of every sum
		if s.evidence[i].excused {
			return true
		}
	}
	return false
}

// unexcused is the story without what a fleet event explains.
func (s *story) unexcused() story {
	rest := story{episode: s.episode}
	for i := range s.evidence {
		if !s.evidence[i].excused {
			rest.evidence = append(rest.evidence, s.evidence[i])
		}
	}
	return rest
}

func insertSorted(list *[maxEvidence]float64, n int, v float64) int {
	i := n
	for ; i > 0 && list[i-1] < v; i-- {
		list[i] = list[i-1]
	}
	list[i] = v
	return n + 1
}

// groupSum adds up the group of evidence i, which is the first of it.
func (s *story) groupSum(i int, now int64, halfLife time.Duration) float64 {
	sum := 0.0
	for j := i; j < len(s.evidence); j++ {
		e := &s.evidence[j]
		if e.group == s.evidence[i].group && (e.llr < 0 || !s.told(j)) {
			sum += e.weight(now, halfLife)
		}
	}
	return sum
}

// told reports whether evidence before j says the same of another group.
func (s *story) told(j int) bool {
	for i := range j {
		if e := &s.evidence[i]; e.detector == s.evidence[j].detector && e.words.key == s.evidence[j].words.key && e.llr > 0 {
			return true
		}
	}
	return false
}

// firstOf tells whether evidence i is the first of its group in the list.
func (s *story) firstOf(i int) bool {
	for j := range i {
		if s.evidence[j].group == s.evidence[i].group {
			return false
		}
	}
	return true
}

// detectors counts who spoke for theft.
func (s *story) detectors() int {
	n := 0
	for i := range s.evidence {
		if s.evidence[i].speaks() && !slices.ContainsFunc(s.evidence[:i], func(e evidence) bool {
			return e.speaks() && e.detector == s.evidence[i].detector
		}) {
			n++
		}
	}
	return n
}

// report writes the evidence as others read it, strongest first.
func (s *story) report() []schema.Evidence {
	var list []schema.Evidence
	for i := range s.evidence {
		e := &s.evidence[i]
		if !e.speaks() {
			continue
		}
		e.words.spell()
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
