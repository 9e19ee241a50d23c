// Package proxy stands between a client and a server and does to their TCP connections
// what networks do: it delays, stalls, cuts and half-closes them, and refuses new ones.
// Without a fault it is transparent: bytes, their order, and the end of either direction
// pass unchanged.
//
//	client ──► Address() ──[ Fault ]──► target
//	       ◄──             [       ]◄──
//
// Its randomness (how long, after how many bytes, which direction) is drawn from a seed.
// Which connection gets which draw depends on who comes first.
//
// It refuses to know the protocol. A server that tells its clients where it is (Kafka
// does) has to be told to name the proxy.
package proxy

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"time"
)

// dialTimeout bounds connecting to the target, which is on the same machine.
const dialTimeout = 5 * time.Second

// Proxy passes connections on to one target.
type Proxy struct {
	listener net.Listener

	mu      sync.Mutex
	target  string
	random  *rand.Rand
	fault   Fault
	changed chan struct{}      // closed when another fault is applied
	links   map[*link]struct{} // as many as connections are open
	struck  int64
	pumping sync.WaitGroup
}

// Listen opens the proxy's port; address may have port 0. Run passes connections on.
func Listen(address, target string, seed uint64) (*Proxy, error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("opening the proxy's port: %w", err)
	}
	return &Proxy{
		listener: listener, target: target, random: rand.New(rand.NewPCG(seed, 0)),
		changed: make(chan struct{}), links: map[*link]struct{}{},
	}, nil
}

// Address is where clients connect.
func (p *Proxy) Address() string { return p.listener.Addr().String() }

// Target replaces where new connections are passed on to.
func (p *Proxy) Target(address string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.target = address
}

// Open counts the connections that are open.
func (p *Proxy) Open() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.links)
}

// Struck counts how often a fault did something: held or ended a connection's bytes, or
// refused a connection. A fault that nothing meets does nothing.
func (p *Proxy) Struck() int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.struck
}

func (p *Proxy) strike() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.struck++
}

// Apply replaces the fault that is at work, for open and for new connections. The zero
// Fault is none.
func (p *Proxy) Apply(f Fault) {
	p.mu.Lock()
	p.fault = f
	close(p.changed)
	p.changed = make(chan struct{})
	var over []*link
	for l := range p.links {
		l.budget = p.budget()
		if f.ends() && l.budget == 0 {
			over = append(over, l)
		}
	}
	p.mu.Unlock()
	for _, l := range over {
		p.end(l)
	}
}

// Run passes connections on until ctx ends, and then closes all of them.
func (p *Proxy) Run(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { _ = p.listener.Close() }) // Accept tells that it is closed
	defer stop()
	defer p.pumping.Wait()
	defer p.closeAll()
	for {
		client, err := p.listener.Accept()
		switch {
		case ctx.Err() != nil:
			if err == nil {
				reset(client.(*net.TCPConn))
			}
			return nil
		case errors.Is(err, net.ErrClosed):
			return fmt.Errorf("accepting connections for %s: %w", p.aim(), err)
		case err != nil:
			continue // the connection was gone before it was accepted
		}
		p.pumping.Go(func() { p.connect(ctx, client.(*net.TCPConn)) })
	}
}

// connect passes one connection on. A target that is away looks like one whose machine
// refuses the connection right after it was made.
func (p *Proxy) connect(ctx context.Context, client *net.TCPConn) {
	if f, _ := p.current(); f.Kind == Refuse {
		p.strike()
		reset(client)
		return
	}
	server, err := (&net.Dialer{Timeout: dialTimeout}).DialContext(ctx, "tcp", p.aim())
	if err != nil {
		reset(client)
		return
	}
	l := &link{proxy: p, client: client, server: server.(*net.TCPConn), done: make(chan struct{})}
	if ctx.Err() != nil || !p.add(l) {
		l.reset()
		return
	}
	l.pass()
	p.mu.Lock()
	delete(p.links, l)
	p.mu.Unlock()
}

// add keeps a link, unless the fault at work ends it at once.
func (p *Proxy) add(l *link) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	l.budget = p.budget()
	if p.fault.ends() && l.budget == 0 {
		p.struck++
		return false
	}
	p.links[l] = struct{}{}
	return true
}

// budget draws how many bytes a connection still passes. The lock is held.
func (p *Proxy) budget() int64 {
	if !p.fault.ends() || p.fault.Bytes <= 0 {
		return 0
	}
	return p.random.Int64N(p.fault.Bytes + 1)
}

// end ends what a fault ends at once.
func (p *Proxy) end(l *link) {
	p.strike()
	f, _ := p.current()
	switch f.Kind {
	case Cut:
		l.reset()
	case HalfClose:
		l.halfClose(p.coin())
	}
}

func (p *Proxy) coin() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.random.IntN(2) == 0
}

// pause draws how long a piece is delayed.
func (p *Proxy) pause(longest time.Duration) time.Duration {
	if longest <= 0 {
		return 0
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return time.Duration(p.random.Int64N(int64(longest) + 1))
}

func (p *Proxy) aim() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.target
}

func (p *Proxy) current() (Fault, <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.fault, p.changed
}

func (p *Proxy) closeAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for l := range p.links {
		l.reset()
	}
}
