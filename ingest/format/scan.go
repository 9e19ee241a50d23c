package format

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"unicode/utf8"
)

// maxDepth is how deep encoding/json lets arrays and objects nest.
const maxDepth = 10000

// scanner checks JSON. Its methods take the offset at which something must start and
// return the offset after it, or a negative number once the record is refused.
type scanner struct {
	data   []byte
	depth  int
	reason Reason // of the refusal
	at     int    // where it was found
	want   string // what should have stood there
}

const refused = -1

func (s *scanner) refuse(at int, want string) int {
	s.reason, s.at, s.want = BadJSON, at, want
	return refused
}

func (s *scanner) fault() *Fault {
	switch {
	case s.reason == BadUTF8:
		return &Fault{BadUTF8, fmt.Sprintf("byte %d is not UTF-8: have the gateway escape it", s.at)}
	case s.at >= len(s.data):
		return &Fault{BadJSON, fmt.Sprintf("ends at byte %d, want %s: was the record cut off?", s.at, s.want)}
	default:
		return &Fault{BadJSON, fmt.Sprintf("at byte %d: want %s", s.at, s.want)}
	}
}

// space skips white space.
func (s *scanner) space(i int) int {
	for i < len(s.data) && (s.data[i] == ' ' || s.data[i] == '\n' || s.data[i] == '\t' || s.data[i] == '\r') {
		i++
	}
	return i
}

// value checks any value.
func (s *scanner) value(i int) int {
	if i >= len(s.data) {
		return s.refuse(i, "a value")
	}
	switch c := s.data[i]; {
	case c == '"':
		end, _ := s.text(i + 1)
		return end
	case c == '{':
		return s.object(i + 1)
	case c == '[':
		return s.array(i + 1)
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

// object checks an object from after its brace.
func (s *scanner) object(i int) int {
	if s.depth++; s.depth > maxDepth {
		return s.refuse(i-1, "less nesting")
	}
	if i = s.space(i); i < len(s.data) && s.data[i] == '}' {
		s.depth--
		return i + 1
	}
	for {
		_, _, i = s.key(i)
		if i < 0 {
			return refused
		}
		if i = s.value(i); i < 0 {
			return refused
		}
		var last bool
		if i, last = s.next(i, '}'); i < 0 || last {
			s.depth--
			return i
		}
	}
}

// array checks an array from after its bracket.
func (s *scanner) array(i int) int {
	if s.depth++; s.depth > maxDepth {
		return s.refuse(i-1, "less nesting")
	}
	if i = s.space(i); i < len(s.data) && s.data[i] == ']' {
		s.depth--
		return i + 1
	}
	for {
		if i = s.value(s.space(i)); i < 0 {
			return refused
		}
		var last bool
		if i, last = s.next(i, ']'); i < 0 || last {
			s.depth--
			return i
		}
	}
}

// key checks a key and its colon: name is the key without its quotes, after is where the
// value starts.
func (s *scanner) key(i int) (name []byte, escaped bool, after int) {
	if i = s.space(i); i >= len(s.data) || s.data[i] != '"' {
		return nil, false, s.refuse(i, "a key in quotes")
	}
	end, escaped := s.text(i + 1)
	if end < 0 {
		return nil, false, refused
	}
	name = s.data[i+1 : end-1]
	if i = s.space(end); i >= len(s.data) || s.data[i] != ':' {
		return nil, false, s.refuse(i, "a colon")
	}
	return name, escaped, s.space(i + 1)
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
	return s.refuse(i, "a comma or the end of what was opened"), false
}

// Eight bytes at a time: each constant repeats one byte.
const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// special marks, from the lowest upwards, the bytes of a word that end a run of plain
// text: quotes, backslashes, control characters and what is not ASCII. Only the lowest
// mark can be relied on, the borrow may set others.
func special(word uint64) uint64 {
	quote, slash := word^('"'*ones), word^('\\'*ones)
	return ((quote-ones)&^quote | (slash-ones)&^slash | (word - ' '*ones) | word) & highs
}

// text checks a string from after its opening quote.
func (s *scanner) text(i int) (after int, escaped bool) {
	for {
		i = plainTo(s.data, i)
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
			i = s.rune(i)
		}
		if i < 0 {
			return refused, escaped
		}
	}
}

// plainTo is the offset at which a run of plain text ends.
func plainTo(data []byte, i int) int {
	for i+8 <= len(data) {
		if marks := special(binary.LittleEndian.Uint64(data[i:])); marks != 0 {
			return i + bits.TrailingZeros64(marks)/8
		}
		i += 8
	}
	for i < len(data) && data[i] != '"' && data[i] != '\\' && data[i] >= ' ' && data[i] < utf8.RuneSelf {
		i++
	}
	return i
}

func (s *scanner) rune(i int) int {
	r, size := utf8.DecodeRune(s.data[i:])
	if r == utf8.RuneError && size <= 1 {
		s.reason, s.at = BadUTF8, i
		return refused
	}
	return i + size
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

// number checks a number.
func (s *scanner) number(i int) int {
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
