package format

import (
	"bytes"
	"time"
)

// instant reads a time: a number since the epoch in the row's unit, or text in one of the
// layouts that gateways write, told apart by their looks:
//
//	2026-11-21T21:11:12.856Z   RFC 3339; a space for the T, +0000 for +00:00
//	2025-01-24 09:20:46.847    without a zone: UTC
//	2026/11/21 21:11:12.856    Caddy's wall clock
//	21/Nov/2026:21:11:12 +0000 common log format, with or without fraction and zone
//	Sat, 21 Nov 2026 21:11:12 GMT
//	20261121T211112Z
func instant(a *amount, u unit) (time.Time, bool) {
	switch b := a.text; {
	case a.plain: // a number, as nearly always
	case len(b) >= 21 && b[0] == '[' && b[len(b)-1] == ']': // Apache's %t
		return instant(&amount{text: b[1 : len(b)-1]}, u)
	case len(b) >= 19 && (b[4] == '-' || b[4] == '/'):
		return iso(b)
	case len(b) >= 20 && b[2] == '/':
		return clf(b)
	case len(b) >= 25 && b[3] == ',':
		return rfc1123(b)
	case len(b) >= 15 && b[8] == 'T':
		return compact(b)
	}
	if u == guess {
		u = unitOf(a)
	}
	n, ok := a.times(u.scale())
	return time.Unix(0, n).UTC(), ok && n > 0
}

// unitOf tells an epoch's unit by its magnitude: seconds have 10 digits until 2286.
func unitOf(a *amount) unit {
	n, _ := a.times(0)
	switch {
	case n < 1e11:
		return seconds
	case n < 1e14:
		return millis
	case n < 1e17:
		return micros
	}
	return nanos
}

func iso(b []byte) (time.Time, bool) {
	if b[7] != b[4] || b[10] != 'T' && b[10] != 't' && b[10] != ' ' {
		return time.Time{}, false
	}
	return date(two(b[0:])*100+two(b[2:]), two(b[5:]), two(b[8:]), b[11:])
}

const months = "JanFebMarAprMayJunJulAugSepOctNovDec"

func clf(b []byte) (time.Time, bool) {
	if b[6] != '/' || b[11] != ':' {
		return time.Time{}, false
	}
	return date(two(b[7:])*100+two(b[9:]), month(b[3:6]), two(b), b[12:])
}

// month is that of an English name of three letters, 0 if it is none.
func month(name []byte) int {
	for m := range 12 {
		if string(name) == months[3*m:3*m+3] {
			return m + 1
		}
	}
	return 0
}

func rfc1123(b []byte) (time.Time, bool) {
	return date(two(b[12:])*100+two(b[14:]), month(b[8:11]), two(b[5:]), b[17:])
}

// compact reads ISO 8601 without separators.
func compact(b []byte) (time.Time, bool) {
	var room [40]byte
	clock := append(room[:0], b[9], b[10], ':', b[11], b[12], ':', b[13], b[14])
	return date(two(b)*100+two(b[2:]), two(b[4:]), two(b[6:]), append(clock, b[15:min(len(b), 40)]...))
}

// date puts a day and the text of a clock together, and refuses what time.Date would
// carry over, such as the 31st of November.
func date(year, month, day int, clock []byte) (time.Time, bool) {
	hour, minute, second := two(clock), two(clock[3:]), two(clock[6:])
	if clock[2] != ':' || clock[5] != ':' || hour > 23 || minute > 59 || second > 59 || year < 1970 || year > 2261 {
		return time.Time{}, false
	}
	ns, rest := subsecond(clock[8:])
	offset, ok := zone(rest)
	if !ok || month < 1 || month > 12 || day < 1 || day > daysIn(year, month) {
		return time.Time{}, false
	}
	at := int64(days(year, month, day)*86400+hour*3600+minute*60+second) - int64(offset/time.Second)
	return time.Unix(at, int64(ns)).UTC(), true
}

// days counts the days from 1970 to a date, whose years are taken to begin in March, so that a
// leap day is a year's last.
func days(year, month, day int) int {
	if month -= 3; month < 0 {
		month += 12
		year--
	}
	return year*365 + year/4 - year/100 + year/400 + (month*153+2)/5 + day - 719469
}

func daysIn(year, month int) int {
	if month == 2 {
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	}
	return 30 + (month+month>>3)&1
}

// subsecond reads what stands behind the seconds, to the nanosecond.
func subsecond(b []byte) (ns int, rest []byte) {
	if len(b) == 0 || b[0] != '.' && b[0] != ',' {
		return 0, b
	}
	b = b[1:]
	for unit := 100_000_000; len(b) > 0 && b[0]-'0' <= 9; unit /= 10 {
		ns += int(b[0]-'0') * unit
		b = b[1:]
	}
	return ns, b
}

// zone reads nothing, Z, or an offset with or without a colon, or of whole hours; with or without UTC in words.
func zone(b []byte) (time.Duration, bool) {
	for len(b) > 0 && b[0] == ' ' {
		b = b[1:]
	}
	if len(b) >= 3 && (string(b[len(b)-3:]) == "UTC" || string(b[len(b)-3:]) == "GMT") {
		b = bytes.TrimRight(b[:len(b)-3], " ") // as Go prints it: +0000 UTC
	}
	if len(b) == 0 || len(b) == 1 && b[0]|0x20 == 'z' {
		return 0, true
	}
	minutes := b[len(b)-min(2, len(b)):]
	if len(b) == 3 {
		minutes = []byte("00")
	}
	if len(b) != 3 && len(b) != 5 && (len(b) != 6 || b[3] != ':') || b[0] != '+' && b[0] != '-' || two(b[1:]) > 23 || two(minutes) > 59 {
		return 0, false
	}
	east := time.Duration(two(b[1:]))*time.Hour + time.Duration(two(minutes))*time.Minute
	if b[0] == '-' {
		return -east, true
	}
	return east, true
}

// two reads two digits; what is no digit gives a number that no date has.
func two(b []byte) int {
	if len(b) < 2 || b[0]-'0' > 9 || b[1]-'0' > 9 {
		return 10000
	}
	return int(b[0]-'0')*10 + int(b[1]-'0')
}
