package detect

import (
	"math"
	"slices"
)

const (
	wearyAfter = 0.5 // days after the first alert
	leastWeary = 0.4
)

// weary is what a score is worth that says the same as an alert of the days before: somebody was
// told, and knows by now, or does not want to know. What is told stays in quarantine and out
// of the profile all the same; another place, a score that is twice as high, or a theft that was
// confirmed, is news.
func (p *profile) weary(s *story, now int64) float64 {
	q := &p.quarantine
	days := float64(now-int64(q.since)) / daySeconds
	if q.since == 0 || s.says(confirmedName) || now-int64(q.last) > p.pause() || days < wearyAfter || s.where() != q.where {
		return 1
	}
	return max(leastWeary, math.Exp2(-days))
}

// says reports whether a detector's evidence is in the air.
func (s *story) says(detector string) bool {
	return slices.ContainsFunc(s.evidence, func(e evidence) bool { return e.detector == detector && e.llr > 0 })
}

// where stands for the place of the strongest evidence; 0 is the token's own.
func (s *story) where() uint32 {
	best, at := 0.0, -1
	for i := range s.evidence {
		if e := &s.evidence[i]; e.llr > best && e.group != ways {
			best, at = e.llr, i
		}
	}
	if at < 0 || s.evidence[at].group.country == "" {
		return 0
	}
	return textHash(s.evidence[at].group.country)
}
