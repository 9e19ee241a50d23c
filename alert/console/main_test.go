package console_test

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/deploy/local"
	"github.com/tokenwatch/tokenwatch/schema/clickhouse"
)

// engine is the embedded ClickHouse that the tests share, each with a database of its own.
var engine struct {
	once      sync.Once
	dir       string
	server    *local.ClickHouse
	err       error
	databases atomic.Int64
}

func TestMain(m *testing.M) {
	local.ChildMain()
	code := m.Run()
	if engine.server != nil {
		_ = engine.server.Stop(context.Background())
	}
	_ = os.RemoveAll(engine.dir)
	os.Exit(code)
}

func startEngine() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	var err error
	if engine.dir, err = os.MkdirTemp("", "tokenwatch-console-"); err != nil {
		return err
	}
	c := local.DefaultClickHouseConfig()
	c.Dir, c.TCPPort, c.HTTPPort = engine.dir, 0, 0
	engine.server, err = local.StartClickHouse(ctx, c)
	return err
}

// store opens a database of the test's own, with empty tables.
func store(t testing.TB) *clickhouse.DB {
	t.Helper()
	if engine.once.Do(func() { engine.err = startEngine() }); engine.err != nil {
		fmt.Fprintf(os.Stderr, "SKIPPED %s: %v\n", t.Name(), engine.err)
		t.Skipf("NOT TESTED, no ClickHouse: %v", engine.err)
	}
	u, err := url.Parse(engine.server.DSN())
	if err != nil {
		t.Fatal(err)
	}
	u.Path = fmt.Sprintf("/console_%d", engine.databases.Add(1))
	c := clickhouse.DefaultConfig()
	c.DSN = clickhouse.DSN(u.String())
	db, err := clickhouse.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	if err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return db
}
