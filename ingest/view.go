package ingest

import "bytes"

// view is a text as it reads once it is decoded, with the way back to where each byte
// stood in the text that is scrubbed. Secrets are found in the view and blanked in the text.
type view struct {
	text []byte
	at   []int // text[i] stood at at[i]..at[i+1]; nil if the view is the text itself
}

func (v view) span(from, to int) span {
	if v.at == nil {
		return span{from, to}
	}
	return span{v.at[from], v.at[to]}
}

// encoded reports whether the character at i stood in the text as an escape.
func (v view) encoded(i int) bool { return v.at != nil && v.at[i+1]-v.at[i] > 1 }

// rounds is how often a text may have been percent-encoded over and over. Each proxy on the way may do it once more, and a
// round in which nothing was encoded is the last one.
const rounds = 8

// escapes is how many JSON texts may be wrapped in each other's strings.
const escapes = 2

// search shows find the text, and then the text with its encodings undone, as long as there
// are some.
func (s *Scrubber) search(text []byte, find func(view)) {
	v := view{text: text}
	s.look(v, find)
	for layer := 0; s.strict && layer < escapes && bytes.IndexByte(v.text, '\\') >= 0; layer++ {
		v = s.decode(v, escapedAt)
		s.look(v, find)
	}
	for range rounds {
		if !encoded(v.text) {
			return
		}
		length := len(v.text)
		if v = s.decode(v, decodedAt); len(v.text) == length {
			return
		}
		s.look(v, find)
	}
}

// look shows find a view, also without colours and as what UTF-16 looks like to who takes it for something else. In one with line breaks it
// also looks for what they tear apart and is certain.
func (s *Scrubber) look(v view, find func(view)) {
	find(v)
	if s.strict && bytes.IndexByte(v.text, escape) >= 0 {
		find(s.decode(v, uncolouredAt))
		s.turn() // the view stands where it stood
	}
	if bytes.IndexByte(v.text, 0) >= 0 {
		find(s.decode(v, narrowAt))
		s.turn()
	}
	if bytes.IndexByte(v.text, '\n') < 0 && bytes.IndexByte(v.text, '\r') < 0 {
		return
	}
	joined := s.decode(v, unbrokenAt)
	s.findKnown(joined)
	s.findIssued(joined)
	s.turn()
}

// encoded reports whether something in the text may stand for other characters.
func encoded(text []byte) bool {
	return bytes.IndexByte(text, '%') >= 0 || bytes.IndexByte(text, '\\') >= 0 || entities(text)
}

// entities reports whether the text may have HTML's character references; as a rule the ampersands of query strings are none.
func entities(text []byte) bool {
	for i := 0; ; i++ {
		next := bytes.IndexByte(text[i:], '&')
		if next < 0 {
			return false
		}
		if i += next; entity(text[i:]) > 0 {
			return true
		}
	}
}

// decode undoes one layer of encoding. The two buffers take turns, since the view that is
// read stands in one of them.
func (s *Scrubber) decode(v view, at func([]byte, int) ([4]byte, int, int)) view {
	s.turn()
	text, offsets := s.texts[0][:0], s.offsets[0][:0]
	for i := 0; i < len(v.text); {
		decoded, n, size := at(v.text, i)
		for _, c := range decoded[:n] {
			text = append(text, c)
			offsets = append(offsets, v.span(i, i+size).from)
		}
		i += size
	}
	offsets = append(offsets, v.span(len(v.text), len(v.text)).to)
	s.texts[0], s.offsets[0] = text, offsets
	return view{text, offsets}
}

func (s *Scrubber) turn() {
	s.texts[0], s.texts[1] = s.texts[1], s.texts[0]
	s.offsets[0], s.offsets[1] = s.offsets[1], s.offsets[0]
}

// decodedAt decodes what stands at i: %41, %u0041, \u0041, \x41, &#65;, &quot;, or one byte as it is.
func decodedAt(text []byte, i int) (decoded [4]byte, n, size int) {
	switch text[i] {
	case '%':
		return percentAt(text, i)
	case '\\':
		return escapedAt(text, i)
	case '&':
		return entityAt(text, i)
	}
	return [4]byte{text[i]}, 1, 1
}

// percentAt decodes %41, and %u0041 as old browsers write it.
func percentAt(text []byte, i int) (decoded [4]byte, n, size int) {
	if i+2 < len(text) {
		high, low := unhex(text[i+1]), unhex(text[i+2])
		if high < 16 && low < 16 {
			return [4]byte{high<<4 | low}, 1, 3
		}
	}
	if i+5 < len(text) && text[i+1]|0x20 == 'u' {
		if code, ok := unhexAll(text[i+2 : i+6]); ok {
			n = copy(decoded[:], string(code))
			return decoded, n, 6
		}
	}
	return [4]byte{text[i]}, 1, 1
}

