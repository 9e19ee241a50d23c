package local_test

import (
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/tokenwatch/tokenwatch/deploy/local"
)

// The analyst's account reads tables and nothing else: not one of these gives a secret away or changes anything.
func TestAnalystReadsAndNothingElse(t *testing.T) {
	dir := t.TempDir()
	c := start(t, config(dir))
	for _, query := range []string{
		"CREATE TABLE default.t (a UInt64, s String) ENGINE = MergeTree ORDER BY a",
		"INSERT INTO default.t SELECT number, 'x' FROM numbers(1000)",
		"CREATE VIEW default.v AS SELECT max(a) AS m FROM default.t",
		"CREATE DATABASE elsewhere", "CREATE TABLE elsewhere.t (a UInt64) ENGINE = Memory",
	} {
		if _, err := ask(c, nil, query); err != nil {
			t.Fatal(err)
		}
	}
	secret := dir + "/clickhouse/analyst-password"
	dsn, err := url.Parse(c.AnalystDSN())
	if err != nil {
		t.Fatal(err)
	}
	for query, want := range map[string]string{
		"SELECT count() FROM t": "1000", "SELECT m FROM v": "999", "SELECT currentUser()": "analyst",
		"SELECT sum(number) FROM numbers(10) SETTINGS max_execution_time = 120":         "45",
		"SELECT count() FROM system.columns WHERE table = 't' AND database = 'default'": "2",
		"SELECT count() FROM system.users":                                              "",
		"SELECT count() FROM system.tables WHERE database = 'elsewhere'":                "0",
	} {
		got, err := ask(c, dsn.User, query)
		if want == "" {
			want, got = "refused", map[bool]string{true: "refused", false: got}[err != nil]
		} else if err != nil {
			t.Errorf("%s: %v", query, err)
			continue
		}
		if got != want {
			t.Errorf("%s: %q, want %q", query, got, want)
		}
	}
	for _, query := range []string{
		"INSERT INTO t VALUES (1, 'y')", "ALTER TABLE t DELETE WHERE 1", "DROP TABLE t", "TRUNCATE TABLE t", "CREATE TABLE u (a UInt8) ENGINE = Memory",
		"CREATE TEMPORARY TABLE u (a UInt8)", "OPTIMIZE TABLE t", "SYSTEM STOP LISTEN TCP", "SYSTEM FLUSH LOGS", "KILL QUERY WHERE 1",
		"CREATE USER u", "GRANT SELECT ON *.* TO analyst", "CREATE FUNCTION f AS x -> x", "BACKUP TABLE t TO File('/tmp/x')",
		"SELECT * FROM elsewhere.t", "SELECT * FROM file('" + secret + "', 'LineAsString')", "SELECT * FROM file('/etc/passwd', 'LineAsString')",
		"SELECT * FROM url('http://127.0.0.1:1/', 'LineAsString')", "SELECT * FROM remote('127.0.0.1', default.t)", "SELECT * FROM executable('id', 'LineAsString', 's String')",
		"INSERT INTO FUNCTION file('/tmp/x', 'CSV', 'a UInt8') VALUES (1)", "SELECT 1 INTO OUTFILE '/tmp/tokenwatch-outfile'",
		"SET readonly = 0", "SELECT 1 SETTINGS readonly = 0", "SELECT 1 SETTINGS max_execution_time = 0", "SELECT 1 SETTINGS max_execution_time = 301",
		"SELECT 1 SETTINGS max_rows_to_read = 0", "SELECT 1 SETTINGS max_rows_to_read = 10000000001", "SELECT 1 SETTINGS read_overflow_mode = 'break'",
		"SELECT 1 SETTINGS timeout_overflow_mode = 'break'", "SELECT sum(a) FROM t SETTINGS max_rows_to_read = 10",
		"SELECT 1 SETTINGS max_memory_usage = 5",
		"SELECT * FROM system.users", "SELECT * FROM system.named_collections", "SHOW CREATE USER tokenwatch", "SELECT * FROM system.query_log",
	} {
		if got, err := ask(c, dsn.User, query); err == nil {
			t.Errorf("%s: it gave %q, want a refusal", query, got)
		}
	}
	if _, err := os.Stat("/tmp/tokenwatch-outfile"); err == nil {
		t.Error("an analyst has written a file on the server")
	}
	dsn.User = url.UserPassword(local.Analyst, "guess")
	if _, err := ask(c, dsn.User, "SELECT 1"); err == nil {
		t.Error("any password will do")
	}
}

func TestAnalystPasswordIsKept(t *testing.T) {
	dir := t.TempDir()
	first := start(t, config(dir))
	user := func(dsn string) string {
		u, err := url.Parse(dsn)
		if err != nil {
			t.Fatal(err)
		}
		return u.User.String()
	}
	before := user(first.AnalystDSN())
	if owner := user(first.DSN()); strings.Split(owner, ":")[1] == strings.Split(before, ":")[1] {
		t.Error("the analyst has tokenwatch's own password")
	}
	running, err := local.RunningAnalyst(dir)
	if err != nil || running != first.AnalystDSN() {
		t.Errorf("the running one's: %v, and it is the same: %t", err, running == first.AnalystDSN())
	}
	stop(t, first)
	if after := user(start(t, config(dir)).AnalystDSN()); after != before {
		t.Error("another start, another password")
	}
	file, err := local.AnalystPasswordFile(dir)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%s: %v, %v; want mode 0600", file, info, err)
	}
}
