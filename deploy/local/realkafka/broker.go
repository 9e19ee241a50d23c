package realkafka

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// Broker is one node that can be stopped, killed, frozen and started again on the same ports and data. Its methods
// may be called by one goroutine at a time.
type Broker struct {
	cfg    Config
	from   Installation
	quorum int
	mu     sync.Mutex // guards jvm
	jvm    *jvm
}

// jvm is one run of the broker.
type jvm struct {
	process *os.Process
	done    chan struct{} // closed when it has ended
	exit    error         // how; read after done
}

// Start finds the installation, formats cfg.Dir when it has no data yet, starts the broker and waits until it
// answers. Errors wrap ErrNotInstalled when there is nothing to start.
func Start(ctx context.Context, cfg Config) (*Broker, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	from, err := Find()
	if err != nil {
		return nil, err
	}
	b := &Broker{from: from}
	if b.cfg, b.quorum, err = cfg.withPorts(); err != nil {
		return nil, err
	}
	if b.cfg.Dir, err = filepath.Abs(cfg.Dir); err != nil {
		return nil, fmt.Errorf("find Kafka's folder: %w", err)
	}
	if err := b.prepare(ctx); err != nil {
		return nil, err
	}
	if err := b.Start(ctx); err != nil {
		return nil, err
	}
	return b, nil
}

// Address is where the broker listens without encryption or passwords, whatever it advertises.
func (b *Broker) Address() string { return loopback(b.cfg.Port) }

// AddressOf is where the broker listens for a protocol of Config.Listeners; empty when it does not.
func (b *Broker) AddressOf(protocol string) string {
	for _, l := range b.cfg.Listeners {
		if l.Protocol == protocol {
			return loopback(l.Port)
		}
	}
	return ""
}

// PID is the process of the running JVM.
func (b *Broker) PID() int { return b.running().process.Pid }

// Done is closed when the JVM that runs now has ended.
func (b *Broker) Done() <-chan struct{} { return b.running().done }

func (b *Broker) running() *jvm {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.jvm
}

// Start starts a broker again that was stopped or killed, on the same ports and data, and waits until it answers.
func (b *Broker) Start(ctx context.Context) error {
	if was := b.running(); was != nil {
		select {
		case <-was.done:
		default:
			return errors.New("start Kafka: it is running")
		}
	}
	now, err := b.launch()
	if err != nil {
		return err
	}
	b.mu.Lock()
	b.jvm = now
	b.mu.Unlock()
	if err := b.ready(ctx, now); err != nil {
		return errors.Join(err, b.Kill())
	}
	return nil
}

// Stop asks the broker to shut down and waits; when ctx ends first, it is killed, and the error says so.
func (b *Broker) Stop(ctx context.Context) error {
	if err := b.signal(syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case <-b.running().done:
		return nil
	case <-ctx.Done():
		return errors.Join(fmt.Errorf("stop Kafka: it did not end in time and was killed: %w", ctx.Err()), b.Kill())
	}
}

// Kill is kill -9. It returns when the process is gone.
func (b *Broker) Kill() error {
	if err := b.signal(syscall.SIGKILL); err != nil {
		return err
	}
	<-b.running().done
	return nil
}

// Freeze stops the process where it is (SIGSTOP), with its connections open; Thaw lets it go on.
func (b *Broker) Freeze() error { return b.signal(syscall.SIGSTOP) }

// Thaw lets a frozen broker go on.
func (b *Broker) Thaw() error { return b.signal(syscall.SIGCONT) }

// signal does nothing to a broker that has ended.
func (b *Broker) signal(s syscall.Signal) error {
	err := b.running().process.Signal(s)
	if err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("send %s to Kafka: %w", s, err)
	}
	return nil
}

// launch starts the JVM. It is started and awaited by a thread of its own, since on Linux the JVM's life is tied to
// that of the thread that started it.
func (b *Broker) launch() (*jvm, error) {
	log, err := os.OpenFile(b.log(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open Kafka's log: %w", err)
	}
	heap := b.cfg.HeapMB
	if heap == 0 {
		heap = 256
	}
	// Not the caller's context: it bounds the start, not the life.
	command := b.java(context.Background(), "-Xmx"+strconv.Itoa(heap)+"m", "-XX:+UseSerialGC", "kafka.Kafka", b.settings())
	command.Stdout, command.Stderr = log, log
	command.SysProcAttr = endWithParent()
	now := &jvm{done: make(chan struct{})}
	started := make(chan error)
	go onOneThread(func() {
		defer log.Close()
		err := command.Start()
		now.process = command.Process
		started <- err
		if err == nil {
			now.exit = command.Wait()
			close(now.done)
		}
	})
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start Kafka: %w", err)
	}
	return now, nil
}

// java is a command that runs with the broker's jars.
func (b *Broker) java(ctx context.Context, args ...string) *exec.Cmd {
	all := []string{
		"-cp", filepath.Join(b.from.Jars, "*"),
		"-XX:TieredStopAtLevel=1", // these brokers do not live long enough to pay for better code
		"-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
		"-Dorg.slf4j.simpleLogger.showDateTime=true",
	}
	for key, value := range b.cfg.SystemProperties {
		all = append(all, "-D"+key+"="+value)
	}
	command := exec.CommandContext(ctx, b.from.Java, append(all, args...)...)
	command.Dir = b.cfg.Dir
	command.WaitDelay = time.Second
	return command
}

func (b *Broker) data() string     { return filepath.Join(b.cfg.Dir, "data") }
func (b *Broker) settings() string { return filepath.Join(b.cfg.Dir, "server.properties") }
func (b *Broker) log() string      { return filepath.Join(b.cfg.Dir, "broker.log") }
