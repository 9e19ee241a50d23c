package local_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/deploy/local"
)

// putOnPath makes the PATH a folder that holds a clickhouse of that version, or none. It is a real ClickHouse that
// takes a clickhouse binary's arguments: a script around libchdb.
func putOnPath(t *testing.T, version string) {
	t.Helper()
	folder := t.TempDir()
	t.Setenv("PATH", folder+":/bin:/usr/bin")
	if version == "" {
		return
	}
	found, err := local.FindAssets()
	if found.LibCHDB == "" {
		t.Fatal(err)
	}
	script := fmt.Sprintf(`#!/bin/sh
if [ "$1 $2" = "local --version" ]; then
	echo "ClickHouse local version %s (official build)."
	exit
fi
[ "$1" = local ] || exit 3
shift
TOKENWATCH_CLICKHOUSE_CHILD='%s' exec '%s' "$@"
`, version, found.LibCHDB, os.Args[0])
	if err := os.WriteFile(filepath.Join(folder, "clickhouse"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
}

func TestClickHouseEngine(t *testing.T) {
	const refused = "refused"
	for name, test := range map[string]struct {
		onPath, engine string
		want           string // the beginning of the engine's name
	}{
		"a new binary goes first":         {"26.7.2.1", local.EngineAuto, "ClickHouse 26.7 ("},
		"a newer year too":                {"27.1.1.1", local.EngineAuto, "ClickHouse 27.1 ("},
		"an old binary cannot listen":     {"25.8.3.66", local.EngineAuto, "ClickHouse (/"},
		"so old that it is refused":       {"25.8.3.66", local.EngineBinary, refused},
		"no binary":                       {"", local.EngineAuto, "ClickHouse (/"},
		"no binary, though asked for":     {"", local.EngineBinary, refused},
		"the library, though a binary is": {"26.7.2.1", local.EngineLibrary, "ClickHouse (/"},
		"a binary that tells no version":  {"unknown", local.EngineAuto, "ClickHouse (/"},
	} {
		t.Run(name, func(t *testing.T) {
			putOnPath(t, test.onPath)
			c := config(t.TempDir())
			c.Engine = test.engine
			started, err := local.StartClickHouse(t.Context(), c)
			if err != nil {
				if test.want != refused {
					t.Fatal(err)
				}
				return
			}
			defer stop(t, started)
			if !strings.HasPrefix(started.Engine(), test.want) {
				t.Errorf("runs %s, want %s…", started.Engine(), test.want)
			}
			query(t, started, "CREATE TABLE t (n UInt8) ENGINE = MergeTree ORDER BY n")
		})
	}
}

func TestClickHouseMovesBetweenEngines(t *testing.T) {
	putOnPath(t, "26.7.2.1")
	c := config(t.TempDir())
	c.Engine = local.EngineBinary
	first := start(t, c)
	fill(t, first)
	stop(t, first)
	if got := count(t, start(t, config(c.Dir))); got != "1000" {
		t.Errorf("rows after the binary went: %s, want 1000", got)
	}
}

// An orphan must not live on because its standard input happens to stay open.
func TestClickHouseOrphanLeaves(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for the grace that an orphan has")
	}
	t.Parallel()
	found, err := local.FindAssets()
	if found.LibCHDB == "" {
		t.Fatal(err)
	}
	input, hold, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer hold.Close()
	parent := actShell(t, input, fmt.Sprintf(
		`TOKENWATCH_CLICKHOUSE_PARENT=$$ TOKENWATCH_CLICKHOUSE_CHILD='%s' '%s' --path='%s' --query="SELECT count() FROM file('/dev/stdin', 'LineAsString')" <&3 & echo $!; wait`,
		found.LibCHDB, os.Args[0], t.TempDir()))
	orphan := parent.number(t)
	parent.kill(t)
	if gone(orphan) {
		t.Fatal("the orphan was never there")
	}
	eventually(t, 15*time.Second, "the orphan leaves", func() bool { return gone(orphan) })
}
