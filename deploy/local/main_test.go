package local_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/deploy/local"
)

// roleEnv makes a run of this test binary play a part instead of testing: a tokenwatch to be killed.
const roleEnv = "LOCAL_TEST_ROLE"

func TestMain(m *testing.M) {
	local.ChildMain()
	switch role := os.Getenv(roleEnv); role {
	case "":
		os.Exit(m.Run())
	case "clickhouse":
		playClickHouse(os.Getenv("LOCAL_TEST_DIR"))
	case "kafka":
		playKafka(os.Getenv("LOCAL_TEST_DIR"))
	default:
		fmt.Fprintln(os.Stderr, "no such role:", role)
		os.Exit(2)
	}
}

// actor is another process of this test binary that plays a role, and says lines on its standard output.
type actor struct {
	command *exec.Cmd
	lines   *bufio.Scanner
}

func act(t *testing.T, role, dir string) actor {
	t.Helper()
	command := exec.Command(os.Args[0])
	command.Env = append(os.Environ(), roleEnv+"="+role, "LOCAL_TEST_DIR="+dir)
	return raise(t, command)
}

// actShell is a shell as actor, which finds input as file 3.
func actShell(t *testing.T, input *os.File, script string) actor {
	t.Helper()
	command := exec.Command("/bin/sh", "-c", script)
	command.ExtraFiles = []*os.File{input}
	return raise(t, command)
}

func raise(t *testing.T, command *exec.Cmd) actor {
	t.Helper()
	command.Stderr = os.Stderr
	output, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = command.Process.Kill() })
	return actor{command, bufio.NewScanner(output)}
}

// hear returns the actor's next line.
func (a actor) hear(t *testing.T) string {
	t.Helper()
	if !a.lines.Scan() {
		t.Fatalf("the other process ended without a word: %v", a.lines.Err())
	}
	return a.lines.Text()
}

// number hears a process's number.
func (a actor) number(t *testing.T) int {
	t.Helper()
	n, err := strconv.Atoi(a.hear(t))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// kill is kill -9, and waits until the process is gone.
func (a actor) kill(t *testing.T) {
	t.Helper()
	if err := a.command.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	var ended *exec.ExitError
	if err := a.command.Wait(); !errors.As(err, &ended) {
		t.Fatalf("killed process: %v", err)
	}
}

// eventually polls a condition until it holds.
func eventually(t *testing.T, within time.Duration, what string, holds func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	for !holds() {
		select {
		case <-ctx.Done():
			t.Fatalf("not within %s: %s", within, what)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// gone tells whether a process has ended; one that only waits to be reaped has.
func gone(pid int) bool {
	if errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
		return true
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && strings.Contains(string(status), ") Z ")
}

// within is a context that outlives the test's own, for stopping what it started.
func within(d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), d)
}
