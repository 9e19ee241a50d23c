package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/deploy/local"
)

// tortureBroker is a Kafka that can be stopped, killed and started again with its data.
// Its clients are told to come to the address that it was made with, a proxy's.
type tortureBroker interface {
	// address is where it really listens.
	address() string
	// start returns when the broker takes connections. It may be called after stop and kill.
	start(t *testing.T)
	// stop ends it in good order, kill at once (kill -9). Both return when it is gone.
	stop(t *testing.T)
	kill(t *testing.T)
	// session is the shortest session of a group's member that it allows.
	session() time.Duration
	// forgets tells that members that die while the group is being joined may stay in it for
	// ever: the embedded broker sets no timer for a member whose connection is gone before it was
	// told its generation. A real one does.
	forgets() bool
}

// tortureBrokers are the kinds of -torture-broker.
var tortureBrokers = map[string]func(t *testing.T, advertised string) tortureBroker{
	"kfake": newFakeBroker,
	"kafka": newRealBroker,
}

// fakeBroker is the embedded broker as a process of its own.
type fakeBroker struct {
	spec    brokerSpec
	process *exec.Cmd
	stdin   io.Closer
	log     *transcript
	ended   chan error
}

// brokerSpec tells the child what to be; it travels in tortureBrokerEnv.
type brokerSpec struct {
	Dir        string
	Port       int
	Advertise  string
	MinSession time.Duration
}

const tortureBrokerEnv = "TOKENWATCH_TEST_TORTURE_BROKER"

func newFakeBroker(t *testing.T, advertised string) tortureBroker {
	t.Helper()
	b := &fakeBroker{log: &transcript{}, spec: brokerSpec{
		Dir: t.TempDir(), Port: freePorts(t, 1)[0], Advertise: advertised, MinSession: time.Second,
	}}
	t.Cleanup(func() {
		if b.process != nil {
			_ = b.process.Process.Kill() // it may have ended
			<-b.ended
		}
		if t.Failed() {
			t.Logf("the broker's log:\n%s", tail(b.log.String(), 20))
		}
	})
	return b
}

// tortureBrokerMain makes a run of the test binary be the broker, until its standard input
// ends (its parent is gone) or it is told to stop.
func tortureBrokerMain() {
	text := os.Getenv(tortureBrokerEnv)
	if text == "" {
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	if err := serveBroker(ctx, text); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

func serveBroker(ctx context.Context, text string) error {
	var spec brokerSpec
	if err := json.Unmarshal([]byte(text), &spec); err != nil {
		return err
	}
	broker, err := local.StartKafka(local.KafkaConfig{Dir: spec.Dir, Port: spec.Port, Advertise: spec.Advertise, MinSession: spec.MinSession})
	if err != nil {
		return err
	}
	fmt.Println("serving")
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		defer cancel()
		_, _ = io.Copy(io.Discard, os.Stdin) // it ends with the parent
	}()
	<-ctx.Done()
	return broker.Close()
}

func (b *fakeBroker) address() string { return fmt.Sprintf("%s:%d", local.Loopback, b.spec.Port) }

func (b *fakeBroker) session() time.Duration { return b.spec.MinSession }

func (b *fakeBroker) forgets() bool { return true }

func (b *fakeBroker) start(t *testing.T) {
	t.Helper()
	text, err := json.Marshal(b.spec)
	if err != nil {
		t.Fatal(err)
	}
	said := &transcript{}
	b.process = exec.Command(os.Args[0])
	b.process.Env = append(os.Environ(), tortureBrokerEnv+"="+string(text), "GORACE=atexit_sleep_ms=0")
	b.process.Stdout, b.process.Stderr = said, b.log
	if b.stdin, err = b.process.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := b.process.Start(); err != nil {
		t.Fatal(err)
	}
	b.ended = make(chan error, 1)
	go func(p *exec.Cmd, ended chan error) { ended <- p.Wait() }(b.process, b.ended)
	eventually(t, 30*time.Second, "the broker serves", func() bool { return said.String() != "" })
}

func (b *fakeBroker) stop(t *testing.T) {
	t.Helper()
	b.end(t, syscall.SIGTERM)
}

func (b *fakeBroker) kill(t *testing.T) {
	t.Helper()
	b.end(t, syscall.SIGKILL)
}

func (b *fakeBroker) end(t *testing.T, how syscall.Signal) {
	t.Helper()
	if err := b.process.Process.Signal(how); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-b.ended:
		b.process = nil
		if exit := (*exec.ExitError)(nil); how == syscall.SIGTERM && errors.As(err, &exit) {
			t.Errorf("the broker ended with %v", err)
		}
	case <-time.After(30 * time.Second):
		t.Fatalf("the broker has not ended 30 s after %s", how)
	}
}
