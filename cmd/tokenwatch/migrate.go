package main

import (
	"fmt"
	"text/tabwriter"
)

type migrateCommand struct {
	Up     migrateUp     `cmd:"" help:"Take the steps that the database lacks."`
	Status migrateStatus `cmd:"" help:"List the steps, and when each was taken."`

	Analyst migrateAnalyst `cmd:"" help:"Make an account for an analyst, or for Grafana, that can read the tables and nothing else."`
}

type migrateUp struct{}

// Run migrates the configured database, or the embedded one.
func (migrateUp) Run(p *process) error {
	return p.withDatabase(func(e *engines) error {
		fmt.Fprintln(p.stdout, "The tables are up to date.")
		return nil
	}, true)
}

type migrateStatus struct{}

// Run prints where the tables stand, and changes nothing.
func (migrateStatus) Run(p *process) error {
	return p.withDatabase(func(e *engines) error {
		list, err := e.db.MigrationStatus(p.ctx)
		if err != nil {
			return err
		}
		w := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
		for _, m := range list {
			when := "pending"
			if !m.Applied.IsZero() {
				when = m.Applied.UTC().Format("2006-01-02 15:04:05 UTC")
			}
			fmt.Fprintf(w, "%d\t%s\t%s\n", m.Version, m.Name, when)
		}
		return w.Flush()
	}, false)
}

// withDatabase runs a command that needs ClickHouse alone.
func (p *process) withDatabase(do func(*engines) error, migrate bool) (err error) {
	cfg, err := p.load()
	if err != nil {
		return err
	}
	e := newEngines(cfg, p.logger(cfg.Log), newReadiness())
	defer func() {
		if stopped := e.stop(p.ctx); err == nil {
			err = stopped
		}
	}()
	if err := e.openClickHouse(p.ctx, cfg); err != nil {
		return err
	}
	if migrate {
		if err := e.db.Migrate(p.ctx); err != nil {
			return err
		}
	}
	return do(e)
}
