package format

import (
	"bytes"
	"fmt"
	"time"
)

// location is the zone of times that are text without one.
func (c Config) location() (*time.Location, error) {
	if c.Zone == "" {
		return time.UTC, nil
	}
	zone, err := time.LoadLocation(c.Zone)
	if err != nil || c.Zone == "Local" {
		return nil, fmt.Errorf("time_zone: %q is no zone of the IANA database, such as UTC or Europe/Berlin", c.Zone)
	}
	return zone, nil
}

// local has times that are text without a zone taken for local ones of that zone.
func (t *table) local(zone *time.Location) {
	if zone == time.UTC {
		return
	}
	before := t.finish
	t.finish = func(r *Record) {
		if before != nil {
			before(r)
		}
		if zoneless(r.clock) && !r.Time.IsZero() {
			r.Time = inZone(r.Time, zone)
		}
	}
}

// inZone is the instant at which a clock of that zone shows what t shows in UTC. In
// the hour that comes twice it is one of both, and what never was is moved ahead.
func inZone(t time.Time, zone *time.Location) time.Time {
	y, m, d := t.Date()
	return time.Date(y, m, d, t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), zone).UTC()
}

// zoneless reports whether a time is text and ends without a zone.
func zoneless(clock []byte) bool {
	if len(clock) < 19 || clock[4] != '-' && clock[4] != '/' && clock[2] != '/' {
		return false
	}
	tail := clock[19:]
	if i := bytes.IndexAny(tail, "+-ZzT"); i >= 0 { // T: of UTC and GMT
		return false
	}
	return true
}
