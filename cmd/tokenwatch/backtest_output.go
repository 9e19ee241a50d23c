package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/tokenwatch/tokenwatch/detect/backtest"
	"github.com/tokenwatch/tokenwatch/schema"
)

// output is a folder that a run writes to.
type output struct {
	dir   string
	own   []string // what it writes there
	above *output  // the folder that it is a part of, if any
}

// resultFiles are what a run writes, compareFiles what two do.
var (
	resultFiles  = []string{"findings.jsonl", "report.html", "report.json", "scores.csv.gz"}
	compareFiles = []string{"a", "b", "report.html", "report.json"}
)

// openOutput makes the folder. One that holds what an earlier run wrote is used again; anything else in it may be
// somebody's work.
func openOutput(dir string, own []string) (*output, error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("--out: %w", err)
	}
	for _, entry := range entries {
		if !slices.Contains(own, entry.Name()) {
			return nil, fmt.Errorf("--out: %s holds %s, which is none of %s: name a folder that is empty or not there yet",
				shorter(dir), entry.Name(), strings.Join(own, ", "))
		}
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("--out: %w", err)
	}
	return &output{dir: dir, own: own}, nil
}

// clear removes what an earlier run wrote: what stays would be taken for this one's. It waits until this one has
// something to write, since a typing error must not cost an hour's results.
func (o *output) clear() error {
	if o.above != nil {
		if err := o.above.clear(); err != nil {
			return err
		}
	}
	for _, name := range o.own {
		if info, err := os.Lstat(filepath.Join(o.dir, name)); err == nil && info.Mode().IsRegular() {
			if err := os.Remove(filepath.Join(o.dir, name)); err != nil {
				return fmt.Errorf("--out: %w", err)
			}
		}
	}
	return nil
}

// below is a folder for one of two runs.
func (o *output) below(name string) (*output, error) {
	part, err := openOutput(filepath.Join(o.dir, name), resultFiles)
	if err == nil {
		part.above = o
	}
	return part, err
}

// results are the files that grow while a run goes on. Scores are compressed while the engine goes on.
type results struct {
	findings *backtest.FindingWriter
	scores   *backtest.ScoreWriter
	rows     *relay[scoreRow]
	buffers  []*bufio.Writer
	files    []*os.File
}

type scoreRow struct {
	at    time.Time
	token schema.TokenID
	name  string
	score float64
}

var errUnwritten = errors.New("scores.csv.gz cannot be written")

// score writes a score, sooner or later.
func (r *results) score(at time.Time, token schema.TokenID, name string, score float64) error {
	if !r.rows.add(scoreRow{at, token, name, score}) {
		return errUnwritten // close tells why
	}
	return nil
}

func (o *output) results(moments func(dst []byte, at time.Time) []byte) (*results, error) {
	if err := o.clear(); err != nil {
		return nil, err
	}
	r := &results{}
	for _, name := range []string{"findings.jsonl", "scores.csv.gz"} {
		file, err := os.Create(filepath.Join(o.dir, name))
		if err != nil {
			return nil, fmt.Errorf("--out: %w", err)
		}
		r.files, r.buffers = append(r.files, file), append(r.buffers, bufio.NewWriterSize(file, 64<<10))
	}
	r.findings = backtest.NewFindingWriter(r.buffers[0])
	scores, err := backtest.NewScoreWriter(r.buffers[1], moments)
	if err != nil {
		return nil, err
	}
	r.scores = scores
	r.rows = newRelay(func(row *scoreRow) error { return scores.Write(row.at, row.token, row.name, row.score) })
	return r, nil
}

// close writes out what is still held back.
func (r *results) close() error {
	errs := []error{r.rows.close(), r.scores.Close()}
	for i, file := range r.files {
		errs = append(errs, r.buffers[i].Flush(), file.Close())
	}
	return errors.Join(errs...)
}

func (o *output) json(name string, v any) error {
	return o.write(name, func(w io.Writer) error {
		to := json.NewEncoder(w)
		to.SetIndent("", "  ")
		to.SetEscapeHTML(false)
		return to.Encode(v)
	})
}

func (o *output) page(name string, page interface{ Write(io.Writer) error }) error {
	return o.write(name, page.Write)
}

func (o *output) write(name string, fill func(io.Writer) error) error {
	file, err := os.Create(filepath.Join(o.dir, name))
	if err != nil {
		return fmt.Errorf("--out: %w", err)
	}
	to := bufio.NewWriter(file)
	if err := errors.Join(fill(to), to.Flush(), file.Close()); err != nil {
		return fmt.Errorf("writing %s: %w", name, err)
	}
	return nil
}
