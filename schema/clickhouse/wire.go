package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/ClickHouse/ch-go"
	"github.com/ClickHouse/clickhouse-go/v2"
)

// wire is a small pool of ch-go connections: at most cap(slots) at a time. A connection
// that saw an error is closed, since nobody knows what is left to read on it.
type wire struct {
	addresses []string
	options   ch.Options
	slots     chan struct{}

	mu     sync.Mutex
	idle   []idleClient
	closed bool
}

type idleClient struct {
	*ch.Client
	since time.Time
}

// A connection that rested longer than this is pinged before it is used: the server may
// have closed it or be another one by now.
const restless = time.Second

var errPoolClosed = errors.New("the connections are closed")

func newWire(o *clickhouse.Options) *wire {
	w := &wire{
		addresses: o.Addr,
		slots:     make(chan struct{}, o.MaxOpenConns),
		options: ch.Options{
			Database:         o.Auth.Database,
			User:             o.Auth.Username,
			Password:         o.Auth.Password,
			Compression:      compression(o),
			ReadTimeout:      o.ReadTimeout,
			DialTimeout:      o.DialTimeout,
			HandshakeTimeout: o.DialTimeout,
			TLS:              o.TLS,
			ClientName:       "tokenwatch",
		},
	}
	for key, value := range o.Settings {
		w.options.Settings = append(w.options.Settings, ch.Setting{Key: key, Value: fmt.Sprint(value), Important: true})
	}
	return w
}

var compressions = map[clickhouse.CompressionMethod]ch.Compression{
	clickhouse.CompressionNone:  ch.CompressionDisabled,
	clickhouse.CompressionLZ4:   ch.CompressionLZ4,
	clickhouse.CompressionLZ4HC: ch.CompressionLZ4HC,
	clickhouse.CompressionZSTD:  ch.CompressionZSTD,
}

// compression is what the DSN says, else LZ4, but none on the way to this same machine:
// there it would cost 300 ns a row at this end alone and save nothing.
func compression(o *clickhouse.Options) ch.Compression {
	if o.Compression != nil {
		return compressions[o.Compression.Method]
	}
	for _, address := range o.Addr {
		host, _, err := net.SplitHostPort(address)
		ip, parsed := netip.ParseAddr(host)
		if err != nil || host != "localhost" && (parsed != nil || !ip.IsLoopback()) {
			return ch.CompressionLZ4
		}
	}
	return ch.CompressionDisabled
}

// do runs q on a connection of its own.
func (w *wire) do(ctx context.Context, q ch.Query) error {
	select {
	case w.slots <- struct{}{}:
	case <-ctx.Done():
		return fmt.Errorf("waiting for a connection: %w", context.Cause(ctx))
	}
	defer func() { <-w.slots }()

	client, err := w.client(ctx)
	if err != nil {
		return err
	}
	if err := client.Do(ctx, q); err != nil {
		_ = client.Close() // broken or not, it is given up
		return err
	}
	w.release(client)
	return nil
}

func (w *wire) client(ctx context.Context) (*ch.Client, error) {
	for {
		rested, ok, err := w.take()
		if err != nil {
			return nil, err
		}
		if !ok {
			return w.dial(ctx)
		}
		if time.Since(rested.since) < restless || w.answers(ctx, rested.Client) {
			return rested.Client, nil
		}
		_ = rested.Close() // the server is gone from its other end
	}
}

// answers is bounded apart: on a connection that was cut without a word, the whole
// query's time would pass before anybody noticed.
func (w *wire) answers(ctx context.Context, c *ch.Client) bool {
	ctx, cancel := context.WithTimeout(ctx, w.options.DialTimeout)
	defer cancel()
	return c.Ping(ctx) == nil
}

func (w *wire) take() (idleClient, bool, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return idleClient{}, false, errPoolClosed
	}
	last := len(w.idle) - 1
	if last < 0 {
		return idleClient{}, false, nil
	}
	c := w.idle[last]
	w.idle = w.idle[:last]
	return c, true, nil
}

// dial tries the addresses in their order.
func (w *wire) dial(ctx context.Context) (*ch.Client, error) {
	var failures []error
	for _, address := range w.addresses {
		o := w.options
		o.Address = address
		client, err := ch.Dial(ctx, o)
		if err == nil {
			return client, nil
		}
		failures = append(failures, err)
	}
	return nil, errors.Join(failures...)
}

func (w *wire) release(c *ch.Client) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		_ = c.Close() // nobody will use it again
		return
	}
	w.idle = append(w.idle, idleClient{Client: c, since: time.Now()})
}

func (w *wire) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
	for _, c := range w.idle {
		_ = c.Close() // nothing is under way on an idle connection
	}
	w.idle = nil
}
