package testdb

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"regexp"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/deploy/local"
	"github.com/tokenwatch/tokenwatch/schema/clickhouse"
)

// Server is an embedded ClickHouse. It starts with the first test that asks for it: the zero value is ready to be used.
// TestMain has to begin with [local.ChildMain] and to end with Stop.
type Server struct {
	starting sync.Once
	dir      string
	engine   *local.ClickHouse
	err      error

	copies    template
	databases atomic.Int64 // handed out
}

// Engine is what runs. Where ClickHouse's files were not fetched, the test is skipped, aloud.
func (s *Server) Engine(t testing.TB) *local.ClickHouse {
	t.Helper()
	if s.starting.Do(func() { s.err = s.start() }); s.err == nil {
		return s.engine
	}
	if errors.Is(s.err, local.ErrMissing) {
		fmt.Fprintf(os.Stderr, "SKIPPED %s: %v\n", t.Name(), s.err)
		t.Skipf("NOT TESTED, no ClickHouse: %v", s.err)
	}
	t.Fatal(s.err)
	return nil
}

func (s *Server) start() (err error) {
	if s.dir, err = os.MkdirTemp("", "tokenwatch-test-"); err != nil {
		return err
	}
	s.engine, err = Start(s.dir, 0)
	return err
}

// Start runs a ClickHouse of a test's own on the data in dir, which the caller stops. Port 0 takes any free one.
func Start(dir string, port int) (*local.ClickHouse, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	config := local.DefaultClickHouseConfig()
	config.Dir, config.TCPPort, config.HTTPPort = dir, port, 0
	return local.StartClickHouse(ctx, config)
}

// Fresh names a database of the test's own, which does not exist yet.
func (s *Server) Fresh(t testing.TB) clickhouse.Config {
	t.Helper()
	return On(t, s.Engine(t), s.name(t))
}

// Migrated names a database of the test's own, with empty tables in it.
func (s *Server) Migrated(t testing.TB) clickhouse.Config {
	t.Helper()
	engine, name := s.Engine(t), s.name(t)
	s.copies.making.Do(func() {
		s.copies.err = s.copies.migrate(context.Background(), On(t, engine, original)) // for the tests to come, too
	})
	if s.copies.err != nil {
		t.Fatal(s.copies.err)
	}
	if err := s.copies.copyTo(t.Context(), name); err != nil {
		t.Fatal(err)
	}
	return On(t, engine, name)
}

var unspeakable = regexp.MustCompile(`\W`)

func (s *Server) name(t testing.TB) string {
	return fmt.Sprintf("%s_%d", unspeakable.ReplaceAllString(t.Name(), "_"), s.databases.Add(1))
}

// On names a database of an engine.
func On(t testing.TB, engine *local.ClickHouse, database string) clickhouse.Config {
	t.Helper()
	address, err := url.Parse(engine.DSN())
	if err != nil {
		t.Fatal(err)
	}
	address.Path = "/" + database
	config := clickhouse.DefaultConfig()
	config.DSN = clickhouse.DSN(address.String())
	return config
}

// Stop ends what was started, and removes its data.
func (s *Server) Stop() {
	var err error
	if s.copies.db != nil {
		err = s.copies.db.Close()
	}
	if s.engine != nil {
		err = errors.Join(err, s.engine.Stop(context.Background()))
	}
	if err = errors.Join(err, os.RemoveAll(s.dir)); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
}
