package format

import "unicode/utf8"

// mended puts right what gateways write that is nearly JSON, and that a caller could bring about, so that the record of what it did
// would be refused. \xHH is a byte: NGINX and Apache write it where log_format makes JSON without escape=json, of a
// quote in a user agent for one. Bytes that are no UTF-8 go through NGINX and others as they came; they become U+FFFD, as in encoding/json.
//
//	"a\x22b\xC3\xA9" ─► "a\"bé"
//
// Everything else stays as it is, and nothing is JSON afterwards because of it that had something else wrong: what is
// put in may only stand within a string. At most it takes three times the room. ok is false if there was nothing to mend.
func mended(buf, text []byte) (out []byte, ok bool) {
	i := flaw(text)
	if i < 0 {
		return buf, false // and buf is as it was: the text may stand in it
	}
	for ; i >= 0; i = flaw(text) {
		r, size := rune(utf8.RuneError), 1
		if text[i] == '\\' {
			r, size = escapedRune(text[i:])
		}
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

// flaw is where the first \xHH stands, or the first byte that is no UTF-8; or -1. In \\x22 there is none, but a backslash and x22.
func flaw(text []byte) int {
	for i := 0; i < len(text); {
		switch c := text[i]; {
		case c == '\\' && isByte(text[i:]):
			return i
		case c == '\\':
			i += 2
		case c < utf8.RuneSelf:
			i++
		default:
			_, size := utf8.DecodeRune(text[i:])
			if size == 1 {
				return i
			}
			i += size
		}
	}
	return -1
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
