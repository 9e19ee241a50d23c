package backtest

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Counts are requests per token and interval, without anything else about them.
type Counts struct {
	// Interval is how long each count lasts: the most common distance between the rows of a token, or a shorter one that
	// goes into nearly all of them, since many exports leave out what is zero.
	Interval time.Duration
	// Tokens are the names in the input, in the order of their first rows. A single series has one,
	// which is empty.
	Tokens []string
	// Rows are in the order of time, and for equal times in the order of the input.
	Rows []Count
	// Ignored counts rows that were left out, by reason.
	Ignored map[string]int

	moments moments
}

// Count is one row.
type Count struct {
	At       time.Time // when the interval began
	Token    int32     // index into Counts.Tokens
	Requests float64
}

// Reasons to leave a row out. A hole is not counted as zero requests, nor is a negative
// number: both say that nothing is known.
const (
	ignoredNegative = "negative count"
	ignoredEmpty    = "no count"
	ignoredRepeat   = "second row for a token and time"
)

// ReadCounts reads CSV with the columns ts, token and requests, or timestamp and value for
// a single series; others are ignored, and so is their order. Holes and rows out of order are
// fine. A row that cannot be understood is an error that names its line.
func ReadCounts(r io.Reader) (*Counts, error) {
	rows, err := openTable(r)
	if err != nil {
		return nil, fmt.Errorf("counts: %w", err)
	}
	at, token, requests := rows.column("ts", "timestamp", "time"), rows.column("token"), rows.column("requests", "value", "count")
	if at < 0 || requests < 0 {
		return nil, fmt.Errorf("counts: %w", rows.wants("ts,token,requests or timestamp,value"))
	}
	c := &Counts{Ignored: map[string]int{}}
	names := map[string]int32{}
	for {
		row, err := rows.next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("counts: %w", err)
		}
		name := ""
		if token >= 0 {
			name = row[token]
		}
		if err := c.add(names, row[at], name, row[requests]); err != nil {
			return nil, fmt.Errorf("counts: line %d: %w", rows.line(), err)
		}
	}
	if len(c.Rows) == 0 {
		return nil, errors.New("counts: no row with a count")
	}
	c.arrange()
	if twice := c.Ignored[ignoredRepeat]; token < 0 && len(rows.header) > 2 && twice > len(c.Rows)/4 {
		return nil, fmt.Errorf("counts: no column is called token, and %d rows are of a time that another row is of: if one of %q says whose they are, call it token",
			twice, strings.Join(rows.header, ","))
	}
	return c, nil
}

func (c *Counts) add(names map[string]int32, at, name, requests string) error {
	moment, err := c.moments.read(at)
	if err != nil {
		return err
	}
	requests = strings.TrimSpace(requests)
	if requests == "" {
		c.Ignored[ignoredEmpty]++
		return nil
	}
	n, err := strconv.ParseFloat(requests, 64)
	switch {
	case err != nil || math.IsInf(n, 0):
		return fmt.Errorf("count %q: want a number, such as 1234.5: a point before fractions, nothing between thousands", requests)
	case math.IsNaN(n):
		c.Ignored[ignoredEmpty]++
		return nil
	case n < 0:
		c.Ignored[ignoredNegative]++
		return nil
	}
	index, known := names[name]
	if !known {
		index = int32(len(c.Tokens))
		names[name] = index
		c.Tokens = append(c.Tokens, name)
	}
	c.Rows = append(c.Rows, Count{At: moment, Token: index, Requests: n})
	return nil
}

// arrange brings the rows into the order of time and finds the interval.
func (c *Counts) arrange() {
	slices.SortStableFunc(c.Rows, func(a, b Count) int { return a.At.Compare(b.At) })
	last := make([]time.Time, len(c.Tokens))
	steps := map[time.Duration]int{}
	kept := c.Rows[:0]
	for _, row := range c.Rows {
		if before := last[row.Token]; !before.IsZero() {
			step := row.At.Sub(before)
			if step == 0 {
				c.Ignored[ignoredRepeat]++
				continue
			}
			steps[step.Round(time.Second)]++
		}
		last[row.Token] = row.At
		kept = append(kept, row)
	}
	c.Rows = kept
	if len(steps) == 0 { // no token has two rows
		for i := 1; i < len(kept); i++ {
			if step := kept[i].At.Sub(kept[i-1].At); step > 0 {
				steps[step.Round(time.Second)]++
			}
		}
	}
	c.Interval = commonStep(steps)
}

// commonStep is the shortest step that is not rare and that nearly all others are multiples of; where there is none,
// the most frequent one.
func commonStep(steps map[time.Duration]int) time.Duration {
	best, total := mostCommon(steps), 0
	for _, n := range steps {
		total += n
	}
	for _, step := range slices.Sorted(maps.Keys(steps)) {
		if step >= best {
			break
		}
		if step < time.Second || steps[step] < total/20 {
			continue
		}
		fits := 0
		for other, n := range steps {
			if other%step == 0 {
				fits += n
			}
		}
		if fits >= total-total/100 {
			return step
		}
	}
	return best
}

// mostCommon is the most frequent step, the shortest of several; a minute where there is none.
func mostCommon(steps map[time.Duration]int) time.Duration {
	best, most := time.Minute, 0
	for step, n := range steps {
		if n > most || n == most && step < best {
			best, most = step, n
		}
	}
	return max(best, time.Second)
}

// Local reports whether times were taken for UTC that do not say where they are.
func (c *Counts) Local() bool { return c.moments.local() }

// Single reports whether it is one series without the names of tokens.
func (c *Counts) Single() bool { return len(c.Tokens) == 1 && c.Tokens[0] == "" }

// From is when the first interval begins.
func (c *Counts) From() time.Time { return c.Rows[0].At }

// To is when the last interval ends.
func (c *Counts) To() time.Time { return c.Rows[len(c.Rows)-1].At.Add(c.Interval) }

// AppendTime writes a moment as the input writes its own.
func (c *Counts) AppendTime(dst []byte, at time.Time) []byte { return c.moments.write(dst, at) }
