package local_test

import (
	"fmt"
	"net/url"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestClickHouseIsConfined: no query reads a file that is not ClickHouse's own, whoever asks. clickhouse-local's function
// file() and its settings with templates need no right.
func TestClickHouseIsConfined(t *testing.T) {
	if kind, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION); errno != 0 || kind < 2 {
		fmt.Fprintf(os.Stderr, "SKIPPED %s: this kernel cannot confine a process (Landlock %d, %v)\n", t.Name(), kind, errno)
		t.Skip("NOT TESTED, no Landlock")
	}
	dir := t.TempDir()
	c := start(t, config(dir))
	if err := os.WriteFile(dir+"/pepper", []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	dsn, err := url.Parse(c.AnalystDSN())
	if err != nil {
		t.Fatal(err)
	}
	for who, account := range map[string]*url.Userinfo{"analyst": dsn.User, "tokenwatch": nil} {
		for _, file := range []string{
			dir + "/pepper", dir + "/clickhouse/password", dir + "/clickhouse/analyst-password", "password", "../pepper",
			fmt.Sprintf("/proc/%d/environ", os.Getpid()), "/etc/shadow", "/etc/fstab",
		} {
			for _, query := range []string{"SELECT file('" + file + "')", "SELECT 1 FORMAT Template SETTINGS format_template_resultset = '" + file + "'"} {
				if got, err := ask(c, account, query); err == nil || strings.Contains(err.Error(), "secret") { // an error quotes a template
					t.Errorf("%s, %s: it gave %q, %v, want a refusal", who, query, got, err)
				}
			}
		}
	}
	if got, err := ask(c, nil, "SELECT count() > 0 FROM file('/proc/self/status', 'LineAsString')"); err != nil || got != "1" {
		t.Errorf("what it may read: %q, %v", got, err)
	}
}
