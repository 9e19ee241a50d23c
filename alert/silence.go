package alert

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
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
	match, err := parseConditions(s.Matchers)
	switch {
	case err != nil:
		return Silence{}, SilenceError{"conditions", err.Error()}
	case s.By == "":
		return Silence{}, SilenceError{"by", "a silence needs somebody who is answerable for it"}
	case s.Reason == "":
		return Silence{}, SilenceError{"reason", "a silence needs a reason"}
	case !s.Until.After(s.From):
		return Silence{}, SilenceError{"until", "a silence has to end after it begins"}
	case s.Until.Sub(s.From) > maxSilence:
		return Silence{}, SilenceError{"until", "a silence lasts 90 days at most; for longer, use a route (alert.routes)"}
	}
	return Silence{Silence: s, match: match}, nil
}

// SilenceError says what is wrong with a silence, and where.
type SilenceError struct {
	Field string // conditions, by, reason or until
	Text  string
}

func (e SilenceError) Error() string { return e.Text }

func parseConditions(texts []string) (list Matchers, err error) {
	if len(texts) == 0 {
		return nil, errors.New("a silence needs a condition, such as owner=acme-* or token=FINGERPRINT")
	}
	for _, text := range texts {
		m, err := ParseMatcher(text)
		if err != nil {
			return nil, err
		}
		list = append(list, m)
	}
	return list, nil
}

// NewSilence makes a silence that somebody wants from a time on, and checks it.
func NewSilence(conditions []string, by, reason string, from time.Time, length time.Duration, now time.Time) (Silence, error) {
	id := make([]byte, 6)
	_, _ = rand.Read(id) // it does not fail
	from = from.UTC().Truncate(time.Millisecond)
	return ReadSilence(schema.Silence{
		ID: "sil-" + hex.EncodeToString(id), Matchers: conditions, By: by, Reason: reason,
		From: from, Until: from.Add(length), Revised: now.UTC().Truncate(time.Millisecond),
	})
}

// Expired is a silence as it stands once it was ended at a time. One that was to begin later never does.
func Expired(s schema.Silence, now time.Time) schema.Silence {
	s.Until = now.UTC().Truncate(time.Millisecond)
	s.Revised = s.Until
	return s
}

// Matches reports whether the silence is about the incident, at any time.
func (s Silence) Matches(inc *schema.Incident) bool { return s.match.Matches(inc) }

// Holds gives the end of the silence if it holds the incident back now, and the zero time if not.
func (s Silence) Holds(inc *schema.Incident, now time.Time) time.Time {
	if now.Before(s.From) || !now.Before(s.Until) || !s.match.Matches(inc) {
		return time.Time{}
	}
	return s.Until
}
