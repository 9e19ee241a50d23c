package archive_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/ingest/archive"
)

// run imports files into the sink with the positions in store, as one command does.
func run(t *testing.T, store string, sink archive.Sink, restart bool, files ...string) (*told, error) {
	t.Helper()
	b, progress := book(t, store), &told{}
	defer b.Close()
	return progress, (&archive.Importer{Book: b, Sink: sink, Progress: progress, Restart: restart}).Run(t.Context(), files)
}

// patient is a sink that takes lines which are sure to be whole, as long as more may come.
type patient struct{ lines }

func (p *patient) Send(ctx context.Context, text []byte, last bool) (int, error) {
	if !last {
		text = text[:bytes.LastIndexByte(text, '\n')+1]
	}
	return p.lines.Send(ctx, text, last)
}

// A file is imported, then changed, then imported again.
func TestChanged(t *testing.T) {
	head := strings.Repeat("head of the log\n", 100)
	for _, c := range []struct {
		name, before, after string
		want                []string // of the second import
		wrong               string
	}{
		{"not at all", "one\ntwo\n", "one\ntwo\n", nil, ""},
		{"grown", "one\n", "one\ntwo\n", []string{"two"}, ""},
		{"its last line is completed", "one\ntw", "one\ntwo\nthree\n", []string{"two", "three"}, ""},
		{"its last line is ended", "one\ntwo", "one\ntwo\nthree", []string{"", "three"}, ""},
		{"its last line is ended as on Windows", "one\r\ntwo", "one\r\ntwo\r\n", []string{"\r"}, ""},
		{"written anew", "one\n", "uno\ndue\n", []string{"uno", "due"}, ""},
		{"cut", head + "one\ntwo\n", head, nil, "was cut or written anew; --restart"},
		{"emptied", "one\n", "", nil, ""},
		{"no longer empty", "", "one\n", []string{"one"}, ""},
		{"compressed in place", head, string(packed(t, "gz", "one\n")), []string{"one"}, ""},
		{"a compressed member more", string(packed(t, "gz", head)), string(packed(t, "gz", head)) + string(packed(t, "gz", "one\ntwo")), []string{"one", "two"}, ""},
		{"a zstd frame more", string(packed(t, "zst", head)), string(packed(t, "zst", head)) + string(packed(t, "zst", "one\n")), []string{"one"}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			path, store := filepath.Join(t.TempDir(), "a.log"), t.TempDir()
			put(t, path, []byte(c.before))
			if _, err := run(t, store, &patient{lines{room: 1000}}, false, path); err != nil {
				t.Fatal(err)
			}
			put(t, path, []byte(c.after))
			later := time.Now().Add(time.Hour)
			if err := os.Chtimes(path, later, later); err != nil {
				t.Fatal(err)
			}
			sink := &patient{lines{room: 1000}}
			progress, err := run(t, store, sink, false, path)
			if !slices.Equal(sink.have, c.want) {
				t.Errorf("have %q, want %q", sink.have, c.want)
			}
			if said := fmt.Sprint(progress.ended[path]); (err == nil) != (c.wrong == "") || !strings.Contains(said, c.wrong) {
				t.Errorf("%v: %s", err, said)
			}
		})
	}
}

// long is a sink that skips what follows the beginning of a line that is too long, as a Splitter does.
type long struct {
	lines
	skipping bool
}

const longest = 100

func (l *long) Resumable() bool { return !l.skipping }
func (l *long) Reset()          { l.skipping = false }

// Send is done, when it fails, with what ended with a record that is whole.
func (l *long) Send(ctx context.Context, text []byte, last bool) (done int, err error) {
	safe := 0
	for done < len(text) {
		end := bytes.IndexByte(text[done:], '\n') + 1
		switch {
		case l.skipping && end == 0:
			return len(text), nil
		case l.skipping:
			l.skipping = false
		case end == 0 && !last && len(text)-done <= longest:
			return done, nil
		case end == 0 && len(text)-done <= longest:
			end = len(text) - done
			fallthrough
		default:
			over := end == 0 || end > longest+1
			if over {
				end = longest
			}
			if _, err := l.lines.Send(ctx, text[done:done+end], true); err != nil {
				l.skipping = false
				return safe, err
			}
			if l.skipping = over; !over {
				safe = done + end
			}
		}
		done += end
	}
	return done, nil
}

// Wherever an import was interrupted, no line is lost, and the rest of a line that is too long is not taken for another one.
// What was read around such a line may come again.
func TestInterruptedWithinLongLines(t *testing.T) {
	for seed := range uint64(4) {
		random := rand.New(rand.NewPCG(seed, 9))
		var text strings.Builder
		var want []string
		for n := range 60 {
			line := fmt.Sprintf("%02d ", n)
			if random.IntN(4) == 0 {
				line += strings.Repeat("y", random.IntN(3<<20))
			}
			text.WriteString(line + "\n")
			want = append(want, line[:min(len(line), longest)])
		}
		path, store := filepath.Join(t.TempDir(), "a.log"), t.TempDir()
		put(t, path, []byte(text.String()))
		var have []string
		for rounds := 0; ; rounds++ {
			sink := &long{lines: lines{room: 2 + random.IntN(12)}}
			_, err := run(t, store, sink, false, path)
			have = append(have, sink.have...)
			if err == nil {
				break
			}
			if !errors.Is(err, errEnough) || rounds > 500 {
				t.Fatalf("seed %d: %v after %d rounds", seed, err, rounds)
			}
		}
		var first []string // in the order in which they first came
		for i, line := range have {
			if !slices.Contains(have[:i], line) {
				first = append(first, line)
			}
		}
		if !slices.Equal(first, want) {
			t.Errorf("seed %d: %d different lines, want %d", seed, len(first), len(want))
		}
	}
}

