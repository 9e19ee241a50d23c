package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/tokenwatch/tokenwatch/ingest"
	"github.com/tokenwatch/tokenwatch/ingest/replay"
	"github.com/tokenwatch/tokenwatch/schema"
)

type deadLettersReplay struct {
	IDs []string `arg:"" optional:"" name:"id" placeholder:"ID" help:"Only these letters: topic/partition/offset[/item]. Without any, all that the flags choose."`
	letterFlags
	Limit int           `default:"1000" placeholder:"N" help:"At most so many letters, the newest."`
	Yes   bool          `help:"Send what decodes. Without it nothing is changed."`
	Stale time.Duration `default:"2m" placeholder:"2m" help:"After how long a replay that another run began and did not end is looked into. Not shorter than your brokers may hold a request."`
	JSON  bool          `name:"json" help:"One JSON object a letter."`
}

// Help is what --help says beyond the flags.
func (deadLettersReplay) Help() string {
	return `What is stored of a dead letter is scrubbed, so its record is read again from Kafka, if it is still there, and
decoded with the configuration as it is now. With --yes, what decodes is appended to the same partition once more under
the same key, and reaches ClickHouse like any other record. Of a batched record only the entries that were refused are
sent. A letter is replayed once, also when a run is killed in the middle: the next one finds out how far it came.

Change the configuration, restart tokenwatch with it, and replay then: what was sent is decoded by the tokenwatch that
is running, and one with the old configuration refuses it again.

Events keep the time of their request: what is older than ingest.max_age is clamped, and findings about what is older
than alert.backfill_after are recorded without telling anybody.`
}

// Run replays, or shows what would be.
func (c deadLettersReplay) Run(p *process) error {
	ids, err := letterIDs(c.IDs)
	if err != nil {
		return err
	}
	if len(ids) > 0 && (len(c.Reason) > 0 || c.Topic != "" || c.Since != "") {
		return errors.New("give either letters or --reason, --topic and --since, not both")
	}
	if c.Limit < 1 || c.Stale < 0 {
		return errors.New("--limit, --stale: want 1 or more, and no negative time")
	}
	cfg, err := p.load()
	if err != nil {
		return err
	}
	decoder, err := c.decoder(cfg)
	if err != nil {
		return err
	}
	return p.withStore(func(e *engines) error {
		letters, err := c.choose(p, e, ids)
		if err != nil {
			return err
		}
		if len(letters) == 0 {
			fmt.Fprintln(p.stderr, "No dead letters to replay.")
			return nil
		}
		log, err := e.positions(p.ctx, cfg)
		if err != nil {
			return err
		}
		defer log.Close()
		return c.replay(p, replay.New(log, e.db, decoder, c.Stale), letters)
	})
}

// decoder is what run decodes with, but for places: those do not decide whether a record decodes.
func (c deadLettersReplay) decoder(cfg Config) (*ingest.Decoder, error) {
	pepper, err := cfg.pepper()
	if err != nil {
		return nil, err
	}
	return ingest.NewDecoder(cfg.Ingest.DecodeConfig, pepper, nil)
}

func (c deadLettersReplay) choose(p *process, e *engines, ids []letterID) ([]schema.DeadLetter, error) {
	var letters []schema.DeadLetter
	for _, id := range ids {
		some, err := id.find(p, e, true)
		if err != nil {
			return nil, err
		}
		if len(some) == 0 {
			return nil, fmt.Errorf("no dead letter %s", id)
		}
		letters = append(letters, some...)
	}
	if len(ids) > 0 {
		return letters, nil
	}
	filter, err := c.filter(time.Now())
	if err != nil {
		return nil, err
	}
	filter.Limit = c.Limit
	err = e.db.ChooseDeadLetters(p.ctx, filter, func(l *schema.DeadLetter) error {
		letters = append(letters, *l)
		return nil
	})
	return letters, err
}

func (c deadLettersReplay) replay(p *process, r *replay.Replayer, letters []schema.DeadLetter) error {
	results, err := r.Look(p.ctx, letters)
	if err != nil {
		return err
	}
	var failed error
	if c.Yes {
		failed = r.Send(p.ctx, results)
	}
	if err := c.print(p, results); err != nil {
		return errors.Join(failed, err)
	}
	if failed != nil {
		return fmt.Errorf("replaying: %w", failed)
	}
	c.sum(p.stderr, results)
	if slices.ContainsFunc(results, func(r replay.Result) bool { return r.Outcome == replay.Uncertain }) {
		return errFailed
	}
	return nil
}

