package tail

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/tokenwatch/tokenwatch/ingest/bookmark"
)

// Tailer follows files.
type Tailer struct {
	// Patterns are names of files, with wildcards as in a shell.
	Patterns []string
	// FromEnd says that of a file that is there at the start and was never read only what will be written counts.
	FromEnd bool
	// MaxLine is the longest line that is delivered whole. Of a longer one the first MaxLine+1 bytes are.
	MaxLine int
	// Poll is how long to wait before looking at a file again that had nothing new.
	Poll time.Duration
	// Quiet is how long nothing must have been written to a file that was renamed or deleted for it to be done with.
	Quiet time.Duration

	// Book keeps the positions. It is saved now and then, and when Run ends.
	Book *bookmark.Book
	// Deliver takes lines, each with its end, but for a last one that has none. It returns when they are safe, or with
	// an error and how many bytes of them are.
	Deliver func(ctx context.Context, lines []byte) (safe int, err error)
	Log     *slog.Logger

	files   []*follower // in the order in which they are to be read
	ahead   []*follower // to be read before those
	first   bool        // the first scan
	looked  time.Time   // when the last scan was
	told    map[string]bool
	buf     []byte
	changed bool
	saved   time.Time
}

const (
	// DefaultPoll finds a line soon enough for people, and costs little.
	DefaultPoll = 200 * time.Millisecond
	// DefaultQuiet is longer than a program needs to notice that its log was rotated.
	DefaultQuiet = 2 * time.Minute

	// chunk is how much is read at a time.
	chunk = 1 << 20
	// turns is how many chunks of a file are read before it is the next one's turn.
	turns = 8
	// saveEvery is how often positions are saved while lines come in.
	saveEvery = time.Second
	// maxFiles bounds how many files are open.
	maxFiles = 1000
	// maxTold bounds what is remembered of troubles that were logged.
	maxTold = 1000
)

// Run follows the files until ctx ends or Deliver fails.
func (t *Tailer) Run(ctx context.Context) error {
	for _, pattern := range t.Patterns {
		if _, err := filepath.Match(pattern, ""); err != nil {
			return fmt.Errorf("%s: %w", pattern, err)
		}
	}
	t.first, t.told, t.buf, t.saved = true, map[string]bool{}, make([]byte, chunk), time.Now()
	defer t.closeAll()
	t.resume()
	err := t.follow(ctx)
	if errors.Is(err, context.Canceled) && ctx.Err() != nil {
		err = nil
	}
	return errors.Join(err, t.save())
}

func (t *Tailer) follow(ctx context.Context) error {
	idle := time.NewTimer(0)
	defer idle.Stop()
	for {
		t.scan()
		if t.first {
			if err := t.save(); err != nil { // from now on it is known what was there before
				return err
			}
		}
		t.first = false
		more, err := t.read(ctx)
		if err != nil {
			return err
		}
		if t.changed && time.Since(t.saved) >= saveEvery {
			if err := t.save(); err != nil {
				return err
			}
		}
		pause := t.Poll
		if more {
			pause = 0
		}
		idle.Reset(pause)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-idle.C:
		}
	}
}

// read gives every file its turn, those first that were rotated, and reports whether any has more.
func (t *Tailer) read(ctx context.Context) (more bool, err error) {
	for _, f := range t.files {
		for range turns {
			if len(t.ahead) > 0 {
				break // what is in them comes first
			}
			again, err := t.step(ctx, f)
			if err != nil {
				return false, err
			}
			if !again {
				break
			}
			more = true
			if t.changed && time.Since(t.saved) >= saveEvery {
				if err := t.save(); err != nil {
					return false, err
				}
			}
		}
	}
	if len(t.ahead) > 0 {
		t.files, t.ahead, more = append(t.ahead, t.files...), nil, true
	}
	return more, t.retire(ctx)
}

// retire closes the files that were rotated and that nobody writes to any more. What stands behind their last line's
// end is then a line too.
func (t *Tailer) retire(ctx context.Context) error {
	var kept []*follower
	for i, f := range t.files {
		if !f.rotated || time.Since(f.grew) < t.Quiet {
			kept = append(kept, f)
			continue
		}
		if err := t.finish(ctx, f); err != nil {
			t.files = append(kept, t.files[i:]...)
			return err
		}
		f.mark.Done, t.changed = true, true
		t.Book.Put(f.mark)
		_ = f.file.Close() // it was only read
		t.Log.Info("a rotated log file is read to its end", "file", f.mark.Path)
	}
	t.files = kept
	return nil
}

// save writes down the positions.
func (t *Tailer) save() error {
	for _, f := range append(t.ahead, t.files...) {
		t.Book.Put(f.mark)
	}
	t.changed, t.saved = false, time.Now()
	return t.Book.Save()
}

func (t *Tailer) closeAll() {
	for _, f := range append(t.files, t.ahead...) {
		_ = f.file.Close() // it was only read
	}
	t.files, t.ahead = nil, nil
}

// warn logs a trouble with a file once.
func (t *Tailer) warn(path, what string, err error) {
	key := path + what
	if t.told[key] || len(t.told) >= maxTold {
		return
	}
	t.told[key] = true
	t.Log.Warn(what, "file", path, "error", fmt.Sprint(err))
}
