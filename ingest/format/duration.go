package format

import (
	"bytes"
	"math"
	"time"
)

// longest is how many whole seconds a number without unit may be: what is larger was
// meant as nanoseconds.
const longest = 100_000

// setSpelt reads a duration as Caddy may be told to write it: 0.0012 (seconds), 1200000
// (nanoseconds), "1.2ms" or "1m32.05s".
func (r *Record) setSpelt(v *amount) bool {
	if n, ok := v.times(0); ok && n > longest {
		r.Latency = time.Duration(n)
		return true
	}
	if n, ok := v.times(9); ok {
		r.Latency = time.Duration(max(n, 0))
		return n >= 0
	}
	d, ok := spelling(v.text)
	r.Latency = d
	return ok
}

// told is the unit of a duration of which nothing says it: NGINX and those who log like it write seconds with a point,
// others whole milliseconds.
func (a *amount) told() unit {
	if bytes.IndexByte(a.text, '.') >= 0 {
		return seconds
	}
	return millis
}

// spelling reads numbers with their units in a row, as Go and others print durations.
func spelling(v []byte) (sum time.Duration, ok bool) {
	for len(v) > 0 {
		n := 0
		for n < len(v) && (v[n]-'0' <= 9 || v[n] == '.') {
			n++
		}
		u := n
		for u < len(v) && v[u]-'0' > 9 && v[u] != '.' {
			u++
		}
		scale, times, known := sizeOf(v[n:u])
		part, read := decimal(v[:n], scale)
		if !known || !read || part > (math.MaxInt64-int64(sum))/times {
			return 0, false
		}
		sum += time.Duration(part * times)
		v, ok = v[u:], true
	}
	return sum, ok
}

// sizeOf is a unit in nanoseconds: a power of ten, and a multiple of it.
func sizeOf(unit []byte) (scale int, times int64, known bool) {
	switch string(unit) {
	case "ns":
		return 0, 1, true
	case "us", "µs", "μs":
		return 3, 1, true
	case "ms":
		return 6, 1, true
	case "s", "sec", "seconds":
		return 9, 1, true
	case "m":
		return 9, 60, true
	case "h":
		return 9, 3600, true
	}
	return 0, 0, false
}
