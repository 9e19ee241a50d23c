package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/tokenwatch/tokenwatch/deploy/local"
)

// TestScripts runs the command line as people do. Beside testscript's own commands there is
//
//	exits CODE tokenwatch ...   run it and hold it to an exit code
//	broker                      start the embedded Kafka, for the rest of the script, where tokenwatch expects it
//	awaits FILE REGEXP          wait until a file holds what matches
//
// and beside its variables $TAKEN, a port on which somebody else listens.
func TestScripts(t *testing.T) {
	t.Parallel()
	needEngines(t)
	assets, err := filepath.Abs("../../deploy/local")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:  "testdata/script",
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": exits, "broker": scriptBroker, "awaits": awaits},
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
			env.Setenv("TOKENWATCH_CONSOLE_LISTEN", "127.0.0.1:0")
			return free.Close()
		},
	})
}

func scriptBroker(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) > 0 {
		ts.Fatalf("usage: broker")
	}
	k, err := local.StartKafka(local.KafkaConfig{Dir: ts.MkAbs("broker")})
	ts.Check(err)
	ts.Defer(func() { _ = k.Close() })
	ts.Check(k.CreateTopic(context.Background(), "gateway.access", 2))
	_, port, err := net.SplitHostPort(k.Brokers()[0])
	ts.Check(err)
	ts.Setenv(envPrefix+"KAFKA_PORT", port)
}

func awaits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: awaits FILE REGEXP")
	}
	want, err := regexp.Compile(args[1])
	ts.Check(err)
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		text, err := os.ReadFile(ts.MkAbs(args[0])) // it may not be there yet
		if err == nil && want.Match(text) {
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("not within a minute: %s in %s; have %s, %v", args[1], args[0], text, err)
		}
	}
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
