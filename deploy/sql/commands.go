package sql

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
)

const help = `\l [WORD]              list hunting queries, views and tables (with that word in them)
\r NAME [param=value]  run a hunting query; values with blanks in 'quotes'
\s NAME                show a hunting query: what it is for, what its answer means, its parameters, the SQL
\d NAME                describe a view or table: each column and what it means
\f [FORMAT]            print answers as table, vertical, csv, tsv, json or markdown
\x                     a line a column, or a row a line again
\q                     leave (Ctrl-D)

Statements end with ; (or with \G: a line a column). Ctrl-C gives a line or a query up, Tab completes names.
A token's rows are found by its fingerprint: SELECT * FROM token_places WHERE token = unhex('...');`

// command runs a line that begins with a backslash.
func (s *Session) command(ctx context.Context, line string) error {
	name, rest, _ := strings.Cut(line, " ")
	rest = strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), ";"))
	switch strings.TrimSuffix(name, ";") {
	case `\q`:
		return errQuit
	case `\l`:
		return s.list(ctx, rest)
	case `\r`:
		return s.run(ctx, rest)
	case `\s`:
		h, err := FindHunt(rest)
		if err == nil {
			_, err = fmt.Fprintln(s.Out, strings.TrimSpace(h.Text))
		}
		return err
	case `\d`:
		return s.describe(ctx, rest)
	case `\f`:
		return s.format(rest)
	case `\x`:
		return s.format(map[bool]string{true: "table", false: "vertical"}[s.Format == "vertical"])
	case `\h`, `\?`:
		_, err := fmt.Fprintln(s.Out, help)
		return err
	}
	return fmt.Errorf(`%s is no command; \h lists them`, name)
}

func (s *Session) format(name string) error {
	if name != "" && !slices.Contains(Formats, name) {
		return fmt.Errorf("%q is no format; want one of %s", name, strings.Join(Formats, ", "))
	}
	if name != "" {
		s.Format = name
	}
	fmt.Fprintln(s.Err, "Answers are printed as "+s.Format+".")
	return nil
}

// list names what there is to ask.
func (s *Session) list(ctx context.Context, word string) error {
	hunts, err := Hunts()
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(s.Out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, `Hunting queries (\r NAME runs one, \s NAME shows it)`)
	for _, h := range hunts {
		if matches(word, h.Name, h.Question, h.Attack) {
			fmt.Fprintf(w, "  %s\t%s\t%s\n", h.Name, h.Attack, h.Question)
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, kind := range []struct{ title, where string }{
		{`Views`, "engine = 'View'"},
		{`Tables`, "engine LIKE '%MergeTree' AND name != 'goose_db_version'"},
	} {
		fmt.Fprintf(w, "\n%s (\\d NAME describes one)\n", kind.title)
		err := s.Store.Ask(ctx, Question{SQL: "SELECT name, comment FROM system.tables WHERE database = currentDatabase() AND " + kind.where + " ORDER BY name"},
			func(_, _ []string) error { return nil },
			func(cells []*string) error {
				name, comment := textOf(cells[0], ""), firstSentence(textOf(cells[1], ""))
				if matches(word, name, comment) {
					fmt.Fprintf(w, "  %s\t\t%s\n", name, comment)
				}
				return nil
			})
		if err = errors.Join(err, w.Flush()); err != nil {
			return err
		}
	}
	return nil
}

// Names are what can be completed: commands' names, hunting queries, views and tables. What cannot be had is left out.
func (s *Session) Names(ctx context.Context) (names []string) {
	hunts, _ := Hunts() // the tests read them all
	for _, h := range hunts {
		names = append(names, h.Name)
	}
	_ = s.Store.Ask(ctx, Question{SQL: "SELECT name FROM system.tables WHERE database = currentDatabase()"}, // completion is a comfort
		func(_, _ []string) error { return nil },
		func(cells []*string) error {
			names = append(names, textOf(cells[0], ""))
			return nil
		})
	return names
}

func matches(word string, texts ...string) bool {
	return strings.Contains(strings.ToLower(strings.Join(texts, "\n")), strings.ToLower(word))
}

func firstSentence(text string) string {
	if end := strings.IndexAny(text, ".?"); end >= 0 {
		return text[:end+1]
	}
	return text
}

// run asks a hunting query.
func (s *Session) run(ctx context.Context, arguments string) error {
	words, err := fields(arguments)
	if err != nil {
		return err
	}
	if len(words) == 0 {
		return errors.New(`\r: want the name of a hunting query; \l lists them`)
	}
	h, err := FindHunt(words[0])
	if err != nil {
		return err
	}
	given := map[string]string{}
	for _, p := range h.Parameters {
		if value, ok := s.Parameters[p.Name]; ok {
			given[p.Name] = value
		}
	}
	for _, word := range words[1:] {
		name, value, ok := strings.Cut(word, "=")
		if !ok {
			return fmt.Errorf(`\r: %q: want param=value; %s has: %s`, word, h.Name, h.parameterNames())
		}
		given[name] = value
	}
	values, err := h.Bind(given)
	if err != nil {
		return err
	}
	return s.ask(ctx, Question{SQL: h.SQL, Parameters: values}, s.Format)
}

// fields cuts at blanks that are not in quotes.
func fields(text string) (words []string, err error) {
	word, quote, begun := "", rune(0), false
	for _, r := range text {
		switch {
		case quote != 0 && r == quote:
			quote = 0
		case quote == 0 && (r == '\'' || r == '"'):
			quote, begun = r, true
		case quote == 0 && (r == ' ' || r == '\t'):
			if begun {
				words, word, begun = append(words, word), "", false
			}
		default:
			word, begun = word+string(r), true
		}
	}
	if quote != 0 {
		return nil, fmt.Errorf("a quote is not closed: %s", text)
	}
	if begun {
		words = append(words, word)
	}
	return words, nil
}

func (s *Session) describe(ctx context.Context, name string) error {
	if name == "" {
		return errors.New(`\d: want the name of a view or table; \l lists them`)
	}
	known := false
	about := func(cells []*string) error {
		known = true
		_, err := fmt.Fprintln(s.Out, textOf(cells[0], "")+"\n")
		return err
	}
	parameters := map[string]string{"name": name}
	const of = " WHERE database = currentDatabase() AND "
	err := s.Store.Ask(ctx, Question{SQL: "SELECT comment FROM system.tables" + of + "name = {name:String}", Parameters: parameters},
		func(_, _ []string) error { return nil }, about)
	if err != nil {
		return err
	}
	if !known {
		return fmt.Errorf(`there is no view or table %q here; \l lists them`, name)
	}
	return s.ask(ctx, Question{SQL: "SELECT name, type, comment FROM system.columns" + of + "table = {name:String} ORDER BY position", Parameters: parameters}, s.wide())
}

// wide is the session's format, but one that does not cut what a column means.
func (s *Session) wide() string {
	if s.Format == "table" {
		return wide
	}
	return s.Format
}
