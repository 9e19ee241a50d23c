package clickhouse_test

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/deploy/local"
	"github.com/tokenwatch/tokenwatch/schema/clickhouse"
)

// engine is the ClickHouse that the package's tests share, each with a database of its
// own. It starts with the first test that asks for it: fuzzing needs none.
var engine shared

type shared struct {
	once      sync.Once
	dir       string
	server    *local.ClickHouse
	err       error
	databases atomic.Int64 // handed out
}

func TestMain(m *testing.M) {
	local.ChildMain()
	code := m.Run()
	engine.stop()
	os.Exit(code)
}

func (s *shared) start() (*local.ClickHouse, error) {
	s.once.Do(func() {
		if s.dir, s.err = os.MkdirTemp("", "tokenwatch-clickhouse-"); s.err == nil {
			s.server, s.err = start(s.dir, 0)
		}
	})
	return s.server, s.err
}

func (s *shared) stop() {
	if s.server != nil {
		if err := s.server.Stop(context.Background()); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
	}
	if err := os.RemoveAll(s.dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
}

// start runs an engine on the data in dir; port 0 takes any free one.
func start(dir string, port int) (*local.ClickHouse, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	config := local.DefaultClickHouseConfig()
	config.Dir, config.TCPPort, config.HTTPPort = dir, port, 0
	return local.StartClickHouse(ctx, config)
}

// own starts an engine that the test may break.
func own(t *testing.T) *local.ClickHouse {
	t.Helper()
	server, err := start(t.TempDir(), 0)
	if err != nil {
		t.Skipf("NOT TESTED, no ClickHouse: %v", err)
	}
	t.Cleanup(func() { _ = server.Stop(context.Background()) }) // the test may have ended it
	return server
}

// configure gives a configuration for a database of the test's own, which does not exist yet.
func configure(t testing.TB) clickhouse.Config {
	t.Helper()
	server, err := engine.start()
	if err != nil {
		t.Skipf("NOT TESTED, no ClickHouse: %v", err)
	}
	name := strings.NewReplacer("/", "_", "#", "_").Replace(t.Name())
	return configureFor(t, server, fmt.Sprintf("%s_%d", name, engine.databases.Add(1)))
}

func configureFor(t testing.TB, server *local.ClickHouse, database string) clickhouse.Config {
	t.Helper()
	u, err := url.Parse(server.DSN())
	if err != nil {
		t.Fatal(err)
	}
	u.Path = "/" + database
	config := clickhouse.DefaultConfig()
	config.DSN = clickhouse.DSN(u.String())
	return config
}

// open connects to the test's own database, with nothing in it.
func open(t testing.TB, config clickhouse.Config) *clickhouse.DB {
	t.Helper()
	db, err := clickhouse.Open(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

// migrated connects to the test's own database, with empty tables in it.
func migrated(t testing.TB) *clickhouse.DB {
	t.Helper()
	db := open(t, configure(t))
	if err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return db
}

// ask is a query's first row, its columns joined by a space.
func ask(t testing.TB, db *clickhouse.DB, query string, args ...any) string {
	t.Helper()
	_, rows, err := db.Query(t.Context(), query, args...)
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) == 0 {
		return ""
	}
	return strings.Join(rows[0], " ")
}

// exec runs a statement that returns no rows.
func exec(t testing.TB, db *clickhouse.DB, statement string) {
	t.Helper()
	if err := db.Exec(t.Context(), statement); err != nil {
		t.Fatal(err)
	}
}
