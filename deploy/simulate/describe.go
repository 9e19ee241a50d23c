package simulate

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// Describe writes a page about the fleet: its classes, where its users live, a week of its traffic by day and hour,
// and the stories. It plays one week of history.
func (f *Fleet) Describe(w io.Writer) error {
	week := f.lastWeek()
	fmt.Fprintf(w, "%d tokens of %d owners in %d countries, seed %d, history %s to %s\n\n", len(f.tokens), len(f.owners),
		len(f.homes()), f.config.Seed, f.begin().Format(time.DateOnly), f.config.End.Format("2006-01-02 15:04 MST"))
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "class\ttokens\trecords a day\tUTC hours 0 to 23\t")
	for _, class := range Classes() {
		u := week.classes[class]
		fmt.Fprintf(table, "%s\t%d\t%d\t%s\t\n", class, u.tokens, u.records/7, bars(u.hours[:]))
	}
	if err := table.Flush(); err != nil {
		return fmt.Errorf("describe the fleet: %w", err)
	}
	fmt.Fprintf(w, "\nrecords by day of the last week: %s\n", strings.Trim(fmt.Sprint(week.days), "[]"))
	fmt.Fprintf(w, "users live in: %s\n\n", strings.Join(f.homes(), " "))
	for _, s := range f.stories {
		truth := "      "
		if s.Theft {
			truth = "THEFT "
		}
		fmt.Fprintf(w, "%s%s–%s  %-22s %4d requests  %s\n", truth, s.Start.Format("15:04"), s.End.Format("15:04"), s.Kind, s.Requests, s.Title)
	}
	return nil
}

// use sums up what one class did.
type use struct {
	tokens, records int
	hours           [24]int
}

type weekOfUse struct {
	classes map[Class]*use
	days    [7]int
}

// lastWeek counts the last seven days before End.
func (f *Fleet) lastWeek() weekOfUse {
	week := weekOfUse{classes: map[Class]*use{}}
	for _, class := range Classes() {
		week.classes[class] = &use{}
	}
	for _, t := range f.tokens {
		week.classes[t.Class].tokens++
	}
	from := f.config.End.Add(-7 * day)
	reel := newReel(f, from, f.config.End, f.tokens)
	for reel.next() {
		for i := range reel.due {
			at, u := time.UnixMilli(reel.due[i].end).UTC(), week.classes[f.tokens[reel.due[i].token].Class]
			u.records++
			u.hours[at.Hour()]++
			week.days[int(at.Sub(from)/day)]++
		}
	}
	return week
}

// homes lists the countries in which the tokens' users live.
func (f *Fleet) homes() []string {
	var all []string
	for _, t := range f.tokens {
		all = append(all, t.Country)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// bars draws counts as blocks, the highest as a full one.
func bars(counts []int) string {
	blocks := []rune(" ▁▂▃▄▅▆▇█")
	top := max(1, slices.Max(counts))
	line := make([]rune, len(counts))
	for i, n := range counts {
		line[i] = blocks[(n*(len(blocks)-1)+top-1)/top]
	}
	return string(line)
}
