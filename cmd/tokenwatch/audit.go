package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/tokenwatch/tokenwatch/schema/clickhouse"
)

type auditCommand struct {
	Since   time.Duration `default:"24h" placeholder:"24h" help:"How far back to look, in the time at which records were taken in. 0: as far as both tables reach (the shorter of clickhouse.retention.events and .dead_letters)."`
	Patient time.Duration `default:"10s" placeholder:"10s" help:"How long a gap may be there before it counts: a block that is being stored looks like one for a moment."`
	JSON    bool          `help:"Print a JSON array, an object a partition."`
}

// Help is what --help says beyond the flags.
func (auditCommand) Help() string {
	return `Holds what is stored against what has to be: every offset of a partition, from the first to
the last, in events or dead_letters, and every entry of it once.

  absent   offsets that hold no record: compacted away, or the end of a transaction
  lost     offsets that were deleted before tokenwatch read them: the topic's retention is
           shorter than the lag was. They are gone, but accounted for
  gaps     offsets that are nowhere, and nobody knows why
  repeats  entries that are stored more than once

The exit code is 1 when there are gaps or repeats. A gap at the end of a partition whose tokenwatch
was killed is a block that the next start completes. Blocks from before a topic was made
anew are left out.`
}

// Run prints what is stored of each partition, and fails if it is not what it has to be.
func (c auditCommand) Run(p *process) error {
	if c.Since < 0 || c.Patient < 0 {
		return errors.New("--since, --patient: must not be negative")
	}
	return p.withStore(func(e *engines) error {
		list, err := c.look(p.ctx, e.db, c.from(e.clickhouse.Retention))
		if err != nil {
			return err
		}
		if err := c.print(p.stdout, list); err != nil {
			return err
		}
		return verdict(p.stderr, list)
	})
}

// from is the time since which both tables have all their rows.
func (c auditCommand) from(keep clickhouse.Retention) time.Time {
	reach := min(keep.Events, keep.DeadLetters)
	if c.Since > 0 {
		reach = min(reach, c.Since)
	}
	return time.Now().Add(-reach)
}

// look audits, and again while there are gaps that may be blocks under way.
func (c auditCommand) look(ctx context.Context, db *clickhouse.DB, since time.Time) ([]clickhouse.Audit, error) {
	list, err := db.Audit(ctx, since)
	for deadline := time.Now().Add(c.Patient); err == nil && anyGaps(list) && time.Now().Before(deadline); {
		timer := time.NewTimer(min(time.Second, time.Until(deadline)))
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil, ctx.Err()
		case <-timer.C:
		}
		var again []clickhouse.Audit
		again, err = db.Audit(ctx, since)
		list = lasting(list, again)
	}
	return list, err
}

func anyGaps(list []clickhouse.Audit) bool {
	return slices.ContainsFunc(list, func(a clickhouse.Audit) bool { return len(a.Gaps) > 0 })
}

// lasting is what a later look saw, with the gaps only that the earlier one saw too.
func lasting(before, after []clickhouse.Audit) []clickhouse.Audit {
	for i := range after {
		a := &after[i]
		var gaps []clickhouse.Range
		for _, b := range before {
			if b.Topic == a.Topic && b.Partition == a.Partition {
				gaps = common(b.Gaps, a.Gaps)
			}
		}
		a.Gaps = gaps
	}
	return after
}

// common is the offsets that are in both lists of ranges, each in order and apart.
func common(a, b []clickhouse.Range) (both []clickhouse.Range) {
	for len(a) > 0 && len(b) > 0 {
		first, last := max(a[0].First, b[0].First), min(a[0].Last, b[0].Last)
		if first <= last {
			both = append(both, clickhouse.Range{First: first, Last: last})
		}
		if a[0].Last < b[0].Last {
			a = a[1:]
		} else {
			b = b[1:]
		}
	}
	return both
}

func (c auditCommand) print(to io.Writer, list []clickhouse.Audit) error {
	if c.JSON {
		out := json.NewEncoder(to)
		out.SetIndent("", "  ")
		return out.Encode(append([]clickhouse.Audit{}, list...)) // none is [], not null
	}
	if len(list) == 0 {
		_, err := fmt.Fprintln(to, "Nothing was stored in that time.")
		return err
	}
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "topic\tpartition\tfirst\tlast\tevents\tdead letters\toffsets\tof events\tof dead letters\tabsent\tlost\tgaps\trepeats\t")
	for _, a := range list {
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t\n", a.Topic, a.Partition, a.First, a.Last, a.Events.Rows, a.DeadLetters.Rows,
			a.Offsets, a.Events.Offsets, a.DeadLetters.Offsets, a.Absent, a.Lost, a.Missing(), a.Repeats)
	}
	return w.Flush()
}

// verdict names the offsets that are wrong, and ends with exit code 1 if there are any.
func verdict(to io.Writer, list []clickhouse.Audit) error {
	bad := false
	for _, a := range list {
		if !a.Well() {
			bad = true
			tell(to, a, "in neither events nor dead_letters, for no known reason", a.Gaps)
			tell(to, a, "stored more than once", a.Repeated)
		}
		if a.Lost > 0 {
			fmt.Fprintf(to, "%s/%d: %d offsets were deleted before they were read: the topic's retention is shorter than the lag was\n", a.Topic, a.Partition, a.Lost)
		}
	}
	if bad {
		return errFailed
	}
	return nil
}

// toldRanges is how many ranges of one kind are spelt out for a partition; --json has more.
const toldRanges = 10

func tell(to io.Writer, a clickhouse.Audit, what string, ranges []clickhouse.Range) {
	if len(ranges) == 0 {
		return
	}
	var words []string
	for _, r := range ranges[:min(len(ranges), toldRanges)] {
		if r.First == r.Last {
			words = append(words, fmt.Sprint(r.First))
		} else {
			words = append(words, fmt.Sprintf("%d-%d", r.First, r.Last))
		}
	}
	if len(ranges) > toldRanges {
		words = append(words, "...")
	}
	fmt.Fprintf(to, "%s/%d: %s: offsets %s\n", a.Topic, a.Partition, what, strings.Join(words, ", "))
}
