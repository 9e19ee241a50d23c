package format

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

// ErrTooLong ends Split at a document that is longer than it may be.
var ErrTooLong = errors.New("too long for a record")

// Split cuts a file into the records that a gateway would have sent: a line of text each,
// and a JSON document each, in however many lines it stands, or several of them in one. It calls yield with each and
// with the number of the line that it begins in, from 1. The record is valid until yield
// returns. One that never ends is cut off where another begins.
func Split(from io.Reader, longest int, yield func(record []byte, line int) error) error {
	s := splitter{longest: longest, yield: yield}
	lines := bufio.NewReaderSize(from, 64<<10)
	for number := 1; ; number++ {
		line, err := s.line(lines, number)
		if number == 1 {
			line = bytes.TrimPrefix(line, []byte(mark))
		}
		if len(line) > 0 {
			if err := s.add(line, number); err != nil {
				return err
			}
		}
		if err == io.EOF {
			return s.flush()
		}
		if err != nil {
			return err
		}
	}
}

type splitter struct {
	longest int
	yield   func([]byte, int) error
	text    []byte // of the line at hand
	open    []byte // the document at hand
	begun   int    // line in which it began
	depth   int    // brackets that are open in it
	within  bool   // a string
	escaped bool   // behind a backslash
}

// line reads a line with its end.
func (s *splitter) line(from *bufio.Reader, number int) ([]byte, error) {
	s.text = s.text[:0]
	for {
		piece, err := from.ReadSlice('\n')
		if s.text = append(s.text, piece...); len(s.text)+len(s.open) > s.longest {
			return nil, fmt.Errorf("line %d: %w: more than %d bytes", number, ErrTooLong, s.longest)
		}
		if err != bufio.ErrBufferFull {
			return s.text, err
		}
	}
}

// add puts a line to the document at hand, or has it begin one, or be a record by itself.
func (s *splitter) add(line []byte, number int) error {
	if len(s.open) > 0 && s.open[0] == '{' && line[0] == '{' && !s.goesOn(line) {
		if err := s.flush(); err != nil {
			return err
		}
	}
	if len(s.open) == 0 {
		line = bytes.TrimLeft(line, " \t\r\n")
		if len(line) == 0 {
			return nil
		}
		s.begun = number
		if isLine(line) {
			return s.yield(bytes.TrimRight(line, " \t\r\n"), number)
		}
	}
	end := s.follow(line)
	s.open = append(s.open, line[:end]...)
	if s.depth > 0 {
		return nil
	}
	if err := s.flush(); err != nil || end == len(line) {
		return err
	}
	return s.add(line[end:], number)
}

// goesOn reports whether the object at hand goes on in a line that begins with a brace.
// What is indented never does begin anew; at the left margin an object begins, unless a
// value is due and the line is not a whole object itself.
func (s *splitter) goesOn(line []byte) bool {
	last := bytes.TrimRight(s.open, " \t\r\n")
	if bytes.IndexByte([]byte(":[,"), last[len(last)-1]) < 0 {
		return false
	}
	whole := scanner{data: bytes.TrimSpace(line)}
	return whole.value(0) != len(whole.data)
}

// follow counts the brackets of a line that stand outside of strings, up to the end of the line, or of
// the document if an object begins right behind it, as where Firehose writes them one behind the other.
func (s *splitter) follow(line []byte) (end int) {
	for i, c := range line {
		if s.depth == 0 && i > 0 && c == '{' && line[i-1] == '}' {
			return i
		}
		switch {
		case s.escaped:
			s.escaped = false
		case s.within:
			s.escaped = c == '\\'
			s.within = c != '"'
		case c == '"':
			s.within = true
		case c == '{' || c == '[':
			s.depth++
		case c == '}' || c == ']':
			s.depth--
		}
	}
	return len(line)
}

// flush hands the document at hand over, whole or not.
func (s *splitter) flush() error {
	record := bytes.TrimRight(s.open, " \t\r\n")
	s.depth, s.within, s.escaped = 0, false, false
	defer func() { s.open = s.open[:0] }()
	if len(record) == 0 {
		return nil
	}
	return s.yield(record, s.begun)
}
