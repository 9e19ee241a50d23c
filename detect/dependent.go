package detect

import (
	"math"
	"time"
)

// dependence is what each further detector of one group counts, in parts of the one that
// is stronger, where detectors look at the same fact: a burst of requests brings bytes,
// spend and a day's drift along, for thief and owner alike.
const dependence = 0.25

// strongest is what a group of dependent evidence comes to: the strongest in full, the next
// a quarter, and so on.
func (s *story) strongest(g group, now int64, halfLife time.Duration) float64 {
	var said [maxEvidence]float64 // largest first
	n, total := 0, 0.0
	for i := range s.evidence {
		if s.evidence[i].group == g {
			n = insertSorted(&said, n, s.evidence[i].weight(now, halfLife))
		}
	}
	for i, v := range said[:n] {
		total += v * math.Pow(dependence, float64(i))
	}
	return total
}
