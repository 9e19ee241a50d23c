package sql_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/deploy/sql"
)

// script runs lines as from a pipe.
func script(t *testing.T, s sql.Store, format, text string) (out string, err error) {
	t.Helper()
	var printed, said strings.Builder
	session := &sql.Session{Store: s, Out: &printed, Err: &said, Format: format, Parameters: map[string]string{"n": "7"}}
	err = session.Run(t.Context(), sql.NewReader(strings.NewReader(text)))
	return printed.String(), err
}

const odd = "SELECT toInt32(-1) AS n, 'a|b\\n<b>,\"' AS s, unhex('ff1b') AS raw, NULL AS nothing, [1, 2] AS list, {n:UInt8} AS p"

func TestFormats(t *testing.T) {
	s := analyst(t)
	for format, want := range map[string]string{
		"table":    " n  s           raw       nothing  list    p\n──  ──────────  ────────  ───────  ──────  ─\n-1  a|b\\n<b>,\"  \\xff\\x1b  NULL     [1, 2]  7\n",
		"vertical": "── row 1\nn:       -1\ns:       a|b\\n<b>,\"\nraw:     \\xff\\x1b\nnothing: NULL\nlist:    [1, 2]\np:       7\n",
		"csv":      "n,s,raw,nothing,list,p\n-1,\"a|b\n<b>,\"\"\",\\xff\\x1b,,\"[1, 2]\",7\n",
		"tsv":      "n\ts\traw\tnothing\tlist\tp\n-1\ta|b\\n<b>,\"\t\\\\xff\\\\x1b\t\\N\t[1, 2]\t7\n",
		"json":     `{"n":-1,"s":"a|b\n<b>,\"","raw":"\\xff\\x1b","nothing":null,"list":[1,2],"p":7}` + "\n",
		"markdown": "| n | s | raw | nothing | list | p |\n|---:|---|---|---|---|---:|\n| -1 | a\\|b &lt;b&gt;,\" | \\\\xff\\\\x1b |  | [1, 2] | 7 |\n",
	} {
		if got, err := script(t, s, format, odd); err != nil || got != want {
			t.Errorf("%s: %v\nhave %q\nwant %q", format, err, got, want)
		}
	}
}

// What a stranger sent, a megabyte of it, or bytes that steer a terminal, stays text and in its place.
func TestHostileTextStaysText(t *testing.T) {
	s := analyst(t)
	for _, format := range sql.Formats {
		out, err := script(t, s, format, "SELECT path, user_agent, consumer FROM events WHERE token = unhex('"+token(27).String()+"') ORDER BY ts")
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(out, "\x1b") || strings.Contains(out, "\xff") || !strings.Contains(out, "alert(1)") {
			t.Errorf("%s: %.200q", format, out)
		}
		if format == "table" && len(out) > 10_000 {
			t.Errorf("a table of %d bytes: a long path is to be cut", len(out))
		}
		if format == "json" && len(out) < 1<<20 {
			t.Errorf("json of %d bytes: nothing is to be cut", len(out))
		}
	}
}

func TestScripts(t *testing.T) {
	s := analyst(t)
	for text, want := range map[string]string{
		"SELECT 1 AS a; SELECT 2 AS b":         "a\n1\nb\n2\n",
		"SELECT\n 1\n AS a\n;\n\\q\nSELECT 2;": "a\n1\n",
		"\\f csv\n\\x\nSELECT 1 AS a;":         "── row 1\na: 1\n",
		"SELECT 1 AS a\\G":                     "── row 1\na: 1\n",
		"SELECT '\n\\q\n' AS a;":               "a\n\"\n\\q\n\"\n",
		"\\r anonymisers hours=48;":            "",
		"exit\nSELECT 1;":                      "",
		"quit;":                                "",
		"-- nothing":                           "",
		"\\s noise":                            "-- What makes work without being theft?",
		"\\d old_tokens":                       "Which tokens were never rotated?",
		"\\l zzz":                              "Hunting queries",
		"\\h":                                  "\\l [WORD]",
	} {
		got, err := script(t, s, "csv", text)
		if err != nil || want != "" && !strings.HasPrefix(got, want) || want == "" && strings.Contains(got, "1\n") && !strings.Contains(text, "\\r") {
			t.Errorf("%q: %v\nhave %q\nwant %q", text, err, got, want)
		}
	}
	for text, want := range map[string]string{
		"SELECT nonsense; SELECT 1":   "nonsense",
		"\\z":                         `\z is no command; \h lists them`,
		"\\r":                         "want the name of a hunting query",
		"\\r noise days":              `"days": want param=value; noise has: days=30, min_findings=3`,
		"\\r noise days='3":           "a quote is not closed",
		"\\r noise days=x":            "x",
		"\\r token-news token=12":     "",
		"\\d nothing":                 `there is no view or table "nothing" here`,
		"\\f xml":                     `"xml" is no format`,
		"SELECT 1; DROP TABLE events": "privileges",
		"SELECT {unset:String}":       "unset",
		"SELECT sleepEachRow(1) FROM numbers(100) SETTINGS max_execution_time = 1, max_block_size = 1": "",
	} {
		if _, err := script(t, s, "csv", text); want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}

// screen is what a person sees, to be looked at while it is written.
type screen struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *screen) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(b)
}

