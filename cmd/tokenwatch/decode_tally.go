package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/tokenwatch/tokenwatch/schema"
)

// tally counts what became of the records.
type tally struct {
	records   int
	events    map[string]int // by format
	letters   map[string]int // by reason
	noAddress int
}

func (t *tally) event(e *schema.Event) {
	if t.events == nil {
		t.events = map[string]int{}
	}
	t.events[e.Source]++
	if !e.IP.IsValid() {
		t.noAddress++
	}
}

func (t *tally) letter(l *schema.DeadLetter) {
	if t.letters == nil {
		t.letters = map[string]int{}
	}
	t.letters[l.Reason]++
}

func (t *tally) refused() int { return sum(t.letters) }

func sum(counts map[string]int) (n int) {
	for _, count := range counts {
		n += count
	}
	return n
}

func (t *tally) print(out io.Writer) {
	fmt.Fprintf(out, "%s: %s%s", counted(t.records, "record"), counted(sum(t.events), "event"), details(t.events))
	if t.refused() > 0 {
		fmt.Fprintf(out, ", %d refused%s", t.refused(), details(t.letters))
	}
	fmt.Fprintln(out)
	if t.noAddress > 0 {
		fmt.Fprintf(out, "%s without a client address: places and travel cannot be watched for these.\n", counted(t.noAddress, "event"))
	}
}

func counted(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

func details(counts map[string]int) string {
	if len(counts) == 0 {
		return ""
	}
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		parts = append(parts, fmt.Sprintf("%d %s", counts[name], name))
	}
	return " (" + strings.Join(parts, ", ") + ")"
}
