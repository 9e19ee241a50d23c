package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/tokenwatch/tokenwatch/schema"
	"github.com/tokenwatch/tokenwatch/schema/clickhouse"
)

type deliveriesCommand struct {
	List  deliveriesList  `cmd:"" help:"List what became of incidents at each destination: told, in a digest, waiting, or dead (given up)."`
	Retry deliveriesRetry `cmd:"" help:"Have deliveries that failed or were given up tried again at once, by the tokenwatch that is running."`
}

var deliveryStates = []string{"waiting", "told", "digest", "dead"}

// deliveryFlags choose deliveries.
type deliveryFlags struct {
	Incident    string `placeholder:"ID" help:"Only of this incident."`
	Destination string `placeholder:"NAME" help:"Only to this destination: slack, telegram, ..."`
}

type deliveriesList struct {
	deliveryFlags
	State   []string `placeholder:"STATE" help:"Only those in this state (or these, with commas): waiting, told, digest, dead."`
	Failing bool     `help:"Only those whose last attempt failed."`
	Limit   int      `default:"50" placeholder:"N" help:"At most so many lines."`
	JSON    bool     `name:"json" help:"One JSON object a line."`
}

// Run lists.
func (c deliveriesList) Run(p *process) error {
	for _, state := range c.State {
		if !slices.Contains(deliveryStates, state) {
			return fmt.Errorf("--state: %q is none of %s", state, strings.Join(deliveryStates, ", "))
		}
	}
	if c.Limit < 1 {
		return errors.New("--limit: want 1 or more")
	}
	filter := clickhouse.DeliveryFilter{States: c.State, Incident: c.Incident, Destination: c.Destination, Failing: c.Failing, Limit: c.Limit}
	return p.withStore(func(e *engines) error {
		list, err := e.db.Deliveries(p.ctx, filter)
		if err != nil {
			return err
		}
		if c.JSON {
			return encodeLines(p, list)
		}
		return printDeliveries(p, list)
	})
}

func printDeliveries(p *process, list []clickhouse.Delivery) error {
	if len(list) == 0 {
		fmt.Fprintln(p.stderr, "No deliveries.")
		return nil
	}
	dead := false
	w := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "INCIDENT\tDESTINATION\tSTATE\tSEVERITY\tATTEMPTS\tLAST\tERROR")
	for _, d := range list {
		last := "–"
		if !d.At.IsZero() {
			last = minute(d.At)
		}
		dead = dead || d.State == "dead"
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%d\t%s\t%s\n", oneLine(d.Incident), oneLine(d.Destination), d.State, d.Severity, d.Attempts, last, oneLine(d.Error))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if dead {
		fmt.Fprintln(p.stderr, "\n'tokenwatch deliveries retry' has those that were given up (dead) tried again.")
	}
	return nil
}

type deliveriesRetry struct {
	deliveryFlags
	By string `placeholder:"NAME" help:"Who asks for it; you, if it is left out."`
}

// Run orders the retries of all deliveries that failed, or of those that the flags choose.
func (c deliveriesRetry) Run(p *process) error {
	by, err := p.who(c.By)
	if err != nil {
		return err
	}
	return p.withStore(func(e *engines) error {
		failing, err := e.db.Deliveries(p.ctx, clickhouse.DeliveryFilter{Incident: c.Incident, Destination: c.Destination, Failing: true})
		if err != nil {
			return err
		}
		if len(failing) == 0 {
			fmt.Fprintln(p.stderr, "No deliveries that failed.")
			return nil
		}
		now := time.Now().UTC()
		orders := make([]schema.Retry, len(failing))
		for i, d := range failing {
			orders[i] = schema.Retry{Incident: d.Incident, Destination: d.Destination, By: by, At: now}
		}
		if err := e.db.OrderRetries(p.ctx, orders); err != nil {
			return err
		}
		fmt.Fprintf(p.stderr, "%d ordered. The tokenwatch that is running tries them within seconds; 'tokenwatch deliveries list' shows what became of them.\n", len(orders))
		return nil
	})
}
