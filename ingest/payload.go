package ingest

import (
	"bytes"
	"slices"
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
		s.findFields(v, inText)
		s.findPairs(v, inText)
		s.findTagged(v)
		s.findFlags(v)
		s.findBeside(v)
		s.findBinary(v)
		s.findWords(v, len(v.text), 0)
		s.findUserinfo(v)
		s.findSlashed(v, 0)
	})
	s.search(text, s.findKnown) // last: it also looks for what the others found
	return string(clip(bytes.ToValidUTF8(s.blank(text), []byte("\uFFFD")), maxPayload))
}

// torn is how much of the end of a text that was cut off may be part of a secret, of which
// the rest would have told: what stands behind the last quote or blank.
func torn(text []byte) int {
	return len(text) - 1 - bytes.LastIndexAny(text, "\" \t\r\n,")
}

// findFields finds the values of names that say they are secret or private, in JSON that
// may be broken anywhere and in text that is none: "apikey":"abc", apikey: abc, 'apikey': 'abc'.
func (s *Scrubber) findFields(v view, in place) {
	for i := 0; i < len(v.text); {
		colon := bytes.IndexByte(v.text[i:], ':')
		if colon < 0 {
			return
		}
		i += colon + 1
		if !s.strict && !parts(v.text, i-1, in) || !s.secretName(nameBefore(v.text, i-1)) || s.covered(v, i) {
			continue
		}
		from := skipSpace(v.text, i)
		if from < len(v.text) && v.text[from] == '+' { // a blank, in a form
			from++
		}
		end := ending(v.text, from)
		if begin := credential(v.text, from, end); begin < len(v.text) {
			from, end = begin, shown(v.text, begin)
		}
		if from, to := inside(v.text, from, end); from < to {
			s.secret(v, from, to)
			i = end
		}
	}
}

// parts reports whether a colon parts a name from its value. In paths and names it does so only where it is not their own:
// /secrets/a:access and system:auth:worker are names, and q=token: expired is somebody's question.
func parts(text []byte, colon int, in place) bool {
	if colon > 0 && (text[colon-1] == '"' || text[colon-1] == '\'') || in == inText {
		return true
	}
	if colon+1 == len(text) || strings.IndexByte(" +\"'", text[colon+1]) < 0 {
		return false
	}
	value := colon + 1
	for value < len(text) && (text[value] == ' ' || text[value] == '+') {
		value++
	}
	switch {
	case in == inName:
		return text[colon+1] == ' '
	case value < len(text) && (text[value] == '"' || text[value] == '\''):
		return true // login(password: "..."), in GraphQL
	}
	return !plainWord(nameBefore(text, colon)) || drawnOrNumbered(text[value:shown(text[:min(len(text), value+maxWeak)], value)])
}

// plainWord reports whether a name is a word of a sentence too, which X-Api-Key and client_secret are not.
func plainWord(name []byte) bool {
	for _, c := range name {
		if classOf(c) != byte(lowerCase) {
			return false
		}
	}
	return true
}

// credential is where a header's credential begins, Authorization: Bearer abc, if the value is the name of a scheme.
func credential(text []byte, from, end int) int {
	if !isScheme(text[from:end]) && !isWeakScheme(text[from:end]) {
		return len(text)
	}
	return skipSpace(text, end)
}

// nameBefore is the name that ends before the colon, without its quotes.
func nameBefore(text []byte, colon int) []byte {
	text = bytes.TrimRight(text[:colon], "\"'\\ ")
	from := len(text)
	for from > 0 && (wordByte(text[from-1]) || text[from-1] == '[' || text[from-1] == ']') {
		from--
	}
	return text[from:]
}

// covered reports whether what stands there will be blanked anyway. Behind quotes that
// were undone nobody can tell any more where an array ends.
func (s *Scrubber) covered(v view, i int) bool {
	at := v.span(i, i).from
	return slices.ContainsFunc(s.spans, func(hole span) bool { return hole.from <= at && at < hole.to })
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
	switch value := bytes.TrimSpace(text[from:to]); {
	case string(value) == "null" || string(value) == "[]" || string(value) == "{}":
		return from, from
	case len(value) >= 2 && (value[0] == '"' || value[0] == '\'') && value[len(value)-1] == value[0]:
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
	if i == len(text) {
		return i
	}
	switch text[i] {
	case '"':
		return closing(text, i)
	case '\'':
		if end := bytes.IndexByte(text[i+1:], '\''); end >= 0 {
			return i + 1 + end + 1
		}
		return len(text)
	case '{', '[':
		return closed(text, i)
	}
	if end := bytes.IndexAny(text[i:], ",;&}] \t\r\n\"\\"); end >= 0 {
		return i + end
	}
	return len(text)
}

// closed is the offset after the object or array that begins at i.
func closed(text []byte, i int) int {
	for depth := 0; i < len(text); i++ {
		switch text[i] {
		case '"':
			i = closing(text, i) - 1
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return len(text)
}

// called reports whether the word at i is the value of a key that names a request's id.
func called(text []byte, i int) bool {
	text = bytes.TrimRight(text[:i], "\": \t")
	name := nameBefore(text, len(text))
	switch strings.ToLower(string(name)) {
	case "request_id", "requestid", "request-id", "x-request-id", "http_x_request_id", "x-kong-request-id", "trace_id", "correlation_id":
		return true
	}
	return false
}
