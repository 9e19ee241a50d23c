package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/deploy/local"
)

// child is tokenwatch as a process of its own, which can be killed: this test binary,
// told to be the program.
type child struct {
	command *exec.Cmd
	log     *transcript
	ended   chan error
}

// place is where a child lives: a folder and ports, which it keeps over restarts.
type place struct {
	dir               string
	http, kafka       int
	tcp, httpDatabase int
}

func newPlace(t *testing.T) place {
	t.Helper()
	needEngines(t)
	ports := freePorts(t, 4)
	return place{dir: t.TempDir(), http: ports[0], kafka: ports[1], tcp: ports[2], httpDatabase: ports[3]}
}

func (p place) url() string    { return fmt.Sprintf("http://127.0.0.1:%d", p.http) }
func (p place) broker() string { return fmt.Sprintf("127.0.0.1:%d", p.kafka) }
func (p place) data() string   { return filepath.Join(p.dir, local.DefaultDataDir) }

// run starts the program without a configuration file; what a test needs otherwise
// comes from the environment.
func (p place) run(t *testing.T, settings ...string) *child {
	t.Helper()
	c := p.start(t, settings...)
	t.Cleanup(func() {
		_ = c.command.Process.Kill() // it may have ended
		if t.Failed() {
			t.Logf("the log of process %d:\n%s", c.command.Process.Pid, tail(c.log.String(), 40))
		}
	})
	return c
}

// start is run for a child whose end the caller sees to.
func (p place) start(t *testing.T, settings ...string) *child {
	t.Helper()
	assets, err := filepath.Abs("../../deploy/local")
	if err != nil {
		t.Fatal(err)
	}
	c := &child{command: exec.Command(os.Args[0], "run"), log: &transcript{}, ended: make(chan error, 1)}
	c.command.Dir = p.dir
	c.command.Stdout, c.command.Stderr = c.log, c.log
	c.command.Env = append(os.Environ(), programEnv+"=1", "GORACE=atexit_sleep_ms=0 halt_on_error=1", local.AssetsEnv+"="+assets,
		"TOKENWATCH_CONSOLE_LISTEN=127.0.0.1:0", fmt.Sprintf("TOKENWATCH_HTTP_LISTEN=127.0.0.1:%d", p.http), fmt.Sprintf("TOKENWATCH_KAFKA_PORT=%d", p.kafka),
		fmt.Sprintf("TOKENWATCH_CLICKHOUSE_TCP_PORT=%d", p.tcp), fmt.Sprintf("TOKENWATCH_CLICKHOUSE_HTTP_PORT=%d", p.httpDatabase),
		"TOKENWATCH_KAFKA_SESSION_TIMEOUT=6s", "TOKENWATCH_KAFKA_MAX_WAIT=50ms", "TOKENWATCH_INGEST_BLOCK_FLUSH_INTERVAL=50ms")
	c.command.Env = append(c.command.Env, settings...)
	if err := c.command.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { c.ended <- c.command.Wait() }()
	return c
}

// kill is kill -9.
func (c *child) kill(t *testing.T) {
	t.Helper()
	if err := c.command.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := <-c.ended; err == nil {
		t.Error("a killed process ended with exit code 0")
	}
}

// terminate asks the process to end, and returns its exit code and how long it took.
func (c *child) terminate(t *testing.T) (code int, took time.Duration) {
	t.Helper()
	begun := time.Now()
	if err := c.command.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	return c.code(t, 30*time.Second), time.Since(begun)
}

// code waits for the process to end.
func (c *child) code(t *testing.T, within time.Duration) int {
	t.Helper()
	select {
	case err := <-c.ended:
		if exit, ok := errors.AsType[*exec.ExitError](err); ok {
			return exit.ExitCode()
		}
		if err != nil {
			t.Fatal(err)
		}
		return 0
	case <-time.After(within):
		t.Fatalf("the process has not ended after %s", within)
		return -1
	}
}
