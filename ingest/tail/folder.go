package tail

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/tokenwatch/tokenwatch/ingest/bookmark"
)

// entry is a name in a folder, and the file that it stands for at the moment.
type entry struct {
	path string
	at   bookmark.Identity // only the place
}

// look lists the files in a folder that could be logs.
func look(folder string) (entries []entry) {
	names, _ := os.ReadDir(folder) // what cannot be listed holds nothing that could be read
	for _, name := range names {
		info, err := name.Info()
		if err != nil || !info.Mode().IsRegular() || Compressed(name.Name()) {
			continue
		}
		if at, err := bookmark.Place(info); err == nil {
			entries = append(entries, entry{filepath.Join(folder, name.Name()), at})
		}
	}
	return entries
}

// maxLooks bounds how often a folder is looked at that does not stand still.
const maxLooks = 20

// steady has try look at a folder's entries until it has found what it wants, or has seen all there is: logrotate may rename
// file after file while the names are gone through.
func steady(folder string, try func([]entry) bool) {
	for range maxLooks {
		before := look(folder)
		if try(before) || slices.Equal(before, look(folder)) {
			return
		}
	}
}

// siblings opens the files beside a log that rotation has made of it, each once.
func siblings(path string) (found []*follower) {
	steady(filepath.Dir(path), func(entries []entry) bool {
		for _, e := range entries {
			same := func(f *follower) bool { return f.mark.Identity.Same(e.at) }
			if !rotatedName(e.path, path) || slices.ContainsFunc(found, same) {
				continue
			}
			if f := candidate(e.path); f != nil && !f.mark.Identity.Same(e.at) {
				_ = f.file.Close() // the name stands for another file by now
			} else if f != nil {
				found = append(found, f)
			}
		}
		return false
	})
	return found
}

// turned is what rotation adds to a name: a number, a date, a word.
const turned = `[.-]([0-9][0-9A-Za-z:._-]*|old|bak|prev)$`

var (
	isTurned = regexp.MustCompile("^" + turned)
	unturned = regexp.MustCompile("^(.+?)" + turned) // $1 is the name without it
)

// rotatedName reports whether a name is one that rotation gives to the file of that path: access.log.1,
// access.log-20261121, or access-2026-11-21T20-15-00.000.log.
func rotatedName(name, path string) bool {
	if added, is := strings.CutPrefix(name, path); is {
		return isTurned.MatchString(added)
	}
	extension := filepath.Ext(path)
	added, is := strings.CutPrefix(name, strings.TrimSuffix(path, extension))
	return is && strings.HasSuffix(added, extension) && isTurned.MatchString(strings.TrimSuffix(added, extension))
}

// candidate opens a file that may be one to follow.
func candidate(path string) *follower {
	file, identity, err := open(path)
	if err != nil {
		return nil
	}
	f := &follower{file: file, mark: bookmark.Mark{Path: path, Identity: identity}}
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
