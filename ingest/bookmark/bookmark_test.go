package bookmark_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/ingest/bookmark"
)

func write(t *testing.T, path, text string) *os.File {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = file.Close() }) // it was only read
	return file
}

func identify(t *testing.T, file *os.File) bookmark.Identity {
	t.Helper()
	id, err := bookmark.Identify(file)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func TestBook(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new", "tail.json")
	b, err := bookmark.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := bookmark.Open(path); !errors.Is(err, bookmark.ErrLocked) {
		t.Errorf("opened twice: %v", err)
	}
	file := write(t, filepath.Join(t.TempDir(), "log"), "hf_QkZxWvTyRmPqLsNd\n")
	m := bookmark.Mark{Path: file.Name(), Identity: identify(t, file), Offset: 3, Seen: time.Unix(1795295472, 0).UTC()}
	b.Put(m)
	m.Offset = 7
	b.Put(m)
	if err := errors.Join(b.Save(), b.Close()); err != nil {
		t.Fatal(err)
	}
	b, err = bookmark.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if have, found := b.Find(file); !found || have != m || len(b.Marks) != 1 {
		t.Errorf("have %+v", b.Marks)
	}
	text, err := os.ReadFile(path)
	if err != nil || strings.Contains(string(text), "QkZx") {
		t.Errorf("the book holds what the file holds: %s %v", text, err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

func TestBrokenBook(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tail.json")
	write(t, path, "{broken")
	if _, err := bookmark.Open(path); err == nil || !strings.Contains(err.Error(), "delete it to begin anew") {
		t.Errorf("have %v", err)
	}
	if _, err := bookmark.Open(path); errors.Is(err, bookmark.ErrLocked) {
		t.Error("the lock was kept")
	}
}

func TestBookIsBounded(t *testing.T) {
	b, err := bookmark.Open(filepath.Join(t.TempDir(), "b"))
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	for i := range 4200 {
		b.Put(bookmark.Mark{Path: fmt.Sprint(i), Identity: bookmark.Identity{Inode: uint64(i)}, Seen: time.Unix(int64(20_000-i), 0)})
	}
	if err := b.Save(); err != nil || len(b.Marks) != 4096 || b.Marks[len(b.Marks)-1].Path != "0" {
		t.Errorf("%d marks, %v", len(b.Marks), err)
	}
}

func TestIdentity(t *testing.T) {
	dir := t.TempDir()
	file := write(t, filepath.Join(dir, "log"), "one\n")
	id := identify(t, file)
	if !id.Is(file) || !id.Begins(file) {
		t.Error("a file is not itself")
	}
	if err := os.Rename(file.Name(), filepath.Join(dir, "log.1")); err != nil {
		t.Fatal(err)
	}
	if !id.Is(file) {
		t.Error("renamed, it is another one")
	}
	if other := write(t, filepath.Join(dir, "log"), "one\n"); id.Is(other) || !id.Begins(other) {
		t.Error("a copy is the file, or does not begin like it")
	}

	write(t, filepath.Join(dir, "log.1"), "one\n"+strings.Repeat("two\n", 1000))
	grown, same, err := id.Grow(file)
	if err != nil || !same || grown.Length <= id.Length || !grown.Is(file) || !id.Is(file) {
		t.Errorf("grown: %+v %v %v", grown, same, err)
	}
	write(t, filepath.Join(dir, "log.1"), "three, and no longer what it was\n")
	if _, same, err := grown.Grow(file); err != nil || same || grown.Is(file) || id.Is(file) {
		t.Errorf("written anew, it is still the same: %v %v", same, err)
	}
	empty := identify(t, write(t, filepath.Join(dir, "empty"), ""))
	if empty.Begins(file) {
		t.Error("everything begins like an empty file")
	}
}
