package format

import (
	"math"
	"math/bits"
	"strconv"
)

// decimal reads a number times 10^shift as a whole number and drops what is then left
// behind the point. No float is involved, so that 1795295472.856 s stay 856 ms.
func decimal(b []byte, shift int) (n int64, ok bool) {
	all, places, ok := short(b)
	if !ok || places > shift {
		return anyDecimal(b, shift)
	}
	over, all := bits.Mul64(all, powers[(shift-places)%len(powers)])
	if over != 0 || all > math.MaxInt64 {
		return 0, false
	}
	return int64(all), true
}

// short reads what most numbers are: a few digits, with or without a point. The number is
// n / 10^places.
func short(b []byte) (n uint64, places int, ok bool) {
	if len(b) > maxShort || len(b) == 0 || b[0]-'0' > 9 {
		return 0, 0, false
	}
	point := len(b) - 1
	for i, c := range b {
		switch {
		case c-'0' <= 9:
			n = n*10 + uint64(c-'0')
		case c == '.' && point == len(b)-1:
			point = i
		default:
			return 0, 0, false
		}
	}
	return n, len(b) - 1 - point, true
}

// maxShort is how many digits need not be watched for overflow.
const maxShort = 18

// powers are those of ten that units shift by.
var powers = [...]uint64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9}

// anyDecimal reads also what has a sign, an exponent, or many digits.
func anyDecimal(b []byte, shift int) (n int64, ok bool) {
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

// fraction reads a number as the float that is nearest to it.
func fraction(b []byte) (float64, bool) {
	if n, places, ok := short(b); ok && len(b) <= maxExact && places < len(powers) {
		return float64(n) / float64(powers[places]), true // both exact, so the quotient is rounded once
	}
	f, err := strconv.ParseFloat(string(b), 64)
	return f, err == nil
}

// maxExact is how many digits a float holds for certain.
const maxExact = 15

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
