package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/tokenwatch/tokenwatch/schema"
)

// event writes an event: what is known of it, in words with units.
func (t *narrator) event(at string, e *schema.Event) {
	if t.json {
		t.encode(eventLine(at, e))
		return
	}
	fmt.Fprintf(t.out, "✓ %s   %s\n", at, e.Source)
	t.columns(e)
	fmt.Fprintln(t.out)
}

// columns writes those columns that say something.
func (t *narrator) columns(e *schema.Event) {
	for _, c := range columns(e, t.now) {
		if c.words != "" {
			fmt.Fprintf(t.out, "    %-12s %s\n", c.name, c.words)
		}
	}
}

// column is what one or several columns of an event say.
type column struct{ name, words string }

func columns(e *schema.Event, now time.Time) []column {
	return []column{
		{"time", timeWords(e, now)},
		{"token", tokenWords(e)},
		{"consumer", e.Consumer},
		{"environment", e.Environment},
		{"address", addressWords(e)},
		{"place", placeWords(e.Place)},
		{"request", strings.TrimSpace(e.Method + " " + e.Path)},
		{"route", e.Route},
		{"status", statusWords(e)},
		{"size", sizeWords(e)},
		{"took", tookWords(e.Latency)},
		{"user agent", e.UserAgent},
		{"client", e.Client},
		{"LLM", unitWords(e)},
		{"request id", e.RequestID},
	}
}

const stamp = "2006-01-02 15:04:05.000 UTC"

func timeWords(e *schema.Event, now time.Time) string {
	if e.Time.IsZero() {
		return ""
	}
	if e.TimeRaw.IsZero() {
		return fmt.Sprintf("%s, %s", e.Time.UTC().Format(stamp), distance(now.Sub(e.Time)))
	}
	key := "max_age"
	if e.TimeRaw.After(now) {
		key = "max_skew"
	}
	return fmt.Sprintf("%s, %s: beyond ingest.%s, so it would be stored as %s, and this in ts_raw",
		e.TimeRaw.UTC().Format(stamp), distance(now.Sub(e.TimeRaw)), key, e.Time.UTC().Format(stamp))
}

// distance is how long ago something was.
func distance(ago time.Duration) string {
	form := "%s ago"
	if ago < 0 {
		ago, form = -ago, "%s ahead"
	}
	switch {
	case ago < time.Minute:
		return fmt.Sprintf(form, ago.Truncate(time.Second))
	case ago < 2*time.Hour:
		return fmt.Sprintf(form, fmt.Sprintf("%d min", int(ago.Minutes())))
	case ago < 48*time.Hour:
		return fmt.Sprintf(form, fmt.Sprintf("%d hours", int(ago.Hours())))
	}
	return fmt.Sprintf(form, fmt.Sprintf("%d days", int(ago.Hours()/24)))
}

func tokenWords(e *schema.Event) string {
	switch {
	case e.Token.IsZero():
		return ""
	case e.TokenHint == "":
		return "fingerprint " + e.Token.String()
	}
	return fmt.Sprintf("%s, fingerprint %s", e.TokenHint, e.Token)
}

func addressWords(e *schema.Event) string {
	if !e.IP.IsValid() {
		return "none in the record"
	}
	from := map[schema.IPFrom]string{
		schema.IPFromPeer: "the TCP peer", schema.IPFromForwarded: "right of the trusted hops in the forwarding header", schema.IPFromGateway: "as the gateway worked it out",
	}[e.IPFrom]
	words := fmt.Sprintf("%s (%s)", e.IP.Unmap(), from)
	if e.IPSpoofed {
		words += ", the forwarding header contradicts it: forged, or a hop is missing in ingest.trusted_proxies"
	}
	return words
}

func placeWords(p schema.Place) string {
	var parts []string
	for _, part := range []string{p.City, p.Region, p.Country} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	if p.AccuracyKM > 0 {
		parts = append(parts, fmt.Sprintf("within %d km", p.AccuracyKM))
	}
	if p.ASN != 0 {
		parts = append(parts, strings.TrimSpace(fmt.Sprintf("AS%d %s", p.ASN, p.ASOrg)))
		parts = append(parts, "network: "+p.Network.String())
	}
	return strings.Join(parts, ", ")
}

func statusWords(e *schema.Event) string {
	if e.Status == 0 {
		return "none: no answer was sent, or the record does not say"
	}
	return fmt.Sprint(e.Status)
}

func sizeWords(e *schema.Event) string {
	if e.BytesIn == 0 && e.BytesOut == 0 {
		return ""
	}
	return fmt.Sprintf("%d bytes in, %d bytes out", e.BytesIn, e.BytesOut)
}

func tookWords(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return fmt.Sprintf("%g ms", float64(d.Microseconds())/1000)
}

func unitWords(e *schema.Event) string {
	if e.UnitsIn == 0 && e.UnitsOut == 0 && e.CostUSD == 0 {
		return ""
	}
	words := fmt.Sprintf("%d tokens in, %d tokens out", e.UnitsIn, e.UnitsOut)
	if e.CostUSD != 0 {
		words += fmt.Sprintf(", %.6g US dollars", e.CostUSD)
	}
	return words
}
