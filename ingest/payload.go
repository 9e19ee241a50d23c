package ingest

import (
	"bytes"
	"strings"
)

// maxPayload is how much of a refused record is kept.
const maxPayload = 4 << 10

// window is how much of it is looked at. What is blanked leaves room for what follows.
const window = 2 * maxPayload

// Payload gives what may be stored of a record that was refused: its beginning, without
// anything that may be a secret. The record need not be JSON, nor UTF-8, nor whole.
func (s *Scrubber) Payload(record []byte) string {
	record = bytes.TrimSpace(record)
	text := record[:min(len(record), window)]
	if len(text) < len(record) {
		text = text[:len(text)-torn(text)]
	}
	s.begin(true)
	s.search(text, func(v view) {
		s.findFields(v)
		s.findPairs(v)
		s.findWords(v)
	})
	s.search(text, s.findKnown) // last: it also looks for what the others found
	kept := clip(s.blank(text), maxPayload)
	return strings.ToValidUTF8(string(kept), "\uFFFD")
}

// torn is how much of the end of a text that was cut off may be part of a secret, of which
// the rest would have told: what stands behind the last quote or blank.
func torn(text []byte) int {
	return len(text) - 1 - bytes.LastIndexAny(text, "\" \t\r\n,")
}

// findFields finds the values of keys that say they are secret or private, in JSON that
// may be broken anywhere.
func (s *Scrubber) findFields(v view) {
	for i := 0; i < len(v.text); {
		if v.text[i] != '"' {
			i++
			continue
		}
		end := closing(v.text, i)
		colon := skipSpace(v.text, end)
		if colon >= len(v.text) || v.text[colon] != ':' || !s.secretName(trimQuotes(v.text[i:end])) {
			i = end
			continue
		}
		from := skipSpace(v.text, colon+1)
		i = ending(v.text, from)
		if from, to := inside(v.text, from, i); from < to {
			s.spans = append(s.spans, v.span(from, to))
			s.learn(v.text[from:to])
		}
	}
}

// maxLearnt bounds what one payload can have one look for.
const maxLearnt = 32

// learn takes a value with a secret's name for a credential: it may stand elsewhere too,
// in a payload that could not be read.
func (s *Scrubber) learn(value []byte) {
	if len(s.known) < maxLearnt && len(value) <= 1<<10 && bytes.IndexByte(value, '{') < 0 {
		s.know(bytes.Clone(canonical(value)))
	}
}

// inside leaves a string its quotes, and what says nothing as it is.
func inside(text []byte, from, to int) (int, int) {
	value := bytes.TrimSpace(text[from:to])
	if string(value) == "null" || string(value) == "[]" || string(value) == "{}" {
		return from, from
	}
	if len(value) >= 2 && value[0] == '"' && value[len(value)-1] == '"' {
		return from + 1, from + len(value) - 1
	}
	return from, to
}

func skipSpace(text []byte, i int) int {
	for i < len(text) && (text[i] == ' ' || text[i] == '\t' || text[i] == '\n' || text[i] == '\r') {
		i++
	}
	return i
}

func trimQuotes(text []byte) []byte { return bytes.Trim(text, `"`) }

// closing is the offset after the string that begins at i.
func closing(text []byte, i int) int {
	for i++; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(text)
}

// ending is the offset after the value that begins at i.
func ending(text []byte, i int) int {
	depth := 0
	for i < len(text) {
		switch text[i] {
		case '"':
			i = closing(text, i)
			if depth == 0 {
				return i
			}
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth <= 0 {
				return i + 1 + min(0, depth) // a bracket that closes what is outside is not the value's
			}
		case ',':
			if depth == 0 {
				return i
			}
		}
		i++
	}
	return i
}

// called reports whether the word at i is the value of a key that names a request's id.
func called(text []byte, i int) bool {
	text = bytes.TrimRight(text[:i], "\": \t")
	from := len(text)
	for from > 0 && wordByte(text[from-1]) {
		from--
	}
	switch strings.ToLower(string(text[from:])) {
	case "request_id", "requestid", "request-id", "x-request-id", "http_x_request_id", "x-kong-request-id", "trace_id", "correlation_id":
		return true
	}
	return false
}
