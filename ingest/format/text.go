package format

import (
	"bytes"
	"unicode/utf16"
	"unicode/utf8"
)

// unescape appends the text of a checked string to buf, as encoding/json reads it: half a
// surrogate pair becomes U+FFFD.
func unescape(buf, text []byte) []byte {
	for {
		plain := bytes.IndexByte(text, '\\')
		if plain < 0 {
			return append(buf, text...)
		}
		buf = append(buf, text[:plain]...)
		if text = text[plain:]; text[1] != 'u' {
			buf = append(buf, control(text[1]))
			text = text[2:]
			continue
		}
		r, size := unescapeRune(text)
		buf = utf8.AppendRune(buf, r)
		text = text[size:]
	}
}

// control is what the letter after a backslash stands for.
func control(letter byte) byte {
	switch letter {
	case 'b':
		return '\b'
	case 'f':
		return '\f'
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	}
	return letter // a quote, a backslash, a slash
}

func unescapeRune(text []byte) (r rune, size int) {
	r = hex4(text[2:])
	if !utf16.IsSurrogate(r) {
		return r, 6
	}
	if len(text) >= 12 && text[6] == '\\' && text[7] == 'u' {
		if pair := utf16.DecodeRune(r, hex4(text[8:])); pair != utf8.RuneError {
			return pair, 12
		}
	}
	return utf8.RuneError, 6
}

func hex4(digits []byte) (r rune) {
	for _, c := range digits[:4] {
		r = r<<4 | rune(unhex(c))
	}
	return r
}

// unhex is the value of a hexadecimal digit, and more than 15 if it is none.
func unhex(c byte) byte { return hexValues[c] }

const hexValues = "" +
	none16 + none16 + none16 + "\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\xff\xff\xff\xff\xff\xff" +
	"\xff\x0a\x0b\x0c\x0d\x0e\x0f" + none9 + none16 + "\xff\x0a\x0b\x0c\x0d\x0e\x0f" + none9 + none16 +
	none16 + none16 + none16 + none16 + none16 + none16 + none16 + none16

const (
	none9  = "\xff\xff\xff\xff\xff\xff\xff\xff\xff"
	none16 = none9 + "\xff\xff\xff\xff\xff\xff\xff"
)
