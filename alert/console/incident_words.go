package console

import (
	"fmt"
	"html/template"
	"math"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// caseWords are what the templates of these pages say; they are methods of the page, so that other pages' words do not
// get in their way.
type caseWords struct{}

// Number writes a count with its thousands apart: 12,345.
func (caseWords) Number(n any) string { return thousandsApart(fmt.Sprint(n)) }

// Size writes bytes the way people say them: 1.2 MB.
func (caseWords) Size(n uint64) string { return bytesOf(float64(n)) }

// Money writes US dollars.
func (caseWords) Money(usd float64) string {
	if usd > 0 && usd < 0.01 {
		return "<$0.01"
	}
	return fmt.Sprintf("$%.2f", usd)
}

// At writes a time to the second; a time that is none is a dash.
func (caseWords) At(t time.Time) string {
	if t.IsZero() {
		return "–"
	}
	return t.UTC().Format("2006-01-02 15:04:05")
}

// Precise is At to the millisecond.
func (caseWords) Precise(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05.000") }

// Machine is a time for the datetime attribute.
func (caseWords) Machine(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// Left is how long it is until t, in seconds.
func (caseWords) Left(t, now time.Time) int { return max(0, int(math.Ceil(t.Sub(now).Seconds()))) }

// Long writes a length of time in its largest unit or two.
func (caseWords) Long(d time.Duration) string {
	switch {
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < 2*time.Minute:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d < 2*time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", int(d.Hours()))
	}
	return fmt.Sprintf("%d days", int(d.Hours()/24))
}

// Address writes a client address; logs without one have none.
func (caseWords) Address(ip netip.Addr) string {
	if !ip.IsValid() {
		return "no address"
	}
	return ip.String()
}

// Place names a city and country, as far as they are known.
func (caseWords) Place(city, country string) string {
	switch {
	case city == "" && country == "":
		return "unknown place"
	case city == "":
		return clip(country, 40)
	}
	return clip(city, 60) + ", " + clip(country, 40)
}

// Network names an autonomous system.
func (caseWords) Network(asn uint32, org string) string {
	name := clip(org, 80)
	if asn == 0 {
		if name == "" {
			return "unknown network"
		}
		return name
	}
	return strings.TrimSpace("AS" + strconv.FormatUint(uint64(asn), 10) + " " + name)
}

// Or gives a text, or another where it is empty, at most 120 characters of it.
func (caseWords) Or(text, other string) string {
	if text == "" {
		return other
	}
	return clip(text, 120)
}

// Blocks writes a weight as so many of five blocks, beside the words that say it.
func (caseWords) Blocks(n int) string {
	return strings.Repeat("■", min(max(n, 0), 5)) + strings.Repeat("□", 5-min(max(n, 0), 5))
}

// Query writes one parameter of a link, encoded.
func (caseWords) Query(name, value string) template.URL {
	return template.URL(url.Values{name: {value}}.Encode())
}
