package tail

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/tokenwatch/tokenwatch/ingest/bookmark"
)

// resume goes on, at the start, with the files that were not read to their end the last time, wherever they are by now.
func (t *Tailer) resume() {
	followed := t.match()
	for _, m := range slices.Clone(t.Book.Marks) {
		if m.Done {
			continue
		}
		f := t.again(m)
		m.Done = true // for the case that it is gone, or a copy, which has a mark of its own
		t.Book.Put(m)
		if f == nil {
			t.lost(m)
			continue
		}
		f.rotated = !slices.Contains(followed, f.mark.Path)
		t.add(f)
		t.Log.Info("going on with a log file", "file", f.mark.Path, "from", f.mark.Offset)
	}
}

// again looks for the file of a mark: under its name, beside it under another one, or, where it was copied before it was
// truncated, for the copy.
func (t *Tailer) again(m bookmark.Mark) (f *follower) {
	steady(filepath.Dir(m.Path), func(entries []entry) bool {
		for _, e := range append(entries, entry{m.Path, m.Identity}) { // a symbolic link stands for a file elsewhere
			if f == nil && e.at.Same(m.Identity) {
				f = t.pick(e.path, m.Identity.Is)
			}
		}
		return f != nil
	})
	if f == nil {
		f = t.copyAfter(m)
	}
	if f != nil {
		f.mark.Offset, f.mark.Skipping = m.Offset, m.Skipping
	}
	return f
}

// pick opens a file if it is the one.
func (t *Tailer) pick(path string, is func(*os.File) bool) *follower {
	f := candidate(path)
	if f != nil && !is(f.file) {
		_ = f.file.Close() // it is another one
		return nil
	}
	return f
}

// copyAfter finds the copy of a file that was truncated since it was marked.
func (t *Tailer) copyAfter(m bookmark.Mark) (twin *follower) {
	for _, f := range siblings(unturned.ReplaceAllString(m.Path, "$1")) {
		if twin == nil && t.copyOf(f, m) && size(f) >= m.Offset {
			twin = f
			continue
		}
		_ = f.file.Close() // it is another one
	}
	return twin
}

// copyOf reports whether a file is a copy of the one that had the mark, and none that is known for itself: a beginning of few
// bytes is common to many.
func (t *Tailer) copyOf(f *follower, m bookmark.Mark) bool {
	if _, marked := t.marked(f); marked {
		return false
	}
	return m.Identity.Begins(f.file) && t.known(f.mark.Identity) == nil
}

// lost says what may not have been read.
func (t *Tailer) lost(m bookmark.Mark) {
	if m.Identity.Length == 0 {
		return // it was empty
	}
	t.Log.Warn("a log file that was being read is not there any more, nor its rotated copy (compressed or deleted?); "+
		"what was written to it since is not read; if it was compressed, `tokenwatch import` reads it, from its start",
		"file", m.Path, "read_to", m.Offset, "last_written", m.Seen.Format(time.RFC3339))
}

// missed finds what was rotated between the file that was read under this name before, and the one there now: several
// rotations while this process was down, or was held up. If the file was truncated, old is what it was: its copy, if there is
// one, is gone on with where the file was left, after end bytes of it were seen.
func (t *Tailer) missed(now *follower, old bookmark.Mark, end int64) (between []*follower, twin bool) {
	last := t.lastSeen(now.mark.Path)
	for _, f := range siblings(now.mark.Path) {
		switch {
		case !twin && t.copyOf(f, old):
			twin = size(f) >= end
			f.mark.Offset, f.mark.Skipping = min(old.Offset, size(f)), old.Skipping && twin
			if !twin {
				f.mark.Offset = size(f) // everything in it was read before it was made
			}
		case t.known(f.mark.Identity) != nil, f.mark.Identity.Same(now.mark.Identity), t.wasRead(f), size(f) == 0, f.mark.Seen.Before(last):
			_ = f.file.Close() // it is nothing new
			continue
		}
		f.rotated, f.grew = true, time.Now()
		between = append(between, f)
	}
	slices.SortFunc(between, byAge)
	for _, f := range between {
		t.Log.Info("reading a log file that was rotated before it was read to its end", "file", f.mark.Path, "from", f.mark.Offset)
	}
	return between, twin
}

// lastSeen is when what was followed under a name was last seen to be written to. Whatever was not written to since is older.
func (t *Tailer) lastSeen(path string) (last time.Time) {
	for _, m := range t.Book.Marks {
		if (m.Path == path || rotatedName(m.Path, path)) && m.Seen.After(last) {
			last = m.Seen
		}
	}
	return last.Add(-time.Second) // clocks of file systems are coarse
}

// wasRead reports whether a file, or what it is a copy of, has been read.
func (t *Tailer) wasRead(f *follower) bool {
	if _, marked := t.marked(f); marked {
		return true
	}
	was := func(m bookmark.Mark) bool {
		return m.Identity.Length >= minHead && m.Identity.Begins(f.file) && rotatedName(f.mark.Path, m.Path)
	}
	return slices.ContainsFunc(t.Book.Marks, was) || slices.ContainsFunc(t.files, func(f *follower) bool { return was(f.mark) })
}

// ignore notes which rotated files stand beside one that was never followed before: they are history, and not to be taken for
// what was missed later.
func (t *Tailer) ignore(now *follower) {
	for _, f := range siblings(now.mark.Path) {
		if _, found := t.marked(f); !found && t.known(f.mark.Identity) == nil {
			f.mark.Done, f.mark.Offset = true, size(f)
			t.Book.Put(f.mark)
		}
		_ = f.file.Close() // it was only identified
	}
}

// copied reports whether a file that has appeared is the copy of one that is followed, about to be truncated: wildcards
// that mean rotated files too would have every line read twice.
func (t *Tailer) copied(f *follower) bool {
	if t.first {
		return false
	}
	for _, other := range t.files {
		if rotatedName(f.mark.Path, other.mark.Path) && !other.rotated && other.mark.Identity.Begins(f.file) {
			t.warn(f.mark.Path, "a copy of a log file that is followed is not read", errors.New("it begins like "+other.mark.Path))
			return true
		}
	}
	return false
}
