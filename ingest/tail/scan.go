package tail

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/tokenwatch/tokenwatch/ingest/bookmark"
)

// compressed are endings of rotated files that are not followed: nobody writes to them any more.
var compressed = []string{".gz", ".zst", ".bz2", ".xz", ".zip", ".Z", ".lz4"}

// Compressed reports whether a name is one of a compressed file, which is imported rather than followed.
func Compressed(name string) bool {
	return slices.ContainsFunc(compressed, func(ending string) bool { return strings.HasSuffix(name, ending) })
}

// scan looks which files the patterns mean by now.
func (t *Tailer) scan() {
	there := map[*follower]bool{} // under a name that is written to
	var fresh []*follower
	paths := t.match()
	for _, path := range paths {
		_, turned := slices.BinarySearch(paths, unturned.ReplaceAllString(path, "$1"))
		turned = turned && unturned.MatchString(path)
		if f := t.standing(path); f != nil {
			f.mark.Path = path
			there[f] = !turned
			continue
		}
		file, identity, err := open(path)
		if err != nil {
			if !os.IsNotExist(err) {
				t.warn(path, "a log file cannot be read", err)
			}
			continue
		}
		if turned && !t.first && young(file) {
			_ = file.Close() // it may be a copy that is being made: the next scans will tell
			continue
		}
		f := &follower{file: file, mark: bookmark.Mark{Path: path, Identity: identity}, grew: time.Now()}
		if m, found := t.marked(f); found && m.Done && size(f) == m.Offset {
			_ = file.Close() // a rotated file that was read
			continue
		}
		f.rotated = turned
		fresh = append(fresh, f)
	}
	for _, f := range t.files {
		if !there[f] && !f.rotated {
			f.grew = time.Now()
		}
		f.rotated = !there[f]
	}
	t.admit(fresh)
	if since := time.Since(t.looked); !t.first && since > heldUp {
		t.Log.Info("looking for what was rotated while nothing could be read", "for", since.Round(time.Second))
		for _, f := range slices.Clone(t.files) {
			if !f.rotated {
				between, _ := t.missed(f, bookmark.Mark{}, 0)
				t.ahead = append(t.ahead, between...)
			}
		}
	}
	t.looked = time.Now()
}

// heldUp is after how long without a look at the files it is possible that one was rotated several times.
const heldUp = 30 * time.Second

// young reports whether a file was written to just now.
func young(file *os.File) bool {
	info, err := file.Stat()
	return err == nil && time.Since(info.ModTime()) < time.Second
}

// match lists the files that the patterns mean, each once.
func (t *Tailer) match() []string {
	var paths []string
	for _, pattern := range t.Patterns {
		found, err := filepath.Glob(pattern)
		if _, failed := os.Lstat(pattern); failed == nil {
			found = []string{pattern} // a name that happens to hold a wildcard
		} else if err != nil || len(found) == 0 {
			t.warn(pattern, "no such log file yet; waiting for it", failed)
		}
		for _, path := range found {
			if !Compressed(path) {
				paths = append(paths, path)
			}
		}
	}
	slices.Sort(paths)
	return slices.Compact(paths)
}

// open opens a regular file: opening a pipe would wait for somebody to write to it.
func open(path string) (*os.File, bookmark.Identity, error) {
	info, err := os.Stat(path)
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is no regular file", path)
	}
	if err != nil {
		return nil, bookmark.Identity{}, err
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, bookmark.Identity{}, err
	}
	identity, err := bookmark.Identify(file)
	if err != nil {
		_ = file.Close() // it was only read
		return nil, bookmark.Identity{}, err
	}
	return file, identity, nil
}

// standing finds the follower of the file that stands under a name now.
func (t *Tailer) standing(path string) *follower {
	info, err := os.Stat(path)
	if err != nil {
		return nil
	}
	identity, err := bookmark.Place(info)
	if err != nil {
		return nil
	}
	return t.known(identity)
}

// known finds the follower of a file. Whether its beginning is still the same is for the follower to find out.
func (t *Tailer) known(identity bookmark.Identity) *follower {
	for _, files := range [][]*follower{t.files, t.ahead} {
		for _, f := range files {
			if f.mark.Identity.Same(identity) {
				return f
			}
		}
	}
	return nil
}

// admit begins to follow files that were not there before, behind what was rotated meanwhile.
func (t *Tailer) admit(fresh []*follower) {
	for _, f := range fresh {
		if t.known(f.mark.Identity) != nil {
			_ = f.file.Close() // it was renamed while the names were looked through
			continue
		}
		if len(t.files) >= maxFiles {
			t.warn("", "too many log files at once; those beyond wait", fmt.Errorf("%d are open, with %s next", len(t.files), f.mark.Path))
			_ = f.file.Close() // it was only read
			continue
		}
		if t.copied(f) {
			_ = f.file.Close() // it was only read
			continue
		}
		seenBefore := t.seen(f.mark.Path)
		if seenBefore {
			between, _ := t.missed(f, bookmark.Mark{}, 0)
			for _, f := range between {
				t.add(f)
			}
		} else {
			t.ignore(f)
		}
		if m, found := t.marked(f); found {
			f.mark.Offset, f.mark.Skipping = m.Offset, m.Skipping
		} else if t.first && t.FromEnd && !seenBefore {
			f.mark.Offset = end(f.file)
		}
		t.add(f)
		t.Log.Info("following a log file", "file", f.mark.Path, "from", f.mark.Offset)
	}
}

// minHead is how long a file's beginning must be to tell it from another that got its inode.
const minHead = 64

// marked finds the mark of a file. A file that was done with when it was short may have been deleted, and this one have its
// place: in doubt it is another.
func (t *Tailer) marked(f *follower) (bookmark.Mark, bool) {
	m, found := t.Book.Find(f.file)
	if found && m.Done && m.Identity.Length < minHead && size(f) != m.Offset {
		return bookmark.Mark{}, false
	}
	return m, found
}

func (t *Tailer) add(f *follower) {
	t.Book.Put(f.mark)
	t.files, t.changed = append(t.files, f), true
}

// end is the offset behind the last complete line.
func end(file *os.File) int64 {
	info, err := file.Stat()
	if err != nil {
		return 0
	}
	buf := make([]byte, 64<<10)
	for at := info.Size(); at > 0; {
		from := max(0, at-int64(len(buf)))
		n, _ := file.ReadAt(buf[:at-from], from)
		if i := strings.LastIndexByte(string(buf[:n]), '\n'); i >= 0 {
			return from + int64(i) + 1
		}
		at = from
	}
	return 0
}

// seen reports whether a file of that name was followed before. It may have another name by now.
func (t *Tailer) seen(path string) bool {
	return slices.ContainsFunc(t.Book.Marks, func(m bookmark.Mark) bool { return m.Path == path || rotatedName(m.Path, path) })
}

// byAge orders files by when they were last written to.
func byAge(a, b *follower) int {
	return cmp.Or(a.mark.Seen.Compare(b.mark.Seen), cmp.Compare(a.mark.Path, b.mark.Path))
}
