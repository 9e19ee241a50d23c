package tail_test

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// writer is a program with a log, and the logrotate that looks after it.
type writer struct {
	t       *testing.T
	random  *rand.Rand
	path    string
	file    *os.File
	serial  int
	partial string         // written, without an end yet
	wrote   map[string]int // lines, as they stand in the files
	total   int
	turns   int // rotations
	copies  bool
}

func newWriter(t *testing.T, path string, random *rand.Rand) *writer {
	w := &writer{t: t, random: random, path: path, wrote: map[string]int{}, copies: random.IntN(3) == 0}
	w.open()
	return w
}

func (w *writer) check(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *writer) open() {
	file, err := os.OpenFile(w.path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	w.check(err)
	w.file = file
}

// write appends lines in chunks that end anywhere.
func (w *writer) write() {
	text := ""
	for range w.random.IntN(20) {
		w.serial++
		text += fmt.Sprintf("%d:%s\n", w.serial, strings.Repeat("x", w.random.IntN(200)))
	}
	for len(text) > 0 {
		n := 1 + w.random.IntN(len(text))
		_, err := w.file.WriteString(text[:n])
		w.check(err)
		w.note(text[:n])
		text = text[n:]
		if w.random.IntN(20) == 0 {
			return // the rest is never written; another line begins in the middle
		}
	}
}

// note keeps what stands in the file by its lines.
func (w *writer) note(text string) {
	for {
		line, rest, ended := strings.Cut(text, "\n")
		w.partial += line
		if !ended {
			return
		}
		w.end()
		text = rest
	}
}

func (w *writer) end() {
	w.wrote[w.partial]++
	w.total++
	w.partial = ""
}

// cut ends a line where its file ends.
func (w *writer) cut() {
	if w.partial != "" {
		w.end()
	}
}

func (w *writer) rotate() {
	info, _ := os.Stat(w.path)
	w.t.Logf("%s rotate %d, size %d", time.Now().Format("05.000"), w.serial, info.Size())
	if w.copies {
		w.copytruncate()
	} else {
		w.rename()
	}
}

// rename rotates as nginx and logrotate do: the old file may still be written to for a while.
func (w *writer) rename() {
	w.shift()
	w.check(os.Rename(w.path, w.path+".1"))
	if w.random.IntN(2) == 0 {
		w.write()
	}
	w.cut()
	w.check(w.file.Close())
	w.open()
}

// shift makes room for another rotated file.
func (w *writer) shift() {
	for i := w.turns; i > 0; i-- {
		if err := os.Rename(fmt.Sprint(w.path, ".", i), fmt.Sprint(w.path, ".", i+1)); !errors.Is(err, fs.ErrNotExist) {
			w.check(err)
		}
	}
	w.turns++
}

func (w *writer) copytruncate() {
	w.shift()
	copyFile(w.t, w.path, w.path+".1")
	w.check(os.Truncate(w.path, 0))
	w.cut()
}

// forget deletes the oldest rotated files.
func (w *writer) forget() {
	for ; w.turns > 2; w.turns-- {
		if err := os.Remove(fmt.Sprint(w.path, ".", w.turns)); !errors.Is(err, fs.ErrNotExist) {
			w.check(err)
		}
	}
}

// Whatever happens to a log and to its reader, every line is read: once if the reader always ended in order, and at least
// once if it was killed.
func TestEveryLine(t *testing.T) {
	for seed := range uint64(24) {
		for _, kill := range []bool{false, true} {
			t.Run(fmt.Sprintf("seed %d kill %v", seed, kill), func(t *testing.T) {
				t.Parallel()
				everyLine(t, rand.New(rand.NewPCG(seed, 0)), kill)
			})
		}
	}
}

func everyLine(t *testing.T, random *rand.Rand, kill bool) {
	dir, path := place(t)
	patterns := []string{path}
	if random.IntN(2) == 0 {
		patterns = []string{path + "*"}
	}
	positions := filepath.Join(dir, "positions", "tail.json")
	w := newWriter(t, path, random)
	r := begin(t, dir, patterns)
	readers := []*reader{r}
	r.until("following a log file") // what was rotated before that is none of its business
	for range 40 {
		switch random.IntN(10) {
		case 0, 1:
			if w.copies {
				caughtUp(t, w, readers, 10*time.Second) // an empty file that is copied and truncated twice leaves no trace
			}
			w.rotate()
		case 2:
			if caughtUp(t, w, readers, 0) {
				w.forget()
			}
		case 3:
			t.Logf("%s stop", time.Now().Format("05.000"))
			was, err := os.ReadFile(positions)
			r.stop()
			if kill && err == nil { // nothing was saved since
				w.check(os.WriteFile(positions, was, 0o600))
			}
			for range random.IntN(3) {
				w.write()
				if random.IntN(3) == 0 {
					w.rotate()
				}
			}
			r = begin(t, dir, patterns)
			readers = append(readers, r)
		case 4:
			time.Sleep(time.Duration(random.IntN(3)) * time.Millisecond) // lets the reader come between
		default:
			w.write()
		}
	}
	caughtUp(t, w, readers, 10*time.Second)
	w.rotate()
	w.check(w.file.Close())
	appendTo(t, path, "the end\n")
	w.wrote["the end"]++
	w.total++
	caughtUp(t, w, readers, 10*time.Second)
	r.stop()
	compare(t, w, readers, kill)
}

// caughtUp waits until as much was read as was written, without the last line that has no end.
func caughtUp(t *testing.T, w *writer, readers []*reader, patience time.Duration) bool {
	for deadline := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		missing := 0
		read := counted(readers)
		for line, n := range w.wrote {
			missing += max(0, n-read[line])
		}
		if missing == 0 || time.Now().After(deadline) {
			return missing == 0
		}
	}
}

func counted(readers []*reader) map[string]int {
	read := map[string]int{}
	for _, r := range readers {
		for _, line := range r.have() {
			read[line]++
		}
	}
	return read
}

func compare(t *testing.T, w *writer, readers []*reader, kill bool) {
	t.Helper()
	read, wrong := counted(readers), 0
	for line, n := range w.wrote {
		if read[line] < n || !kill && read[line] > n {
			wrong++
			t.Errorf("%.40q was written %d times and read %d times", line, n, read[line])
		}
	}
	for line, n := range read {
		if w.wrote[line] == 0 && !kill {
			wrong++
			t.Errorf("%.40q was never written, and read %d times", line, n)
		}
	}
	if wrong > 0 {
		for i, r := range readers {
			t.Logf("reader %d:\n%s", i, r.said())
		}
	}
}
