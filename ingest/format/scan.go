package format

import (
	"encoding/binary"
	"fmt"
	"math/bits"
)

// maxDepth is how deep encoding/json lets arrays and objects nest.
const maxDepth = 10000

// scanner checks JSON. Its methods take the offset at which something must start and
// return the offset after it, or a negative number once the record is refused.
type scanner struct {
	data    []byte
	depth   int
	objects [maxDepth/64 + 1]uint64 // by depth: whether what is open there is an object
	reason  Reason                  // of the refusal
	at      int                     // where it was found
	want    string                  // what should have stood there
}

const refused = -1

func (s *scanner) refuse(at int, want string) int {
	s.reason, s.at, s.want = BadJSON, at, want
	return refused
}

func (s *scanner) fault() *Fault {
	switch {
	case s.reason == badUTF8:
		return &Fault{badUTF8, fmt.Sprintf("byte %d is not UTF-8", s.at)}
	case s.at >= len(s.data):
		return &Fault{BadJSON, fmt.Sprintf("ends at byte %d, want %s: was the record cut off?", s.at, s.want)}
	default:
		return &Fault{BadJSON, fmt.Sprintf("at byte %d: want %s", s.at, s.want)}
	}
}

// space skips white space.
func (s *scanner) space(i int) int {
	if i < len(s.data) && s.data[i] > ' ' {
		return i // nearly always
	}
	for i < len(s.data) && s.data[i] <= ' ' && 1<<s.data[i]&blanks != 0 {
		i++
	}
	return i
}

// blanks are JSON's characters of white space, a bit each.
const blanks = 1<<' ' | 1<<'\n' | 1<<'\t' | 1<<'\r'

// value checks any value.
func (s *scanner) value(i int) int {
	if i >= len(s.data) {
		return s.refuse(i, "a value")
	}
	switch c := s.data[i]; {
	case c == '"':
		end, _ := s.text(i + 1)
		return end
	case c == '{' || c == '[':
		return s.nested(i)
	case c == '-' || c-'0' <= 9:
		return s.number(i)
	case c == 't':
		return s.literal(i, "true")
	case c == 'f':
		return s.literal(i, "false")
	case c == 'n':
		return s.literal(i, "null")
	}
	return s.refuse(i, "a value")
}

func (s *scanner) literal(i int, word string) int {
	if end := i + len(word); end <= len(s.data) && string(s.data[i:end]) == word {
		return end
	}
	return s.refuse(i, word)
}

// nested checks an object or an array, from its bracket. It does not call itself for what
// is within: a bit a level tells what is open there, so depth costs neither stack nor time.
func (s *scanner) nested(i int) int {
	outside := s.depth
	end := s.enter(i)
	if end == 0 {
		return refused
	}
	i++
	for first := true; ; {
		i = s.space(i)
		switch {
		case i < len(s.data) && s.data[i] == end:
			i++
			if s.depth--; s.depth == outside {
				return i
			}
			end, first = s.end(), false
			continue
		case !first && i < len(s.data) && s.data[i] == ',':
			i = s.space(i + 1)
		case !first:
			return s.refuse(i, wantNext)
		}
		if end == '}' {
			if i = s.name(i); i < 0 {
				return refused
			}
		}
		if first = i < len(s.data) && (s.data[i] == '{' || s.data[i] == '['); first {
			if end = s.enter(i); end == 0 {
				return refused
			}
			i++
		} else if i = s.value(i); i < 0 {
			return refused
		}
	}
}

// enter notes that an object or array was opened, and gives what closes it: nothing if it
// is one too many.
func (s *scanner) enter(i int) (end byte) {
	if s.depth++; s.depth > maxDepth {
		s.refuse(i, "less nesting")
		return 0
	}
	bit := uint64(1) << (s.depth % 64)
	if s.data[i] == '{' {
		s.objects[s.depth/64] |= bit
		return '}'
	}
	s.objects[s.depth/64] &^= bit
	return ']'
}

