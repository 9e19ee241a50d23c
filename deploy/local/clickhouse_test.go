package local_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/deploy/local"
)

func config(dir string) local.ClickHouseConfig {
	c := local.DefaultClickHouseConfig()
	c.Dir, c.TCPPort, c.HTTPPort = dir, 0, 0
	c.Engine = local.EngineLibrary
	return c
}

func start(t *testing.T, c local.ClickHouseConfig) *local.ClickHouse {
	t.Helper()
	started, err := local.StartClickHouse(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := within(20 * time.Second)
		defer cancel()
		if err := started.Stop(ctx); err != nil {
			t.Error(err)
		}
	})
	return started
}

func stop(t *testing.T, c *local.ClickHouse) {
	t.Helper()
	ctx, cancel := within(20 * time.Second)
	defer cancel()
	if err := c.Stop(ctx); err != nil {
		t.Fatal(err)
	}
}

// plainHTTP leaves no idle connections behind, which would hold up Stop.
var plainHTTP = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}

// ask sends a query through HTTP as the given user, or as the DSN's user when that is nil.
func ask(c *local.ClickHouse, user *url.Userinfo, query string) (string, error) {
	if user == nil {
		dsn, err := url.Parse(c.DSN())
		if err != nil {
			return "", err
		}
		user = dsn.User
	}
	request, err := http.NewRequest(http.MethodPost, "http://"+c.HTTPAddress()+"/", strings.NewReader(query))
	if err != nil {
		return "", err
	}
	password, _ := user.Password()
	request.SetBasicAuth(user.Username(), password)
	response, err := plainHTTP.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if response.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s: %s", response.Status, body)
	}
	return strings.TrimSpace(string(body)), err
}

func query(t *testing.T, c *local.ClickHouse, sql string) string {
	t.Helper()
	answer, err := ask(c, nil, sql)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return answer
}

// fill makes a table of its own and puts a thousand rows in.
func fill(t *testing.T, c *local.ClickHouse) {
	t.Helper()
	query(t, c, "CREATE DATABASE IF NOT EXISTS watch")
	query(t, c, "CREATE TABLE watch.numbers (n UInt64) ENGINE = MergeTree ORDER BY n")
	query(t, c, "INSERT INTO watch.numbers SELECT number FROM numbers(1000)")
}

func count(t *testing.T, c *local.ClickHouse) string {
	t.Helper()
	return query(t, c, "SELECT count() FROM watch.numbers")
}

func TestClickHouseKeepsDataAndPassword(t *testing.T) {
	dir := t.TempDir()
	first := start(t, config(dir))
	fill(t, first)
	query(t, first, "CREATE TABLE default.plain (n UInt64) ENGINE = MergeTree ORDER BY n")
	stop(t, first)

	second := start(t, config(dir))
	if got := count(t, second); got != "1000" {
		t.Errorf("rows after a restart: %s, want 1000", got)
	}
	query(t, second, "INSERT INTO default.plain VALUES (1)")
	before, _ := url.Parse(first.DSN())
	after, _ := url.Parse(second.DSN())
	if before.User.String() != after.User.String() {
		t.Error("the password changed over a restart")
	}
}

func TestClickHouseKeepsItsSecrets(t *testing.T) {
	t.Setenv("TELEGRAM_TOKEN", "do-not-pass-on")
	dir := t.TempDir()
	c := start(t, config(dir))
	dsn, err := url.Parse(c.DSN())
	if err != nil {
		t.Fatal(err)
	}
	password, _ := dsn.User.Password()
	if len(password) < 20 {
		t.Errorf("password of %d characters", len(password))
	}
	for _, name := range []string{"password", "users.xml", "config.xml", "lock"} {
		info, err := os.Stat(filepath.Join(dir, "clickhouse", name))
		if err != nil {
			t.Error(err)
		} else if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %o", name, info.Mode().Perm())
		}
	}
	for _, name := range []string{"environ", "cmdline"} {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", c.PID(), name))
		if errors.Is(err, os.ErrNotExist) {
			t.Skip("no /proc here")
		}
		if strings.Contains(string(text), password) || strings.Contains(string(text), "do-not-pass-on") {
			t.Errorf("a secret stands in the child's %s", name)
		}
	}
}

func TestClickHouseLetsNobodyElseIn(t *testing.T) {
	c := start(t, config(t.TempDir()))
	for _, user := range []*url.Userinfo{
		url.UserPassword("tokenwatch", "wrong"),
		url.UserPassword("tokenwatch", ""),
		url.UserPassword("default", ""),
		url.UserPassword("default", "default"),
	} {
		for _, sql := range []string{"SELECT 1", "SELECT * FROM file('/etc/hostname', 'LineAsString')", "SYSTEM STOP LISTEN TCP"} {
			if answer, err := ask(c, user, sql); err == nil {
				t.Errorf("%s answered %q to %s", user, answer, sql)
			}
		}
	}
	if got := query(t, c, "SELECT currentUser()"); got != "tokenwatch" {
		t.Errorf("logged in as %s", got)
	}
}

