package format

import (
	"math"
	"strconv"
)

// decimal reads a number times 10^shift as a whole number and drops what is then left
// behind the point. No float is involved, so that 1795295472.856 s stay 856 ms.
func decimal(b []byte, shift int) (n int64, ok bool) {
	negative := len(b) > 0 && b[0] == '-'
	i, digits, places := 0, 0, shift
	if negative {
		i = 1
	}
	for ; i < len(b) && b[i]-'0' <= 9; i++ {
		if n = push(n, b[i]-'0'); n < 0 {
			return 0, false
		}
		digits++
	}
	if i < len(b) && b[i] == '.' {
		for i++; i < len(b) && b[i]-'0' <= 9; i++ {
			if digits++; places > 0 {
				places--
				n = push(n, b[i]-'0')
			}
		}
	}
	if i < len(b) && b[i]|0x20 == 'e' {
		return float(b, shift)
	}
	for ; places > 0 && n > 0; places-- {
		n = push(n, 0)
	}
	if n < 0 || digits == 0 || i < len(b) {
		return 0, false
	}
	if negative {
		n = -n
	}
	return n, true
}

// push appends a digit. The result is negative once it does not fit.
func push(n int64, digit byte) int64 {
	if n < 0 || n > (math.MaxInt64-int64(digit))/10 {
		return -1
	}
	return n*10 + int64(digit)
}

// float reads a number with an exponent: rare, and exact enough.
func float(b []byte, shift int) (int64, bool) {
	f, err := strconv.ParseFloat(string(b), 64)
	if f *= math.Pow10(max(shift, 0)); err != nil || math.Abs(f) >= math.MaxInt64 {
		return 0, false
	}
	return int64(f), true
}
