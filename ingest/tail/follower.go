package tail

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/tokenwatch/tokenwatch/ingest/bookmark"
)

// follower is a file that is being read.
type follower struct {
	file    *os.File
	mark    bookmark.Mark // Offset is behind the last line that was delivered
	partial []byte        // what was read behind it: a line that has no end yet
	rotated bool          // it does not stand under a name that is followed any more
	grew    time.Time     // when something new was last found in it
}

// step reads the next chunk of a file, and reports whether there may be more.
func (t *Tailer) step(ctx context.Context, f *follower) (more bool, err error) {
	at := f.mark.Offset + int64(len(f.partial))
	info, err := f.file.Stat()
	if err != nil {
		return false, fmt.Errorf("%s: %w", f.mark.Path, err)
	}
	if info.Size() < at {
		return true, t.truncated(ctx, f)
	}
	n, err := f.file.ReadAt(t.buf, at)
	if err != nil && !errors.Is(err, io.EOF) {
		return false, fmt.Errorf("%s: %w", f.mark.Path, err)
	}
	identity, same, err := f.mark.Identity.Grow(f.file)
	if err != nil {
		return false, fmt.Errorf("%s: %w", f.mark.Path, err)
	}
	if !same {
		if f.stale(t.buf[:n], at) {
			if err := t.take(ctx, f, t.buf[:n]); err != nil {
				return false, err
			}
		}
		return true, t.truncated(ctx, f)
	}
	f.mark.Identity = identity
	if n == 0 {
		return false, nil
	}
	f.grew, f.mark.Seen = time.Now(), info.ModTime().UTC()
	return n == len(t.buf), t.take(ctx, f, t.buf[:n])
}

// stale reports whether what was read at an offset is what stood there before the file was truncated: a truncation just
// after the reading. What the file has there by now would be read again from its new start.
func (f *follower) stale(read []byte, at int64) bool {
	now := make([]byte, len(read))
	n, _ := f.file.ReadAt(now, at)
	return len(read) > 0 && (n == 0 || !bytes.HasPrefix(read, now[:n]))
}

// take delivers the lines that are complete with what was read, and keeps the rest.
func (t *Tailer) take(ctx context.Context, f *follower, read []byte) error {
	if f.mark.Skipping {
		end := bytes.IndexByte(read, '\n') + 1
		if end == 0 {
			f.mark.Offset, t.changed = f.mark.Offset+int64(len(read)), true
			return nil
		}
		f.mark.Offset, f.mark.Skipping, read = f.mark.Offset+int64(end), false, read[end:]
	}
	f.partial = append(f.partial, read...)
	if end := bytes.LastIndexByte(f.partial, '\n') + 1; end > 0 {
		if err := t.deliver(ctx, f, end); err != nil {
			return err
		}
	}
	if len(f.partial) <= t.MaxLine {
		return nil
	}
	if _, err := t.Deliver(ctx, f.partial[:t.MaxLine+1]); err != nil {
		return err
	}
	t.done(f, len(f.partial))
	f.mark.Skipping = true
	return nil
}

// deliver hands on what was read up to end, and goes on behind what became safe of it.
func (t *Tailer) deliver(ctx context.Context, f *follower, end int) error {
	safe, err := t.Deliver(ctx, f.partial[:end])
	if err == nil {
		safe = end
	}
	t.done(f, safe)
	return err
}

// done moves on behind what was delivered. The rest moves to memory of its own: what was delivered may still be in use
// where a delivery was given up.
func (t *Tailer) done(f *follower, end int) {
	f.mark.Offset += int64(end)
	f.partial = append([]byte(nil), f.partial[end:]...)
	t.changed = true
}

// finish delivers a last line that will get no end any more.
func (t *Tailer) finish(ctx context.Context, f *follower) error {
	if len(f.partial) == 0 {
		return nil
	}
	return t.deliver(ctx, f, len(f.partial))
}

// truncated goes back to the start of a file that is shorter than it was, or begins otherwise. If it was copied before, as
// logrotate does, the copy has what was not read yet.
func (t *Tailer) truncated(ctx context.Context, f *follower) error {
	t.Log.Info("a log file was truncated; it is read from its start", "file", f.mark.Path)
	identity, err := bookmark.Identify(f.file)
	if err != nil {
		return fmt.Errorf("%s: %w", f.mark.Path, err)
	}
	between, twin := t.missed(f, f.mark, f.mark.Offset+int64(len(f.partial)))
	t.ahead = append(t.ahead, between...)
	if !twin {
		if err := t.finish(ctx, f); err != nil {
			return err
		}
	}
	f.mark = bookmark.Mark{Path: f.mark.Path, Identity: identity, Seen: f.mark.Seen}
	f.partial, t.changed = nil, true
	return nil
}
