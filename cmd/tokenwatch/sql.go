package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/tokenwatch/tokenwatch/deploy/local"
	"github.com/tokenwatch/tokenwatch/deploy/sql"
	"github.com/tokenwatch/tokenwatch/schema/clickhouse"
)

type sqlCommand struct {
	Query  []string          `short:"e" sep:"none" placeholder:"SQL" help:"Run this instead of opening a prompt: statements, or commands such as '\\r new-countries hours=48'. Can be given several times."`
	Format string            `default:"table" placeholder:"FORMAT" help:"Print answers as table, vertical, csv, tsv, json (an object a line) or markdown."`
	Param  map[string]string `placeholder:"NAME=VALUE" help:"Value of {name:Type} in a statement or hunting query."`
	Write  bool              `help:"Let statements change things: sign in as tokenwatch itself rather than as an analyst who can only read."`
}

// Help is what --help says beyond the flags.
func (sqlCommand) Help() string {
	return `Opens a prompt on the configured ClickHouse, on the embedded one of a tokenwatch that is running,
or on the embedded one, started for as long as the prompt is open. From a pipe it reads statements.

  \l lists hunting queries and views, \s NAME says what one is for, \r NAME runs it, \h has the rest

It can only read, for at most 60 seconds and 1,000,000,000 rows a question; SET and SETTINGS raise neither here.
Analysts with an account of their own (tokenwatch migrate analyst) need nothing but

  TOKENWATCH_CLICKHOUSE_DSN=clickhouse://ann:password@clickhouse:9000/tokenwatch tokenwatch sql`
}

// Run opens the prompt, or runs what was given.
func (c sqlCommand) Run(p *process) (err error) {
	if !slices.Contains(sql.Formats, c.Format) {
		return fmt.Errorf("--format: %q is none of %s", c.Format, strings.Join(sql.Formats, ", "))
	}
	cfg, err := p.load()
	if err != nil {
		return err
	}
	e := newEngines(cfg, p.quietLogger(cfg.Log), newReadiness())
	defer func() {
		if stopped := e.stop(p.ctx); err == nil {
			err = stopped
		}
	}()
	asker, err := c.reach(p.ctx, e, cfg)
	if err != nil {
		return err
	}
	session := &sql.Session{Store: sqlStore{asker}, Out: p.stdout, Err: p.stderr, Format: c.Format, Parameters: c.Param}
	if len(c.Query) > 0 {
		return session.Run(p.ctx, sql.NewReader(strings.NewReader(strings.Join(c.Query, ";\n"))))
	}
	return c.converse(p, session)
}

// reach signs in: as an analyst if nothing is to be written.
func (c sqlCommand) reach(ctx context.Context, e *engines, cfg Config) (*clickhouse.Asker, error) {
	if err := e.reachClickHouse(ctx, cfg); err != nil {
		return nil, err
	}
	if e.child != nil { // ours alone: nobody else has looked after its tables
		if err := e.db.Migrate(ctx); err != nil {
			return nil, err
		}
	}
	if c.Write {
		return e.db.Writer(), nil
	}
	if cfg.ClickHouse.DSN == "" {
		if err := e.becomeAnalyst(ctx, cfg); err != nil {
			return nil, err
		}
	}
	return e.db.Reader(ctx, clickhouse.AnalystLimits())
}

// becomeAnalyst takes the analyst's account of the embedded ClickHouse. A tokenwatch that is running and older than that
// account is asked as before, read-only all the same.
func (e *engines) becomeAnalyst(ctx context.Context, cfg Config) error {
	var dsn string
	var err error
	if e.child != nil {
		dsn = e.child.AnalystDSN()
	} else if dsn, err = local.RunningAnalyst(cfg.DataDir); errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	as := e.clickhouse
	as.DSN = clickhouse.DSN(dsn)
	db, err := clickhouse.Open(ctx, as)
	if err != nil {
		return err
	}
	before := e.db
	e.db = db
	return before.Close()
}

// converse reads from a person, or from a pipe.
func (c sqlCommand) converse(p *process, session *sql.Session) error {
	history, err := sql.OpenHistory(historyFile(p.environ))
	if err != nil {
		fmt.Fprintln(p.stderr, "tokenwatch:", err)
	}
	terminal, interactive, err := sql.OpenTerminal(p.stdin, p.stdout, history, session.Names(p.ctx))
	if err != nil {
		return err
	}
	if !interactive {
		return session.Run(p.ctx, sql.NewReader(p.stdin))
	}
	session.Person, session.Out, session.Err = terminal, terminal, terminal
	fmt.Fprintln(terminal, "Ask in SQL; \\l lists hunting queries and views, \\h the commands, \\q leaves.")
	err = session.Run(p.ctx, terminal)
	return errors.Join(err, terminal.Close(), history.Save())
}

// historyFile is where a person's programs keep such things; "" if there is no such place.
func historyFile(environ []string) string {
	get := func(name string) string {
		for _, entry := range environ {
			if value, ok := strings.CutPrefix(entry, name+"="); ok {
				return value
			}
		}
		return ""
	}
	if state := get("XDG_STATE_HOME"); state != "" {
		return filepath.Join(state, "tokenwatch", "sql_history")
	}
	if home := get("HOME"); home != "" && home != string(os.PathSeparator) {
		return filepath.Join(home, ".local", "state", "tokenwatch", "sql_history")
	}
	return ""
}

// sqlStore is ClickHouse as the prompt sees it.
type sqlStore struct{ *clickhouse.Asker }

// Ask implements sql.Store.
func (s sqlStore) Ask(ctx context.Context, q sql.Question, head func(names, types []string) error, row func(cells []*string) error) error {
	return s.Asker.Ask(ctx, clickhouse.Question(q), head, row)
}
