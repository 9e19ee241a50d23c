package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/tokenwatch/tokenwatch/detect/backtest"
)

type backtestCommand struct {
	Events     several  `placeholder:"FILE ..." help:"Play the events in these files: records of any gateway, plain, .gz or .zst; wildcards and folders too; - is standard input. They are put in the order of time."`
	Format     string   `placeholder:"FORMAT" help:"Format of the records, in place of the configured one: see 'tokenwatch decode --help'."`
	ClickHouse bool     `name:"clickhouse" help:"Play the events that are stored, those between --from and --to."`
	From       instant  `placeholder:"TIME" help:"With --clickhouse: 2026-11-01, or 2026-11-01T15:04:05Z."`
	To         instant  `placeholder:"TIME" help:"With --clickhouse: the end, which is not part of it; now if not set."`
	Counts     string   `type:"path" placeholder:"FILE" help:"Play counts: CSV with the columns ts,token,requests, or timestamp,value for one series; also .gz and .zst; - is standard input."`
	Labels     string   `type:"path" placeholder:"FILE" help:"What was theft, and what only looks like it: CSV with the columns token,start,end,kind. A kind that begins with 'benign:' is none."`
	Warmup     stretch  `default:"28d" placeholder:"28d" help:"Learn so long before anything is judged; at most half of what there is."`
	Budget     *float64 `placeholder:"2" help:"False alerts that are bearable, for each 1,000 token-days; detect.budget if not set."`
	Set        []string `sep:"none" placeholder:"KEY=VALUE" help:"Set a key of the configuration for this run, such as detect.alert_nats=6. May be repeated."`
	Compare    several  `placeholder:"A B" help:"Two configuration files. Play the same history with each, write the runs into DIR/a and DIR/b, and set them side by side in DIR/report.html."`
	Out        string   `required:"" type:"path" placeholder:"DIR" help:"Folder to write to. It is made if there is none."`
}

// Help is what --help says beyond the flags.
func (backtestCommand) Help() string {
	return `Plays history through the same engine that 'run' detects with, and says how many alerts there would have been,
which labelled thefts would have been found, and how fast:

  tokenwatch backtest --events exports/*.gz --labels labels.csv --out result
  tokenwatch backtest --clickhouse --from 2026-09-01 --to 2026-11-01 --out result
  tokenwatch backtest --counts counts.csv --warmup 7d --set detect.alert_nats=6 --out result
  tokenwatch backtest --events exports/*.gz --compare today.yaml tomorrow.yaml --out result

It writes into DIR:

  findings.jsonl   one finding a line, from the end of the warm-up on: time, token (fingerprint), score, severity,
                   detectors, summary, evidence
  scores.csv.gz    ts,token,score of every event or interval; 1.0 is an alert
  report.json      alerts per 1,000 token-days, thefts found, how fast, confusers, detectors
  report.html      the same for a browser, with plots; one file

Events are decoded as 'run' decodes them, with the same places and fingerprints, and played in the order of their
times in whatever order they come: what memory has no room for waits in a file in DIR that is gone in the end.
Labels name a token as it stands in the input: the token itself, the gateway's id of it, or its fingerprint in
hexadecimal. A row of counts without a number, or with a negative one, says that nothing is known of that time. What a count
says is known at the end of its interval, so that is when a theft is found by it. Times without a zone are UTC. Interrupted,
it leaves what was written until then and says so in the report.`
}

// Run plays history.
func (c backtestCommand) Run(p *process) error {
	if err := c.check(); err != nil {
		return err
	}
	labels, err := c.labels()
	if err != nil {
		return err
	}
	if len(c.Compare) == 2 {
		return c.compare(p, labels)
	}
	cfg, err := c.load(p, p.file())
	if err != nil {
		return err
	}
	to, err := openOutput(c.Out, resultFiles)
	if err != nil {
		return err
	}
	report, err := c.one(p, cfg, to, "Backtest", labels)
	if report != nil {
		summarize(p, report, c.Out)
	}
	return err
}

// load reads a configuration, with what the command line sets of it.
func (c backtestCommand) load(p *process, file string) (Config, error) {
	set := c.Set
	if c.Budget != nil {
		if math.IsNaN(*c.Budget) || math.IsInf(*c.Budget, 0) {
			return Config{}, errors.New("--budget: want a number of alerts per 1,000 tokens a day, such as 2")
		}
		set = append(slices.Clone(set), fmt.Sprintf("detect.budget=%v", *c.Budget))
	}
	return p.loadWith(file, set)
}

