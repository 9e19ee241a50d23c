package format

import (
	"bytes"
	"unicode/utf8"
)

// mended puts JSON's escapes in the place of \xHH, each of which is a byte: NGINX and Apache write them where
// log_format makes JSON without escape=json, so that a quote in a user agent, which is the caller's to choose, would
// have the whole record refused.
//
//	"a\x22b\xC3\xA9" ─► "a\"bé"
//
// Everything else stays as it is, and nothing is JSON afterwards because of it that had something else wrong: what is
// put in may only stand within a string. At most it takes half as much room again. ok is false if there was nothing to mend.
func mended(buf, text []byte) (out []byte, ok bool) {
	i := byteEscape(text)
	if i < 0 {
		return buf, false // and buf is as it was: the text may stand in it
	}
	for ; i >= 0; i = byteEscape(text) {
		r, size := escapedRune(text[i:])
		switch buf = append(buf, text[:i]...); {
		case r == '"' || r == '\\':
			buf = append(buf, '\\', byte(r))
		case r < utf8.RuneSelf:
			buf = append(buf, '\\', 'u', '0', '0', hexDigits[r>>4], hexDigits[r&15])
		default:
			buf = utf8.AppendRune(buf, r)
		}
		text = text[i+size:]
	}
	return append(buf, text...), true
}

// byteEscape is where the first \xHH stands, or -1. In \\x22 there is none, but a backslash and x22.
func byteEscape(text []byte) int {
	for from := 0; ; {
		i := bytes.IndexByte(text[from:], '\\')
		if i < 0 {
			return -1
		}
		if from += i; isByte(text[from:]) {
			return from
		}
		if from += 2; from >= len(text) {
			return -1
		}
	}
}

// escapedRune reads the character that stands there as one \xHH or several. What is no UTF-8 becomes U+FFFD, as in lines.
func escapedRune(text []byte) (r rune, size int) {
	var raw [utf8.UTFMax]byte
	n := 0
	for ; n < len(raw) && isByte(text[4*n:]); n++ {
		raw[n] = unhex(text[4*n+2])<<4 | unhex(text[4*n+3])
	}
	r, n = utf8.DecodeRune(raw[:n])
	return r, 4 * n
}

// isByte tells \xHH.
func isByte(text []byte) bool {
	return len(text) >= 4 && text[0] == '\\' && text[1] == 'x' && unhex(text[2]) < 16 && unhex(text[3]) < 16
}
