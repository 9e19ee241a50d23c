package backtest

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// moments reads the times of one column, and writes others in the way in which the first was
// written, so that what comes out can be joined with what went in.
type moments struct {
	layout string // empty: unix seconds
	known  bool
}

// layouts are the ways in which moments are written, other than as seconds since 1970.
var layouts = [...]string{time.RFC3339Nano, "2006-01-02 15:04:05", "2006-01-02T15:04:05", "2006-01-02 15:04", "2006-01-02"}

// latest is the end of the year 9999, beyond which RFC 3339 cannot be written. What is
// written in milliseconds is beyond it.
const latest = 253402300800

func (m *moments) read(text string) (time.Time, error) {
	text = strings.TrimSpace(text)
	if seconds, err := strconv.ParseFloat(text, 64); err == nil {
		if math.IsNaN(seconds) || seconds < -latest || seconds >= latest {
			return time.Time{}, fmt.Errorf("time %q: want seconds since 1970, not milliseconds or more", text)
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

func (m *moments) learn(layout string) {
	if !m.known {
		m.layout, m.known = layout, true
	}
}

func (m *moments) write(dst []byte, at time.Time) []byte {
	switch {
	case !m.known:
		return at.UTC().AppendFormat(dst, time.RFC3339Nano)
	case m.layout != "":
		return at.UTC().AppendFormat(dst, m.layout)
	case at.Nanosecond() == 0:
		return strconv.AppendInt(dst, at.Unix(), 10)
	}
	return strconv.AppendFloat(dst, float64(at.UnixMilli())/1e3, 'f', -1, 64)
}
