package ingest

import (
	"bytes"
	"strings"
)

// place is the kind of text that is looked at. What parts a name from its value differs.
type place uint8

const (
	inPath place = iota // a path with its query string
	inName              // a consumer's name: token:acme is one, "token: acme" is not
	inText              // other text
)

// The characters that end a value. In a path a value goes to the next parameter
// whatever is in it; in other text it also ends with its quotes.
const (
	queryEnds = "&;#"
	textEnds  = "&; \t\r\n\"'<>"
)

// findPairs finds name=value with a secret's name: in query strings, and in whatever
// text a dead letter has. There quotes and blanks may stand around, name = 'value' and 'name' => 'value'.
func (s *Scrubber) findPairs(v view, in place) {
	for i := 0; ; {
		equals := bytes.IndexByte(v.text[i:], '=')
		if equals < 0 {
			return
		}
		equals += i
		i = equals + 1
		if !s.secretName(nameOf(v.text, equals, in)) {
			continue
		}
		from, to := valueOf(v.text, equals, in)
		if from < to {
			s.secret(v, from, to)
			i = to
		}
	}
}

// secret blanks a value with a secret's name, and in a dead letter looks for it elsewhere too.
func (s *Scrubber) secret(v view, from, to int) {
	s.spans = append(s.spans, v.span(from, to))
	if s.strict {
		s.learn(v.text[from:to])
	}
}

// nameOf is the name before the equals sign, with what stands in brackets: user[password]=, token[]=.
func nameOf(text []byte, equals int, in place) []byte {
	to := equals
	for in != inPath && to > 0 && strings.IndexByte("\"'\\ \t", text[to-1]) >= 0 {
		to--
	}
	from := to
	for from > 0 && (wordByte(text[from-1]) || strings.IndexByte("%[]", text[from-1]) >= 0) {
		from--
	}
	return text[from:to]
}

// valueOf is the value behind the equals sign, without its quotes.
func valueOf(text []byte, equals int, in place) (from, to int) {
	from = equals + 1
	if in == inPath {
		return from, until(text, from, queryEnds)
	}
	arrow := from < len(text) && text[from] == '>'
	if arrow {
		from++
	}
	if arrow || equals > 0 && (text[equals-1] == ' ' || text[equals-1] == '\t') {
		from = skipSpace(text, from)
	}
	for from < len(text) && text[from] == '\\' {
		from++
	}
	if from < len(text) && text[from] == '[' { // headers{x-api-key=[value]}
		return from, closed(text, from)
	}
	if from == len(text) || text[from] != '"' && text[from] != '\'' {
		return from, until(text, from, textEnds)
	}
	from++
	to = until(text, from, string(text[from-1]))
	for to > from && text[to-1] == '\\' {
		to-- // of the quote
	}
	return from, to
}

// until is where the first of the characters stands, from i on.
func until(text []byte, i int, ends string) int {
	for i < len(text) && strings.IndexByte(ends, text[i]) < 0 {
		i++
	}
	return i
}

// findTagged finds what stands in an element with a secret's name: <password>value</password>.
func (s *Scrubber) findTagged(v view) {
	for i := 0; ; {
		open := bytes.IndexByte(v.text[i:], '<')
		if open < 0 {
			return
		}
		i += open + 1
		end := until(v.text, i, "<>")
		if end == len(v.text) || v.text[end] != '>' || !s.secretName(v.text[i:until(v.text[:end], i, " /")]) {
			i = end
			continue
		}
		if from := end + 1; bytes.HasPrefix(v.text[from:], []byte(verbatim)) {
			end = from + len(verbatim) - 1
		}
		if to := until(v.text, end+1, "<"); end+1 < to {
			s.secret(v, end+1, to)
		}
	}
}

// verbatim begins a text in XML that is not looked at for elements.
const verbatim = "<![CDATA["

// findFlags finds what follows a command's flag with a secret's name, --token value, and the password behind a user's: -u name:value.
func (s *Scrubber) findFlags(v view) {
	for i := 0; ; {
		dash := bytes.IndexByte(v.text[i:], '-')
		if dash < 0 {
			return
		}
		i += dash
		if i > 0 && wordByte(v.text[i-1]) {
			i++
			continue // within a word
		}
		from := i
		for i < len(v.text) && wordByte(v.text[i]) {
			i++
		}
		if i == len(v.text) || v.text[i] != ' ' {
			continue
		}
		name, value := v.text[from:i], skipSpace(v.text, i)
		for value < len(v.text) && strings.IndexByte("\"'\\", v.text[value]) >= 0 {
			value++
		}
		end := until(v.text, value, textEnds)
		switch {
		case value == end || v.text[value] == '-':
		case string(name) == "-u", string(name) == "--user":
			if colon := until(v.text[:end], value, ":"); colon+1 < end {
				s.secret(v, colon+1, end)
			}
		case bytes.HasPrefix(name, []byte("--")) && s.secretName(name):
			s.secret(v, value, end)
		}
	}
}