func (c deadLettersReplay) print(p *process, results []replay.Result) error {
	for i := range results {
		r := &results[i]
		if c.JSON {
			if err := json.NewEncoder(p.stdout).Encode(replayLine(r)); err != nil {
				return err
			}
			continue
		}
		if _, err := fmt.Fprintf(p.stdout, "%-9s %s  %s\n", r.Outcome, r.Letter.ID(), outcomeWords(r)); err != nil {
			return err
		}
	}
	return nil
}

type jsonReplay struct {
	ID        string `json:"id"`
	Was       string `json:"reason"`
	Outcome   string `json:"outcome"`
	Words     string `json:"words"`
	Events    int    `json:"events,omitempty"`
	NewOffset *int64 `json:"new_offset,omitempty"`
}

func replayLine(r *replay.Result) jsonReplay {
	line := jsonReplay{ID: r.Letter.ID(), Was: r.Letter.Reason, Outcome: string(r.Outcome), Words: outcomeWords(r), Events: len(r.Events)}
	if r.Outcome == replay.Sent || r.Outcome == replay.Done {
		line.NewOffset = &r.NewOffset
	}
	return line
}

// outcomeWords says what became of a letter, or would.
func outcomeWords(r *replay.Result) string {
	l := &r.Letter
	switch r.Outcome {
	case replay.Ready, replay.Sent:
		words := becomes(r)
		if r.Outcome == replay.Sent {
			words += fmt.Sprintf(", sent as %s/%d/%d", l.Topic, l.Partition, r.NewOffset)
		}
		return join(words, r.Note)
	case replay.Done:
		return fmt.Sprintf("was replayed as %s/%d/%d", l.Topic, l.Partition, r.NewOffset)
	case replay.Refused:
		return join(r.Fault.Reason+": "+oneLine(r.Fault.Detail), r.Note)
	case replay.Gone:
		return "Kafka has the record no more"
	}
	return r.Note
}

func join(words, note string) string {
	return strings.Join(slices.DeleteFunc([]string{words, note}, func(s string) bool { return s == "" }), "; ")
}

func becomes(r *replay.Result) string {
	e := &r.Events[0]
	words := fmt.Sprintf("%s %s %s %d of %s", e.Source, e.Method, e.Route, e.Status, e.Time.UTC().Format(time.RFC3339))
	if e.TokenHint != "" {
		words += " by " + e.TokenHint
	}
	if !e.TimeRaw.IsZero() {
		words += fmt.Sprintf(" (clamped from %s: ingest.max_age)", e.TimeRaw.UTC().Format(time.RFC3339))
	}
	if n := len(r.Events) - 1; n > 0 {
		words += fmt.Sprintf(" and %d more", n)
	}
	return oneLine(words)
}

// sum counts outcomes, and says what to do next.
func (c deadLettersReplay) sum(w io.Writer, results []replay.Result) {
	counts := map[replay.Outcome]int{}
	for i := range results {
		counts[results[i].Outcome]++
	}
	var parts []string
	for _, o := range []struct {
		outcome replay.Outcome
		words   string
	}{
		{replay.Sent, "sent"}, {replay.Ready, "would be sent"}, {replay.Done, "replayed before"}, {replay.Refused, "still refused"},
		{replay.Gone, "gone from Kafka"}, {replay.Changed, "of a topic that was made anew"}, {replay.Underway, "in another run's hands"}, {replay.Uncertain, "uncertain"},
	} {
		if n := counts[o.outcome]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, o.words))
		}
	}
	fmt.Fprintf(w, "\n%d letters: %s.\n", len(results), strings.Join(parts, ", "))
	if counts[replay.Ready] > 0 {
		fmt.Fprintln(w, "Nothing was changed; --yes sends them, to the tokenwatch that is running: has it been restarted with this configuration?")
	}
	if counts[replay.Refused] > 0 {
		fmt.Fprintln(w, "'tokenwatch deadletters show' says what to do about those that are still refused.")
	}
}
