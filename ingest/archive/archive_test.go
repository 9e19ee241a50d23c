package archive_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/tokenwatch/tokenwatch/ingest/archive"
	"github.com/tokenwatch/tokenwatch/ingest/bookmark"
)

var errEnough = errors.New("enough for now")

// lines is a sink of lines, which takes so many and then fails.
type lines struct {
	have  []string
	room  int
	reset int
}

func (l *lines) Send(ctx context.Context, text []byte, last bool) (done int, err error) {
	for done < len(text) {
		end := bytes.IndexByte(text[done:], '\n') + 1
		if end == 0 && !last {
			return done, nil
		}
		if end == 0 {
			end = len(text) - done
		}
		if l.room == 0 {
			return done, errEnough
		}
		if err := ctx.Err(); err != nil {
			return done, err
		}
		l.room--
		l.have = append(l.have, strings.TrimSuffix(string(text[done:done+end]), "\n"))
		done += end
	}
	return done, nil
}

func (l *lines) Resumable() bool { return true }
func (l *lines) Reset()          { l.reset++ }

// told is a Progress that remembers.
type told struct {
	begun, skipped []string
	ended          map[string]error
	at, size       int64
}

func (p *told) Begin(path string, size, _ int64) { p.begun, p.size = append(p.begun, path), size }
func (p *told) Read(at int64)                    { p.at = at }
func (p *told) Skip(path string)                 { p.skipped = append(p.skipped, path) }
func (p *told) End(path string, err error) {
	if p.ended == nil {
		p.ended = map[string]error{}
	}
	p.ended[path] = err
}

func book(t *testing.T, dir string) *bookmark.Book {
	t.Helper()
	b, err := bookmark.Open(filepath.Join(dir, "positions.json"))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func packed(t *testing.T, name, text string) []byte {
	t.Helper()
	var out bytes.Buffer
	var w io.WriteCloser = gzip.NewWriter(&out)
	if name == "zst" {
		z, err := zstd.NewWriter(&out)
		if err != nil {
			t.Fatal(err)
		}
		w = z
	}
	_, err := io.WriteString(w, text)
	if err := errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func put(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, content, 0o600)); err != nil {
		t.Fatal(err)
	}
}

// Wherever an import is interrupted, the same import goes on from there: every line is sent once.
func TestInterrupted(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	dir, store := t.TempDir(), t.TempDir()
	var want, files []string
	for i, name := range []string{"a.log", "b.log.gz", "c.log.zst", "empty.log", "no-end.log"} {
		var text strings.Builder
		for n := range 40_000 {
			if name == "empty.log" {
				break
			}
			line := fmt.Sprintf("%d %d %s", i, n, strings.Repeat("x", random.IntN(200)))
			want = append(want, line)
			text.WriteString(line + "\n")
		}
		content := []byte(text.String())
		switch {
		case name == "no-end.log":
			content = bytes.TrimRight(content, "\n")
		case filepath.Ext(name) != ".log":
			content = packed(t, filepath.Ext(name)[1:], text.String())
		}
		files = append(files, filepath.Join(dir, name))
		put(t, filepath.Join(dir, name), content)
	}
	var have []string
	rounds := 0
	for {
		rounds++
		b, sink, progress := book(t, store), &lines{room: random.IntN(20_000)}, &told{}
		m := &archive.Importer{Book: b, Sink: sink, Progress: progress}
		err := m.Run(t.Context(), files)
		have = append(have, sink.have...)
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
		if err == nil {
			break
		}
		if !errors.Is(err, errEnough) {
			t.Fatal(err)
		}
	}
	if !slices.Equal(have, want) {
		t.Errorf("%d lines of %d in %d rounds", len(have), len(want), rounds)
	}
	if rounds < 5 {
		t.Errorf("only %d rounds", rounds)
	}

	b := book(t, store)
	defer b.Close()
	sink, progress := &lines{room: 1 << 30, reset: -1}, &told{}
	if err := (&archive.Importer{Book: b, Sink: sink, Progress: progress}).Run(t.Context(), files); err != nil || len(sink.have) > 0 || len(progress.skipped) != len(files)-1 { // of an empty file nobody knows
		t.Errorf("again: %d lines, %q are skipped, %v", len(sink.have), progress.skipped, err)
	}
	if err := (&archive.Importer{Book: b, Sink: sink, Progress: progress, Restart: true}).Run(t.Context(), files); err != nil || !slices.Equal(sink.have, want) {
		t.Errorf("restarted: %d lines, %v", len(sink.have), err)
	}
	if sink.reset != len(files) || progress.at != progress.size {
		t.Errorf("%d resets; read to %d of %d", sink.reset, progress.at, progress.size)
	}
}

