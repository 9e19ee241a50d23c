package detect

import (
	"fmt"
	"math"
	"time"

	"github.com/tokenwatch/tokenwatch/schema"
)

// Series detects in a single series of counts, or of other values that are not negative, of
// which nothing is known but the series: there is no fleet whose days tell what is common,
// and somebody watches it who would rather look once in a few days than miss something. Where
// there are many tokens, an [Engine] is what one wants.
//
// Model: a value is news when it is 2.5 times the most of late: the largest value that is older
// than three hours, which fades to three tenths a day. The hours let a rise be seen as one rise,
// and the fading forgets what was loud the day before yesterday. Score is the logarithm of the
// ratio over that of 2.5; after a finding it stays below 1 for a day, since a second alarm
// about the same thing is none; so it does on the first day.
type Series struct {
	recent []float64 // the last three hours, oldest first
	most   float64   // ln of the most before, fading
	mean   float64   // of the values, so that values that are no counts have a unit
	seen   float64
	at     time.Time
	told   time.Time
	score  float64
}

const (
	seriesFactor  = 2.5
	seriesFade    = 0.3 // a day
	seriesLag     = 3 * time.Hour
	seriesQuiet   = 24 * time.Hour
	seriesName    = "record"
	seriesAlmost  = 0.99
	seriesHistory = 4096 // values that three hours hold at most
)

// NewSeries makes a Series that has seen nothing.
func NewSeries() *Series { return &Series{} }

// Process takes in no events: a series has counts.
func (s *Series) Process(*schema.Event) *schema.Finding { return nil }

// Score is what the last value came to; 1.0 is a finding.
func (s *Series) Score() float64 { return s.score }

// Count takes in the value of an interval. Values come in the order of time.
func (s *Series) Count(token schema.TokenID, at time.Time, interval time.Duration, value float64) *schema.Finding {
	if !(value >= 0) || math.IsInf(value, 1) {
		s.score = 0
		return nil
	}
	s.pass(at, interval)
	s.seen++
	s.mean += (value - s.mean) / s.seen
	x := math.Log(value + s.unit())
	past := math.Max(s.most, math.Log(s.unit()))
	s.score = max(0, (x-past)/math.Log(seriesFactor))
	if s.seen <= 1 || len(s.recent) == 0 {
		s.score = 0
	}
	s.recent = append(s.recent, x)
	if s.score < 1 {
		return nil
	}
	if at.Sub(s.told) < seriesQuiet {
		s.score = seriesAlmost
		return nil
	}
	s.told = at
	return s.finding(token, at, interval, value, math.Exp(past)-s.unit())
}

// unit is what values are steadied with: one for counts, less where all values are small.
func (s *Series) unit() float64 { return max(1e-9, min(1, s.mean)) }

// pass lets time go by.
func (s *Series) pass(at time.Time, interval time.Duration) {
	if s.at.IsZero() {
		s.most, s.told = math.Inf(-1), at // the first day only teaches
	} else if d := at.Sub(s.at); d > 0 {
		s.most += math.Log(seriesFade) * d.Hours() / 24
	}
	s.at = at
	for len(s.recent) > 0 && len(s.recent) >= seriesWindow(interval) {
		s.most = math.Max(s.most, s.recent[0])
		s.recent = s.recent[1:]
	}
}

func seriesWindow(interval time.Duration) int {
	return int(max(1, min(seriesLag/max(interval, time.Second), seriesHistory)))
}

func (s *Series) finding(token schema.TokenID, at time.Time, interval time.Duration, value, past float64) *schema.Finding {
	ev := schema.Event{Token: token, Time: at, Topic: seriesName, Offset: at.Unix()}
	seen := fmt.Sprintf("%.4g in %s", value, interval)
	normal := fmt.Sprintf("at most about %.3g of late", math.Max(past, 0))
	return &schema.Finding{
		ID: findingID(&ev), Token: token, Time: at, Score: s.score, Severity: severity(s.score),
		Summary: fmt.Sprintf("More than in the last days: %s (normal: %s)", seen, normal),
		Evidence: []schema.Evidence{{
			Detector: seriesName, Key: seriesName, Time: at, LLR: math.Log(seriesFactor) * s.score, Seen: seen, Normal: normal, Attack: attackID,
		}},
		Topic: seriesName,
	}
}