func TestClickHouseListensOnLoopbackOnly(t *testing.T) {
	c := start(t, config(t.TempDir()))
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range addresses {
		network, ok := a.(*net.IPNet)
		if !ok || network.IP.IsLoopback() || network.IP.IsLinkLocalUnicast() {
			continue
		}
		for _, listener := range []string{c.TCPAddress(), c.HTTPAddress()} {
			_, port, _ := net.SplitHostPort(listener)
			connection, err := net.DialTimeout("tcp", net.JoinHostPort(network.IP.String(), port), time.Second)
			if err == nil {
				connection.Close()
				t.Errorf("listens on %s port %s", network.IP, port)
			}
		}
	}
}

func TestClickHouseDoesWhatTokenwatchNeeds(t *testing.T) {
	c := start(t, config(t.TempDir()))
	for _, sql := range []string{
		"CREATE DATABASE watch",
		`CREATE TABLE watch.events (n UInt64, at DateTime64(3, 'UTC') DEFAULT now64()) ENGINE = MergeTree ORDER BY n
			TTL toDateTime(at) + INTERVAL 90 DAY SETTINGS non_replicated_deduplication_window = 100`,
		`CREATE TABLE watch.total (k UInt8, n SimpleAggregateFunction(sum, UInt64)) ENGINE = AggregatingMergeTree ORDER BY k
			SETTINGS non_replicated_deduplication_window = 100`,
		"CREATE MATERIALIZED VIEW watch.feed TO watch.total AS SELECT 1::UInt8 AS k, sum(n) AS n FROM watch.events GROUP BY k",
	} {
		query(t, c, sql)
	}
	const insert = `INSERT INTO watch.events (n) SETTINGS insert_deduplication_token = '%s',
		deduplicate_blocks_in_dependent_materialized_views = 1 SELECT number FROM numbers(10)`
	for _, token := range []string{"t:0:0-9", "t:0:0-9", "t:0:10-19"} {
		query(t, c, fmt.Sprintf(insert, token))
	}
	for sql, want := range map[string]string{
		"SELECT count() FROM watch.events":                                                           "20",
		"SELECT sum(n) FROM watch.total":                                                             "90",
		"SELECT value FROM system.settings WHERE name = 'async_insert'":                              "0",
		"SELECT timezone()":                                                                          "UTC",
		"SELECT value FROM system.server_settings WHERE name = 'max_server_memory_usage'":            strconv.Itoa(2 << 30),
		"SELECT value FROM system.server_settings WHERE name = 'background_pool_size'":               "2",
		"SELECT value FROM system.server_settings WHERE name = 'os_threads_nice_value_merge_mutate'": "10",
		"SELECT count() FROM system.tables WHERE database = 'system' AND name LIKE '%_log'":          "0",
	} {
		if got := query(t, c, sql); got != want {
			t.Errorf("%s: %s, want %s", sql, got, want)
		}
	}
	query(t, c, "OPTIMIZE TABLE watch.events FINAL")
}

func TestClickHouseOnAFolderInUse(t *testing.T) {
	dir := t.TempDir()
	start(t, config(dir))
	began := time.Now()
	_, err := local.StartClickHouse(t.Context(), config(dir))
	if !errors.Is(err, local.ErrInUse) {
		t.Fatalf("error %v, want %v", err, local.ErrInUse)
	}
	if !strings.Contains(err.Error(), strconv.Itoa(os.Getpid())) {
		t.Errorf("does not name the process that has it: %v", err)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("took %s to say so", took)
	}
}

func TestClickHouseOnATakenPort(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	port := taken.Addr().(*net.TCPAddr).Port
	for key, change := range map[string]func(*local.ClickHouseConfig){
		"clickhouse.tcp_port":  func(c *local.ClickHouseConfig) { c.TCPPort = port },
		"clickhouse.http_port": func(c *local.ClickHouseConfig) { c.HTTPPort = port },
	} {
		c := config(t.TempDir())
		change(&c)
		_, err := local.StartClickHouse(t.Context(), c)
		if !errors.Is(err, local.ErrPortTaken) || !strings.Contains(err.Error(), key) || !strings.Contains(err.Error(), strconv.Itoa(port)) {
			t.Errorf("%s: error %v", key, err)
		}
	}
}

func TestClickHouseTakesItsConfiguredPorts(t *testing.T) {
	c := config(t.TempDir())
	c.TCPPort, c.HTTPPort = freePort(t), freePort(t)
	started := start(t, c)
	if want := net.JoinHostPort(local.Loopback, strconv.Itoa(c.TCPPort)); started.TCPAddress() != want {
		t.Errorf("native protocol on %s, want %s", started.TCPAddress(), want)
	}
	if want := net.JoinHostPort(local.Loopback, strconv.Itoa(c.HTTPPort)); started.HTTPAddress() != want {
		t.Errorf("HTTP on %s, want %s", started.HTTPAddress(), want)
	}
}

