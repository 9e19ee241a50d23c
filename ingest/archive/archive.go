// Package archive reads log files that nobody writes to any more, plain or compressed, from their start to their end, and
// hands their text on.
//
//	arguments ──Expand──► files ──unpack──► Sink
//	                                │ position behind what the sink is done with
//	                                ▼
//	                          bookmark.Book
//
// It goes on where it was interrupted: what the sink was done with is not given to it again, but for what came after the last
// saved position, at most a second before, if the process was killed. It refuses to do the same file twice
// unless told to.
//
// How records stand in the text is the sink's business. The files are read in the order in which they are given; only the
// rotated copies of one log, which a wildcard lists newest first, are put in the order of time.
package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"time"

	"github.com/tokenwatch/tokenwatch/ingest/bookmark"
	"github.com/tokenwatch/tokenwatch/ingest/unpack"
)

// Sink takes the text of a file, a piece at a time.
type Sink interface {
	// Send returns when what it is done with is safe. The rest it wants again with more text behind it. last says that
	// nothing more will come.
	Send(ctx context.Context, text []byte, last bool) (done int, err error)
	// Resumable reports whether reading may go on behind what the sink is done with, by one that knows nothing of
	// what came before.
	Resumable() bool
	// Reset begins another file.
	Reset()
}

// Progress is told how it goes.
type Progress interface {
	// Begin tells of a file: its size, and how much of its text was done before.
	Begin(path string, size, done int64)
	// Read tells how much of the file was read, compressed bytes if it is compressed.
	Read(bytes int64)
	// Skip tells of a file that is done.
	Skip(path string)
	// End tells how the file ended.
	End(path string, err error)
}

// Importer reads files into a sink.
type Importer struct {
	Book     *bookmark.Book
	Restart  bool // begin every file anew
	Sink     Sink
	Progress Progress

	saved time.Time
	buf   []byte
}

const (
	// chunk is how much is read at a time.
	chunk = 4 << 20
	// maxWindow is how much memory a compressed file may ask for: zstd --long has 128 MiB.
	maxWindow = 128 << 20
	// saveEvery is how often positions are saved.
	saveEvery = time.Second
)

// ErrIncomplete says that some files could not be read to their end. Progress has been told which.
var ErrIncomplete = errors.New("not every file could be read to its end")

// Run reads the files one after the other, until ctx ends or the sink fails. A file that cannot be read does not keep it from
// the next.
func (m *Importer) Run(ctx context.Context, files []string) error {
	incomplete := false
	for _, path := range files {
		err := m.one(ctx, path)
		var failed *sinkError
		if errors.As(err, &failed) || ctx.Err() != nil {
			return errors.Join(err, m.Book.Save())
		}
		incomplete = incomplete || err != nil
	}
	err := m.Book.Save()
	if incomplete {
		err = errors.Join(ErrIncomplete, err)
	}
	return err
}

// sinkError is an error of the sink or of the book, in which the next file would run too.
type sinkError struct{ error }

func (e *sinkError) Unwrap() error { return e.error }

// one reads a file.
func (m *Importer) one(ctx context.Context, path string) error {
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0) // a pipe without a writer must not hold it up
	if err != nil {
		m.Progress.End(path, err)
		return err
	}
	defer file.Close()
	mark, size, err := m.mark(file, path)
	if err != nil {
		m.Progress.End(path, err)
		return err
	}
	if mark.Done {
		m.Progress.Skip(path)
		return nil
	}
	m.Progress.Begin(path, size, mark.Offset)
	err = m.read(ctx, file, &mark)
	m.Book.Put(mark)
	m.Progress.End(path, err)
	var failed *sinkError
	if errors.As(err, &failed) {
		return err // the positions are saved at the end
	}
	if failed := m.save(); failed != nil {
		return failed
	}
	return err
}

// mark says where to begin.
func (m *Importer) mark(file *os.File, path string) (bookmark.Mark, int64, error) {
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("no regular file; write what comes out of a pipe or a device into a file first")
	}
	if err != nil {
		return bookmark.Mark{}, 0, err
	}
	identity, err := bookmark.Identify(file)
	if err != nil {
		return bookmark.Mark{}, 0, fmt.Errorf("%s: %w", path, err)
	}
	mark := bookmark.Mark{Path: path, Identity: identity, Seen: info.ModTime().UTC()}
	if old, found := m.Book.Find(file); found && !m.Restart {
		mark.Offset, mark.Done, mark.Loose = old.Offset, old.Done && old.Seen.Equal(mark.Seen), old.Loose
		if !mark.Done && continues(file, old.Offset) {
			mark.Offset, mark.Loose = old.Offset-old.Loose, 0
		}
	}
	return mark, info.Size(), nil
}

