package sql

import (
	"embed"
	"fmt"
	"io/fs"
	"maps"
	"regexp"
	"slices"
	"strings"
)

//go:embed *.sql
var files embed.FS

// Hunt is a hunting query.
type Hunt struct {
	Name       string // the file's, without .sql
	Question   string // that it answers
	For        string // when one asks it
	Answer     string // what the rows mean
	Attack     string // MITRE ATT&CK technique that it looks for; may be empty
	Parameters []Parameter
	SQL        string // the statement
	Text       string // the whole file
}

// Parameter stands in the statement as {name:Type}.
type Parameter struct {
	Name, Type, Default string
	Note                string // what it means
}

// Hunts are all of them, by name.
func Hunts() ([]Hunt, error) {
	names, err := fs.Glob(files, "*.sql")
	if err != nil {
		return nil, err
	}
	slices.Sort(names)
	var list []Hunt
	for _, name := range names {
		text, err := files.ReadFile(name)
		if err != nil {
			return nil, err
		}
		h, err := ParseHunt(strings.TrimSuffix(name, ".sql"), string(text))
		if err != nil {
			return nil, err
		}
		list = append(list, h)
	}
	return list, nil
}

// FindHunt gives the hunting query of a name, or says which are like it.
func FindHunt(name string) (Hunt, error) {
	list, err := Hunts()
	if err != nil {
		return Hunt{}, err
	}
	var near []string
	for _, h := range list {
		if h.Name == name {
			return h, nil
		}
		if name != "" && (strings.Contains(h.Name, name) || strings.Contains(strings.ToLower(h.Question), strings.ToLower(name))) {
			near = append(near, h.Name)
		}
	}
	if len(near) > 0 {
		return Hunt{}, fmt.Errorf("no hunting query is called %q; like it: %s", name, strings.Join(near, ", "))
	}
	return Hunt{}, fmt.Errorf("no hunting query is called %q; \\l lists them", name)
}

// A header line: "Key: value", and "Parameter: name Type = default   note".
var (
	headerLine    = regexp.MustCompile(`^(For|Answer|ATT&CK|Parameter): *(.*)$`)
	parameterLine = regexp.MustCompile(`^(\w+) (\w+) = ('[^']*'|\S+)\s*(.*)$`)
	placeholder   = regexp.MustCompile(`\{(\w+):(\w+)\}`)
)

// ParseHunt reads a file: comments at its head, then the statement.
func ParseHunt(name, text string) (Hunt, error) {
	h := Hunt{Name: name, Text: text}
	var last *string
	rest := text
	for strings.HasPrefix(rest, "--") {
		var line string
		line, rest, _ = strings.Cut(rest, "\n")
		line = strings.TrimSpace(strings.TrimPrefix(line, "--"))
		m := headerLine.FindStringSubmatch(line)
		switch {
		case m == nil && last != nil && line != "":
			*last += " " + line
		case m == nil && h.Question == "":
			h.Question = line
		case m == nil:
		case m[1] == "Parameter":
			p := parameterLine.FindStringSubmatch(m[2])
			if p == nil {
				return h, fmt.Errorf("%s: %q is no parameter; want: Parameter: name Type = default  what it means", name, m[2])
			}
			h.Parameters = append(h.Parameters, Parameter{Name: p[1], Type: p[2], Default: strings.Trim(p[3], "'"), Note: p[4]})
			last = &h.Parameters[len(h.Parameters)-1].Note
		default:
			last = map[string]*string{"For": &h.For, "Answer": &h.Answer, "ATT&CK": &h.Attack}[m[1]]
			*last = m[2]
		}
	}
	h.SQL = strings.TrimRight(strings.TrimSpace(rest), ";")
	return h, h.check()
}

// check holds the header to the statement.
func (h Hunt) check() error {
	for what, text := range map[string]string{"question": h.Question, "For": h.For, "Answer": h.Answer, "statement": h.SQL} {
		if text == "" {
			return fmt.Errorf("%s: has no %s", h.Name, what)
		}
	}
	used := map[string]string{}
	for _, m := range placeholder.FindAllStringSubmatch(h.SQL, -1) {
		if before, known := used[m[1]]; known && before != m[2] {
			return fmt.Errorf("%s: {%s} is a %s and a %s", h.Name, m[1], before, m[2])
		}
		used[m[1]] = m[2]
	}
	for _, p := range h.Parameters {
		if used[p.Name] != p.Type {
			return fmt.Errorf("%s: the parameter %s %s is not in the statement as {%s:%s}", h.Name, p.Name, p.Type, p.Name, p.Type)
		}
		delete(used, p.Name)
	}
	for name := range used {
		return fmt.Errorf("%s: {%s} has no line that tells its default", h.Name, name)
	}
	return nil
}

// Bind gives each parameter the value that was given, or its default.
func (h Hunt) Bind(given map[string]string) (map[string]string, error) {
	values, left := map[string]string{}, maps.Clone(given)
	for _, p := range h.Parameters {
		values[p.Name] = p.Default
		if value, ok := given[p.Name]; ok {
			values[p.Name] = value
			delete(left, p.Name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(left)) {
		return nil, fmt.Errorf("%s has no parameter %s; it has: %s", h.Name, name, h.parameterNames())
	}
	return values, nil
}

func (h Hunt) parameterNames() string {
	if len(h.Parameters) == 0 {
		return "none"
	}
	var names []string
	for _, p := range h.Parameters {
		names = append(names, fmt.Sprintf("%s=%s", p.Name, p.Default))
	}
	return strings.Join(names, ", ")
}
