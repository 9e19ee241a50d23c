package sql

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

// Formats are what answers can be printed as.
var Formats = []string{"table", "vertical", "csv", "tsv", "json", "markdown"}

// sheet prints one answer.
type sheet interface {
	head(names, types []string) error
	row(cells []*string) error
	end() error
}

func newSheet(format string, to io.Writer) (sheet, error) {
	switch format {
	case "table":
		return &table{to: to, widest: widestCell}, nil
	case wide:
		return &table{to: to, widest: widestText}, nil
	case "vertical":
		return &vertical{to: to}, nil
	case "csv":
		return &csvSheet{to: csv.NewWriter(to)}, nil
	case "tsv":
		return &tsv{to: to}, nil
	case "json":
		return &jsonLines{to: to}, nil
	case "markdown":
		return &markdown{to: to}, nil
	}
	return nil, fmt.Errorf("%q is no format; want one of %s", format, strings.Join(Formats, ", "))
}

func textOf(cell *string, null string) string {
	if cell == nil {
		return null
	}
	return *cell
}

// The table's columns are as wide as the first rows want, within reason: a path of a megabyte must not hide the rest.
const (
	measuredRows = 1000
	widestCell   = 60
	widestText   = 300
)

// wide is a table whose cells are sentences.
const wide = "wide"

type table struct {
	to     io.Writer
	widest int
	names  []string
	right  []bool // numbers
	widths []int
	first  [][]string // rows that are measured before any is printed
	begun  bool
}

func (t *table) head(names, types []string) error {
	t.names = names
	for i, name := range names {
		t.widths = append(t.widths, utf8.RuneCountInString(t.cut(name)))
		t.right = append(t.right, numeric(types[i]))
	}
	return nil
}

func numeric(kind string) bool {
	for _, wrapped := range []string{"Nullable(", "LowCardinality("} {
		kind = strings.TrimPrefix(kind, wrapped)
	}
	return slices.ContainsFunc([]string{"UInt", "Int", "Float", "Decimal"}, func(p string) bool { return strings.HasPrefix(kind, p) })
}

func (t *table) row(cells []*string) error {
	texts := make([]string, len(cells))
	for i, cell := range cells {
		texts[i] = t.cut(oneLine(textOf(cell, "NULL")))
	}
	if t.begun {
		return t.print(texts)
	}
	for i, text := range texts {
		t.widths[i] = max(t.widths[i], utf8.RuneCountInString(text))
	}
	if t.first = append(t.first, texts); len(t.first) == measuredRows {
		return t.begin()
	}
	return nil
}

func (t *table) begin() error {
	t.begun = true
	rules := make([]string, len(t.names))
	for i, width := range t.widths {
		rules[i] = strings.Repeat("─", width)
	}
	for _, line := range append([][]string{t.names, rules}, t.first...) {
		if err := t.print(line); err != nil {
			return err
		}
	}
	t.first = nil
	return nil
}

func (t *table) print(texts []string) error {
	var b strings.Builder
	for i, text := range texts {
		text = t.cut(text)
		gap := strings.Repeat(" ", max(0, t.widths[i]-utf8.RuneCountInString(text)))
		if i > 0 {
			b.WriteString("  ")
		}
		if t.right[i] {
			b.WriteString(gap + text)
		} else {
			b.WriteString(text + gap)
		}
	}
	_, err := fmt.Fprintln(t.to, strings.TrimRight(b.String(), " "))
	return err
}

func (t *table) end() error {
	if !t.begun && t.names != nil {
		return t.begin()
	}
	return nil
}

func (t *table) cut(s string) string {
	if utf8.RuneCountInString(s) <= t.widest {
		return s
	}
	return string([]rune(s)[:t.widest-1]) + "…"
}

// oneLine keeps a cell in its row.
func oneLine(s string) string { return strings.NewReplacer("\n", `\n`, "\t", `\t`).Replace(s) }

