package format

import (
	"bytes"
	"unicode/utf8"
)

// appendField appends a field to an object that is being made: its name, which must need no escapes,
// and what a line says of it. What a gateway says to say nothing, such as "-", is left to the table.
func appendField(obj []byte, name string, value []byte) []byte {
	if obj[len(obj)-1] != '{' {
		obj = append(obj, ',')
	}
	obj = append(append(append(obj, '"'), name...), '"', ':', '"')
	return append(appendText(obj, value), '"')
}

func closeObject(obj []byte) []byte { return append(obj, '}') }

const hexDigits = "0123456789abcdef"

// appendText appends what a line says as the text of a JSON string. The escapes of NGINX
// and Apache (\x22, \", \\, \n) are undone; what is then no UTF-8 becomes U+FFFD, since
// whoever makes the request chooses it and must not have its record refused.
func appendText(obj, value []byte) []byte {
	if isPlain(value) {
		return append(obj, value...)
	}
	for len(value) > 0 {
		if value[0] < utf8.RuneSelf {
			c, size := unslash(value)
			if c < utf8.RuneSelf {
				obj = appendByte(obj, c)
				value = value[size:]
				continue
			}
		}
		r, size := runeOf(value)
		obj = utf8.AppendRune(obj, r)
		value = value[size:]
	}
	return obj
}

// isPlain reports whether a text stands in JSON as it is.
func isPlain(value []byte) bool {
	for _, c := range value {
		if c < ' ' || c == '"' || c == '\\' || c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// runeOf reads a character that is not ASCII, each byte of it as it is or as \xHH.
func runeOf(value []byte) (r rune, size int) {
	var raw [utf8.UTFMax]byte
	n, ends := 0, [utf8.UTFMax + 1]int{}
	for n < utf8.UTFMax && size < len(value) {
		c, used := unslash(value[size:])
		raw[n] = c
		size += used
		n++
		ends[n] = size
	}
	r, n = utf8.DecodeRune(raw[:n])
	return r, ends[n]
}

// unslash reads one byte, which may be escaped.
func unslash(value []byte) (c byte, size int) {
	if value[0] != '\\' || len(value) < 2 {
		return value[0], 1
	}
	switch next := value[1]; next {
	case 'x':
		if len(value) >= 4 && unhex(value[2]) < 16 && unhex(value[3]) < 16 {
			return unhex(value[2])<<4 | unhex(value[3]), 4
		}
	case '"', '\\', '/':
		return next, 2
	case 'b', 'f', 'n', 'r', 't':
		return control(next), 2
	}
	return '\\', 1
}

func appendByte(obj []byte, c byte) []byte {
	switch {
	case c == '"' || c == '\\':
		return append(obj, '\\', c)
	case c < ' ':
		return append(obj, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
	}
	return append(obj, c)
}

// quoted cuts a quoted text off the beginning of a line. A backslash keeps the quote
// behind it from ending the text.
func quoted(line []byte) (value, rest []byte, ok bool) {
	if len(line) == 0 || line[0] != '"' {
		return nil, line, false
	}
	for i := 1; i < len(line); i++ {
		switch line[i] {
		case '\\':
			i++
		case '"':
			return line[1:i], line[i+1:], true
		}
	}
	return nil, line, false
}

// word cuts off what stands before the next blank.
func word(line []byte) (value, rest []byte) {
	if i := bytes.IndexByte(line, ' '); i >= 0 {
		return line[:i], line[i+1:]
	}
	return line, nil
}

// digits reports whether b is a number without sign and fraction.
func digits(b []byte) bool {
	for _, c := range b {
		if c-'0' > 9 {
			return false
		}
	}
	return len(b) > 0
}
