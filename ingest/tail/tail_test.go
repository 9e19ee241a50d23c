package tail_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/ingest/bookmark"
	"github.com/tokenwatch/tokenwatch/ingest/tail"
)

const maxLine = 1000

// reader is a Tailer at work, and what it delivered.
type reader struct {
	t    testing.TB
	dir  string
	stop func() // in order

	mu    sync.Mutex
	lines []string
	hold  chan struct{} // while not nil, nothing is taken
	log   *bytes.Buffer
}

// begin follows patterns in dir, with the positions that an earlier reader left there.
func begin(t testing.TB, dir string, patterns []string, change ...func(*tail.Tailer)) *reader {
	t.Helper()
	book, err := bookmark.Open(filepath.Join(dir, "positions", "tail.json"))
	if err != nil {
		t.Fatal(err)
	}
	r := &reader{t: t, dir: dir, log: &bytes.Buffer{}}
	tailer := &tail.Tailer{
		Patterns: patterns, MaxLine: maxLine, Poll: time.Millisecond, Quiet: 200 * time.Millisecond,
		Book: book, Deliver: r.deliver, Log: slog.New(slog.NewTextHandler(&locked{to: r.log, mu: &r.mu}, nil)),
	}
	for _, c := range change {
		c(tailer)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- tailer.Run(ctx) }()
	r.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
		if err := book.Close(); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(r.stop)
	return r
}

type locked struct {
	mu *sync.Mutex
	to *bytes.Buffer
}

func (l *locked) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.to.Write(b)
}

func (r *reader) deliver(ctx context.Context, text []byte) (int, error) {
	r.mu.Lock()
	hold := r.hold
	r.mu.Unlock()
	if hold != nil {
		select {
		case <-hold:
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for line := range strings.Lines(string(text)) {
		r.lines = append(r.lines, strings.TrimSuffix(line, "\n"))
	}
	return len(text), nil
}

func (r *reader) have() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.lines)
}

func (r *reader) said() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.log.String()
}

// want waits until the lines are there, and fails if others are.
func (r *reader) want(lines ...string) {
	r.t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		have := r.have()
		if slices.Equal(have, lines) {
			return
		}
		if len(have) > len(lines) || time.Now().After(deadline) {
			r.t.Fatalf("have\n%.300q\nwant\n%.300q\nlog:\n%s", have, lines, r.said())
		}
	}
}

// until waits for the log to tell something.
func (r *reader) until(said string) {
	r.t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !strings.Contains(r.said(), said); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			r.t.Fatalf("it does not say %q:\n%s", said, r.said())
		}
	}
}

func appendTo(t testing.TB, path, text string) {
	t.Helper()
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	_, err = file.WriteString(text)
	if err := errors.Join(err, file.Close()); err != nil {
		t.Fatal(err)
	}
}

func rename(t testing.TB, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}

