package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/tokenwatch/tokenwatch/deploy/local"
	"github.com/tokenwatch/tokenwatch/schema/clickhouse"
)

type migrateAnalyst struct {
	User         string `arg:"" optional:"" default:"analyst" placeholder:"NAME" help:"Name of the account: one for each person or program, such as grafana."`
	PasswordFile string `placeholder:"FILE" help:"File with the account's password; - reads it from standard input. Without it one is made and printed, once."`
	SQL          bool   `name:"sql" help:"Print the statements instead of running them, for somebody who may."`
}

// Help is what --help says beyond the flags.
func (migrateAnalyst) Help() string {
	return `Makes the role tokenwatch_analyst, which reads every table and view of tokenwatch's database and nothing
else, for at most 60 seconds and 1,000,000,000 rows a query (who needs more may raise that to 300 seconds and
10,000,000,000 rows), and an account that has the role. An account that is there already keeps its password.

The account of clickhouse.dsn needs the right to do so (access management). If it has not, --sql prints what
somebody who has it can run. The embedded ClickHouse always has such an account: this command tells where its password is.`
}

// Run makes the account.
func (c migrateAnalyst) Run(p *process) error {
	cfg, err := p.load()
	if err != nil {
		return err
	}
	if cfg.ClickHouse.DSN == "" {
		return c.embedded(p, cfg)
	}
	password, made, err := c.password(p)
	if err != nil {
		return err
	}
	return p.withDatabase(func(e *engines) error {
		if c.SQL {
			fmt.Fprintln(p.stdout, strings.Join(e.db.AnalystStatements(c.User, password), ";\n")+";")
			return c.tell(p, true, made, password)
		}
		fresh, err := e.db.MakeAnalyst(p.ctx, c.User, password)
		if errors.Is(err, clickhouse.ErrNoAccessManagement) {
			return fmt.Errorf("%w\nAn administrator can: tokenwatch migrate analyst %s --sql prints the statements", err, c.User)
		}
		if err != nil {
			return err
		}
		return c.tell(p, fresh, made, password)
	}, false)
}

func (c migrateAnalyst) tell(p *process, fresh, made bool, password string) error {
	switch {
	case !fresh:
		fmt.Fprintf(p.stderr, "%s was there already and keeps its password; it has the role %s.\n", c.User, clickhouse.AnalystRole)
	case made:
		fmt.Fprintf(p.stderr, "Password of %s, told this once: %s\n", c.User, password)
	default:
		fmt.Fprintf(p.stderr, "%s can read now.\n", c.User)
	}
	return nil
}

func (c migrateAnalyst) embedded(p *process, cfg Config) error {
	if c.User != local.Analyst || c.SQL || c.PasswordFile != "" {
		return errors.New("the embedded ClickHouse has one account for analysts, and cannot make others: set clickhouse.dsn for a real one")
	}
	file, err := local.AnalystPasswordFile(cfg.DataDir)
	if err != nil {
		return err
	}
	fmt.Fprintf(p.stdout, "user %s, password in %s (tokenwatch makes both when it starts)\n", local.Analyst, shorter(file))
	return nil
}

func (c migrateAnalyst) password(p *process) (password string, made bool, err error) {
	var text []byte
	switch c.PasswordFile {
	case "":
		return rand.Text(), true, nil
	case "-":
		text, err = io.ReadAll(io.LimitReader(p.stdin, 4096))
	default:
		text, err = os.ReadFile(c.PasswordFile)
	}
	if err != nil {
		return "", false, fmt.Errorf("--password-file: %w", err)
	}
	if password = strings.TrimSpace(string(text)); password == "" {
		return "", false, errors.New("--password-file: it is empty")
	}
	return password, false, nil
}