// entityAt decodes one of HTML's character references.
func entityAt(text []byte, i int) (decoded [4]byte, n, size int) {
	if size = entity(text[i:]); size == 0 {
		return [4]byte{text[i]}, 1, 1
	}
	name := text[i+1 : i+size-1]
	if name[0] != '#' {
		decoded[0] = named(name)
		return decoded, 1, size
	}
	code, base := rune(0), rune(10)
	if name = name[1:]; name[0]|0x20 == 'x' {
		name, base = name[1:], 16
	}
	for _, c := range name {
		code = code*base + rune(unhex(c))
	}
	n = copy(decoded[:], string(code))
	return decoded, n, size
}

// longestEntity is the longest reference that is one: more zeros are nobody's.
const longestEntity = len("&#x0010FFFF;")

// entity is how long the character reference is that a text begins with, or 0.
func entity(text []byte) int {
	end := bytes.IndexByte(text[:min(len(text), longestEntity)], ';')
	if end < 3 {
		return 0
	}
	name := text[1:end]
	if name[0] != '#' {
		if named(name) == 0 {
			return 0
		}
		return end + 1
	}
	base := byte(10)
	if name = name[1:]; name[0]|0x20 == 'x' {
		name, base = name[1:], 16
	}
	for _, c := range name {
		if unhex(c) >= base {
			return 0
		}
	}
	if len(name) == 0 {
		return 0
	}
	return end + 1
}

// named is the character that a reference names, of those around a value, or 0.
func named(name []byte) byte {
	switch string(name) {
	case "quot":
		return '"'
	case "apos":
		return '\''
	case "amp":
		return '&'
	case "lt":
		return '<'
	case "gt":
		return '>'
	}
	return 0
}

// unbrokenAt leaves out line breaks, and the blanks that begin the next line, within what may be one word.
func unbrokenAt(text []byte, i int) (decoded [4]byte, n, size int) {
	if text[i] != '\n' && text[i] != '\r' || i == 0 || !wordByte(text[i-1]) {
		return [4]byte{text[i]}, 1, 1
	}
	end := i
	for end < len(text) && bytes.IndexByte([]byte("\r\n\t "), text[end]) >= 0 {
		end++
	}
	if end == len(text) || !wordByte(text[end]) {
		return [4]byte{text[i]}, 1, 1
	}
	return decoded, 0, end - i
}

// escape begins what tells a terminal a text's colour.
const escape = 0x1b

// uncolouredAt leaves out what tells a terminal colours: ESC[36m.
func uncolouredAt(text []byte, i int) (decoded [4]byte, n, size int) {
	if text[i] != escape || i+1 == len(text) || text[i+1] != '[' {
		return [4]byte{text[i]}, 1, 1
	}
	end := i + 2
	for end < len(text) && (text[end]-'0' < 10 || text[end] == ';') {
		end++
	}
	return decoded, 0, min(end+1, len(text)) - i
}

// narrowAt leaves out the zeros that stand beside every character in UTF-16.
func narrowAt(text []byte, i int) (decoded [4]byte, n, size int) {
	if text[i] == 0 && (i >= 2 && text[i-2] == 0 && text[i-1] != 0 || i+2 < len(text) && text[i+2] == 0 && text[i+1] != 0) {
		return decoded, 0, 1
	}
	return [4]byte{text[i]}, 1, 1
}

// escapedAt decodes what stands at i: an escape of JSON, complete or not, or one byte as it
// is. NGINX's own escape \x22 is not JSON, but stands in what should have been.
func escapedAt(text []byte, i int) (decoded [4]byte, n, size int) {
	if text[i] != '\\' || i+1 == len(text) {
		return [4]byte{text[i]}, 1, 1
	}
	digits := 0
	switch text[i+1] {
	case 'u':
		digits = 4
	case 'x':
		digits = 2
	case 'n', 'r':
		return [4]byte{'\n'}, 1, 2
	case 't', 'b', 'f':
		return [4]byte{' '}, 1, 2
	default:
		return [4]byte{text[i+1]}, 1, 2
	}
	if i+2+digits > len(text) {
		return [4]byte{text[i]}, 1, 1
	}
	code, ok := unhexAll(text[i+2 : i+2+digits])
	if !ok {
		return [4]byte{text[i]}, 1, 1
	}
	out := string(code) // half a surrogate pair becomes U+FFFD: no token has any
	n = copy(decoded[:], out)
	return decoded, n, 2 + digits
}

// unhexAll is the value of hexadecimal digits, if they are some.
func unhexAll(digits []byte) (code rune, ok bool) {
	for _, c := range digits {
		if unhex(c) > 15 {
			return 0, false
		}
		code = code<<4 | rune(unhex(c))
	}
	return code, true
}

// unhex is the value of a hexadecimal digit, and more than 15 if it is none.
func unhex(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return c | 0x20 - 'a' + 10
	}
	return 255
}
