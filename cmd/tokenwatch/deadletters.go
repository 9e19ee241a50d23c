package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/tokenwatch/tokenwatch/ingest"
	"github.com/tokenwatch/tokenwatch/ingest/format"
	"github.com/tokenwatch/tokenwatch/schema"
	"github.com/tokenwatch/tokenwatch/schema/clickhouse"
)

type deadLettersCommand struct {
	List   deadLettersList   `cmd:"" help:"Count dead letters by reason, with examples; or list them one by one."`
	Show   deadLettersShow   `cmd:"" help:"Show dead letters whole, secrets removed, and what to do about them."`
	Replay deadLettersReplay `cmd:"" help:"Read the records of dead letters again from Kafka, and send those that today's configuration can decode. Without --yes it only shows what would become of each."`
}

// letterFlags choose dead letters.
type letterFlags struct {
	Reason []string `placeholder:"REASON" help:"Only letters refused for this reason (or these, with commas): bad_json, no_token, ..."`
	Topic  string   `placeholder:"TOPIC" help:"Only letters of this topic."`
	Since  string   `placeholder:"WHEN" help:"Only letters stored since then: 24h (ago), 2026-11-21, or 2026-11-21T18:00:00Z."`
}

func (f letterFlags) filter(now time.Time) (clickhouse.LetterFilter, error) {
	filter := clickhouse.LetterFilter{Reasons: f.Reason, Topic: f.Topic}
	for _, reason := range f.Reason {
		if !knownReason(reason) {
			return filter, fmt.Errorf("--reason: %q is none of %s", reason, strings.Join(reasonNames(), ", "))
		}
	}
	if f.Since == "" {
		return filter, nil
	}
	if ago, err := time.ParseDuration(f.Since); err == nil && ago > 0 {
		filter.Since = now.Add(-ago)
		return filter, nil
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly, time.DateTime} {
		if at, err := time.Parse(layout, f.Since); err == nil {
			filter.Since = at
			return filter, nil
		}
	}
	return filter, fmt.Errorf("--since: %q is neither a time ago such as 24h nor a time such as 2026-11-21 or 2026-11-21T18:00:00Z", f.Since)
}

type deadLettersList struct {
	letterFlags
	Each  bool `help:"List the letters one by one, the newest first, rather than counting them."`
	All   bool `help:"Those that were replayed, too."`
	Limit int  `default:"20" placeholder:"N" help:"At most so many lines."`
	JSON  bool `name:"json" help:"One JSON object a line."`
}

// Run lists.
func (c deadLettersList) Run(p *process) error {
	filter, err := c.filter(time.Now())
	if err != nil {
		return err
	}
	if c.Limit < 1 {
		return errors.New("--limit: want 1 or more")
	}
	filter.Limit, filter.Replayed = c.Limit, c.All
	return p.withStore(func(e *engines) error {
		if c.Each {
			return c.letters(p, e, filter)
		}
		return c.reasons(p, e, filter)
	})
}

func (c deadLettersList) reasons(p *process, e *engines, filter clickhouse.LetterFilter) error {
	reasons, err := e.db.DeadLetterReasons(p.ctx, filter)
	if err != nil {
		return err
	}
	if c.JSON {
		return encodeLines(p, reasons)
	}
	if len(reasons) == 0 {
		fmt.Fprintln(p.stderr, "No dead letters"+c.among()+".")
		return nil
	}
	w := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "LETTERS\tREASON\tFORMAT\tFIRST\tLAST\tEXAMPLE")
	for _, r := range reasons {
		fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%s\t%s\n", r.Letters, r.Reason, r.Source, minute(r.First), minute(r.Last), strings.Join(r.Examples[:min(1, len(r.Examples))], ""))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(p.stderr, "\n'tokenwatch deadletters show EXAMPLE' shows one whole and says what to do.")
	return nil
}

func (c deadLettersList) among() string {
	if len(c.Reason) > 0 || c.Topic != "" || c.Since != "" {
		return " of that kind"
	}
	return ""
}

func (c deadLettersList) letters(p *process, e *engines, filter clickhouse.LetterFilter) error {
	out := bufio.NewWriter(p.stdout)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	if !c.JSON {
		fmt.Fprintln(w, "STORED\tLETTER\tREASON\tFORMAT\tDETAIL")
	}
	found := 0
	err := e.db.ChooseDeadLetters(p.ctx, filter, func(l *schema.DeadLetter) error {
		found++
		if c.JSON {
			return json.NewEncoder(out).Encode(deadLetterLine(l))
		}
		_, err := fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", minute(l.Ingested), l.ID(), l.Reason, l.Source, oneLine(l.Detail))
		return err
	})
	if found == 0 && err == nil {
		fmt.Fprintln(p.stderr, "No dead letters"+c.among()+".")
		return nil
	}
	return errors.Join(err, w.Flush(), out.Flush())
}

// jsonDeadLetter is a dead letter as --json prints it.
type jsonDeadLetter struct {
	ID       string    `json:"id"`
	Ingested time.Time `json:"ingested_at"`
	Reason   string    `json:"reason"`
	Source   string    `json:"source"`
	Detail   string    `json:"detail"`
	Size     uint32    `json:"size"`
	Payload  string    `json:"payload"`
	Advice   string    `json:"advice,omitempty"`
}

func deadLetterLine(l *schema.DeadLetter) jsonDeadLetter {
	return jsonDeadLetter{l.ID(), l.Ingested, l.Reason, l.Source, l.Detail, l.Size, l.Payload, adviceOn(l.Reason)}
}

func encodeLines[T any](p *process, list []T) error {
	encoder := json.NewEncoder(p.stdout)
	for i := range list {
		if err := encoder.Encode(list[i]); err != nil {
			return err
		}
	}
	return nil
}

func minute(t time.Time) string { return t.UTC().Format("2006-01-02 15:04") }

// oneLine keeps what strangers sent from moving the cursor.
func oneLine(s string) string {
	quoted := strconv.Quote(s)
	return quoted[1 : len(quoted)-1]
}

func reasonNames() []string {
	var names []string
	for _, reason := range format.Reasons() {
		names = append(names, string(reason))
	}
	return append(names, ingest.ReasonStoreRefused, ingest.ReasonInternal)
}

func knownReason(name string) bool { return slices.Contains(reasonNames(), name) }

// adviceOn says what to do about letters of a reason.
func adviceOn(reason string) string {
	if reason == ingest.ReasonStoreRefused {
		return "ClickHouse refused the row, its error is in the detail; replay the letter once that is mended"
	}
	return advice(format.Reason(reason))
}
