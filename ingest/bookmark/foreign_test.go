package bookmark_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tokenwatch/tokenwatch/ingest/bookmark"
)

// filled is a saved book of so many marks.
func filled(t *testing.T, path string, marks int) {
	t.Helper()
	b, err := bookmark.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	for n := range marks {
		b.Put(bookmark.Mark{Path: fmt.Sprint(n), Identity: bookmark.Identity{Inode: uint64(n), Head: "ab", Length: 1}, Offset: int64(n)})
	}
	if err := errors.Join(b.Save(), b.Close()); err != nil {
		t.Fatal(err)
	}
}

// What is no book, or only part of one, is refused by name and left as it is.
func TestForeignFile(t *testing.T) {
	dir := t.TempDir()
	filled(t, filepath.Join(dir, "book"), 20)
	whole, err := os.ReadFile(filepath.Join(dir, "book"))
	if err != nil {
		t.Fatal(err)
	}
	cases := map[string]string{
		"an empty file":        "",
		"a log":                `203.0.113.7 - acme [21/Nov/2026:21:11:12 +0000] "GET / HTTP/1.1" 200 612` + "\n",
		"another program's":    `{"name": "package", "version": "1.0.0"}`,
		"a list":               `[]`,
		"JSON lines":           `{"marks": []}` + "\n" + `{"marks": []}`,
		"a negative position":  `{"marks": [{"path": "a", "offset": -1}]}`,
		"an impossible rest":   `{"marks": [{"path": "a", "offset": 3, "loose": 4}]}`,
		"an impossible length": `{"marks": [{"path": "a", "identity": {"length": 1000000000}}]}`,
	}
	random := rand.New(rand.NewPCG(7, 8))
	for range 20 {
		n := random.IntN(len(whole) - 2) // without the last brace and its newline
		cases[fmt.Sprintf("the first %d bytes", n)] = string(whole[:n])
	}
	for name, text := range cases {
		path := filepath.Join(dir, "foreign")
		write(t, path, text)
		_, err := bookmark.Open(path)
		if err == nil || !strings.Contains(err.Error(), path+" does not hold positions") {
			t.Errorf("%s: %v", name, err)
		}
		if strings.Contains(fmt.Sprint(err), "acme") {
			t.Errorf("%s: the error shows what is in it: %v", name, err)
		}
		if after, err := os.ReadFile(path); err != nil || string(after) != text {
			t.Errorf("%s: it was changed: %v", name, err)
		}
	}
	if _, err := bookmark.Open(dir); err == nil || strings.Contains(err.Error(), "delete it") {
		t.Errorf("a folder: %v", err)
	}
}

// A save that was cut short leaves the book that there was, and does not disturb the next.
func TestCrashWithinSave(t *testing.T) {
	path := filepath.Join(t.TempDir(), "book")
	filled(t, path, 3)
	write(t, path+".new", `{"marks": [{"pa`)
	b, err := bookmark.Open(path)
	if err != nil || len(b.Marks) != 3 {
		t.Fatal(b, err)
	}
	b.Drop(func(m bookmark.Mark) bool { return m.Path == "1" })
	if err := errors.Join(b.Save(), b.Close()); err != nil {
		t.Fatal(err)
	}
	if b, err = bookmark.Open(path); err != nil || len(b.Marks) != 2 {
		t.Fatal(b, err)
	}
	defer b.Close()
	if _, err := os.Stat(path + ".new"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("something is left over: %v", err)
	}
}

// Whoever reads the book while it is saved again and again sees a whole one.
func TestSaveIsAtomic(t *testing.T) {
	path := filepath.Join(t.TempDir(), "book")
	filled(t, path, 200)
	b, err := bookmark.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	done := make(chan error, 1)
	go func() {
		var wrong error
		for n := range 100 {
			b.Marks = b.Marks[:200-n]
			wrong = errors.Join(wrong, b.Save())
		}
		done <- wrong
	}()
	for seen := 0; ; seen++ {
		text, err := os.ReadFile(path)
		if err != nil || !json.Valid(text) {
			t.Fatalf("%d bytes, %v", len(text), err)
		}
		select {
		case err := <-done:
			if err != nil || seen < 10 {
				t.Errorf("seen %d times, %v", seen, err)
			}
			return
		default:
		}
	}
}

// A file is found again when it was renamed, and not when another one has its inode.
func TestFind(t *testing.T) {
	dir := t.TempDir()
	b, err := bookmark.Open(filepath.Join(dir, "book"))
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	path := filepath.Join(dir, "log")
	file := write(t, path, "21:11:12 one\n")
	b.Put(bookmark.Mark{Path: path, Identity: identify(t, file), Offset: 13})
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	if m, found := b.Find(file); !found || m.Offset != 13 {
		t.Errorf("renamed: %+v %v", m, found)
	}
	if err := os.Truncate(path+".1", 0); err != nil {
		t.Fatal(err)
	}
	if m, found := b.Find(file); found {
		t.Errorf("truncated: %+v", m)
	}
	write(t, path+".1", "21:11:13 two, in the place of the first\n")
	if m, found := b.Find(file); found {
		t.Errorf("with the inode of another: %+v", m)
	}
	b.Put(bookmark.Mark{Path: path, Identity: identify(t, file), Offset: 2})
	if m, found := b.Find(file); !found || m.Offset != 2 || len(b.Marks) != 1 {
		t.Errorf("the other one: %+v", b.Marks)
	}
}
