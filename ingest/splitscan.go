package ingest

// verdict is what a scan came to.
type verdict byte

const (
	invalid    verdict = iota // no JSON, whatever follows
	unfinished                // JSON so far
	complete
)

// maxSpan bounds how deep a value may nest for its end to be looked for.
const maxSpan = 512

// values finds where a JSON value ends. It is strict in what tells a record that was cut off from one that goes on, and
// leaves to the decoder what is within strings and numbers.
type values struct {
	data  []byte
	seen  int // how far it looked
	depth int
}

// object scans from an opening brace.
func (v *values) object(i int) (end int, is verdict) {
	i, is = v.open(i, '}', v.member)
	return i, is
}

// open scans what stands between brackets: items with commas.
func (v *values) open(i int, closing byte, item func(int) (int, verdict)) (int, verdict) {
	if v.depth++; v.depth > maxSpan {
		return v.stop(i, invalid)
	}
	defer func() { v.depth-- }()
	if i = v.space(i + 1); i < len(v.data) && v.data[i] == closing {
		return i + 1, complete
	}
	for {
		var is verdict
		if i, is = item(i); is != complete {
			return i, is
		}
		if i = v.space(i); i >= len(v.data) {
			return v.stop(i, unfinished)
		}
		switch v.data[i] {
		case closing:
			return i + 1, complete
		case ',':
			i = v.space(i + 1)
		default:
			return v.stop(i, invalid)
		}
	}
}

func (v *values) member(i int) (int, verdict) {
	if i >= len(v.data) {
		return v.stop(i, unfinished)
	}
	if v.data[i] != '"' {
		return v.stop(i, invalid)
	}
	i, is := v.text(i)
	if is != complete {
		return i, is
	}
	if i = v.space(i); i >= len(v.data) {
		return v.stop(i, unfinished)
	}
	if v.data[i] != ':' {
		return v.stop(i, invalid)
	}
	return v.value(v.space(i + 1))
}

func (v *values) value(i int) (int, verdict) {
	if i >= len(v.data) {
		return v.stop(i, unfinished)
	}
	switch c := v.data[i]; {
	case c == '{':
		return v.object(i)
	case c == '[':
		return v.open(i, ']', v.value)
	case c == '"':
		return v.text(i)
	case literalByte(c):
		for i < len(v.data) && literalByte(v.data[i]) {
			i++
		}
		if i >= len(v.data) {
			return v.stop(i, unfinished)
		}
		return i, complete
	}
	return v.stop(i, invalid)
}

// text scans a string from its quote. A line cannot end within one.
func (v *values) text(i int) (int, verdict) {
	for i++; i < len(v.data); i++ {
		switch v.data[i] {
		case '"':
			return i + 1, complete
		case '\\':
			if i++; i < len(v.data) && v.data[i] == '\n' {
				return v.stop(i, invalid)
			}
		case '\n':
			return v.stop(i, invalid)
		}
	}
	return v.stop(i, unfinished)
}

func (v *values) space(i int) int {
	for i < len(v.data) && (v.data[i] == ' ' || v.data[i] == '\n' || v.data[i] == '\t' || v.data[i] == '\r') {
		i++
	}
	return i
}

func (v *values) stop(i int, is verdict) (int, verdict) {
	v.seen = i
	return i, is
}

// literalByte tells what numbers and literals are made of.
func literalByte(c byte) bool {
	return c-'0' <= 9 || c >= 'a' && c <= 'z' || c == '-' || c == '+' || c == '.' || c == 'E'
}

// scalar is where an element of an array ends that is no object and stands behind one on the same line, as in
// [{...}, 5]; 0 if there is none.
func (s *Splitter) scalar(text []byte, at int) (end int) {
	if !s.inline || at == len(text) || text[at] == '{' {
		return 0
	}
	v := values{data: text[:min(len(text), at+s.most+1)]}
	end, is := v.value(at)
	if next := v.space(end); is != complete || next >= len(text) || text[next] != ',' && text[next] != ']' {
		return 0
	}
	return end
}

// skipping passes over the rest of a record that was too long: an object to its last brace, text to the end
// of the line. A line that ends within a string ends both.
type skipping struct {
	on, json      bool
	lines         bool // the end of the line ends it in any case
	depth         int
	quoted, slash bool
}

// past returns the offset at which the skipping ended, or the end of the text.
func (s *skipping) past(text []byte, i int) int {
	for ; i < len(text); i++ {
		if s.ends(text[i]) {
			*s = skipping{}
			if text[i] == '\n' {
				return i
			}
			return i + 1
		}
	}
	return i
}

func (s *skipping) ends(c byte) bool {
	switch {
	case c == '\n' && (s.lines || s.quoted):
		return true
	case !s.json:
	case s.slash:
		s.slash = false
	case s.quoted:
		s.slash, s.quoted = c == '\\', c != '"'
	case c == '"':
		s.quoted = true
	case c == '{', c == '[':
		s.depth++
	case c == '}', c == ']':
		s.depth--
		return s.depth <= 0
	}
	return false
}
