package simulate

import (
	"slices"
	"time"
)

// moving says whether a date is a public holiday that falls on another date each year: around Easter, and the United
// States' Mondays.
func moving(country string, date time.Time) bool {
	y, month, d := date.Date()
	switch easter := easterSunday(y); time.Date(y, month, d, 0, 0, 0, 0, time.UTC) {
	case easter.AddDate(0, 0, -2):
		return slices.Contains([]string{
			"GB", "AU", "NZ", "ZA", "CA", "DE", "CH", "CZ", "SE", "FI", "NO", "DK", "ES", "PT", "NG", "KE", "BR", "AR", "CL", "CO", "PE", "PH", "HK",
		}, country)
	case easter.AddDate(0, 0, 1):
		return slices.Contains([]string{
			"GB", "IE", "AU", "NZ", "ZA", "DE", "AT", "CH", "CZ", "SE", "FI", "NO", "DK", "NL", "IT", "PL", "FR", "NG", "KE", "HK",
		}, country)
	}
	if country != "US" || date.Weekday() != time.Monday {
		return false
	}
	return month == time.September && d <= 7 || month == time.May && d >= 25 // Labor Day, Memorial Day
}

// easterSunday is the Gregorian one, by the method that Nature published in 1876.
func easterSunday(y int) time.Time {
	a, b, c := y%19, y/100, y%100
	h := (19*a + b - b/4 - (b-(b+8)/25+1)/3 + 15) % 30
	l := (32 + 2*(b%4) + 2*(c/4) - h - c%4) % 7
	m := (a + 11*h + 22*l) / 451
	n := h + l - 7*m + 114
	return time.Date(y, time.Month(n/31), n%31+1, 0, 0, 0, 0, time.UTC)
}
