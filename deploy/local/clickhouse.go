package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"
)

// startTimeout bounds one start. A first start takes a fraction of a second, one on much data a few.
const startTimeout = 60 * time.Second

// ClickHouse is an embedded ClickHouse that is ready to be used.
type ClickHouse struct {
	child    *child
	engine   engine
	lock     *os.File
	password Secret
	analyst  Secret
	tcpPort  int
	httpPort int
	stopping atomic.Bool
}

// StartClickHouse starts ClickHouse on the data in c.Dir and returns when it answers queries. Ending ctx later
// does not stop it: Stop does, or the end of this process.
//
// Errors wrap ErrMissing when there is nothing to run, ErrInUse when another process works on the same data,
// ErrPortTaken when a configured port is taken; otherwise they carry what ClickHouse said before it ended.
func StartClickHouse(ctx context.Context, c ClickHouseConfig) (*ClickHouse, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	e, err := findEngine(ctx, c)
	if err != nil {
		return nil, err
	}
	folder, err := filepath.Abs(filepath.Join(c.Dir, "clickhouse"))
	if err != nil {
		return nil, fmt.Errorf("find the data folder: %w", err)
	}
	lock, err := lockFolder(ctx, folder)
	if err != nil {
		return nil, err
	}
	started, err := home(folder).start(ctx, c, e, lock)
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return started, nil
}

// start tries again when another process was quicker to take a port that we had picked.
func (h home) start(ctx context.Context, c ClickHouseConfig, e engine, lock *os.File) (*ClickHouse, error) {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	const attempts = 3
	var err error
	for range attempts {
		var started *ClickHouse
		if started, err = h.attempt(ctx, c, e, lock); err == nil {
			return started, nil
		}
		if !strings.Contains(err.Error(), "Address already in use") {
			break
		}
	}
	return nil, err
}

func (h home) attempt(ctx context.Context, c ClickHouseConfig, e engine, lock *os.File) (*ClickHouse, error) {
	tcpPort, httpPort, err := claimPorts(c)
	if err != nil {
		return nil, err
	}
	password, err := keptSecret(h.password())
	if err != nil {
		return nil, err
	}
	analyst, err := keptSecret(h.analystPassword())
	if err != nil {
		return nil, err
	}
	if err := h.furnish(h.settings(tcpPort, httpPort, c.MaxMemory), c.Profile, password, analyst); err != nil {
		return nil, err
	}
	if err := h.mendLogs(); err != nil {
		return nil, err
	}
	child, err := h.spawn(e, lock)
	if err != nil {
		return nil, err
	}
	started := &ClickHouse{child: child, engine: e, lock: lock, password: password, analyst: analyst, tcpPort: tcpPort, httpPort: httpPort}
	if err := started.ready(ctx); err != nil {
		ended, cancel := context.WithCancel(context.Background())
		cancel() // nothing to finish: kill it
		_ = child.stop(ended)
		return nil, err
	}
	return started, nil
}

// ready waits until a query with the password is answered, which no other server on that port could do.
func (c *ClickHouse) ready(ctx context.Context) error {
	client := &http.Client{Timeout: 5 * time.Second}
	defer client.CloseIdleConnections()
	for {
		last := c.ping(ctx, client)
		if last == nil {
			return nil
		}
		select {
		case <-c.child.done:
			return c.child.death()
		case <-ctx.Done():
			return fmt.Errorf("wait for ClickHouse to answer: %w; last: %w; it said: %s", ctx.Err(), last, c.child.stderr)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (c *ClickHouse) ping(ctx context.Context, client *http.Client) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+address(c.httpPort)+"/", strings.NewReader("SELECT 1"))
	if err != nil {
		return err
	}
	request.SetBasicAuth(user, c.password.Reveal())
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, 512))
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK || strings.TrimSpace(string(answer)) != "1" {
		return fmt.Errorf("answered %s: %s", response.Status, answer)
	}
	return nil
}

// DSN is the address for clickhouse-go, with user, password and the database default. It is a secret.
func (c *ClickHouse) DSN() string {
	dsn := url.URL{
		Scheme: "clickhouse",
		User:   url.UserPassword(user, c.password.Reveal()),
		Host:   address(c.tcpPort),
		Path:   "/default",
	}
	return dsn.String()
}

// HTTPAddress is the host and port of the HTTP interface, for people and for curl.
func (c *ClickHouse) HTTPAddress() string { return address(c.httpPort) }

// TCPAddress is the host and port of the native protocol.
func (c *ClickHouse) TCPAddress() string { return address(c.tcpPort) }

// Engine names what runs, for people: the version or library and where it was found.
func (c *ClickHouse) Engine() string { return c.engine.name }

// PID is the number of the child process.
func (c *ClickHouse) PID() int { return c.child.process.Pid }

// Done is closed when the child has ended, asked or not.
func (c *ClickHouse) Done() <-chan struct{} { return c.child.done }

// Err says why the child ended by itself. It is nil while it runs and after Stop.
func (c *ClickHouse) Err() error {
	select {
	case <-c.child.done:
	default:
		return nil
	}
	if c.stopping.Load() {
		return nil
	}
	return c.child.death()
}

// Wait blocks until the child has ended, and returns Err.
func (c *ClickHouse) Wait() error {
	<-c.child.done
	return c.Err()
}

// Stop ends ClickHouse in good order: it finishes what it is writing. When ctx ends before, it is killed, which
// the error tells; its data survives that too. Stopping twice is fine.
func (c *ClickHouse) Stop(ctx context.Context) error {
	select {
	case <-c.child.done: // it died before: Err keeps the reason
	default:
		c.stopping.Store(true)
	}
	err := c.child.stop(ctx)
	if closed := c.lock.Close(); closed != nil && !errors.Is(closed, os.ErrClosed) {
		err = errors.Join(err, fmt.Errorf("unlock the data folder: %w", closed))
	}
	return err
}
