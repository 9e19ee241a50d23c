package local

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
)

// mendLogs puts right the one thing that a killed ClickHouse leaves half done without noticing. A MergeTree that
// deduplicates writes down a block's id, with the name of its part, and only then renames the part to that name. Killed
// between the two, it knows a block that it does not have, and drops the block when it is inserted again. It holds a
// lock over both, so only the last line of a table's log can be such a line; without its part it is taken
// away. So is a line that was cut off, to which the next one would be glued.
//
// Nothing may work on the data meanwhile.
func (h home) mendLogs() error {
	folders, err := filepath.Glob(filepath.Join(h.data(), "store", "*", "*", "deduplication_logs"))
	if err != nil {
		return fmt.Errorf("find deduplication logs: %w", err)
	}
	for _, folder := range folders {
		if err := mendLog(folder); err != nil {
			return fmt.Errorf("mend %s: %w", folder, err)
		}
	}
	return nil
}

// mendLog looks at the last line that one table has written.
func mendLog(folder string) error {
	logs, err := logsOf(folder)
	if err != nil {
		return err
	}
	for _, log := range slices.Backward(logs) {
		text, err := os.ReadFile(log)
		if err != nil {
			return err
		}
		whole := text[:bytes.LastIndexByte(text, '\n')+1]
		before := whole[:bytes.LastIndexByte(bytes.TrimSuffix(whole, []byte("\n")), '\n')+1]
		keep := whole
		if dangling, err := dangles(filepath.Dir(folder), string(whole[len(before):])); err != nil {
			return err
		} else if dangling {
			keep = before
		}
		if len(keep) < len(text) {
			if err := os.Truncate(log, int64(len(keep))); err != nil {
				return err
			}
		}
		if len(whole) > 0 {
			return nil
		}
	}
	return nil
}

var logName = regexp.MustCompile(`^deduplication_log_(\d+)\.txt$`)

// logsOf lists a table's logs, the newest last.
func logsOf(folder string) ([]string, error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, err
	}
	var numbers []int
	for _, e := range entries {
		if m := logName.FindStringSubmatch(e.Name()); m != nil {
			n, err := strconv.Atoi(m[1])
			if err != nil {
				return nil, err
			}
			numbers = append(numbers, n)
		}
	}
	slices.Sort(numbers)
	var logs []string
	for _, n := range numbers {
		logs = append(logs, filepath.Join(folder, fmt.Sprintf("deduplication_log_%d.txt", n)))
	}
	return logs, nil
}

var (
	// addedLine is a block that was added: operation 1, its part, its id.
	addedLine = regexp.MustCompile(`^1\t(\S+)\t\S+\n$`)
	// partName is partition, first and last block, level, and the mutation if there was one.
	partName = regexp.MustCompile(`^([^_]+)_(\d+)_(\d+)_(\d+)(?:_\d+)?$`)
)

// dangles tells whether a line names a part that is not there, neither itself nor merged into another one.
func dangles(table, line string) (bool, error) {
	added := addedLine.FindStringSubmatch(line)
	if added == nil {
		return false, nil
	}
	wanted, ok := partOf(added[1])
	if !ok {
		return false, nil
	}
	entries, err := os.ReadDir(table)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	for _, e := range entries {
		if p, ok := partOf(e.Name()); ok && p.partition == wanted.partition && p.first <= wanted.first && p.last >= wanted.last {
			return false, nil
		}
	}
	return true, nil
}

type part struct {
	partition   string
	first, last int64
}

func partOf(name string) (part, bool) {
	m := partName.FindStringSubmatch(name)
	if m == nil {
		return part{}, false
	}
	first, errFirst := strconv.ParseInt(m[2], 10, 64)
	last, errLast := strconv.ParseInt(m[3], 10, 64)
	return part{m[1], first, last}, errFirst == nil && errLast == nil
}
