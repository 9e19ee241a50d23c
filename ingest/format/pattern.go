package format

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// pattern is a line of text as NGINX's log_format describes it: variables, $name or
// ${name}, and what stands between them to the letter. A variable called _ is nobody's.
//
//	$remote_addr - $remote_user [$time_local] "$request" $status
//
// What a variable holds is bounded by what follows it, and by what the variable can be: a
// status is a number, an address has no blanks. That decides where whoever makes requests
// writes something that looks like the rest of a line.
type pattern struct {
	parts []part

	// tail reads what follows the pattern; nil when nothing may.
	tail layout
}

// part is a variable and the text behind it.
type part struct {
	name   string // of the field that it becomes
	holds  func([]byte) bool
	quoted bool   // stands in quotes: ends with the first one that is not escaped
	single bool   // holds no blanks: once there is one, looking further is in vain
	ends   []byte // the text behind it; empty: the end of the line, or of the word
}

// maxTries bounds how often a line is tried before it is no line of the pattern.
const maxTries = 256

// compile reads a log_format. Text before the first variable becomes a part that holds nothing.
func compile(format string) (*pattern, error) {
	p := &pattern{}
	var literal []byte
	at := part{holds: isEmpty}
	for rest := format; rest != ""; {
		name, after, found := variable(rest)
		if !found {
			literal, rest = append(literal, rest[0]), rest[1:]
			continue
		}
		if name == "" {
			return nil, fmt.Errorf("a $ without the name of a variable behind it, before %q", after)
		}
		if at.name != "" && len(literal) == 0 {
			return nil, fmt.Errorf("$%s follows $%s with nothing between them: nobody can tell where one ends", name, at.name)
		}
		if at.name != "" || len(literal) > 0 {
			at.ends = literal
			p.parts = append(p.parts, at)
		}
		inQuotes := bytes.HasSuffix(literal, []byte(`"`))
		at = part{name: name, quoted: inQuotes, holds: holds(name, inQuotes), single: !inQuotes && single(name)}
		literal, rest = nil, after
	}
	if at.name == "" {
		return nil, fmt.Errorf("no variable in it, such as $remote_addr")
	}
	at.ends = literal
	p.parts = append(p.parts, at)
	return p, p.distinct()
}

// variable cuts a variable off the beginning of a format.
func variable(format string) (name, rest string, found bool) {
	if format[0] != '$' {
		return "", format, false
	}
	rest = format[1:]
	if strings.HasPrefix(rest, "{") {
		name, after, closed := strings.Cut(rest[1:], "}")
		if !closed {
			return "", rest, true
		}
		return name, after, true
	}
	end := 0
	for end < len(rest) && (rest[end] == '_' || rest[end]-'0' <= 9 || rest[end]|0x20-'a' < 26) {
		end++
	}
	return rest[:end], rest[end:], true
}

// distinct refuses names that are used twice, and such as would need escapes in JSON.
func (p *pattern) distinct() error {
	var seen []string
	for _, part := range p.parts {
		if slices.Contains(seen, part.name) {
			return fmt.Errorf("$%s: named twice", part.name)
		}
		if !isPlain([]byte(part.name)) {
			return fmt.Errorf("$%s: a name of letters, digits and _ is needed", part.name)
		}
		if part.name != "" && part.name != nobody {
			seen = append(seen, part.name)
		}
	}
	return nil
}

// nobody is a variable that becomes no field.
const nobody = "_"

// loosen lets variables that the table does not know hold blanks: nobody says that they
// cannot.
func (p *pattern) loosen(known table) {
	for i := range p.parts {
		if at := &p.parts[i]; at.name != "" && !slices.ContainsFunc(known.rows, func(r row) bool { return r.path == at.name }) {
			at.holds, at.single = isAnything, false
		}
	}
}

// must compiles a format of this package.
func must(format string, tail layout) layout {
	p, err := compile(format)
	if err != nil {
		panic(err) // a test opens every format
	}
	p.tail = tail
	return p.read
}

// read is the pattern's layout.
func (p *pattern) read(obj, line []byte) ([]byte, bool) {
	tries := maxTries
	return p.from(0, obj, line, &tries)
}

// from reads the parts from the i-th on. Where the text behind a variable stands several
// times, the first place that the rest of the line agrees with counts.
func (p *pattern) from(i int, obj, line []byte, tries *int) ([]byte, bool) {
	if i == len(p.parts) {
		if p.tail != nil {
			return p.tail(obj, line)
		}
		return obj, len(bytes.TrimRight(line, " \r\n")) == 0
	}
	at := &p.parts[i]
	for from := 0; *tries > 0; {
		*tries--
		end := at.end(line, from)
		if end < 0 {
			return obj, false
		}
		if at.holds(line[:end]) {
			longer := obj
			if at.name != "" && at.name != nobody {
				longer = appendField(obj, at.name, line[:end])
			}
			if read, ok := p.from(i+1, longer, line[end+len(at.ends):], tries); ok {
				return read, true
			}
		}
		if at.quoted || len(at.ends) == 0 || at.single && bytes.IndexByte(line[from:end], ' ') >= 0 {
			return obj, false // it cannot end anywhere else
		}
		from = end + 1
	}
	return obj, false
}

// end is where the variable may end, from an offset on, or -1.
func (p *part) end(line []byte, from int) int {
	if p.quoted {
		_, rest, ok := quotedAfter(line)
		if end := len(line) - len(rest) - 1; ok && bytes.HasPrefix(line[end:], p.ends) {
			return end
		}
		return -1
	}
	if len(p.ends) == 0 {
		return p.last(line)
	}
	if from > len(line) {
		return -1
	}
	if i := bytes.Index(line[from:], p.ends); i >= 0 {
		return from + i
	}
	return -1
}

// last is the end of the last variable: that of the line, or of the word where more may
// follow.
func (p *part) last(line []byte) int {
	if i := bytes.IndexByte(line, ' '); i >= 0 && p.holds(line[:i]) {
		return i
	}
	return len(line)
}

// quotedAfter cuts a text off that began with a quote before the line.
func quotedAfter(line []byte) (value, rest []byte, ok bool) {
	for i := 0; i < len(line); i++ {
		switch line[i] {
		case '\\':
			i++
		case '"':
			return line[:i], line[i+1:], true
		}
	}
	return nil, nil, false
}