// end is what closes the innermost object or array.
func (s *scanner) end() byte {
	if s.objects[s.depth/64]>>(s.depth%64)&1 != 0 {
		return '}'
	}
	return ']'
}

// name checks a key and its colon, and goes to the value.
func (s *scanner) name(i int) int {
	if i >= len(s.data) || s.data[i] != '"' {
		return s.refuse(i, "a key in quotes")
	}
	i, _ = s.text(i + 1)
	return s.colon(i)
}

func (s *scanner) colon(i int) int {
	if i < 0 {
		return refused
	}
	if i = s.space(i); i >= len(s.data) || s.data[i] != ':' {
		return s.refuse(i, "a colon")
	}
	return s.space(i + 1)
}

// key is name for a key that is of interest: it comes without its quotes.
func (s *scanner) key(i int) (name []byte, escaped bool, after int) {
	if i = s.space(i); i >= len(s.data) || s.data[i] != '"' {
		return nil, false, s.refuse(i, "a key in quotes")
	}
	end, escaped := s.text(i + 1)
	if end < 0 {
		return nil, false, refused
	}
	return s.data[i+1 : end-1], escaped, s.colon(end)
}

// next checks what follows a value: a comma, or the end of the object or array.
func (s *scanner) next(i int, end byte) (after int, last bool) {
	if i = s.space(i); i < len(s.data) {
		switch s.data[i] {
		case ',':
			return i + 1, false
		case end:
			return i + 1, true
		}
	}
	return s.refuse(i, wantNext), false
}

const wantNext = "a comma or the end of what was opened"

// number checks a number.
func (s *scanner) number(i int) int {
	if end, _, _ := figure(s.data, i); end > 0 {
		return end // as nearly all are
	}
	return s.anyNumber(i)
}

// figure reads a number that has neither sign nor exponent and is followed at once by a comma or a brace: n / 10^places,
// which ends at end. It gives 0 if anything else stands at i, also what has too many digits to be of use.
func figure(data []byte, i int) (end int, n uint64, places int) {
	if i >= 0 && i <= len(data)-8 { // up to eight digits, as most have
		digits := digitsOf(binary.LittleEndian.Uint64(data[i : i+8]))
		count := bits.TrailingZeros64(nonDigits(digits)) >> 3
		if end = i + count; end < len(data) && (data[end] == ',' || data[end] == '}') && (count == 1 || count > 0 && data[i] != '0') {
			return end, added(digits << (64 - 8*uint(count))), 0
		}
	}
	if i > len(data)-2 || data[i]-'0' > 9 {
		return 0, 0, 0
	}
	n, whole := leading(data[i:])
	end = i + whole
	if end < len(data) && data[end] == '.' {
		var part uint64
		part, places = leading(data[end+1:])
		n = n*power(places) + part
		end += 1 + places
	}
	switch {
	case end >= len(data) || data[end] != ',' && data[end] != '}',
		whole > 1 && data[i] == '0', data[end-1] == '.', whole+places > maxShort:
		return 0, 0, 0
	}
	return end, n, places
}

func (s *scanner) anyNumber(i int) int {
	if s.data[i] == '-' {
		i++
	}
	if i < len(s.data) && s.data[i] == '0' {
		i++
	} else if i = s.digits(i); i < 0 {
		return refused
	}
	if i < len(s.data) && s.data[i] == '.' {
		if i = s.digits(i + 1); i < 0 {
			return refused
		}
	}
	if i < len(s.data) && s.data[i]|0x20 == 'e' {
		i++
		if i < len(s.data) && (s.data[i] == '+' || s.data[i] == '-') {
			i++
		}
		i = s.digits(i)
	}
	return i
}

func (s *scanner) digits(i int) int {
	from := i
	for i < len(s.data) && s.data[i]-'0' <= 9 {
		i++
	}
	if i == from {
		return s.refuse(i, "a digit")
	}
	return i
}
