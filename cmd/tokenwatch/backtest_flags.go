package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/alecthomas/kong"
)

// stdinName stands for standard input among files.
const stdinName = "-"

// several is a flag that takes all values that follow it, as wildcards give them: --events a.gz b.gz. It
// may be repeated.
type several []string

// Decode implements kong.MapperValue.
func (s *several) Decode(ctx *kong.DecodeContext) error {
	found := ctx.Scan.PopWhile(func(t kong.Token) bool { return t.IsValue() || t.Value == stdinName })
	if len(found) == 0 {
		return fmt.Errorf("want at least one file")
	}
	for _, t := range found {
		*s = append(*s, t.String())
	}
	return nil
}

// stretch is a duration that knows days and weeks, too.
type stretch time.Duration

// UnmarshalText reads 28d, 2w, 36h or 1d12h.
func (s *stretch) UnmarshalText(text []byte) error {
	total, rest := time.Duration(0), string(text)
	for _, unit := range []struct {
		name string
		of   time.Duration
	}{{"w", 7 * 24 * time.Hour}, {"d", 24 * time.Hour}} {
		number, behind, found := strings.Cut(rest, unit.name)
		if !found {
			continue
		}
		n, err := strconv.ParseFloat(number, 64)
		if err != nil || !(n >= 0 && n < 1e5) {
			return fmt.Errorf("%q: want a duration, such as 28d, 2w or 36h", text)
		}
		total, rest = total+time.Duration(n*float64(unit.of)), behind
	}
	if rest != "" {
		d, err := time.ParseDuration(rest)
		if err != nil || d < 0 {
			return fmt.Errorf("%q: want a duration, such as 28d, 2w or 36h", text)
		}
		total += d
	}
	*s = stretch(total)
	return nil
}

// String writes whole days as such.
func (s stretch) String() string {
	const aDay = 24 * time.Hour
	d := time.Duration(s).Round(time.Second)
	switch {
	case d >= 2*aDay && d%aDay == 0:
		return fmt.Sprintf("%d days", d/aDay)
	case d >= 2*aDay:
		return fmt.Sprintf("%.1f days", d.Hours()/24)
	}
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// instant is a time on the command line.
type instant struct{ time.Time }

// UnmarshalText reads a date or RFC 3339; without a zone it is UTC.
func (m *instant) UnmarshalText(text []byte) error {
	for _, layout := range []string{time.RFC3339, time.DateOnly, time.DateTime, "2006-01-02T15:04:05", "2006-01-02T15:04"} {
		if at, err := time.Parse(layout, string(text)); err == nil {
			m.Time = at.UTC()
			return nil
		}
	}
	return fmt.Errorf("%q: want a time, such as 2026-11-01 or 2026-11-01T15:04:05Z", text)
}
