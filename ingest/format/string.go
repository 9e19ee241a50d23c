package format

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf8"
)

// Eight bytes at a time: each constant repeats one byte.
const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// special marks, from the lowest upwards, the bytes of a word that end a run of plain
// text: quotes, backslashes, control characters and what is not ASCII. Only the lowest
// mark can be relied on, since a borrow may set others. That bytes which are not ASCII are
// marked anyway makes the tests of the others so short; and a bit that is turned makes a
// quote a blank, which is next to the control characters.
func special(word uint64) uint64 {
	return ((word ^ turned - beyond) | ((word ^ backslashes - lows) | word)) & tops
}

// These are variables since a constant of such a length would be put into a register for each word anew.
var (
	turned      uint64 = ('"' ^ ' ') * ones
	beyond      uint64 = (' ' + 1) * ones
	backslashes uint64 = '\\' * ones
	lows        uint64 = ones
	tops        uint64 = highs
)

// text checks a string from after its opening quote.
func (s *scanner) text(i int) (after int, escaped bool) {
	i = plainTo(s.data, i)
	if i < len(s.data) && s.data[i] == '"' {
		return i + 1, false
	}
	return s.rest(i)
}

// rest checks a string from where something other than plain text stands in it.
func (s *scanner) rest(i int) (after int, escaped bool) {
	for {
		if i >= len(s.data) {
			return s.refuse(i, "the end of a string"), escaped
		}
		switch c := s.data[i]; {
		case c == '"':
			return i + 1, escaped
		case c == '\\':
			escaped = true
			i = s.escape(i)
		case c < ' ':
			return s.refuse(i, "no control character within a string"), escaped
		default:
			i = s.runes(i)
		}
		if i < 0 {
			return refused, escaped
		}
		i = plainTo(s.data, i)
	}
}

// plainTo is the offset at which a run of plain text ends. The loop is written so that the compiler
// sees that no access needs a check.
func plainTo(data []byte, i int) int {
	if i < 0 {
		return refused
	}
	for ; i <= len(data)-8; i += 8 {
		if marks := special(binary.LittleEndian.Uint64(data[i : i+8])); marks != 0 {
			return i + bits.TrailingZeros64(marks)>>3
		}
	}
	for i < len(data) && data[i] != '"' && data[i] != '\\' && data[i] >= ' ' && data[i] < utf8.RuneSelf {
		i++
	}
	return i
}

// runes checks a run of characters that are not ASCII.
func (s *scanner) runes(i int) int {
	for i < len(s.data) && s.data[i] >= utf8.RuneSelf {
		r, size := utf8.DecodeRune(s.data[i:])
		if r == utf8.RuneError && size <= 1 {
			s.reason, s.at = badUTF8, i
			return refused
		}
		i += size
	}
	return i
}

// escape checks an escape from its backslash.
func (s *scanner) escape(i int) int {
	if i+1 >= len(s.data) {
		return s.refuse(i+1, "an escape")
	}
	switch s.data[i+1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return i + 2
	case 'u':
		for j := i + 2; j < i+6; j++ {
			if j >= len(s.data) || unhex(s.data[j]) > 15 {
				return s.refuse(j, "four hexadecimal digits")
			}
		}
		return i + 6
	}
	return s.refuse(i+1, "an escape that JSON knows")
}
