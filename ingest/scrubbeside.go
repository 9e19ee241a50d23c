package ingest

import (
	"bytes"
	"encoding/base64"
	"strings"
	"unicode/utf8"
)

// How far a name may stand from its value where only their order tells that they belong together, and how long it may be.
const (
	maxBeside = 64
	maxNamed  = 64
)

// findBeside finds a value that stands beside its name: ("cookie", "value"), ["x-api-key", "value"], 'token' 'value', token "value",
// {"name": "Authorization", "value": "..."} in either order, <header name="cookie">value</header>.
func (s *Scrubber) findBeside(v view) {
	if bytes.IndexByte(v.text, '"') < 0 && bytes.IndexByte(v.text, '\'') < 0 {
		return // nearly always
	}
	for i := 0; ; {
		quote := bytes.IndexAny(v.text[i:], `"'`)
		if quote < 0 {
			return
		}
		i += quote
		from, to := besideName(v.text, i)
		if i++; from == to || !s.secretName(v.text[from:to]) {
			continue
		}
		if to < i-1 { // the quote is the value's: token "value"
			i = s.beside(v, i, until(v.text, i, v.quotes(i-1)))
		} else if begin, end := besideValue(v.text, i); begin < end {
			i = s.beside(v, begin, end)
		} else if begin, end := valueAhead(v.text, from-1); begin < end {
			s.secret(v, begin, end)
		}
	}
}

// quotes is the quote that stands at i.
func (v view) quotes(i int) string {
	if v.text[i] == '"' {
		return `"`
	}
	return "'"
}

// beside blanks a value and goes on behind it.
func (s *Scrubber) beside(v view, from, to int) int {
	if from < to {
		s.secret(v, from, to)
	}
	return to
}

// besideName is the name that the quote at i closes, or that stands before it with a blank between them.
func besideName(text []byte, i int) (from, to int) {
	to = i
	for to > 0 && (text[to-1] == ' ' || text[to-1] == '\t') {
		to--
	}
	from = to
	for from > 0 && to-from < maxNamed && (wordByte(text[from-1]) || text[from-1] == '[' || text[from-1] == ']') {
		from--
	}
	if to == i && (from == 0 || text[from-1] != text[i]) {
		return i, i // it opens what has no name
	}
	return from, to
}

// besideValue is the value behind a name that was closed before i. What is a key itself has a value of its own.
func besideValue(text []byte, i int) (from, to int) {
	called := false // by a key that says value
	for end := min(len(text), i+maxBeside); i < end; {
		switch c := text[i]; {
		case c == '"' || c == '\'':
			from, to = i+1, until(text, i+1, string(c))
			next := skipSpace(text, min(to+1, len(text)))
			if next == len(text) || text[next] != ':' {
				return from, to
			}
			if !valueKey(text[from:to]) {
				return 0, 0
			}
			i, called = next+1, true
		case c == '>':
			return i + 1, until(text, i+1, "<")
		case c == ':' || c == '=':
			if !called {
				return 0, 0 // the name is a key, which others look for
			}
			i++
		case wordByte(c) && c != '.':
			from, to = nextWord(text, i)
			next := skipSpace(text, to)
			switch {
			case next < len(text) && (text[next] == '=' || text[next] == ':') && (valueKey(text[from:to]) || to-from == 1):
				called = true // value=, and s:14: before a string
			case digitRun(text[from:to]) == to-from, to-from == 1 && next < len(text) && strings.IndexByte(`"'`, text[next]) >= 0:
			case called:
				return from, until(text, from, textEnds)
			default:
				return 0, 0
			}
			i = to
		default:
			i++
		}
	}
	return 0, 0
}

// valueAhead is the value that stands before its name, {"value": "...", "name": "cookie"}, of which the quote at i opens the name.
func valueAhead(text []byte, i int) (from, to int) {
	colon := len(bytes.TrimRight(text[:max(i, 0)], " \t\r\n")) - 1
	if colon < 0 || text[colon] != ':' || !nameKey(nameBefore(text, colon)) {
		return 0, 0
	}
	begin := max(0, colon-1<<10)
	begin += bytes.LastIndexByte(text[begin:colon], '{') + 1
	for at := begin; ; {
		next := bytes.IndexByte(text[at:colon], ':')
		if next < 0 {
			return 0, 0
		}
		at += next + 1
		if valueKey(nameBefore(text, at-1)) {
			from = skipSpace(text, at)
			return inside(text, from, ending(text, from))
		}
	}
}

// valueKey reports whether a key says that the value of another one's name follows.
func valueKey(key []byte) bool {
	for _, word := range [...]string{"value", "values", "val", "stringValue", "arrayValue", "bytesValue"} {
		if is(key, word) {
			return true
		}
	}
	return false
}

// nameKey reports whether a key says that a name follows.
func nameKey(key []byte) bool {
	return is(key, "name") || is(key, "key") || is(key, "header")
}

// findBinary finds the value behind a name in what is no text, as Protobuf, Avro and the like write it: lengths and types part them.
func (s *Scrubber) findBinary(v view) {
	for i := 0; i < len(v.text); i++ {
		if !noText(v.text, i) {
			continue
		}
		from, to := i, i
		for from > 0 && to-from < maxNamed && v.text[from-1] < utf8.RuneSelf && wordByte(v.text[from-1]) {
			from--
		}
		for i < len(v.text) && noText(v.text, i) {
			i++
		}
		if from == to || !s.secretName(v.text[from:to]) {
			continue
		}
		value := i
		for i < len(v.text) && !noText(v.text, i) {
			i++
		}
		i = s.beside(v, value, i) - 1
	}
}

// noText reports whether the byte at i belongs to no text.
func noText(text []byte, i int) bool {
	c := text[i]
	if c < utf8.RuneSelf {
		return c < ' ' && c != '\t' && c != '\n' && c != '\r' && c != escape
	}
	r, size := utf8.DecodeRune(text[i:])
	return r == utf8.RuneError && size == 1
}

// How long base64 is that may hold a token.
const (
	minWrapped = 20
	maxWrapped = 256
)

// wraps reports whether a text is base64 of one that holds a credential of the entry, or a token with an issuer's prefix.
func (s *Scrubber) wraps(text []byte) bool {
	return len(text) >= minWrapped && len(text) <= maxWrapped && beginsWritten(text) && s.holds(bytes.TrimRight(text, "="))
}

// holds decodes what may be such a text.
func (s *Scrubber) holds(text []byte) bool {
	coding := base64.RawStdEncoding
	if bytes.IndexByte(text, '-') >= 0 || bytes.IndexByte(text, '_') >= 0 {
		coding = base64.RawURLEncoding
	}
	var buf [maxWrapped]byte
	n, err := coding.Decode(buf[:], text)
	if err != nil || !written(buf[:n]) {
		return false
	}
	for _, secret := range s.known {
		if bytes.Contains(buf[:n], secret) {
			return true
		}
	}
	return issued(buf[:n], false)
}

// beginsWritten reports whether base64 begins with a character that people write: of its first six bits the first is 0, and one of the
// next two is not.
func beginsWritten(text []byte) bool {
	return text[0] >= 'I' && text[0] <= 'Z' || text[0] >= 'a' && text[0] <= 'f'
}

// written reports whether a text is ASCII that people write.
func written(text []byte) bool {
	for _, c := range text {
		if c < ' ' || c > '~' {
			return false
		}
	}
	return true
}
