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

// sinkError is an error of the sink, in which the next file would run too.
type sinkError struct{ error }

func (e *sinkError) Unwrap() error { return e.error }

// one reads a file.
func (m *Importer) one(ctx context.Context, path string) error {
	file, err := os.Open(path)
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
	return err
}

// mark says where to begin.
func (m *Importer) mark(file *os.File, path string) (bookmark.Mark, int64, error) {
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is no regular file", path)
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
		mark.Offset, mark.Done = old.Offset, old.Done && old.Seen.Equal(mark.Seen)
	}
	return mark, info.Size(), nil
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
	held := 0
	for {
		n, err := io.ReadFull(plain, m.buf[held:])
		last := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, unpack.ErrCorrupt)
		held += n
		done, failed := m.Sink.Send(ctx, m.buf[:held], last)
		mark.Offset += int64(done)
		if failed != nil {
			return &sinkError{failed}
		}
		if err != nil {
			mark.Done = last
			return unless(last, err)
		}
		if held = copy(m.buf, m.buf[done:held]); held == len(m.buf) {
			m.buf = append(m.buf, make([]byte, chunk)...) // a value longer than a chunk
		}
		if err := m.save(*mark); err != nil {
			return &sinkError{err}
		}
	}
}

// unless says what ended a file: nothing but its end, or else why it could be read no further.
func unless(last bool, err error) error {
	if last {
		return nil
	}
	return err
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
		if _, err := file.Seek(offset, io.SeekStart); err != nil {
			return nil, err
		}
		m.Progress.Read(offset)
		return io.NopCloser(&counted{file, m.Progress}), nil
	}
	if _, err := io.CopyN(io.Discard, plain, offset); err != nil {
		return nil, errors.Join(err, plain.Close())
	}
	return plain, nil
}

func (m *Importer) save(mark bookmark.Mark) error {
	if !m.Sink.Resumable() || time.Since(m.saved) < saveEvery {
		return nil
	}
	m.saved = time.Now()
	m.Book.Put(mark)
	return m.Book.Save()
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
