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
	find(v)
	for layer := 0; s.strict && layer < escapes && bytes.IndexByte(v.text, '\\') >= 0; layer++ {
		v = s.decode(v, escapedAt)
		find(v)
	}
	for range rounds {
		if bytes.IndexByte(v.text, '%') < 0 {
			return
		}
		length := len(v.text)
		if v = s.decode(v, percentAt); len(v.text) == length {
			return
		}
		find(v)
	}
}

// decode undoes one layer of encoding. The two buffers take turns, since the view that is
// read stands in one of them.
func (s *Scrubber) decode(v view, at func([]byte, int) ([4]byte, int, int)) view {
	s.texts[0], s.texts[1] = s.texts[1], s.texts[0]
	s.offsets[0], s.offsets[1] = s.offsets[1], s.offsets[0]
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

// percentAt decodes what stands at i: %41, or one byte as it is.
func percentAt(text []byte, i int) (decoded [4]byte, n, size int) {
	if text[i] == '%' && i+2 < len(text) {
		high, low := unhex(text[i+1]), unhex(text[i+2])
		if high < 16 && low < 16 {
			return [4]byte{high<<4 | low}, 1, 3
		}
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
	case 'n', 'r', 't', 'b', 'f':
		return [4]byte{' '}, 1, 2
	}
	if i+2+digits > len(text) {
		return [4]byte{text[i]}, 1, 1
	}
	var code rune
	for _, c := range text[i+2 : i+2+digits] {
		if unhex(c) > 15 {
			return [4]byte{text[i]}, 1, 1
		}
		code = code<<4 | rune(unhex(c))
	}
	if digits == 0 {
		return [4]byte{text[i+1]}, 1, 2
	}
	out := string(code) // half a surrogate pair becomes U+FFFD: no token has any
	n = copy(decoded[:], out)
	return decoded, n, 2 + digits
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
