package format

import (
	"encoding/binary"
	"math"
	"math/bits"
	"strconv"
)

// amount is a number as it is written. Nearly all are a few digits, with or without a point: n / 10^places.
type amount struct {
	text   []byte
	n      uint64
	places int
	plain  bool // n and places say all of it
}

// read takes a number as it is written. It fills the amount where it stands: made elsewhere and copied, it would cost more
// than reading it.
func (a *amount) read(b []byte) {
	a.text = b
	a.n, a.places, a.plain = short(b)
}

// times is the amount times 10^shift as a whole number; what is then left behind the point is dropped. No float is
// involved, so that 1795295472.856 s stay 856 ms.
func (a *amount) times(shift int) (n int64, ok bool) {
	switch {
	case !a.plain:
		return anyDecimal(a.text, shift)
	case a.places == shift:
		return int64(a.n), true
	case a.places > shift:
		return int64(a.n / power(a.places-shift)), true
	}
	over, all := bits.Mul64(a.n, power(shift-a.places))
	if over != 0 || all > math.MaxInt64 {
		return 0, false
	}
	return int64(all), true
}

// fraction is the amount as the float that is nearest to it.
func (a *amount) fraction() (float64, bool) {
	if a.plain && len(a.text) <= maxExact {
		return float64(a.n) / float64(power(a.places)), true // both exact, so the quotient is rounded once
	}
	f, err := strconv.ParseFloat(string(a.text), 64)
	return f, err == nil
}

// maxExact is how many digits a float holds for certain.
const maxExact = 15

// decimal reads a number times 10^shift.
func decimal(b []byte, shift int) (n int64, ok bool) {
	var a amount
	a.read(b)
	return a.times(shift)
}

// short reads what most numbers are.
func short(b []byte) (n uint64, places int, ok bool) {
	if len(b) > maxShort || len(b) == 0 {
		return 0, 0, false
	}
	if len(b) <= 8 && cap(b) >= 8 { // as most are, and nothing but digits
		if digits := digitsOf(binary.LittleEndian.Uint64(b[:8])) << (64 - 8*uint(len(b))); nonDigits(digits) == 0 {
			return added(digits), 0, true
		}
	}
	n, whole := leading(b)
	if whole == len(b) || whole == 0 || b[whole] != '.' {
		return n, 0, whole == len(b) && whole > 0
	}
	b = b[whole+1:]
	part, places := leading(b)
	return n*power(places) + part, places, places == len(b)
}

// maxShort is how many digits need not be watched for overflow.
const maxShort = 18

// power is that of ten.
func power(n int) uint64 { return powers[n&(len(powers)-1)] }

var powers = [32]uint64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18}

// leading reads the digits at the beginning. Where a word can be read, which may be part of what follows in the record,
// its digits are told and added up all at once. Beyond maxShort of them the number means nothing, but they are counted.
func leading(b []byte) (n uint64, count int) {
	for count < len(b) && cap(b)-count >= 8 {
		digits := digitsOf(binary.LittleEndian.Uint64(b[count : count+8]))
		found := min(bits.TrailingZeros64(nonDigits(digits))>>3, len(b)-count)
		n = n*power(found) + added(digits<<(64-8*uint(found)))
		if count += found; found < 8 {
			return n, count
		}
	}
	for count < len(b) && b[count]-'0' <= 9 {
		n = n*10 + uint64(b[count]-'0')
		count++
	}
	return n, count
}

// digitsOf takes the digits of a word for what they are worth, a byte each.
func digitsOf(word uint64) uint64 { return word ^ '0'*ones }

// nonDigits marks, from the lowest upwards, the bytes that are none. Only the lowest mark can be relied on.
func nonDigits(digits uint64) uint64 { return (digits + (0x7f-9)*ones | digits) & highs }

// added makes a number of eight digits, a byte each, the first one lowest: pairs, then fours, then all.
func added(digits uint64) uint64 {
	digits = digits * (10<<8 + 1) >> 8 & 0x00ff00ff00ff00ff
	digits = digits * (100<<16 + 1) >> 16 & 0x0000ffff0000ffff
	return digits * (10000<<32 + 1) >> 32
}

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
		if by, err := strconv.Atoi(string(b[i+1:])); err == nil && shift+by >= 0 && shift+by <= maxExponent {
			return anyDecimal(b[:i], shift+by) // 1.795377600856e+09 s, as Go's loggers write times: a float would lose some
		}
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

// maxExponent is more than any number that fits has.
const maxExponent = 30

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
