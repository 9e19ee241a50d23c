package backtest

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// moments reads the times of one column, and writes others in the way in which they were
// written, so that what comes out can be joined with what went in.
type moments struct {
	layout string // empty: unix seconds
	known  bool
	mixed  bool // they are written in several ways, of which the first may not hold what the others do
}

// layouts are the ways in which moments are written, other than as seconds since 1970. Where nothing says where, it
// is UTC: what follows zoned.
var layouts = [...]string{
	"2006-01-02T15:04:05.999999999-07:00", time.RFC3339Nano, "2006-01-02T15:04:05.999999999-0700", "2006-01-02T15:04Z07:00",
	"2006-01-02 15:04:05.999999999-07:00", "2006-01-02 15:04:05.999999999Z07:00", "2006-01-02 15:04:05.999999999 UTC", "2006-01-02 15:04:05.999999999 -0700",
	"2006-01-02 15:04:05.999999999", "2006-01-02T15:04:05.999999999", "2006-01-02 15:04", "2006-01-02T15:04", "2006-01-02",
}

// zoned is how many layouts say where.
const zoned = 8

// latest is the end of the year 9999, beyond which RFC 3339 cannot be written. What is
// written in milliseconds is beyond it.
const latest = 253402300800

func (m *moments) read(text string) (time.Time, error) {
	text = strings.TrimSpace(text)
	if seconds, err := strconv.ParseFloat(text, 64); err == nil {
		if math.IsNaN(seconds) || seconds < -latest || seconds >= latest {
			return time.Time{}, notSeconds(text, seconds)
		}
		m.learn("")
		whole := math.Floor(seconds)
		return time.Unix(int64(whole), int64(math.Round((seconds-whole)*1e3))*1e6).UTC(), nil
	}
	for _, layout := range layouts {
		if at, err := time.Parse(layout, text); err == nil {
			m.learn(layout)
			return at.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("time %q: want seconds since 1970, or RFC 3339 such as 2026-11-02T15:04:05Z", text)
}

// notSeconds says what a number is that cannot be a time in seconds.
func notSeconds(text string, n float64) error {
	for _, unit := range []struct {
		name string
		of   string
		per  float64
	}{{"milliseconds", "1,000", 1e3}, {"microseconds", "1,000,000", 1e6}, {"nanoseconds", "1,000,000,000", 1e9}} {
		if s := n / unit.per; s > 0 && s < latest/40 { // within two centuries
			return fmt.Errorf("time %q: want seconds since 1970, not %s: divide by %s", text, unit.name, unit.of)
		}
	}
	return fmt.Errorf("time %q: want seconds since 1970, or RFC 3339 such as 2026-11-02T15:04:05Z", text)
}

func (m *moments) learn(layout string) {
	if !m.known {
		m.layout, m.known = layout, true
	}
	m.mixed = m.mixed || layout != m.layout
}

// local reports whether the moments did not say where.
func (m *moments) local() bool {
	return m.known && slices.Contains(layouts[zoned:], m.layout)
}

func (m *moments) write(dst []byte, at time.Time) []byte {
	switch {
	case !m.known || m.mixed:
		return at.UTC().AppendFormat(dst, time.RFC3339Nano)
	case m.layout != "":
		return at.UTC().AppendFormat(dst, m.layout)
	case at.Nanosecond() == 0:
		return strconv.AppendInt(dst, at.Unix(), 10)
	}
	return strconv.AppendFloat(dst, float64(at.UnixMilli())/1e3, 'f', -1, 64)
}
