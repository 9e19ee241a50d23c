package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/tokenwatch/tokenwatch/deploy/local/chdb"
)

// childEnv marks a process as the ClickHouse child; its value is the path of libchdb. parentEnv tells the child
// whom it belongs to: asking the system would be too late when the parent dies within the first milliseconds.
const (
	childEnv  = "TOKENWATCH_CLICKHOUSE_CHILD"
	parentEnv = "TOKENWATCH_CLICKHOUSE_PARENT"
)

// passedOn are the variables that the child gets. No others: the environment may hold a bot's token.
var passedOn = []string{"PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"}

// ErrNoChildMain says that the program does not call ChildMain, so the child would run the program again.
var ErrNoChildMain = errors.New("local.ChildMain must be called first in main (or TestMain)")

// ChildMain must be called first thing in main, and in TestMain of packages that start ClickHouse. In a process
// that StartClickHouse made it runs ClickHouse and exits; in any other it returns at once.
func ChildMain() {
	library, ours := os.LookupEnv(childEnv)
	if !ours {
		return
	}
	parent, err := strconv.Atoi(os.Getenv(parentEnv))
	if err != nil {
		parent = os.Getppid()
	}
	if err := confine(library); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	go leaveWithParent(parent)
	if err := serve(library, os.Args); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// serve runs ClickHouse until it ends. One that could not be disarmed serves as well, until the first client that
// misbehaves; the parent shows this line then, beside ClickHouse's own last words.
func serve(path string, args []string) error {
	library, err := chdb.Open(path)
	if err != nil {
		return err
	}
	if err := library.Disarm(); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	return library.Run(args)
}

// lastWords is the time that a child whose parent is gone has to shut down. ClickHouse itself gives open
// connections 5 s.
const lastWords = 8 * time.Second

// leaveWithParent ends a child whose parent is gone and whose ClickHouse does not shut down, which would keep the
// data locked for ever. The usual way out is the end of standard input.
func leaveWithParent(parent int) {
	for os.Getppid() == parent {
		time.Sleep(time.Second)
	}
	time.Sleep(lastWords)
	os.Exit(1)
}

// child is a running ClickHouse process.
type child struct {
	process *os.Process
	stdin   io.Closer
	stderr  *tail
	done    chan struct{} // closed when the process has ended
	exit    error         // how it ended; read after done
}

// spawn starts the engine in h. The child inherits lock, so the folder stays locked until it too is gone.
func (h home) spawn(e engine, lock *os.File) (*child, error) {
	if _, nested := os.LookupEnv(childEnv); nested {
		return nil, ErrNoChildMain
	}
	command := exec.Command(e.path)
	command.Args = append(slices.Clone(e.args), "--config-file="+h.config(), "--query="+openingQuery)
	command.Dir = string(h)
	command.Env = append(childEnviron(), e.env...)
	command.ExtraFiles = []*os.File{lock}
	// A group of its own: Ctrl-C in a terminal must reach the parent alone, which stops its work first.
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	command.WaitDelay = time.Second
	c := &child{stderr: &tail{}, done: make(chan struct{})}
	command.Stderr, command.Stdout = c.stderr, nil
	stdin, err := command.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("start ClickHouse: %w", err)
	}
	if err := command.Start(); err != nil {
		return nil, fmt.Errorf("start ClickHouse: %w", err)
	}
	c.process, c.stdin = command.Process, stdin
	go func() {
		c.exit = command.Wait()
		close(c.done)
	}()
	return c, nil
}

// stop asks, waits until ctx ends, and kills. The error says that it had to.
func (c *child) stop(ctx context.Context) error {
	_ = c.stdin.Close() // already closed when the child died before: nothing to tell
	select {
	case <-c.done:
		return nil
	case <-ctx.Done():
	}
	if err := c.process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("kill ClickHouse: %w", err)
	}
	<-c.done
	return fmt.Errorf("ClickHouse did not stop in time and was killed: %w", ctx.Err())
}

// death explains an end that nobody asked for. Call it after done.
func (c *child) death() error {
	words := c.stderr.String()
	if words == "" {
		words = "it said nothing"
	}
	if c.exit == nil {
		return fmt.Errorf("ClickHouse ended by itself: %s", words)
	}
	return fmt.Errorf("ClickHouse ended by itself (%w): %s", c.exit, words)
}

func childEnviron() []string {
	env := []string{
		"TZ=UTC", // columns and functions without a time zone of their own mean UTC
		parentEnv + "=" + strconv.Itoa(os.Getpid()),
		"GORACE=atexit_sleep_ms=0", // a build with the race detector would rest for a second at its end, with nothing of ours at work
	}
	for _, variable := range os.Environ() {
		name, _, _ := strings.Cut(variable, "=")
		if slices.Contains(passedOn, name) {
			env = append(env, variable)
		}
	}
	return env
}
