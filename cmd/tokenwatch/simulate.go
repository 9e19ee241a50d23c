package main

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/tokenwatch/tokenwatch/deploy/simulate"
)

type simulateCommand struct {
	Out    string `short:"o" type:"path" placeholder:"FILE" help:"File for the records, one a line; .gz and .zst are compressed; - is standard output."`
	Kafka  bool   `help:"Send the records to the configured Kafka instead, keyed by token. Without kafka.brokers that is the embedded one of the 'tokenwatch run' on this machine."`
	Topic  string `placeholder:"TOPIC" help:"Topic to send to, one that tokenwatch reads; kafka.topic if not set."`
	Labels string `type:"path" placeholder:"FILE" help:"File for the truth, CSV token,start,end,kind, as 'tokenwatch backtest' reads it."`

	Seed   uint64 `default:"1" help:"Another seed is another fleet: other owners, people, places, thefts."`
	Tokens int    `default:"1000" help:"Size of the fleet, 50 to 1000000."`
	Days   int    `default:"60" help:"Days that the records cover."`
	Warmup int    `default:"-1" placeholder:"DAYS" help:"Days at the beginning without thefts and labels, to learn from; 28, or half of a shorter run."`
	End    string `placeholder:"TIME" help:"When the records end, RFC 3339 or a date in UTC; last midnight if not set. Clocks change where they do between then and --days before."`
	Format string `default:"mixed" help:"Gateway whose records to write (${formats}), several of them with commas, or mixed: each owner behind one of all."`

	Theft    []string `sep:"none" placeholder:"KIND[:KEY=VALUE,...]" help:"How a kind of theft goes, instead of as usual. Repeatable. See below."`
	Thefts   []string `placeholder:"KIND,..." help:"Kinds of theft, or none; all if not set."`
	Confuser []string `name:"confusers" placeholder:"KIND,..." help:"Kinds of what looks like theft and is none, or none; all if not set."`
	Scale    float64  `default:"1" help:"Thefts and confusers: so many times as many as usual."`
}

// Help is what --help says beyond the flags.
func (simulateCommand) Help() string {
	return `Writes what the gateways of a fleet of tokens would log that never was: people with their hours, holidays and journeys, services,
jobs, tests, machines that come and go; thefts, and what only looks like theft. The same options give the same bytes.

  tokenwatch simulate --seed 7 --tokens 2000 --days 45 --out fleet.json.zst --labels fleet.csv
  tokenwatch backtest --events fleet.json.zst --labels fleet.csv --out report

Kinds of theft: ` + words(simulate.TheftKinds()) + `.
Each takes share (of the fleet's tokens that it hits), rate (requests an hour; of burst, times the token's ordinary
hour), hours (its length), hosts (of many_addresses), from and to (when it begins). Ranges are drawn from:

  --theft burst:share=0.01,rate=10,hours=0.5-1.5 --theft slow_use:rate=6-30,hours=18-30

Confusers, in the labels with 'benign:' before them: ` + words(simulate.ConfuserKinds()) + `.
In the labels tokens stand as their gateways log them. All of it is invented; where the address databases are installed, networks
that they put into another country are left out. To fill a trial (raise ingest.max_age for records older than a week):

  tokenwatch simulate --tokens 500 --days 7 --kafka`
}

func words(kinds []string) string {
	var list []string
	for _, kind := range kinds {
		list = append(list, simulate.Name(kind))
	}
	return strings.Join(list, ", ")
}

// Run draws the fleet and writes down what it does.
func (c simulateCommand) Run(p *process) error {
	if (c.Out == "") == !c.Kafka {
		return errors.New("where to? Give --out FILE (- is standard output) or --kafka, one of them")
	}
	cfg, err := p.load()
	if err != nil {
		return err
	}
	fleet, err := c.fleet(cfg)
	if err != nil {
		return err
	}
	truth, err := c.truth()
	if err != nil {
		return err
	}
	defer truth.Close() // what matters of it is said when it is written
	to, err := c.sink(p, cfg)
	if err != nil {
		return err
	}
	told := newSimulateReport(p.stderr, fleet, fleet.Begin(), c.Days)
	err = c.play(p.ctx, fleet, to, told)
	if err := errors.Join(err, to.close()); err != nil {
		return err
	}
	if c.Labels != "" {
		if err := writeLabels(truth, fleet.Labels()); err != nil {
			return err
		}
	}
	told.summary(fleet)
	return nil
}

// fleet draws the fleet that the flags describe.
func (c simulateCommand) fleet(cfg Config) (*simulate.Fleet, error) {
	s := simulate.DefaultConfig()
	s.Seed, s.Tokens = c.Seed, c.Tokens
	if c.Days < 1 || c.Days > 700 {
		return nil, fmt.Errorf("--days: want 1 to 700, not %d", c.Days)
	}
	warm := time.Duration(c.Warmup) * 24 * time.Hour
	all := time.Duration(c.Days) * 24 * time.Hour
	switch {
	case c.Warmup < 0:
		warm = min(28*24*time.Hour, all/2)
	case warm >= all || c.Warmup == 0:
		return nil, fmt.Errorf("--warmup: want 1 to less than --days, not %d", c.Warmup)
	}
	end, err := c.end()
	if err != nil {
		return nil, err
	}
	if begin := end.Add(-all); begin.Year() < firstYear || end.Year() > lastYear {
		return nil, fmt.Errorf("--end: %s would have the records begin on %s: want them from %d on, and until %d at most",
			end.Format(time.RFC3339), begin.Format(time.DateOnly), firstYear, lastYear)
	}
	s.History, s.Live, s.End = warm, all-warm, end.Add(warm-all)
	if s.Gateways, err = c.gateways(); err != nil {
		return nil, err
	}
	if s.Plan, err = c.plan(); err != nil {
		return nil, err
	}
	if places, err := cfg.openPlaces(slog.New(slog.DiscardHandler)); err == nil { // else the built-in table is believed
		defer func() { _ = places.Close() }()
		s.Locate = locateWith(places)
	}
	return simulate.New(s)
}

// The years that releases, holidays and clocks of the fleet are made for.
const firstYear, lastYear = 2025, 2200

func (c simulateCommand) end() (time.Time, error) {
	if c.End == "" {
		return time.Now().UTC().Truncate(24 * time.Hour), nil
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if at, err := time.Parse(layout, c.End); err == nil {
			return at.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("--end: %q is no time: want 2026-11-02 or 2026-11-02T15:04:05Z", c.End)
}

func (c simulateCommand) gateways() ([]string, error) {
	if c.Format == "mixed" {
		return simulate.Gateways(), nil
	}
	list := strings.Split(c.Format, ",")
	for _, name := range list {
		if !slices.Contains(simulate.Gateways(), name) {
			return nil, fmt.Errorf("--format: %q is none of mixed, %s", name, strings.Join(simulate.Gateways(), ", "))
		}
	}
	return list, nil
}
