package clickhouse_test

import (
	"context"
	"net"
	"strconv"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/deploy/local/testdb"
	"github.com/tokenwatch/tokenwatch/schema/clickhouse"
)

// The engine ends and comes back on the same data: meanwhile errors say that repeating
// helps, afterwards the same DB works again, and what was stored is there once.
func TestEngineComesBack(t *testing.T) {
	engine.Engine(t) // skips where there is none
	dir := t.TempDir()
	server, err := testdb.Start(dir, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, port, err := net.SplitHostPort(server.TCPAddress())
	if err != nil {
		t.Fatal(err)
	}
	db := open(t, testdb.On(t, server, "x"))
	if err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	b := newFleet(1, 50).block(0, 1000, noon, time.Second)
	insert(t, db, b)
	once := contents(t, db)

	if err := server.Stop(context.Background()); err != nil {
		t.Fatal(err)
	}
	for what, err := range map[string]error{
		"InsertBlock":  db.InsertBlock(t.Context(), b),
		"SaveProfiles": db.SaveProfiles(t.Context(), onlyProfile),
		"Ping":         db.Ping(t.Context()),
		"Query":        second(db.Incidents(t.Context())),
	} {
		if !clickhouse.Retryable(err) {
			t.Errorf("%s without an engine: %v; want it retryable", what, err)
		}
	}

	number, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	server, err = testdb.Start(dir, number)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	insert(t, db, b)
	if again := contents(t, db); again != once {
		t.Errorf("repeating a block after a restart changed\n%s\nto\n%s", once, again)
	}
}

func second[T any](_ T, err error) error { return err }
