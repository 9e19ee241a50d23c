package console

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/tokenwatch/tokenwatch/schema"
	"github.com/tokenwatch/tokenwatch/schema/board"
)

// figures is what pages of tokens say numbers with: embedded in what a template gets, it is called as $.Data.Count.
type figures struct{}

// Count writes a whole number with thousands apart.
func (figures) Count(n any) string {
	digits := fmt.Sprint(n)
	sign := ""
	if strings.HasPrefix(digits, "-") {
		sign, digits = "-", digits[1:]
	}
	for at := len(digits) - 3; at > 0; at -= 3 {
		digits = digits[:at] + "," + digits[at:]
	}
	return sign + digits
}

// Bytes writes a size in its largest unit.
func (figures) Bytes(n uint64) string {
	if n < 1000 {
		return fmt.Sprintf("%d B", n)
	}
	f, unit := float64(n)/1000, 0
	for ; f >= 999.5 && unit < 5; unit++ {
		f /= 1000
	}
	return rounded(f) + " " + string("kMGTPE"[unit]) + "B"
}

// Percent writes a share.
func (figures) Percent(share float64) string {
	if share > 0 && share < 0.01 {
		return "< 1 %"
	}
	return fmt.Sprintf("%.0f %%", 100*share)
}

// Number writes a number with the digits that matter.
func (figures) Number(v float64) string { return rounded(v) }

// Day writes a date.
func (figures) Day(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return t.UTC().Format(time.DateOnly)
}

// Minute writes a moment.
func (figures) Minute(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return t.UTC().Format("2006-01-02 15:04")
}

// Short is a fingerprint that has to fit in a table.
func (figures) Short(id schema.TokenID) string { return id.String()[:8] + "…" }

// Span writes a duration in its largest unit.
func (figures) Span(d time.Duration) string {
	switch {
	case d >= 48*time.Hour && d%(24*time.Hour) == 0:
		return fmt.Sprintf("%d days", d/(24*time.Hour))
	case d >= time.Hour && d%time.Hour == 0:
		return fmt.Sprintf("%d h", d/time.Hour)
	case d >= time.Minute && d%time.Minute == 0:
		return fmt.Sprintf("%d min", d/time.Minute)
	}
	return d.Round(time.Second).String()
}

// State says what a profile's state means.
func (figures) State(s schema.ProfileState) string {
	switch s {
	case schema.ProfileLearning:
		return "learning: too little history yet, it leans on tokens like it"
	case schema.ProfileActive:
		return "active: judged by its own history"
	case schema.ProfileStale:
		return "stale: silent for so long that its history says little"
	}
	return string(s)
}

// Confidence says how much a profile's history is worth.
func (figures) Confidence(s schema.ProfileState, days int) string {
	switch {
	case s != schema.ProfileActive:
		return "low"
	case days < 14:
		return "medium"
	}
	return "high"
}

// Verdict says a verdict in words.
func (figures) Verdict(k schema.VerdictKind) string {
	switch k {
	case schema.VerdictOwner:
		return "it was us"
	case schema.VerdictTheft:
		return "confirmed theft"
	case schema.VerdictSnooze:
		return "snoozed"
	}
	return string(k)
}

// Quiet names the detectors that hold nothing against a token.
func (figures) Quiet(list []board.TokenDetector) string {
	var names []string
	for _, d := range list {
		switch {
		case d.Weight != 0:
		case d.Trial:
			names = append(names, d.Name+" (on trial)")
		default:
			names = append(names, d.Name)
		}
	}
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

func rounded(v float64) string {
	switch {
	case v == 0:
		return "0"
	case v >= 9.95 || v <= -9.95:
		return figures{}.Count(int64(v + 0.5))
	case v >= 0.095 || v <= -0.095:
		return strings.TrimSuffix(strconv.FormatFloat(v, 'f', 1, 64), ".0")
	}
	return strconv.FormatFloat(v, 'g', 1, 64)
}