func (s *screen) awaits(t *testing.T, what string) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		s.mu.Lock()
		text := s.text.String()
		at := strings.Index(text, what)
		if at >= 0 {
			s.text.Next(at + len(what)) // what comes next comes after it
		}
		s.mu.Unlock()
		if at >= 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%q does not appear; have %q", what, text)
		}
	}
}

// TestConversation is a person at a terminal: editing, completion, several lines, errors that end nothing, Ctrl-C in a line
// and in a query, history.
func TestConversation(t *testing.T) {
	s := analyst(t)
	file := filepath.Join(t.TempDir(), "state", "history")
	history, err := sql.OpenHistory(file)
	if err != nil {
		t.Fatal(err)
	}
	keyboard, hands := io.Pipe()
	eyes := &screen{}
	session := &sql.Session{Store: s, Format: "table"}
	person := sql.NewTerminal(keyboard, eyes, history, session.Names(t.Context()))
	session.Person, session.Out, session.Err = person, person, person
	ended := make(chan error, 1)
	go func() { ended <- session.Run(t.Context(), person) }()
	types := func(text string) {
		t.Helper()
		if _, err := io.WriteString(hands, text); err != nil {
			t.Fatal(err)
		}
	}
	eyes.awaits(t, "tokenwatch> ")
	types("SELECT 40 +\r")
	eyes.awaits(t, "-> ")
	types("2 AS answer;\r")
	eyes.awaits(t, "42")
	eyes.awaits(t, "(1 row, ")
	types("SELECT nonsense;\r")
	eyes.awaits(t, "nonsense")
	eyes.awaits(t, "tokenwatch> ")
	types("\\s odd-h\t\r") // the rest of the name is completed
	eyes.awaits(t, "Which tokens are used at an hour")
	types("SELECT 'given up'\x03")
	eyes.awaits(t, "tokenwatch> ")
	types("SELECT 1 SETTINGS max_block_size = 1;\r")
	eyes.awaits(t, "Cannot modify 'max_block_size'") // an analyst sets nothing
	types("SELECT max(MD5(toString(number))) FROM numbers(900000000);\r")
	eyes.awaits(t, "900000000);")
	stopped := make(chan struct{})
	go func() { // pressed until it is heard: the query has to have begun
		for {
			select {
			case <-stopped:
				return
			case <-time.After(100 * time.Millisecond):
				_, _ = io.WriteString(hands, "\x03")
			}
		}
	}()
	eyes.awaits(t, "interrupted")
	close(stopped)
	types("SELECT 'still here';\r")
	eyes.awaits(t, "1 row")
	types("\\q\r")
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if err := errors.Join(person.Close(), history.Save()); err != nil {
		t.Error(err)
	}
	kept, err := os.ReadFile(file)
	if err != nil || !strings.Contains(string(kept), "SELECT 40 + 2 AS answer;\n") || strings.Contains(string(kept), "given up") {
		t.Errorf("history %q, %v", kept, err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the history's mode is %v, %v", info.Mode(), err)
	}
}

func TestHistoryIsBounded(t *testing.T) {
	file := filepath.Join(t.TempDir(), "history")
	if err := os.WriteFile(file, []byte(strings.Repeat("SELECT 1;\n\nSELECT 2;\n", 2000)), 0o600); err != nil {
		t.Fatal(err)
	}
	h, err := sql.OpenHistory(file)
	if err != nil || h.Len() != 1000 || h.At(0) != "SELECT 2;" || h.At(1) != "SELECT 1;" {
		t.Errorf("%d entries, %v", h.Len(), err)
	}
}

// broken is a store that is away.
type broken struct{}

func (broken) Ask(context.Context, sql.Question, func(_, _ []string) error, func([]*string) error) error {
	return errors.New("clickhouse is away")
}

func TestStoreThatIsAway(t *testing.T) {
	for _, text := range []string{"SELECT 1;", "\\l", "\\d x", "\\r noise"} {
		if _, err := script(t, broken{}, "table", text); fmt.Sprint(err) != "clickhouse is away" {
			t.Errorf("%s: %v", text, err)
		}
	}
}
