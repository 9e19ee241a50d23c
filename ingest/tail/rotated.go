package tail

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
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
func (t *Tailer) again(m bookmark.Mark) *follower {
	f := pick(beside(m), func(f *follower) bool { return m.Identity.Is(f.file) })
	if f == nil {
		copies := append([]string{m.Path}, siblings(unturned.ReplaceAllString(m.Path, "$1"))...)
		f = pick(copies, func(f *follower) bool { return t.copyOf(f, m) && size(f) >= m.Offset })
	}
	if f != nil {
		f.mark.Offset, f.mark.Skipping = m.Offset, m.Skipping
	}
	return f
}

// copyOf reports whether a file is a copy of the one that had the mark, and none that is known for itself: a beginning of few
// bytes is common to many.
func (t *Tailer) copyOf(f *follower, m bookmark.Mark) bool {
	if _, marked := t.marked(f); marked {
		return false
	}
	return m.Identity.Begins(f.file) && t.known(f.mark.Identity) == nil
}

// beside are the names in the folder of a mark's file that stand for the same inode.
func beside(m bookmark.Mark) (paths []string) {
	entries, _ := os.ReadDir(filepath.Dir(m.Path))
	for _, entry := range entries {
		info, err := entry.Info()
		if err != nil || !info.Mode().IsRegular() || Compressed(entry.Name()) {
			continue
		}
		if at, err := bookmark.Place(info); err == nil && at.Same(m.Identity) {
			paths = append(paths, filepath.Join(filepath.Dir(m.Path), entry.Name()))
		}
	}
	return append(paths, m.Path) // a symbolic link is no regular file, and stands for one
}

// pick opens the first of the files that is the one.
func pick(paths []string, is func(*follower) bool) *follower {
	for _, path := range paths {
		f := candidate(path)
		if f == nil {
			continue
		}
		if is(f) {
			return f
		}
		_ = f.file.Close() // it is another one
	}
	return nil
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

// missed follows what was rotated between the file that was read under this name before, and the one there now: several
// rotations while this process was down, or was held up.
func (t *Tailer) missed(now *follower) []*follower {
	var between []*follower
	last := t.lastSeen(now.mark.Path)
	for _, path := range siblings(now.mark.Path) {
		f := candidate(path)
		if f == nil {
			continue
		}
		twice := slices.ContainsFunc(between, func(other *follower) bool { return other.mark.Identity.Same(f.mark.Identity) })
		if twice || t.known(f.mark.Identity) != nil || f.mark.Identity.Same(now.mark.Identity) || t.wasRead(f) || size(f) == 0 || f.mark.Seen.Before(last) {
			_ = f.file.Close() // it is nothing new
			continue
		}
		f.rotated = true
		between = append(between, f)
	}
	slices.SortFunc(between, byAge)
	for _, f := range between {
		t.Log.Info("reading a log file that was rotated before anybody saw it", "file", f.mark.Path)
	}
	return between
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
	for _, path := range siblings(now.mark.Path) {
		f := candidate(path)
		if f == nil {
			continue
		}
		if _, found := t.marked(f); !found && t.known(f.mark.Identity) == nil {
			f.mark.Done = true
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

// siblings are the names beside a file that rotation may have given it.
func siblings(path string) []string {
	extension := filepath.Ext(path)
	stem := strings.TrimSuffix(path, extension)
	found, _ := filepath.Glob(quote(path) + `[.\-]*`)
	more, _ := filepath.Glob(quote(stem) + "-*" + quote(extension))
	return slices.DeleteFunc(append(found, more...), func(name string) bool { return Compressed(name) || !rotatedName(name, path) })
}

// turned is what rotation adds to a name: a number, a date, a word.
var turned = regexp.MustCompile(`^[.-]([0-9][0-9A-Za-z:._-]*|old|bak|prev)$`)

// unturned takes that off again.
var unturned = regexp.MustCompile(`^(.+?)[.-]([0-9][0-9A-Za-z:._-]*|old|bak|prev)$`)

// rotatedName reports whether a name is one that rotation gives to the file of that path: access.log.1,
// access.log-20261121, or access-2026-11-21T20-15-00.000.log.
func rotatedName(name, path string) bool {
	if added, is := strings.CutPrefix(name, path); is {
		return turned.MatchString(added)
	}
	extension := filepath.Ext(path)
	added, is := strings.CutPrefix(name, strings.TrimSuffix(path, extension))
	return is && strings.HasSuffix(added, extension) && turned.MatchString(strings.TrimSuffix(added, extension))
}

// quote keeps a name's own characters from being wildcards.
func quote(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}

// candidate opens a file that may be one to follow.
func candidate(path string) *follower {
	file, identity, err := open(path)
	if err != nil {
		return nil
	}
	f := &follower{file: file, mark: bookmark.Mark{Path: path, Identity: identity}, grew: time.Now()}
	if info, err := file.Stat(); err == nil {
		f.mark.Seen = info.ModTime().UTC()
	}
	return f
}

func size(f *follower) int64 {
	info, err := f.file.Stat()
	if err != nil {
		return -1
	}
	return info.Size()
}
