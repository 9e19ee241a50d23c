package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/schollz/progressbar/v3"

	"github.com/tokenwatch/tokenwatch/ingest"
	"github.com/tokenwatch/tokenwatch/ingest/archive"
	"github.com/tokenwatch/tokenwatch/ingest/kafka"
)

type importCommand struct {
	Files     []string `arg:"" name:"file" help:"Log files, plain, .gz or .zst; wildcards; folders with all files in them."`
	Restart   bool     `help:"Send files again that were sent before, and from their start."`
	Topic     string   `placeholder:"TOPIC" help:"Topic to send to, one that tokenwatch reads; kafka.topic if not set."`
	Positions string   `type:"path" placeholder:"FILE" help:"Where to remember what was imported; data_dir/import.json if not set."`
}

// Help is what --help says beyond the flags.
func (importCommand) Help() string {
	return `Sends the records of log files to Kafka, where 'tokenwatch run' reads them like any others:

  tokenwatch import /var/log/nginx/access.log*
  tokenwatch import exports/2026-10 exports/2026-11

Give the files in the order of time: what comes hours late is stored, but teaches little. It says when they look out of
order. Interrupt it and give the same command again: it goes on where it was. For records older than a week raise ingest.max_age.`
}

// Run imports the files.
func (c importCommand) Run(p *process) error {
	cfg, err := p.load()
	if err != nil {
		return err
	}
	files, err := archive.Expand(c.Files)
	if err != nil {
		return err
	}
	topic, err := cfg.topicOr(c.Topic)
	if err != nil {
		return err
	}
	to, err := cfg.reachedKafka()
	if err != nil {
		return err
	}
	out, err := cfg.outlet(to, topic)
	if err != nil {
		return err
	}
	defer out.producer.Close()
	if err := kafka.Check(p.ctx, to); err != nil {
		if len(cfg.Kafka.Brokers) == 0 {
			err = fmt.Errorf("%w\nIs `tokenwatch run` running on this machine? Without kafka.brokers its Kafka is where records go", err)
		}
		return err
	}
	book, err := openBook(c.Positions, filepath.Join(cfg.DataDir, "import.json"))
	if err != nil {
		return err
	}
	defer book.Close()
	r := newImportReport(p.stderr, out.sender)
	out.sender.Trouble = r.trouble
	m := &archive.Importer{Book: book, Restart: c.Restart, Sink: sink{out.sender}, Progress: r}
	err = m.Run(p.ctx, files)
	r.summary(p.ctx, topic)
	if p.ctx.Err() != nil || errors.Is(err, archive.ErrIncomplete) {
		return errFailed // it has been said
	}
	return err
}

// sink is the archive.Sink of a Sender.
type sink struct{ *ingest.Sender }

func (s sink) Resumable() bool { return !s.Splitter.Skipping() }
func (s sink) Reset()          { s.Splitter.Reset() }

// importReport tells on standard error how an import goes: a bar on a terminal, a line now and then elsewhere.
type importReport struct {
	out      io.Writer
	terminal bool
	sender   *ingest.Sender
	began    time.Time
	now      time.Time // the last line
	bar      *progressbar.ProgressBar

	path    string
	size    int64
	records int       // before this file
	late    int       // before this file
	latest  time.Time // the latest request before this file
	skipped int
	failed  int
	found   bool // records out of order
}

// lineEvery is how often a line tells of a file's progress where there is no terminal.
const lineEvery = 10 * time.Second

func newImportReport(out io.Writer, sender *ingest.Sender) *importReport {
	r := &importReport{out: out, sender: sender, began: time.Now(), now: time.Now()}
	if file, ok := out.(*os.File); ok {
		info, err := file.Stat()
		r.terminal = err == nil && info.Mode()&os.ModeCharDevice != 0
	}
	return r
}

