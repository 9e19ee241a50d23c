package alert

import (
	"fmt"
	"time"

	"github.com/tokenwatch/tokenwatch/schema"
)

// Silence is a schema.Silence whose conditions have been read.
type Silence struct {
	schema.Silence
	match Matchers
}

// maxSilence is the longest that a silence may last. What is to be quiet for ever belongs into a route.
const maxSilence = 90 * 24 * time.Hour

// ReadSilence checks a silence and reads its conditions. One without conditions would silence everything, one without
// somebody who is answerable, or without a reason, nobody would dare to end.
func ReadSilence(s schema.Silence) (Silence, error) {
	switch {
	case len(s.Matchers) == 0:
		return Silence{}, fmt.Errorf("a silence needs a condition, such as owner=acme-* or token=FINGERPRINT")
	case s.By == "":
		return Silence{}, fmt.Errorf("a silence needs somebody who is answerable for it")
	case s.Reason == "":
		return Silence{}, fmt.Errorf("a silence needs a reason")
	case !s.Until.After(s.From):
		return Silence{}, fmt.Errorf("a silence has to end after it begins")
	case s.Until.Sub(s.From) > maxSilence:
		return Silence{}, fmt.Errorf("a silence lasts 90 days at most; for longer, use a route (alert.routes)")
	}
	read := Silence{Silence: s}
	for _, text := range s.Matchers {
		m, err := ParseMatcher(text)
		if err != nil {
			return Silence{}, err
		}
		read.match = append(read.match, m)
	}
	return read, nil
}

// Holds gives the end of the silence if it holds the incident back now, and the zero time if not.
func (s Silence) Holds(inc *schema.Incident, now time.Time) time.Time {
	if now.Before(s.From) || !now.Before(s.Until) || !s.match.Matches(inc) {
		return time.Time{}
	}
	return s.Until
}
