package main

import (
	"errors"
	"fmt"
	"os/user"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/tokenwatch/tokenwatch/detect"
	"github.com/tokenwatch/tokenwatch/schema"
)

type allowCommand struct {
	Add     allowAdd     `cmd:"" help:"Say that something is harmless: addresses, a network, a country, a client, a token or a label."`
	List    allowList    `cmd:"" help:"What is allowed now."`
	Remove  allowRemove  `cmd:"" help:"Take an entry away."`
	History allowHistory `cmd:"" help:"Every change of the list: who, when, why."`
}

// Help is what --help says beyond the flags.
func (allowCommand) Help() string {
	return `An entry keeps detectors from saying anything of what it names: cidr, asn and country of places,
client of clients, token and label of everything; with --detector, only the detectors that it names.
Running instances take a change up within seconds, without a restart. It holds for what
is ingested after it was made: what is found already stays, and a replay judges the past as it was judged then.

  tokenwatch allow add cidr 203.0.113.0/24 --owner netops --reason "new office" --until 2027-01-31
  tokenwatch allow add label consumer=loadtest-* --detector traffic_spike --owner qa --reason "load tests"

Entries that belong to the deployment can stand in the configuration instead: detect.allow.`
}

type allowAdd struct {
	Kind     string        `arg:"" enum:"cidr,asn,country,client,token,label" help:"What VALUE is: cidr, asn, country, client, token (its fingerprint) or label."`
	Value    string        `arg:"" help:"203.0.113.0/24, AS64500, DE, curl or curl/8, a fingerprint, consumer=NAME or environment=NAME (* for any text)."`
	Owner    string        `required:"" placeholder:"WHO" help:"Who answers for it."`
	Reason   string        `required:"" placeholder:"TEXT" help:"Why it is harmless."`
	Until    string        `placeholder:"WHEN" help:"When it ends by itself: 2027-01-31, or 2027-01-31T18:00:00Z."`
	For      time.Duration `placeholder:"720h" help:"How long it holds, instead of --until."`
	Detector []string      `placeholder:"NAME" help:"Silence only these detectors."`
	By       string        `placeholder:"NAME" help:"Who makes the change; by default the user of this process."`
}

// Run adds an entry.
func (c allowAdd) Run(p *process) error {
	entry, err := c.entry(time.Now())
	if err != nil {
		return err
	}
	return p.withStore(func(e *engines) error {
		if err := e.db.InsertAllowances(p.ctx, []schema.Allowance{entry}); err != nil {
			return err
		}
		fmt.Fprintln(p.stdout, entry.ID)
		fmt.Fprintf(p.stderr, "%s %s is allowed%s. 'tokenwatch allow remove %s' takes it back.\n", entry.Kind, entry.Value, ends(entry.Until), entry.ID)
		return nil
	})
}

func (c allowAdd) entry(now time.Time) (schema.Allowance, error) {
	a := schema.Allowance{
		ID: schema.NewAllowanceID(), Action: schema.AllowAdd, At: now.UTC().Truncate(time.Millisecond), By: orUser(c.By),
		Kind: schema.AllowKind(c.Kind), Value: c.Value, Detectors: c.Detector, Owner: c.Owner, Reason: c.Reason,
	}
	switch {
	case c.Until != "" && c.For != 0:
		return a, errors.New("--until, --for: give one of them")
	case c.For < 0:
		return a, errors.New("--for: must not be negative")
	case c.For > 0:
		a.Until = a.At.Add(c.For)
	case c.Until != "":
		until, err := parseMoment(c.Until)
		if err != nil {
			return a, fmt.Errorf("--until: %w", err)
		}
		a.Until = until
	}
	known := detect.DefaultConfig()
	known.Simulate = c.Detector
	if err := known.Validate(); err != nil {
		return a, fmt.Errorf("--detector: %s", strings.TrimPrefix(err.Error(), "detect.simulate: "))
	}
	return a, a.Check()
}

