package alert

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/tokenwatch/tokenwatch/schema"
)

// clean makes a text from outside fit to be shown: one line, valid UTF-8, at most so many
// runes, and none of the characters that reorder, hide or break what stands around them
// (controls, bidirectional overrides, zero-width characters).
func clean(s string, runes int) string {
	var b strings.Builder
	space, count, fits := false, 0, 0 // fits is how much of b leaves room for an ellipsis
	for _, r := range s {
		if unicode.IsSpace(r) || unicode.Is(unicode.Cc, r) {
			space = true
			continue
		}
		if r >= utf8.RuneSelf && (r == utf8.RuneError || unicode.In(r, unicode.Cf, unicode.Co, unicode.Cs)) {
			continue
		}
		if space && b.Len() > 0 {
			b.WriteByte(' ')
			count++
		}
		space = false
		if count++; count > runes {
			return strings.TrimRight(b.String()[:fits], " ") + "…"
		}
		b.WriteRune(r)
		if count < runes {
			fits = b.Len()
		}
	}
	return b.String()
}

// number writes a count with its thousands apart: 12,345.
func number(n uint64) string {
	digits := strconv.FormatUint(n, 10)
	var b strings.Builder
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(d)
	}
	return b.String()
}

// size writes a number of bytes the way people say it.
func size(n uint64) string {
	units := []string{"B", "kB", "MB", "GB", "TB", "PB"}
	f, i := float64(n), 0
	for f >= 1000 && i < len(units)-1 {
		f, i = f/1000, i+1
	}
	if i == 0 || f >= 10 {
		return fmt.Sprintf("%.0f %s", f, units[i])
	}
	return fmt.Sprintf("%.1f %s", f, units[i])
}

// span writes a length of time in its largest unit or two.
func span(d time.Duration) string {
	switch d = d.Round(time.Second); {
	case d < time.Second:
		return "1 s"
	case d < 2*time.Minute:
		return fmt.Sprintf("%d s", d/time.Second)
	case d < 2*time.Hour:
		return fmt.Sprintf("%d min", d/time.Minute)
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", d/time.Hour)
	default:
		return fmt.Sprintf("%d days", d/(24*time.Hour))
	}
}

// plural writes a count and its noun.
func plural(n uint64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	if strings.HasSuffix(noun, "s") {
		return number(n) + " " + noun + "es"
	}
	return number(n) + " " + noun + "s"
}

// percent writes a share the way a reader wants it: no false precision, never 0 % for
// something that happened.
func percent(share float64) string {
	switch p := share * 100; {
	case p <= 0 || math.IsNaN(p):
		return "0 %"
	case p < 1:
		return "<1 %"
	default:
		return fmt.Sprintf("%.0f %%", min(p, 100))
	}
}

// names lists what was seen, the first few.
func names(list []string, most int) string {
	if len(list) <= most {
		return strings.Join(list, " · ")
	}
	return fmt.Sprintf("%s · and %d more", strings.Join(list[:most], " · "), len(list)-most)
}

// shares lists what is normal with its part, the first few.
func shares(list []schema.Share, most int) string {
	parts := make([]string, 0, most)
	for _, s := range list[:min(len(list), most)] {
		parts = append(parts, s.Name+" "+percent(s.Share))
	}
	return strings.Join(parts, " · ")
}