// check refuses what makes no sense before anything is read.
func (c backtestCommand) check() error {
	inputs := 0
	for _, given := range []bool{len(c.Events) > 0, c.ClickHouse, c.Counts != ""} {
		if given {
			inputs++
		}
	}
	switch {
	case inputs != 1:
		return errors.New("give one of --events, --clickhouse and --counts: the history to play")
	case !c.ClickHouse && (!c.From.IsZero() || !c.To.IsZero()):
		return errors.New("--from, --to: they go with --clickhouse; files are played whole")
	case c.ClickHouse && c.From.IsZero():
		return errors.New("--from: missing; say from when on stored events are to be played, such as --from 2026-10-01")
	case c.ClickHouse && !c.To.IsZero() && !c.To.After(c.From.Time):
		return fmt.Errorf("--to: %s is not after --from", c.To.Format(time.RFC3339))
	case c.Format != "" && len(c.Events) == 0:
		return errors.New("--format: goes with --events")
	case len(c.Compare) > 0 && len(c.Compare) != 2:
		return fmt.Errorf("--compare: want two configuration files, have %d", len(c.Compare))
	case len(c.Compare) > 0 && (slices.Contains(c.Events, stdinName) || c.Counts == stdinName):
		return errors.New("--compare: standard input can be read only once; write it to a file first")
	}
	return nil
}

// one plays the history with one configuration. There may be a report beside an error: of a run that was
// interrupted, or whose labels fit nothing.
func (c backtestCommand) one(p *process, cfg Config, to *output, title string, labels []backtest.Label) (*backtest.Report, error) {
	h, err := c.history(p, cfg, to.dir)
	if err != nil {
		return nil, err
	}
	defer h.close()
	r := &rehearsal{process: p, cfg: cfg, to: to, title: title, warmup: time.Duration(c.Warmup), labels: labels, history: h}
	return r.run()
}

func (c backtestCommand) labels() ([]backtest.Label, error) {
	if c.Labels == "" {
		return nil, nil
	}
	from, err := openText(c.Labels, nil)
	if err != nil {
		return nil, fmt.Errorf("--labels: %w", err)
	}
	defer from.Close()
	labels, err := backtest.ReadLabels(from)
	if err == nil && len(labels) == 0 {
		err = errors.New("no labels in it")
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", shorter(c.Labels), err)
	}
	return labels, nil
}

// history opens what is to be played.
func (c backtestCommand) history(p *process, cfg Config, dir string) (history, error) {
	switch {
	case c.Counts != "":
		return openCounts(p, cfg, c.Counts)
	case c.ClickHouse:
		return openStored(p, cfg, c.From.Time, c.To.Time)
	}
	return openEvents(p, cfg, c.Events, c.Format, dir)
}

// compare plays the history with each of two configurations.
func (c backtestCommand) compare(p *process, labels []backtest.Label) error {
	if p.config != "" {
		return errors.New("--compare: names the configurations itself; leave --config out")
	}
	var sides [2]backtest.Side
	var configs [2]Config
	var err error
	for i, file := range c.Compare {
		if configs[i], err = c.load(p, file); err != nil {
			return fmt.Errorf("--compare: %w", err)
		}
	}
	top, err := openOutput(c.Out, compareFiles)
	if err != nil {
		return err
	}
	var failed error
	for i, name := range [...]string{"a", "b"} {
		to, err := top.below(name)
		if err != nil {
			return err
		}
		fmt.Fprintf(p.stderr, "%s: %s\n", strings.ToUpper(name), shorter(c.Compare[i]))
		sides[i] = backtest.Side{Config: shorter(c.Compare[i])}
		sides[i].Report, err = c.one(p, configs[i], to, "Backtest with "+shorter(c.Compare[i]), labels)
		if sides[i].Report == nil {
			return err
		}
		if failed = errors.Join(failed, err); errors.Is(err, context.Canceled) || p.ctx.Err() != nil {
			return failed
		}
	}
	comparison := backtest.Compare(sides[0], sides[1])
	if err := errors.Join(top.json("report.json", comparison), top.page("report.html", comparison)); err != nil {
		return err
	}
	summarizeComparison(p, comparison, c.Out)
	return failed
}
