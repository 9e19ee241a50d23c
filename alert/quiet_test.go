package alert_test

import (
	"strings"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/alert"
	"github.com/tokenwatch/tokenwatch/schema"
)

func quiet(t testing.TB, texts ...string) (list []alert.QuietHours) {
	t.Helper()
	for _, text := range texts {
		q, err := alert.ParseQuietHours(text)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, q)
	}
	return list
}

// Quiet hours hold back what does not wake anybody, until they end by the receiver's clock.
func TestQuietHours(t *testing.T) {
	at := func(text string) time.Time {
		when, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t.Fatal(err)
		}
		return when
	}
	for _, c := range []struct {
		name, zone string
		hours      []string
		now, until string // until is empty where nothing is held back
		severity   schema.Severity
		wake       schema.Severity
	}{
		{name: "in the evening", hours: []string{"22:00-07:00"}, now: "2026-11-18T23:00:00Z", until: "2026-11-19T07:00:00Z"},
		{name: "in the morning", hours: []string{"22:00-07:00"}, now: "2026-11-18T06:59:59Z", until: "2026-11-18T07:00:00Z"},
		{name: "at their end", hours: []string{"22:00-07:00"}, now: "2026-11-18T07:00:00Z"},
		{name: "by day", hours: []string{"22:00-07:00"}, now: "2026-11-18T12:00:00Z"},
		{name: "critical wakes", hours: []string{"22:00-07:00"}, now: "2026-11-18T23:00:00Z", severity: schema.SeverityCritical},
		{name: "high does not", hours: []string{"22:00-07:00"}, now: "2026-11-18T23:00:00Z", severity: schema.SeverityHigh, until: "2026-11-19T07:00:00Z"},
		{name: "unless it is to", hours: []string{"22:00-07:00"}, now: "2026-11-18T23:00:00Z", severity: schema.SeverityHigh, wake: schema.SeverityHigh},
		{name: "Berlin's clock", zone: "Europe/Berlin", hours: []string{"22:00-07:00"}, now: "2026-11-18T21:30:00Z", until: "2026-11-19T06:00:00Z"},
		{name: "the night that lasts an hour longer", zone: "Europe/Berlin", hours: []string{"22:00-07:00"}, now: "2026-10-24T22:00:00Z", until: "2026-10-25T06:00:00Z"},
		{name: "the night that lasts an hour less", zone: "Europe/Berlin", hours: []string{"22:00-07:00"}, now: "2026-03-28T22:00:00Z", until: "2026-03-29T05:00:00Z"},
		{name: "a weekend", hours: []string{"Sat-Sun 00:00-24:00"}, now: "2026-11-21T10:00:00Z", until: "2026-11-23T00:00:00Z"},
		{name: "and the nights around it", hours: []string{"Sat-Sun 00:00-24:00", "22:00-07:00"}, now: "2026-11-20T22:00:00Z", until: "2026-11-23T07:00:00Z"},
		{name: "Friday's night is not Saturday's", hours: []string{"Sat 22:00-07:00"}, now: "2026-11-21T06:00:00Z"},
		{name: "days around the turn of the week", hours: []string{"Sat-Mon 10:00-11:00"}, now: "2026-11-23T10:30:00Z", until: "2026-11-23T11:00:00Z"},
		{name: "single days", hours: []string{"Mon,Wed 10:00-11:00"}, now: "2026-11-18T10:30:00Z", until: "2026-11-18T11:00:00Z"},
		{name: "always: once in a while it is let out", hours: []string{"00:00-24:00"}, now: "2026-11-18T10:00:00Z", until: "2026-11-26T00:00:00Z"},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := alert.DefaultConfig()
			cfg.Receivers = map[string]alert.Receiver{"slack": {Quiet: quiet(t, c.hours...), TimeZone: c.zone, Wake: c.wake}}
			inc := sample()
			if inc.Severity = c.severity; inc.Severity == 0 {
				inc.Severity = schema.SeverityMedium
			}
			now := at(c.now)
			d := cfg.Decide(inc, "slack", nil, false, now, now)
			if c.until == "" && !d.After.IsZero() || c.until != "" && !d.After.Equal(at(c.until)) {
				t.Errorf("held back until %s, want %q", d.After.UTC(), c.until)
			}
			if other := cfg.Decide(inc, "telegram", nil, false, now, now); !other.After.IsZero() {
				t.Error("somebody else's quiet hours count")
			}
		})
	}
}

func TestQuietHoursRefused(t *testing.T) {
	for _, text := range []string{"", "22:00", "22:00-22:00", "22-7", "25:00-07:00", "22:60-07:00", "Foo 22:00-07:00", "Mon- 22:00-07:00", "-1:00-07:00", "24:01-07:00"} {
		if _, err := alert.ParseQuietHours(text); err == nil || !strings.Contains(err.Error(), `want hours such as "22:00-07:00"`) {
			t.Errorf("%q: error %v", text, err)
		}
	}
}

func FuzzQuietHours(f *testing.F) {
	f.Add("Mon-Fri 22:00-07:00", int64(1_700_000_000))
	f.Fuzz(func(t *testing.T, text string, unix int64) {
		q, err := alert.ParseQuietHours(text)
		if err != nil || unix < 0 || unix > 4e9 {
			return
		}
		cfg, now := alert.DefaultConfig(), time.Unix(unix, 0)
		cfg.Receivers = map[string]alert.Receiver{"slack": {Quiet: []alert.QuietHours{q}}}
		inc := sample()
		d := cfg.Decide(inc, "slack", nil, false, now, now)
		if !d.After.IsZero() && (!d.After.After(now) || d.After.Sub(now) > 9*24*time.Hour) {
			t.Errorf("%q at %s: until %s", text, now.UTC(), d.After.UTC())
		}
	})
}