// vertical prints a line a column, whole.
type vertical struct {
	to    io.Writer
	names []string
	width int
	rows  int
}

func (v *vertical) head(names, _ []string) error {
	v.names = names
	for _, name := range names {
		v.width = max(v.width, utf8.RuneCountInString(name))
	}
	return nil
}

func (v *vertical) row(cells []*string) error {
	v.rows++
	var b strings.Builder
	fmt.Fprintf(&b, "── row %d\n", v.rows)
	for i, cell := range cells {
		gap := strings.Repeat(" ", v.width-utf8.RuneCountInString(v.names[i]))
		fmt.Fprintf(&b, "%s:%s %s\n", v.names[i], gap, oneLine(textOf(cell, "NULL")))
	}
	_, err := io.WriteString(v.to, b.String())
	return err
}

func (v *vertical) end() error { return nil }

type csvSheet struct{ to *csv.Writer }

func (c *csvSheet) head(names, _ []string) error { return c.to.Write(names) }

func (c *csvSheet) row(cells []*string) error {
	texts := make([]string, len(cells))
	for i, cell := range cells {
		texts[i] = textOf(cell, "")
	}
	return c.to.Write(texts)
}

func (c *csvSheet) end() error {
	c.to.Flush()
	return c.to.Error()
}

// tsv is as ClickHouse reads and writes it: tabs and line ends within a cell are escaped, NULL is \N.
type tsv struct{ to io.Writer }

var escapeTSV = strings.NewReplacer(`\`, `\\`, "\t", `\t`, "\n", `\n`)

func (t *tsv) head(names, _ []string) error {
	_, err := fmt.Fprintln(t.to, strings.Join(names, "\t"))
	return err
}

func (t *tsv) row(cells []*string) error {
	texts := make([]string, len(cells))
	for i, cell := range cells {
		if texts[i] = `\N`; cell != nil {
			texts[i] = escapeTSV.Replace(*cell)
		}
	}
	_, err := fmt.Fprintln(t.to, strings.Join(texts, "\t"))
	return err
}

func (t *tsv) end() error { return nil }

// jsonLines prints an object a row. Its cells are JSON already.
type jsonLines struct {
	to    io.Writer
	names []string
}

func (j *jsonLines) head(names, _ []string) error {
	for _, name := range names {
		key, err := json.Marshal(name)
		if err != nil {
			return err
		}
		j.names = append(j.names, string(key))
	}
	return nil
}

func (j *jsonLines) row(cells []*string) error {
	parts := make([]string, len(cells))
	for i, cell := range cells {
		parts[i] = j.names[i] + ":" + textOf(cell, "null")
	}
	_, err := fmt.Fprintln(j.to, "{"+strings.Join(parts, ",")+"}")
	return err
}

func (j *jsonLines) end() error { return nil }

// markdown is for tickets.
type markdown struct{ to io.Writer }

var escapeMarkdown = strings.NewReplacer(`\`, `\\`, "|", `\|`, "\n", " ", "<", "&lt;", ">", "&gt;", "&", "&amp;", "`", "\\`")

func (m *markdown) head(names, types []string) error {
	if err := m.line(names); err != nil {
		return err
	}
	rules := make([]string, len(names))
	for i := range rules {
		if rules[i] = "---"; numeric(types[i]) {
			rules[i] = "---:"
		}
	}
	_, err := fmt.Fprintln(m.to, "|"+strings.Join(rules, "|")+"|")
	return err
}

func (m *markdown) row(cells []*string) error {
	texts := make([]string, len(cells))
	for i, cell := range cells {
		texts[i] = textOf(cell, "")
	}
	return m.line(texts)
}

func (m *markdown) line(texts []string) error {
	for i := range texts {
		texts[i] = escapeMarkdown.Replace(texts[i])
	}
	_, err := fmt.Fprintln(m.to, "| "+strings.Join(texts, " | ")+" |")
	return err
}

func (m *markdown) end() error { return nil }
