package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/ClickHouse/ch-go"
	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// DB is tokenwatch's database. All its methods may be used concurrently.
type DB struct {
	config  Config
	options *clickhouse.Options
	wire    *wire       // blocks, and reading much
	conn    driver.Conn // small queries and statements
	shelf   shelf       // column buffers between inserts
}

// Open connects, creating the database that the DSN names when the server lacks it. It
// tries once: a server that is away gives an error for which [Retryable] holds. Errors
// name the key clickhouse.dsn and never its password.
func Open(ctx context.Context, config Config) (*DB, error) {
	if err := config.Validate(); err != nil {
		return nil, err
	}
	options, err := config.options()
	if err != nil {
		return nil, err
	}
	conn, err := clickhouse.Open(options)
	if err != nil {
		return nil, fmt.Errorf("clickhouse.dsn: %w", err)
	}
	db := &DB{config: config, options: options, wire: newWire(options), conn: conn}
	if err := db.reach(ctx); err != nil {
		return nil, errors.Join(db.signIn(err), db.Close())
	}
	return db, nil
}

// reach creates the database where it is missing and greets it. It looks from a
// connection that names no database, rather than trying one that may not exist: the
// embedded engine does not survive a refused greeting.
func (db *DB) reach(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, db.config.DialTimeout+db.config.QueryTimeout)
	defer cancel()
	hall := *db.options
	hall.Auth.Database = ""
	server, err := clickhouse.Open(&hall)
	if err != nil {
		return err
	}
	defer func() { _ = server.Close() }() // used for two statements, both checked

	name := db.options.Auth.Database
	var known uint64
	if err := server.QueryRow(ctx, "SELECT count() FROM system.databases WHERE name = $1", name).Scan(&known); err != nil {
		return err
	}
	if known == 0 {
		if err := server.Exec(ctx, "CREATE DATABASE IF NOT EXISTS "+quote(name)); err != nil {
			return fmt.Errorf("creating database %q: %w", name, err)
		}
	}
	return db.Ping(ctx)
}

// Ping asks the server for a sign of life.
func (db *DB) Ping(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, db.config.DialTimeout)
	defer cancel()
	return db.wire.do(ctx, ch.Query{Body: "SELECT 1 FORMAT Null"})
}

// Close gives up all connections. Calls that are under way finish first or fail.
func (db *DB) Close() error {
	db.wire.close()
	if err := db.conn.Close(); err != nil {
		return fmt.Errorf("closing clickhouse: %w", err)
	}
	return nil
}

// bounded gives one insert or query its own deadline.
func (db *DB) bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, db.config.QueryTimeout, slow{db.config.QueryTimeout})
}

// slow says that clickhouse.query_timeout was used up.
type slow struct{ limit time.Duration }

func (s slow) Error() string {
	return fmt.Sprintf("no answer within clickhouse.query_timeout (%s)", s.limit)
}
func (slow) Unwrap() error { return context.DeadlineExceeded }

// quote writes an identifier so that any characters in it are harmless.
func quote(identifier string) string {
	return "`" + strings.NewReplacer(`\`, `\\`, "`", "\\`").Replace(identifier) + "`"
}
