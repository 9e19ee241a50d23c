package main

import (
	"context"
	"fmt"
	"net/url"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/deploy/local"
	"github.com/tokenwatch/tokenwatch/schema/clickhouse"
)

// tortureStore is a ClickHouse of the test's own, which it can kill, restrict and start
// again with its data, and ask over a way that no fault touches.
type tortureStore struct {
	config local.ClickHouseConfig
	server *local.ClickHouse
	db     *clickhouse.DB
	crowd  *clickhouse.DB // with room for many queries at once
}

func newTortureStore(t *testing.T) *tortureStore {
	t.Helper()
	s := &tortureStore{config: local.DefaultClickHouseConfig()}
	ports := freePorts(t, 2)
	s.config.Dir, s.config.TCPPort, s.config.HTTPPort = t.TempDir(), ports[0], ports[1]
	s.start(t, nil)
	reading := clickhouse.DefaultConfig()
	reading.DSN = clickhouse.DSN(s.server.DSN())
	var err error
	if s.db, err = clickhouse.Open(t.Context(), reading); err != nil {
		t.Fatal(err)
	}
	reading.MaxOpenConns = tortureQueries
	if s.crowd, err = clickhouse.Open(t.Context(), reading); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = s.crowd.Close() // a test that failed may have left the server dead
		_ = s.db.Close()
		_ = s.server.Stop(context.Background())
	})
	if err := s.db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.tell(t, "CREATE TABLE IF NOT EXISTS torture_sink (x UInt64) ENGINE = Null")
	return s
}

// start starts the server; profile restricts what its users may do.
func (s *tortureStore) start(t *testing.T, profile map[string]string) {
	t.Helper()
	s.config.Profile = profile
	var err error
	if s.server, err = local.StartClickHouse(t.Context(), s.config); err != nil {
		t.Fatal(err)
	}
}

// kill is kill -9.
func (s *tortureStore) kill(t *testing.T) {
	t.Helper()
	if err := syscall.Kill(s.server.PID(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	<-s.server.Done()
	if err := s.server.Stop(context.Background()); err != nil { // gives its lock back
		t.Fatal(err)
	}
}

// stop ends the server in good order.
func (s *tortureStore) stop(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := s.server.Stop(ctx); err != nil {
		t.Fatal(err)
	}
}

// dsn is the address that tokenwatch is given: that of a proxy, and limits which the
// server only reaches when it is made to.
func (s *tortureStore) dsn(t *testing.T, through string) string {
	t.Helper()
	u, err := url.Parse(s.server.DSN())
	if err != nil {
		t.Fatal(err)
	}
	u.Host = through
	u.RawQuery = url.Values{
		"max_execution_time":              {strconv.Itoa(int(tortureQuery.Seconds()))},
		"max_memory_usage":                {"400000000"},
		"max_concurrent_queries_for_user": {strconv.Itoa(tortureQueries)},
	}.Encode()
	return u.String()
}

const (
	tortureQuery   = 2 * time.Second // longest query
	tortureQueries = 60              // at once
)

// tell runs a statement, again if the connection was to a server that is gone.
func (s *tortureStore) tell(t *testing.T, statement string) {
	t.Helper()
	s.again(t, statement, func() error { return s.db.Exec(t.Context(), statement) })
}

// ask is a query's rows.
func (s *tortureStore) ask(t *testing.T, sql string) (rows [][]string) {
	t.Helper()
	s.again(t, sql, func() (err error) { _, rows, err = s.db.Query(t.Context(), sql); return err })
	return rows
}

// number is a query's single number.
func (s *tortureStore) number(t *testing.T, sql string) int64 {
	t.Helper()
	rows := s.ask(t, sql)
	n, err := strconv.ParseInt(rows[0][0], 10, 64)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return n
}

func (s *tortureStore) again(t *testing.T, what string, do func() error) {
	t.Helper()
	err := do()
	for deadline := time.Now().Add(30 * time.Second); err != nil && clickhouse.Retryable(err) && time.Now().Before(deadline); err = do() {
		time.Sleep(20 * time.Millisecond)
	}
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

// errors counts how often the server has answered with a code.
func (s *tortureStore) errors(t *testing.T, code int) int64 {
	t.Helper()
	return s.number(t, fmt.Sprintf("SELECT toInt64(sum(value)) FROM system.errors WHERE code = %d", code))
}

// occupy is a query that only takes a place.
func (s *tortureStore) occupy(ctx context.Context) error {
	return s.crowd.Exec(ctx, "SELECT sleepEachRow(1) FROM numbers(2)")
}