// A file that has grown is read on.
func TestGrown(t *testing.T) {
	path, store := filepath.Join(t.TempDir(), "a.log"), t.TempDir()
	put(t, path, []byte("one\n"))
	sink := &lines{room: 100}
	run := func() {
		b := book(t, store)
		defer b.Close()
		if err := (&archive.Importer{Book: b, Sink: sink, Progress: &told{}}).Run(t.Context(), []string{path}); err != nil {
			t.Fatal(err)
		}
	}
	run()
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = file.WriteString("two\n")
	later := time.Now().Add(time.Hour)
	if err := errors.Join(err, file.Close(), os.Chtimes(path, later, later)); err != nil {
		t.Fatal(err)
	}
	run()
	put(t, path, []byte("another file\n"))
	run()
	if want := []string{"one", "two", "another file"}; !slices.Equal(sink.have, want) {
		t.Errorf("have %q", sink.have)
	}
}

// What is wrong with one file does not keep the others from being read, and what there is of it is sent.
func TestBadFiles(t *testing.T) {
	dir := t.TempDir()
	random := rand.New(rand.NewPCG(5, 6))
	var text strings.Builder
	for n := range 50_000 {
		fmt.Fprintf(&text, "line %d %x\n", n, random.Uint64())
	}
	whole := packed(t, "gz", text.String())
	files := []string{filepath.Join(dir, "gone.log"), filepath.Join(dir, "half.gz"), filepath.Join(dir, "x.xz"), dir, filepath.Join(dir, "good.log")}
	put(t, files[1], whole[:len(whole)/2])
	put(t, files[2], []byte("\xfd7zXZ\x00 and more"))
	put(t, files[4], []byte("good\n"))
	b, sink, progress := book(t, t.TempDir()), &lines{room: 1 << 30}, &told{}
	defer b.Close()
	err := (&archive.Importer{Book: b, Sink: sink, Progress: progress}).Run(t.Context(), files)
	if !errors.Is(err, archive.ErrIncomplete) {
		t.Errorf("have %v", err)
	}
	for i, want := range []string{"no such file", "decompress", "xz", "no regular file"} {
		if err := progress.ended[files[i]]; err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", files[i], err)
		}
	}
	if n := len(sink.have); n < 10_000 || sink.have[0][:6] != "line 0" || sink.have[n-1] != "good" {
		t.Errorf("%d lines", n)
	}
}

func TestCancelled(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.log")
	put(t, path, []byte("one\n"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	b := book(t, t.TempDir())
	defer b.Close()
	err := (&archive.Importer{Book: b, Sink: &lines{room: 1}, Progress: &told{}}).Run(ctx, []string{path, path})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("have %v", err)
	}
}

func TestExpand(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{
		"access.log", "access.log.1", "access.log.2.gz", "access.log.10.gz", "access.log-20261101.gz", "access.log-20261102", "other.log",
		"deep/er/x.json", "deep/.hidden", "deep/.git/config", "[odd].log",
	} {
		put(t, filepath.Join(dir, name), []byte("x"))
	}
	rotated := []string{"access.log-20261101.gz", "access.log-20261102", "access.log.10.gz", "access.log.2.gz", "access.log.1", "access.log"}
	for _, c := range []struct {
		arguments, want []string
	}{
		{[]string{"access.log*"}, rotated},
		{[]string{"other.log", "access.log.1", "other.log"}, []string{"other.log", "access.log.1"}},
		{[]string{"deep"}, []string{"deep/er/x.json"}},
		{[]string{"[odd].log"}, []string{"[odd].log"}},
		{[]string{"."}, append([]string{"[odd].log"}, append(slices.Clone(rotated), "deep/er/x.json", "other.log")...)},
	} {
		var arguments, want []string
		for _, a := range c.arguments {
			arguments = append(arguments, filepath.Join(dir, a))
		}
		for _, w := range c.want {
			want = append(want, filepath.Join(dir, w))
		}
		if have, err := archive.Expand(arguments); err != nil || !slices.Equal(have, want) {
			t.Errorf("%q:\n%q, want\n%q (%v)", c.arguments, have, want, err)
		}
	}
	put(t, filepath.Join(dir, "nothing", ".hidden"), nil)
	for argument, want := range map[string]string{"missing.log": "no such file", "*.nothing": "no such file", "nothing": "no files in it", "[": "syntax error"} {
		if _, err := archive.Expand([]string{filepath.Join(dir, argument)}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", argument, err)
		}
	}
}
