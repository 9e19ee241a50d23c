package archive

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/tokenwatch/tokenwatch/ingest/bookmark"
)

// Expand lists the files that arguments mean: names, wildcards, and folders with all that is in them but hidden files. Each
// file comes once, those of one argument in the order of their names, and the rotated copies of a log oldest first.
func Expand(arguments []string) ([]string, error) {
	var files []string
	seen := map[any]bool{} // files by where their data is, however they are called; those that cannot be found by name
	for _, argument := range arguments {
		found, err := expand(argument)
		if err != nil {
			return nil, err
		}
		for _, file := range found {
			whole, err := filepath.Abs(file)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", file, err)
			}
			if key := place(whole); !seen[key] {
				seen[key], files = true, append(files, whole)
			}
		}
	}
	return files, nil
}

// place tells a file from others: links to it are the same file.
func place(path string) any {
	info, err := os.Stat(path)
	if err != nil {
		return path
	}
	at, err := bookmark.Place(info)
	if err != nil {
		return path
	}
	return at
}

func expand(argument string) ([]string, error) {
	paths := []string{argument}
	if _, err := os.Stat(argument); errors.Is(err, fs.ErrPermission) {
		return nil, err
	} else if err != nil {
		if paths, err = filepath.Glob(argument); err != nil {
			return nil, fmt.Errorf("%s: %w", argument, err)
		}
		if len(paths) == 0 {
			return nil, fmt.Errorf("%s: no such file", argument)
		}
	}
	var files []string
	for _, path := range paths {
		inside, err := within(path)
		if err != nil {
			return nil, err
		}
		files = append(files, inside...)
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("%s: no files in it", argument)
	}
	slices.SortStableFunc(files, older)
	return files, nil
}

// within lists a folder's regular files and links to such, or the file itself.
func within(path string) (files []string, err error) {
	info, err := os.Stat(path)
	if err != nil || !info.IsDir() {
		return []string{path}, nil // if there is none, opening it tells why
	}
	root, err := filepath.EvalSymlinks(path)
	if err != nil {
		return nil, err
	}
	err = filepath.WalkDir(root, func(at string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case at != root && strings.HasPrefix(entry.Name(), "."):
			if entry.IsDir() {
				return filepath.SkipDir
			}
		case regular(at, entry):
			files = append(files, filepath.Join(path, strings.TrimPrefix(at, root)))
		}
		return nil
	})
	return files, err
}

// regular reports whether an entry of a folder is a file, or leads to one. Links to folders may lead in circles.
func regular(path string, entry fs.DirEntry) bool {
	if entry.Type()&fs.ModeSymlink == 0 {
		return entry.Type().IsRegular()
	}
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

// rotation takes a log's name apart: access.log.12.gz is access.log, 12; access.log-20261121 is access.log and a date.
var rotation = regexp.MustCompile(`^(.*?\.[A-Za-z]+)[.-]([0-9][0-9T:._-]*)$`)

// older orders files by name, and the rotated copies of one log by age: the highest number is the oldest, the earliest date
// too, and the log itself is the newest.
func older(a, b string) int {
	baseA, rankA, dateA := taken(a)
	baseB, rankB, dateB := taken(b)
	return cmp.Or(cmp.Compare(baseA, baseB), cmp.Compare(rankB, rankA), cmp.Compare(dateA, dateB), cmp.Compare(a, b))
}

// taken gives a log's name, how many rotations ago this copy was made, and when.
func taken(path string) (base string, rank int, date string) {
	const dated = 1 << 30 // more than any number of rotations
	for _, ending := range []string{".gz", ".zst"} {
		path = strings.TrimSuffix(path, ending)
	}
	parts := rotation.FindStringSubmatch(path)
	if parts == nil {
		return path, -1, ""
	}
	if n, err := strconv.Atoi(parts[2]); err == nil && len(parts[2]) <= 4 {
		return parts[1], n, ""
	}
	return parts[1], dated, parts[2]
}