func freePort(t *testing.T) int {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port
}

func TestClickHouseTellsWhyItDiesEarly(t *testing.T) {
	notALibrary := filepath.Join(t.TempDir(), "libchdb.so")
	if err := os.WriteFile(notALibrary, []byte("not a library"), 0o600); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	c := config(dir)
	c.Library = notALibrary
	began := time.Now()
	_, err := local.StartClickHouse(t.Context(), c)
	if err == nil || !strings.Contains(err.Error(), notALibrary) {
		t.Fatalf("error %v does not say what happened", err)
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("noticed the death only after %s", took)
	}
	start(t, config(dir)) // and the folder is free again
}

func TestClickHouseMissing(t *testing.T) {
	t.Setenv(local.AssetsEnv, t.TempDir())
	t.Chdir(t.TempDir())
	_, err := local.StartClickHouse(t.Context(), config(t.TempDir()))
	if !errors.Is(err, local.ErrMissing) || !strings.Contains(err.Error(), "make setup") {
		t.Errorf("error %v, want %v", err, local.ErrMissing)
	}
}

func TestClickHouseChildKilled(t *testing.T) {
	dir := t.TempDir()
	c := start(t, config(dir))
	fill(t, c)
	if err := c.Err(); err != nil {
		t.Errorf("while it runs: %v", err)
	}
	if err := syscall.Kill(c.PID(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if err := c.Wait(); err == nil || !strings.Contains(err.Error(), "killed") {
		t.Errorf("Wait after kill -9: %v", err)
	}
	stop(t, c)
	if c.Err() == nil {
		t.Error("Stop made the reason disappear")
	}
	if got := count(t, start(t, config(dir))); got != "1000" {
		t.Errorf("rows after kill -9 of ClickHouse: %s, want 1000", got)
	}
}

func TestClickHouseStopsWithAQueryRunning(t *testing.T) {
	t.Parallel()
	c := start(t, config(t.TempDir()))
	asked := make(chan error, 1)
	go func() {
		_, err := ask(c, nil, "SELECT sum(sleepEachRow(1)) FROM numbers(600) SETTINGS max_block_size = 1, function_sleep_max_microseconds_per_block = 0")
		asked <- err
	}()
	eventually(t, 10*time.Second, "the query runs", func() bool {
		return query(t, c, "SELECT count() FROM system.processes WHERE query LIKE '%sleepEachRow%' AND user = 'tokenwatch' AND query NOT LIKE '%processes%'") == "1"
	})
	began := time.Now()
	stop(t, c)
	if took := time.Since(began); took > 15*time.Second {
		t.Errorf("took %s", took)
	}
	if err := <-asked; err == nil {
		t.Error("the query ended as if nothing had happened")
	}
	if err := c.Err(); err != nil {
		t.Errorf("after Stop: %v", err)
	}
}

func TestClickHouseIsKilledWhenThereIsNoTime(t *testing.T) {
	c := start(t, config(t.TempDir()))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := c.Stop(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want %v", err, context.Canceled)
	}
	eventually(t, 5*time.Second, "the child is gone", func() bool { return gone(c.PID()) })
}

func TestClickHouseEndsWithItsKilledParent(t *testing.T) {
	dir := t.TempDir()
	parent := act(t, "clickhouse", dir)
	child := parent.number(t)
	if gone(child) {
		t.Fatal("the child was never there")
	}
	parent.kill(t)
	// No wait in between: whoever restarts tokenwatch does not wait for the orphan either.
	next := start(t, config(dir))
	if !gone(child) {
		t.Error("two ClickHouses on the same data")
	}
	if got := count(t, next); got != "1000" {
		t.Errorf("rows after kill -9 of the parent: %s, want 1000", got)
	}
}

// playClickHouse is a tokenwatch that says its child's number and waits to be killed.
func playClickHouse(dir string) {
	c, err := local.StartClickHouse(context.Background(), config(dir))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	for _, sql := range []string{
		"CREATE DATABASE watch",
		"CREATE TABLE watch.numbers (n UInt64) ENGINE = MergeTree ORDER BY n",
		"INSERT INTO watch.numbers SELECT number FROM numbers(1000)",
	} {
		if _, err := ask(c, nil, sql); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	fmt.Println(c.PID())
	_ = c.Wait()
}

func TestClickHouseStartIsCalledOff(t *testing.T) {
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := local.StartClickHouse(ctx, config(dir)); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want %v", err, context.Canceled)
	}
	start(t, config(dir)) // nothing was left behind that has the folder
}

func TestClickHouseWithoutChildMain(t *testing.T) {
	t.Setenv("TOKENWATCH_CLICKHOUSE_CHILD", "/some/libchdb.so")
	_, err := local.StartClickHouse(t.Context(), config(t.TempDir()))
	if !errors.Is(err, local.ErrNoChildMain) {
		t.Errorf("error %v, want %v", err, local.ErrNoChildMain)
	}
}