// continues reports whether a file goes on at an offset other than with the end of the line before.
func continues(file *os.File, offset int64) bool {
	var next [1]byte
	n, err := file.ReadAt(next[:], offset)
	return n == 1 && err == nil && next[0] != '\n' && next[0] != '\r'
}

// read gives the text of a file to the sink, from where the mark stands.
func (m *Importer) read(ctx context.Context, file *os.File, mark *bookmark.Mark) error {
	plain, err := m.open(file, mark.Offset)
	if err != nil {
		return err
	}
	defer plain.Close()
	m.Sink.Reset()
	if m.buf == nil {
		m.buf = make([]byte, chunk)
	}
	held, safe := 0, mark.Offset
	for {
		n, err := io.ReadFull(plain, m.buf[held:])
		last := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, unpack.ErrCorrupt)
		held += n
		done, failed := m.send(ctx, m.buf[:held], last, mark)
		if failed == nil && m.Sink.Resumable() || failed != nil && done > 0 {
			safe = mark.Offset
		}
		if failed != nil || err != nil && !last {
			mark.Offset = safe
		}
		switch {
		case failed != nil:
			return &sinkError{failed}
		case last:
			mark.Done = true
			return nil
		case err != nil:
			return fmt.Errorf("behind byte %d of its text: %w", mark.Offset+int64(held-done), err)
		}
		if held = copy(m.buf, m.buf[done:held]); held == len(m.buf) {
			m.buf = append(m.buf, make([]byte, chunk)...) // a value longer than a chunk
		}
		if m.Sink.Resumable() {
			m.Book.Put(*mark)
			if err := m.save(); err != nil {
				return err
			}
		}
	}
}

// send gives text to the sink. At the end of a file it first gives it as if more came: only what the sink takes then is
// sure to be whole, should the file be written to once more.
func (m *Importer) send(ctx context.Context, text []byte, last bool, mark *bookmark.Mark) (done int, err error) {
	done, err = m.Sink.Send(ctx, text, false)
	mark.Offset += int64(done)
	if err != nil || !last || done == len(text) {
		return done, err
	}
	rest, err := m.Sink.Send(ctx, text[done:], true)
	mark.Offset += int64(rest)
	mark.Loose = int64(rest)
	return done + rest, err
}

// open reads a file's text from an offset.
func (m *Importer) open(file *os.File, offset int64) (io.ReadCloser, error) {
	plain, name, err := unpack.Sniff(&counted{file, m.Progress}, maxWindow)
	if errors.Is(err, unpack.ErrUnknown) {
		return nil, fmt.Errorf("compressed with %s: want gzip, zstd or plain text; decompress it first", name)
	}
	if err != nil {
		return nil, err
	}
	if name == "" {
		if info, err := file.Stat(); err == nil && info.Size() < offset {
			return nil, shorter(info.Size(), offset)
		}
		if _, err := file.Seek(offset, io.SeekStart); err != nil {
			return nil, err
		}
		m.Progress.Read(offset)
		return io.NopCloser(&counted{file, m.Progress}), nil
	}
	if skipped, err := io.CopyN(io.Discard, plain, offset); err != nil {
		if errors.Is(err, io.EOF) {
			err = shorter(skipped, offset)
		}
		return nil, errors.Join(err, plain.Close())
	}
	return plain, nil
}

// shorter says that what was imported is no longer in the file. To begin anew would send what is left twice.
func shorter(size, offset int64) error {
	return fmt.Errorf("it has %d bytes of text, but %d were imported before: it was cut or written anew; --restart imports it from its start", size, offset)
}

// save saves the positions now and then.
func (m *Importer) save() error {
	if time.Since(m.saved) < saveEvery {
		return nil
	}
	m.saved = time.Now()
	if err := m.Book.Save(); err != nil {
		return &sinkError{err}
	}
	return nil
}

// counted tells how much of a file has been read.
type counted struct {
	file *os.File
	to   Progress
}

func (c *counted) Read(b []byte) (int, error) {
	n, err := c.file.Read(b)
	if at, wrong := c.file.Seek(0, io.SeekCurrent); wrong == nil {
		c.to.Read(at)
	}
	return n, err
}
