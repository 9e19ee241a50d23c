package clickhouse

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/pressly/goose/v3"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migration is one step of the schema, and whether the database has taken it.
type Migration struct {
	Version int64
	Name    string
	Applied time.Time // zero while it is pending
}

// Migrate takes the steps that the database lacks, then fits the tables' retention to
// the configuration. Done already, it changes nothing. A step that was cut off is
// repeated from its start, and two instances may migrate at once: each statement does
// nothing where its result exists.
func (db *DB) Migrate(ctx context.Context) error {
	steps, err := db.steps()
	if err != nil {
		return err
	}
	defer func() { _ = steps.Close() }() // its statements were checked one by one
	if _, err := steps.Up(ctx); err != nil {
		return fmt.Errorf("migrating clickhouse: %w", err)
	}
	return db.retain(ctx)
}

// MigrationStatus lists all steps in their order.
func (db *DB) MigrationStatus(ctx context.Context) ([]Migration, error) {
	steps, err := db.steps()
	if err != nil {
		return nil, err
	}
	defer func() { _ = steps.Close() }() // only read from
	status, err := steps.Status(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading clickhouse's migrations: %w", err)
	}
	list := make([]Migration, 0, len(status))
	for _, s := range status {
		list = append(list, Migration{Version: s.Source.Version, Name: path.Base(s.Source.Path), Applied: s.AppliedAt})
	}
	return list, nil
}

// steps opens connections of its own, which the caller closes: goose wants database/sql.
func (db *DB) steps() (*goose.Provider, error) {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, fmt.Errorf("opening clickhouse's migrations: %w", err)
	}
	server := clickhouse.OpenDB(db.options)
	steps, err := goose.NewProvider(goose.DialectClickHouse, server, files, goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("reading clickhouse's migrations: %w", err), server.Close())
	}
	return steps, nil
}
