package sql

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// Question is what a Store is asked.
type Question struct {
	SQL        string
	Parameters map[string]string // values of {name:Type}
	JSON       bool              // cells are to be JSON values rather than text
}

// Store asks ClickHouse. It calls head once if there is an answer, and row for each of its rows; a nil cell is NULL.
type Store interface {
	Ask(ctx context.Context, q Question, head func(names, types []string) error, row func(cells []*string) error) error
}

// Lines gives what is typed, or what a file or pipe holds, without line ends. ErrInterrupted says that the line was given
// up (Ctrl-C), io.EOF that there are no more.
type Lines interface {
	Line(prompt string) (string, error)
}

// ErrInterrupted says that somebody pressed Ctrl-C.
var ErrInterrupted = errors.New("interrupted")

// errQuit ends a session in good order.
var errQuit = errors.New("quit")

// Session runs statements and commands, and prints what comes back.
type Session struct {
	Store      Store
	Out        io.Writer         // answers
	Err        io.Writer         // all else
	Format     string            // one of Formats
	Parameters map[string]string // for {name:Type} in any statement
	Person     *Terminal         // somebody who sees errors and goes on; nil: the first error ends the session
}

// Run goes through all lines. A statement may take several; it ends with ; or \G, or with the last line.
func (s *Session) Run(ctx context.Context, lines Lines) error {
	buffer := ""
	for ctx.Err() == nil {
		line, err := lines.Line(prompt(buffer))
		if errors.Is(err, ErrInterrupted) {
			buffer = ""
			continue
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		ended := err != nil
		if buffer, err = s.take(ctx, buffer, line, ended); errors.Is(err, errQuit) {
			return nil
		}
		if err != nil && s.Person == nil {
			return err
		}
		if err != nil {
			fmt.Fprintln(s.Err, err)
		}
		if ended {
			return nil
		}
	}
	return ctx.Err()
}

func prompt(buffer string) string {
	if buffer == "" {
		return "tokenwatch> "
	}
	return "         -> "
}

// take adds a line to what is there already, and runs what is complete by now.
func (s *Session) take(ctx context.Context, buffer, line string, last bool) (rest string, err error) {
	if buffer == "" {
		word := strings.TrimSpace(line)
		if strings.HasPrefix(word, `\`) {
			s.remember(word)
			return "", s.command(ctx, word)
		}
		if word = strings.TrimSuffix(word, ";"); word == "exit" || word == "quit" {
			return "", errQuit
		}
	}
	text := strings.TrimLeft(buffer+line+"\n", " \t\r\n")
	statements, rest := Split(text)
	if last && !Blank(rest) {
		statements, rest = append(statements, Statement{SQL: strings.TrimSpace(rest)}), ""
	}
	if len(statements) > 0 {
		s.remember(text[:len(text)-len(rest)])
	}
	for _, statement := range statements {
		format := s.Format
		if statement.Vertical {
			format = "vertical"
		}
		if err := s.ask(ctx, Question{SQL: statement.SQL, Parameters: s.Parameters}, format); err != nil {
			return "", err
		}
	}
	return rest, nil
}

func (s *Session) remember(text string) {
	if s.Person != nil {
		s.Person.Remember(text)
	}
}

// ask runs one statement and prints its answer.
func (s *Session) ask(ctx context.Context, q Question, format string) error {
	out := bufio.NewWriter(s.Out)
	sheet, err := newSheet(format, out)
	if err != nil {
		return err
	}
	if s.Person != nil {
		var stop func()
		ctx, stop = s.Person.Cancellable(ctx)
		defer stop()
	}
	q.JSON = format == "json"
	rows, answered, begun := 0, false, time.Now()
	err = s.Store.Ask(ctx, q, func(names, types []string) error {
		answered = true
		return sheet.head(names, types)
	}, func(cells []*string) error {
		rows++
		return sheet.row(cells)
	})
	if err == nil {
		err = sheet.end()
	}
	err = errors.Join(err, out.Flush())
	if errors.Is(context.Cause(ctx), ErrInterrupted) {
		return ErrInterrupted
	}
	if err == nil && s.Person != nil {
		fmt.Fprintln(s.Err, tally(rows, answered, time.Since(begun)))
	}
	return err
}

func tally(rows int, answered bool, took time.Duration) string {
	what := fmt.Sprintf("%d rows", rows)
	if rows == 1 {
		what = "1 row"
	}
	if !answered {
		what = "done"
	}
	return fmt.Sprintf("(%s, %.2f s)", what, took.Seconds())
}

// Reader is Lines of a text.
type Reader struct{ lines *bufio.Reader }

// NewReader reads lines from a pipe or file.
func NewReader(from io.Reader) *Reader { return &Reader{bufio.NewReader(from)} }

// Line implements Lines.
func (r *Reader) Line(string) (string, error) {
	line, err := r.lines.ReadString('\n')
	return strings.TrimRight(line, "\r\n"), err
}
