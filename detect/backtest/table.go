package backtest

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// table is CSV as spreadsheets, databases and scripts write it: with or without a mark at the front, fields between
// commas, semicolons, tabs or bars, of which the header's are counted, quoted or not. Its columns are found by name,
// and others are none of our business.
type table struct {
	rows   *csv.Reader
	header []string
}

// headerBytes is how much is looked at to find out how fields are separated.
const headerBytes = 4096

var separators = [...]string{",", ";", "\t", "|"}

// openTable reads the header.
func openTable(from io.Reader) (*table, error) {
	in := bufio.NewReaderSize(from, 1<<16)
	if err := skipMark(in); err != nil {
		return nil, err
	}
	start, _ := in.Peek(headerBytes) // what cannot be read is said when it is read
	first, _, _ := bytes.Cut(bytes.TrimLeft(start, "\r\n"), []byte("\n"))
	separator, named := separatorOf(string(first))
	t := &table{rows: csv.NewReader(in)}
	t.rows.Comma, t.rows.ReuseRecord = rune(separator[0]), true
	// A space behind every separator of the header belongs to none of its names.
	t.rows.TrimLeadingSpace = separator != "\t" && bytes.Contains(first, []byte(separator)) &&
		bytes.Count(first, []byte(separator)) == bytes.Count(first, []byte(separator+" "))
	if named {
		if _, err := in.ReadString('\n'); err != nil {
			return nil, fmt.Errorf("reading the header: %w", err)
		}
	}
	header, err := t.rows.Read()
	if errors.Is(err, io.EOF) {
		return nil, errors.New("reading the header: there is nothing in it")
	}
	if err != nil {
		return nil, fmt.Errorf("reading the header, is it CSV? %w", err)
	}
	for _, name := range header {
		t.header = append(t.header, strings.ToLower(strings.TrimSpace(name)))
	}
	return t, nil
}

// skipMark passes over the mark that says UTF-8, and refuses the one that says UTF-16.
func skipMark(in *bufio.Reader) error {
	start, _ := in.Peek(3)
	switch {
	case bytes.Equal(start, []byte("\ufeff")):
		_, err := in.Discard(len(start))
		return err
	case bytes.HasPrefix(start, []byte{0xff, 0xfe}), bytes.HasPrefix(start, []byte{0xfe, 0xff}):
		return errors.New("it is written in UTF-16: save it as CSV in UTF-8")
	}
	return nil
}

// separatorOf is what stands between the fields of a line: what there is most of. A spreadsheet may name it, as sep=;
func separatorOf(line string) (separator string, named bool) {
	line = strings.TrimSuffix(line, "\r")
	if name, found := strings.CutPrefix(line, "sep="); found && slices.Contains(separators[:], name) {
		return name, true
	}
	separator = separators[0]
	for _, s := range separators {
		if strings.Count(line, s) > strings.Count(line, separator) {
			separator = s
		}
	}
	return separator, false
}

// column finds a column by any of its names; -1 where there is none.
func (t *table) column(names ...string) int {
	return slices.IndexFunc(t.header, func(h string) bool { return slices.Contains(names, h) })
}

// wants is the error of a header that lacks a column. A first row of data is no header.
func (t *table) wants(columns string) error {
	var m moments
	if slices.ContainsFunc(t.header, func(field string) bool { _, err := m.read(strings.ToUpper(field)); return err == nil }) {
		return fmt.Errorf("the first row is data: put a row above it that names the columns: want %s", columns) // it may hold a token
	}
	return fmt.Errorf("the header is %q: want %s; name the columns so, others may stand beside them", strings.Join(t.header, ","), columns)
}

// next reads a row; it is valid until the next one is read.
func (t *table) next() ([]string, error) { return t.rows.Read() }

// line is where the row stands that was read last.
func (t *table) line() int {
	line, _ := t.rows.FieldPos(0)
	return line
}
