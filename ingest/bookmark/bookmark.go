// Package bookmark remembers how far files have been read: which file it is, whatever it is called by now, and the
// position in it.
//
//	file ──► Identity (device, inode, first bytes) ──► Book ──► one file, written atomically
//
// A file's name is no identity, since rotation gives it to another file; an inode's number is none either, since it is
// given to the next file when one is deleted. Together with the first bytes of the file they are.
//
// It refuses to guess: a book that cannot be read is an error, not an empty book.
package bookmark

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"
)

// ErrLocked says that another process works with the book.
var ErrLocked = errors.New("another process works with it")

// Mark is how far a file has been read.
type Mark struct {
	Path     string    `json:"path"` // where it was last seen
	Identity Identity  `json:"identity"`
	Offset   int64     `json:"offset"`          // in the plain bytes, if it is compressed
	Loose    int64     `json:"loose,omitempty"` // of them, what was read last as a record though nothing ended it but the file
	Skipping bool      `json:"skipping,omitempty"`
	Done     bool      `json:"done,omitempty"`
	Records  int       `json:"records,omitempty"`
	Seen     time.Time `json:"seen"` // when it was last written to, as far as is known
}

// Book holds the marks of one command. It is not safe for concurrent use.
type Book struct {
	Marks []Mark `json:"marks"`

	path string
	lock *os.File
}

// maxMarks bounds a book. The oldest marks go first.
const maxMarks = 4096

// Open reads a book, an empty one if there is none, and keeps other processes from opening it until Close.
func Open(path string) (*Book, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("positions: %w", err)
	}
	lock, err := os.OpenFile(path+".lock", os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("positions: %w", err)
	}
	b := &Book{path: path, lock: lock}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("positions: %s: %w", path, ErrLocked), lock.Close())
	}
	if err := b.read(); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, errors.Join(fmt.Errorf("positions: %w", err), lock.Close())
	}
	return b, nil
}

// maxBytes is more than a full book has.
const maxBytes = 64 << 20

// read takes over what was saved. It may be asked to read anything.
func (b *Book) read() error {
	file, err := os.Open(b.path)
	if err != nil {
		return err
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxBytes))
	if err != nil {
		return err
	}
	strict := json.NewDecoder(bytes.NewReader(text))
	strict.DisallowUnknownFields()
	err = strict.Decode(b)
	if _, more := strict.Token(); err == nil && !errors.Is(more, io.EOF) {
		err = errors.New("more follows where it should end")
	}
	if err == nil && slices.ContainsFunc(b.Marks, Mark.impossible) {
		err = errors.New("impossible positions in it")
	}
	if err != nil {
		return fmt.Errorf("%s does not hold positions that tokenwatch wrote: %w. Name another file, or if this one was damaged, delete it to begin anew", b.path, err)
	}
	return nil
}

func (m Mark) impossible() bool {
	return m.Loose < 0 || m.Offset < m.Loose || m.Identity.Length < 0 || m.Identity.Length > headBytes
}

// Save writes the book so that it is either the old or the new one after a crash, of the machine too.
func (b *Book) Save() error {
	if over := len(b.Marks) - maxMarks; over > 0 {
		slices.SortStableFunc(b.Marks, func(x, y Mark) int { return x.Seen.Compare(y.Seen) })
		b.Marks = slices.Delete(b.Marks, 0, over)
	}
	text, err := json.MarshalIndent(b, "", " ")
	if err != nil {
		return fmt.Errorf("positions: %w", err)
	}
	if err := b.replace(append(text, '\n')); err != nil {
		return fmt.Errorf("positions: %w", err)
	}
	return nil
}

func (b *Book) replace(text []byte) error {
	next := b.path + ".new"
	file, err := os.OpenFile(next, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(text)
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return err
	}
	if err := os.Rename(next, b.path); err != nil {
		return err
	}
	folder, err := os.Open(filepath.Dir(b.path))
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

// Close lets other processes have the book. It does not save it.
func (b *Book) Close() error { return b.lock.Close() }

// Put remembers a mark in place of the one with the same identity, if there is one.
func (b *Book) Put(m Mark) {
	for i := range b.Marks {
		if b.Marks[i].Identity.Same(m.Identity) {
			b.Marks[i] = m
			return
		}
	}
	b.Marks = append(b.Marks, m)
}

// Find looks for the mark of an open file.
func (b *Book) Find(file *os.File) (Mark, bool) {
	at, err := place(file)
	if err != nil {
		return Mark{}, false
	}
	for _, m := range b.Marks {
		if m.Identity.Same(at) && m.Identity.Begins(file) {
			return m, true
		}
	}
	return Mark{}, false
}

// Drop forgets marks.
func (b *Book) Drop(which func(Mark) bool) { b.Marks = slices.DeleteFunc(b.Marks, which) }