// Begin implements archive.Progress.
func (r *importReport) Begin(path string, size, done int64) {
	t := &r.sender.Tally
	r.path, r.size, r.records, r.late, r.latest = path, size, t.Records, t.Late, t.Latest
	t.First, t.Latest = time.Time{}, time.Time{}
	if done > 0 {
		r.say("%s: going on at byte %d", path, done)
	}
	if r.terminal {
		r.bar = progressbar.NewOptions64(max(1, size), progressbar.OptionSetWriter(r.out), progressbar.OptionSetWidth(30),
			progressbar.OptionShowBytes(true), progressbar.OptionThrottle(200*time.Millisecond), progressbar.OptionClearOnFinish(),
			progressbar.OptionSetDescription(filepath.Base(path)))
	}
}

// Read implements archive.Progress.
func (r *importReport) Read(at int64) {
	if r.bar != nil {
		_ = r.bar.Set64(min(at, max(1, r.size))) // it is drawn, or not
		return
	}
	if time.Since(r.now) >= lineEvery && !r.terminal {
		r.now = time.Now()
		r.say("%s: %d %%, %d records, %s", r.path, 100*at/max(1, r.size), r.sender.Tally.Records-r.records, r.rate())
	}
}

// Skip implements archive.Progress.
func (r *importReport) Skip(path string) {
	r.skipped++
	r.say("%s: imported before; --restart sends it again", path)
}

// End implements archive.Progress.
func (r *importReport) End(path string, err error) {
	if r.bar != nil {
		_ = r.bar.Finish() // it is drawn, or not
		_ = r.bar.Clear()
		r.bar = nil
	}
	records := 0
	if path == r.path {
		records = r.sender.Tally.Records - r.records
	}
	switch {
	case errors.Is(err, context.Canceled):
		r.say("%s: %d records, interrupted; the same command goes on from here", path, records)
	case err != nil:
		r.failed++
		r.say("%s: %d records, then: %v", path, records, err)
	default:
		r.say("%s: %d records", path, records)
	}
	if path == r.path {
		r.judgeOrder(path)
	}
}

// judgeOrder says when a file should have come before another, or is not in order itself.
func (r *importReport) judgeOrder(path string) {
	t := &r.sender.Tally
	if !r.latest.IsZero() && !t.First.IsZero() && r.latest.Sub(t.First) > ingest.Disorder {
		r.found = true
		r.say("%s: begins at %s, before the end of what was imported before it (%s): give the files in the order of time",
			path, t.First.UTC().Format(time.RFC3339), r.latest.UTC().Format(time.RFC3339))
	}
	if late := t.Late - r.late; late > 0 {
		r.found = true
		r.say("%s: %d records are more than %s older than one before them", path, late, ingest.Disorder)
	}
	if r.latest.After(t.Latest) {
		t.Latest = r.latest
	}
}

func (r *importReport) trouble(err error) {
	if err != nil {
		r.say("Kafka does not take records; trying until it does: %v", err)
		return
	}
	r.say("Kafka takes records again")
}

func (r *importReport) rate() string {
	return fmt.Sprintf("%.0f a second", float64(r.sender.Tally.Records)/max(time.Since(r.began).Seconds(), 1e-3))
}

// summary ends the report.
func (r *importReport) summary(ctx context.Context, topic string) {
	t := r.sender.Tally
	r.say("%d records sent to %s in %s, %s.", t.Records, topic, time.Since(r.began).Round(100*time.Millisecond), r.rate())
	if t.Unkeyed > 0 {
		r.say("In %d of them no token was found; SELECT * FROM dead_letter_reasons tells why.", t.Unkeyed)
	}
	if t.Cut > 0 {
		r.say("%d were longer than ingest.max_record_bytes, and will be dead letters.", t.Cut)
	}
	if r.found {
		r.say("Out of order: what tokenwatch learns of a token from records that come late is less than it could be.")
	}
	if r.failed > 0 {
		r.say("%d files could not be read to their end.", r.failed)
	}
	if ctx.Err() != nil {
		r.say("Interrupted: the same command goes on where it was.")
	}
}

func (r *importReport) say(format string, args ...any) {
	if r.bar != nil {
		_ = r.bar.Clear() // it is drawn anew
	}
	fmt.Fprintf(r.out, format+"\n", args...)
}
