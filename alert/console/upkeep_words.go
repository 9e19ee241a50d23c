package console

import (
	"fmt"
	"html/template"
	"net/url"
	"strconv"
	"time"
)

// upkeepWords are what the pages System, Silences and Allow-list say beyond words.
var upkeepWords = template.FuncMap{
	"minute":  func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04") },
	"later":   func(t time.Time) bool { return t.After(time.Now()) },
	"ahead":   ahead,
	"pair":    func(v view, of any) pair { return pair{v, of} },
	"add":     func(a, b int) int { return a + b },
	"count":   func(n any) (string, error) { return countOf(n) },
	"bytes":   func(n uint64) string { return bytesOf(float64(n)) },
	"span":    spanOf,
	"part":    url.PathEscape, // of a path: it may have a slash in it
	"bytes64": func(n int64) string { return bytesOf(float64(n)) },
	"percent": func(part, of uint64) string { return fmt.Sprintf("%.0f %%", 100*float64(part)/max(1, float64(of))) },
}

// pair hands a template the page beside one thing of it.
type pair struct {
	View view
	Of   any
}

// ahead says how long something is still to come, in its largest unit.
func ahead(t time.Time) string { return spanOf(time.Until(t)) }

// spanOf writes a length of time in its largest unit.
func spanOf(d time.Duration) string {
	switch {
	case d < time.Second:
		return fmt.Sprintf("%d ms", max(0, d.Milliseconds()))
	case d < 2*time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < 2*time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", int(d.Hours()))
	}
	return fmt.Sprintf("%d days", int(d.Hours()/24))
}

// countOf writes a number with its thousands apart: 12,345.
func countOf(n any) (string, error) {
	digits, sign := "", ""
	switch n := n.(type) {
	case int:
		digits = strconv.Itoa(n)
	case int64:
		digits = strconv.FormatInt(n, 10)
	case int32:
		digits = strconv.Itoa(int(n))
	case uint32:
		digits = strconv.FormatUint(uint64(n), 10)
	case uint64:
		digits = strconv.FormatUint(n, 10)
	case float64:
		digits = strconv.FormatFloat(n, 'f', 0, 64)
	default:
		return "", fmt.Errorf("count: %T is no number", n)
	}
	if digits[0] == '-' {
		digits, sign = digits[1:], "-"
	}
	for at := len(digits) - 3; at > 0; at -= 3 {
		digits = digits[:at] + "," + digits[at:]
	}
	return sign + digits, nil
}

// bytesOf writes a size the way people say it: 1.2 MB.
func bytesOf(n float64) string {
	units := []string{"B", "kB", "MB", "GB", "TB", "PB", "EB"}
	i := 0
	for ; n >= 1000 && i < len(units)-1; i++ {
		n /= 1000
	}
	if i == 0 || n >= 100 {
		return fmt.Sprintf("%.0f %s", n, units[i])
	}
	return fmt.Sprintf("%.1f %s", n, units[i])
}