func parseMoment(s string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339, time.DateOnly, time.DateTime} {
		if at, err := time.Parse(layout, s); err == nil {
			return at.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is no time such as 2027-01-31 or 2027-01-31T18:00:00Z", s)
}

// orUser is the name given, or that of the user who runs this process.
func orUser(name string) string {
	if name != "" {
		return name
	}
	if u, err := user.Current(); err == nil {
		return "cli:" + u.Username
	}
	return "cli"
}

func ends(until time.Time) string {
	if until.IsZero() {
		return ", until it is removed"
	}
	return " until " + until.UTC().Format("2006-01-02 15:04 UTC")
}

type allowList struct {
	JSON bool `name:"json" help:"One JSON object a line."`
}

// Run lists the entries of the table and of the configuration.
func (c allowList) Run(p *process) error {
	return p.withStore(func(e *engines) error {
		changes, err := e.db.Allowances(p.ctx)
		if err != nil {
			return err
		}
		return printAllowances(p, schema.Holding(changes, time.Now()), c.JSON, "Nothing is allowed.")
	})
}

type allowHistory struct {
	ID   string `arg:"" optional:"" help:"Of one entry alone."`
	JSON bool   `name:"json" help:"One JSON object a line."`
}

// Run lists all changes.
func (c allowHistory) Run(p *process) error {
	return p.withStore(func(e *engines) error {
		changes, err := e.db.Allowances(p.ctx)
		if err != nil {
			return err
		}
		var list []schema.Allowance
		for _, a := range changes {
			if c.ID == "" || a.ID == c.ID {
				list = append(list, a)
			}
		}
		if c.ID != "" && len(list) == 0 {
			return fmt.Errorf("no entry %s: 'tokenwatch allow history' lists all there ever were", c.ID)
		}
		return printAllowances(p, list, c.JSON, "The list was never changed.")
	})
}

func printAllowances(p *process, list []schema.Allowance, asJSON bool, none string) error {
	if asJSON {
		return encodeLines(p, list)
	}
	if len(list) == 0 {
		fmt.Fprintln(p.stderr, none)
		return nil
	}
	w := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ENTRY\tCHANGE\tAT\tBY\tWHAT\tDETECTORS\tUNTIL\tOWNER\tREASON")
	for _, a := range list {
		until, detectors := "-", "all it is about"
		if !a.Until.IsZero() {
			until = minute(a.Until)
		}
		if len(a.Detectors) > 0 {
			detectors = strings.Join(a.Detectors, ",")
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s %s\t%s\t%s\t%s\t%s\n", a.ID, a.Action, minute(a.At), oneLine(a.By), a.Kind, oneLine(a.Value), detectors, until, oneLine(a.Owner), oneLine(a.Reason))
	}
	return w.Flush()
}

type allowRemove struct {
	ID     string `arg:"" help:"As 'tokenwatch allow list' prints it."`
	Reason string `required:"" placeholder:"TEXT" help:"Why it is not allowed any more."`
	By     string `placeholder:"NAME" help:"Who makes the change; by default the user of this process."`
}

// Run takes an entry away. What was allowed until now stays allowed: the past is not judged anew.
func (c allowRemove) Run(p *process) error {
	return p.withStore(func(e *engines) error {
		changes, err := e.db.Allowances(p.ctx)
		if err != nil {
			return err
		}
		now := time.Now()
		for _, a := range schema.Holding(changes, now) {
			if a.ID != c.ID {
				continue
			}
			a = a.Removed(now, orUser(c.By), c.Reason)
			if err := e.db.InsertAllowances(p.ctx, []schema.Allowance{a}); err != nil {
				return err
			}
			fmt.Fprintf(p.stderr, "%s %s is not allowed any more.\n", a.Kind, a.Value)
			return nil
		}
		return fmt.Errorf("no entry %s holds: 'tokenwatch allow list' names those that do", c.ID)
	})
}
