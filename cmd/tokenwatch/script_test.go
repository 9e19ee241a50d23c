package main

import (
	"errors"
	"fmt"
	"net"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/tokenwatch/tokenwatch/deploy/local"
)

// TestScripts runs the command line as people do. Beside testscript's own commands there is
//
//	exits CODE tokenwatch ...   run it and hold it to an exit code
//
// and beside its variables $TAKEN, a port on which somebody else listens.
func TestScripts(t *testing.T) {
	needEngines(t)
	assets, err := filepath.Abs("../../deploy/local")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:  "testdata/script",
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": exits},
		Setup: func(env *testscript.Env) error {
			taken, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				return err
			}
			env.Defer(func() { _ = taken.Close() })
			free, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				return err
			}
			env.Setenv(local.AssetsEnv, assets)
			env.Setenv("GORACE", "atexit_sleep_ms=0")
			env.Setenv("TAKEN", fmt.Sprint(taken.Addr().(*net.TCPAddr).Port))
			env.Setenv("NOBODY", fmt.Sprint(free.Addr().(*net.TCPAddr).Port)) // nothing listens there any more
			for _, port := range []string{"KAFKA_PORT", "CLICKHOUSE_TCP_PORT", "CLICKHOUSE_HTTP_PORT"} {
				env.Setenv(envPrefix+port, "0")
			}
			env.Setenv("TOKENWATCH_HTTP_LISTEN", "127.0.0.1:0")
			return free.Close()
		},
	})
}

func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND [ARGUMENT ...]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	have := 0
	err = ts.Exec(args[1], args[2:]...)
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		have = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if have != want {
		ts.Fatalf("exit code %d, want %d", have, want)
	}
}