func copyFile(t testing.TB, from, to string) {
	t.Helper()
	text, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func place(t testing.TB) (dir, path string) {
	dir = t.TempDir()
	return dir, filepath.Join(dir, "access.log")
}

func TestFollow(t *testing.T) {
	dir, path := place(t)
	appendTo(t, path, "one\ntwo\nthr")
	r := begin(t, dir, []string{path})
	r.want("one", "two")
	appendTo(t, path, "ee\n\nfour\n")
	r.want("one", "two", "three", "", "four")
	r.stop()
	appendTo(t, path, "five\n")
	begin(t, dir, []string{path}).want("five")
}

func TestFromEnd(t *testing.T) {
	dir, path := place(t)
	appendTo(t, path, "old\nolder\nhalf")
	fromEnd := func(t *tail.Tailer) { t.FromEnd = true }
	r := begin(t, dir, []string{filepath.Join(dir, "*.log")}, fromEnd)
	r.until("following")
	appendTo(t, path, " done\n")
	r.want("half done")
	appendTo(t, filepath.Join(dir, "new.log"), "first\n")
	r.want("half done", "first")
	r.stop()
	appendTo(t, path, "meanwhile\n")
	begin(t, dir, []string{filepath.Join(dir, "*.log")}, fromEnd).want("meanwhile")
}

func TestWaitsForFile(t *testing.T) {
	dir, path := place(t)
	r := begin(t, dir, []string{path})
	r.until("waiting for it")
	appendTo(t, path, "one\n")
	r.want("one")
}

// What is written to the old file after the rotation is read, and before the new one where it was there first.
func TestRename(t *testing.T) {
	dir, path := place(t)
	appendTo(t, path, "one\n")
	r := begin(t, dir, []string{path})
	r.want("one")
	old, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer old.Close()
	rename(t, path, path+".1")
	fmt.Fprint(old, "two\nlast words")
	r.want("one", "two")
	appendTo(t, path, "three\n")
	r.want("one", "two", "three")
	r.want("one", "two", "three", "last words") // nobody will end that line
	r.until("read to its end")
}

func TestRenameAndMoreWhileAway(t *testing.T) {
	dir, path := place(t)
	appendTo(t, path+".1", "history, and none of ours\n")
	appendTo(t, path, "one\n")
	r := begin(t, dir, []string{path})
	r.want("one")
	r.stop()
	appendTo(t, path, "two\n")
	rename(t, path+".1", path+".3")
	rename(t, path, path+".2")
	appendTo(t, path+".1", "three\n")
	appendTo(t, path, "four\n")
	r = begin(t, dir, []string{path})
	r.want("two", "three", "four")
	r.stop()
	begin(t, dir, []string{path}).want()
}

// A rotated file that was compressed meanwhile cannot be gone on with, which is said.
func TestCompressedWhileAway(t *testing.T) {
	dir, path := place(t)
	appendTo(t, path, "one\n")
	r := begin(t, dir, []string{path})
	r.want("one")
	r.stop()
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	fmt.Fprint(z, "one\ntwo\n")
	if err := errors.Join(z.Close(), os.WriteFile(path+".1.gz", packed.Bytes(), 0o600), os.Remove(path)); err != nil {
		t.Fatal(err)
	}
	appendTo(t, path, "three\n")
	r = begin(t, dir, []string{path})
	r.want("three")
	r.until("tokenwatch import")
}

func TestTruncate(t *testing.T) {
	dir, path := place(t)
	appendTo(t, path, "one\ntwo\nhalf")
	r := begin(t, dir, []string{path})
	r.want("one", "two")
	if err := os.Truncate(path, 0); err != nil {
		t.Fatal(err)
	}
	r.until("truncated")
	appendTo(t, path, "three\n")
	r.want("one", "two", "half", "three")
}

// A file that was truncated and is longer again by the time somebody looks is recognised by its beginning.
func TestTruncateUnseen(t *testing.T) {
	dir, path := place(t)
	appendTo(t, path, "one\n")
	r := begin(t, dir, []string{path})
	r.want("one")
	r.stop()
	if err := os.WriteFile(path, []byte("two\nthree\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	begin(t, dir, []string{path}).want("two", "three")
}

// What was not read before logrotate copied and truncated is read from the copy, and only once, whether the pattern means
// copies or not, and whether somebody was there or not.
func TestCopyTruncate(t *testing.T) {
	for _, pattern := range []string{"access.log", "access.log*"} {
		for _, away := range []bool{false, true} {
			t.Run(fmt.Sprint(pattern, " away ", away), func(t *testing.T) {
				dir, path := place(t)
				patterns := []string{filepath.Join(dir, pattern)}
				appendTo(t, path, "one\n")
				r := begin(t, dir, patterns)
				r.want("one")
				if away {
					r.stop()
				} else {
					r.mu.Lock()
					r.hold = make(chan struct{})
					r.mu.Unlock()
				}
				appendTo(t, path, "two\nthree\n")
				copyFile(t, path, path+".1")
				if err := os.Truncate(path, 0); err != nil {
					t.Fatal(err)
				}
				appendTo(t, path, "four\n")
				var want []string
				if away {
					r = begin(t, dir, patterns)
				} else {
					close(r.hold)
					want = []string{"one"}
				}
				r.want(append(want, "two", "three", "four")...)
				if pattern == "access.log" {
					r.until("read to its end")
				}
				appendTo(t, path, "five\n")
				r.want(append(want, "two", "three", "four", "five")...)
				r.stop()
				begin(t, dir, patterns).want()
			})
		}
	}
}

// With a wildcard that means the rotated files too, each is still read once.
func TestWildcard(t *testing.T) {
	dir, path := place(t)
	patterns := []string{filepath.Join(dir, "*.log*"), path}
	appendTo(t, path, "one\n")
	r := begin(t, dir, patterns)
	r.want("one")
	rename(t, path, path+".1")
	appendTo(t, path, "two\n")
	r.want("one", "two")
	if err := os.WriteFile(path+".2.gz", []byte("packed"), 0o600); err != nil {
		t.Fatal(err)
	}
	appendTo(t, filepath.Join(dir, "other.log"), "three\n")
	r.want("one", "two", "three")
	r.stop()
	begin(t, dir, patterns).want()
}

func TestLongLine(t *testing.T) {
	dir, path := place(t)
	long := strings.Repeat("x", 5*maxLine)
	appendTo(t, path, "one\n"+long)
	r := begin(t, dir, []string{path})
	r.want("one", long[:maxLine+1])
	appendTo(t, path, long)
	r.until("following")
	r.stop()
	appendTo(t, path, long+"\ntwo\n")
	begin(t, dir, []string{path}).want("two")
}

// While nothing is taken nothing more is read, and a stop does not lose what waits.
func TestBackPressure(t *testing.T) {
	dir, path := place(t)
	appendTo(t, path, "one\n")
	r := begin(t, dir, []string{path})
	r.want("one")
	r.mu.Lock()
	r.hold = make(chan struct{})
	r.mu.Unlock()
	appendTo(t, path, "two\n")
	rename(t, path, path+".1")
	appendTo(t, path, "three\n")
	r.stop()
	if have := r.have(); len(have) != 1 {
		t.Errorf("have %q", have)
	}
	begin(t, dir, []string{path}).want("two", "three")
}

func TestRefusals(t *testing.T) {
	dir, path := place(t)
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
	r := begin(t, dir, []string{path})
	r.until("no regular file")
	book, err := bookmark.Open(filepath.Join(t.TempDir(), "b"))
	if err != nil {
		t.Fatal(err)
	}
	bad := &tail.Tailer{Patterns: []string{"[a"}, Book: book}
	if err := bad.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "[a") {
		t.Errorf("a broken pattern: %v", err)
	}
}