// A process that is killed leaves only what was saved: of many small files at most those of the last second are read again.
func TestKilled(t *testing.T) {
	dir, store := t.TempDir(), t.TempDir()
	var files []string
	for n := range 50 {
		files = append(files, filepath.Join(dir, fmt.Sprintf("%02d.log", n)))
		put(t, files[n], []byte("one\n"))
	}
	b, slow := book(t, store), &slow{lines: lines{room: 1000}, every: 50 * time.Millisecond}
	defer b.Close()
	saved := 0
	slow.then = func() {
		text, err := os.ReadFile(filepath.Join(store, "positions.json"))
		if err == nil {
			saved = strings.Count(string(text), `"path"`)
		}
	}
	if err := (&archive.Importer{Book: b, Sink: slow, Progress: &told{}}).Run(t.Context(), files); err != nil {
		t.Fatal(err)
	}
	if saved < 15 {
		t.Errorf("when the last of %d files was read, which took %v, %d were known to be done", len(files), 50*50*time.Millisecond, saved)
	}
}

// slow is a sink that takes its time.
type slow struct {
	lines
	every time.Duration
	then  func()
}

func (s *slow) Send(ctx context.Context, text []byte, last bool) (int, error) {
	if len(text) > 0 {
		s.then()
		timer := time.NewTimer(s.every)
		defer timer.Stop()
		<-timer.C
	}
	return s.lines.Send(ctx, text, last)
}

// What a damaged file says tells where the damage is, and when the file was mended, the import goes on from there.
func TestDamaged(t *testing.T) {
	for _, packing := range []string{"gz", "zst"} {
		random := rand.New(rand.NewPCG(1, 2))
		var text strings.Builder
		var want []string
		for n := range 60_000 {
			want = append(want, fmt.Sprintf("line %d %x", n, random.Uint64()))
			text.WriteString(want[n] + "\n")
		}
		whole := packed(t, packing, text.String())
		path, store := filepath.Join(t.TempDir(), "a."+packing), t.TempDir()
		put(t, path, append(slices.Clone(whole[:len(whole)*3/4]), make([]byte, 1000)...))
		sink := &lines{room: 1 << 30}
		progress, err := run(t, store, sink, false, path)
		if said := fmt.Sprint(progress.ended[path]); !errors.Is(err, archive.ErrIncomplete) || !strings.HasPrefix(said, "behind byte ") || !strings.Contains(said, "not decompressible") {
			t.Errorf("%s: %v: %s", packing, err, said)
		}
		before := len(sink.have)
		if before < len(want)/2 || before == len(want) || !slices.Equal(sink.have, want[:before]) {
			t.Errorf("%s: %d lines before the damage", packing, before)
		}
		put(t, path, whole)
		if _, err := run(t, store, sink, false, path); err != nil || !slices.Equal(sink.have, want) {
			t.Errorf("%s, mended: %d lines of %d, %v", packing, len(sink.have), len(want), err)
		}
	}
}

// Links, pipes and files that may not be read.
func TestOddFiles(t *testing.T) {
	dir := t.TempDir()
	folder, pipe := filepath.Join(dir, "folder"), filepath.Join(dir, "pipe")
	put(t, filepath.Join(folder, "a.log"), []byte("one\n"))
	put(t, filepath.Join(dir, "elsewhere", "b.log"), []byte("two\n"))
	err := errors.Join(syscall.Mkfifo(pipe, 0o600),
		os.Symlink("../elsewhere/b.log", filepath.Join(folder, "b.log")), os.Symlink("a.log", filepath.Join(folder, "current.log")),
		os.Symlink("nowhere", filepath.Join(folder, "broken.log")), os.Symlink(".", filepath.Join(folder, "circle")),
		os.Link(filepath.Join(folder, "a.log"), filepath.Join(folder, "hard.log")), os.Symlink("folder", filepath.Join(dir, "link")))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{filepath.Join(dir, "link", "a.log"), filepath.Join(dir, "link", "b.log")}
	files, err := archive.Expand([]string{filepath.Join(dir, "link"), folder})
	if err != nil || !slices.Equal(files, want) {
		t.Errorf("have %q, %v", files, err)
	}
	sink := &lines{room: 10}
	progress, err := run(t, t.TempDir(), sink, true, append([]string{pipe, os.DevNull}, files...)...)
	if !errors.Is(err, archive.ErrIncomplete) || !slices.Equal(sink.have, []string{"one", "two"}) {
		t.Errorf("have %q, %v", sink.have, err)
	}
	for _, path := range []string{pipe, os.DevNull} {
		if said := fmt.Sprint(progress.ended[path]); !strings.Contains(said, "no regular file; write") {
			t.Errorf("%s: %s", path, said)
		}
	}
}

// Positions that cannot be saved end the import: going on would send everything again.
func TestUnsaved(t *testing.T) {
	dir, store := t.TempDir(), t.TempDir()
	put(t, filepath.Join(dir, "a.log"), []byte("one\n"))
	put(t, filepath.Join(dir, "b.log"), []byte("two\n"))
	b, sink := book(t, store), &lines{room: 10}
	defer b.Close()
	if err := os.RemoveAll(store); err != nil {
		t.Fatal(err)
	}
	err := (&archive.Importer{Book: b, Sink: sink, Progress: &told{}}).Run(t.Context(), []string{filepath.Join(dir, "a.log"), filepath.Join(dir, "b.log")})
	if err == nil || errors.Is(err, archive.ErrIncomplete) || len(sink.have) != 1 {
		t.Errorf("have %q, %v", sink.have, err)
	}
}
