package proxy

import (
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

// piece is how many bytes travel at once.
const piece = 32 << 10

// link is one connection that is passed on: two sockets, two directions.
type link struct {
	proxy          *Proxy
	client, server *net.TCPConn
	budget         int64         // bytes until the fault at work ends it; guarded by proxy.mu
	done           chan struct{} // closed with both sockets
	once           sync.Once
}

// pass works until both directions have ended.
func (l *link) pass() {
	var directions sync.WaitGroup
	directions.Go(func() { l.pump(l.server, l.client) })
	directions.Go(func() { l.pump(l.client, l.server) })
	directions.Wait()
	l.close() // in peace: what was written last may still be on its way
}

// pump passes one direction on. The end of it is passed on too: half a connection may
// live on. After an error that is no such end, the whole connection is given up.
func (l *link) pump(to, from *net.TCPConn) {
	buffer := make([]byte, piece)
	for {
		n, err := from.Read(buffer)
		if n > 0 && !l.forward(to, buffer[:n]) {
			return
		}
		if err != nil {
			if !errors.Is(err, io.EOF) || to.CloseWrite() != nil {
				l.reset()
			}
			return
		}
	}
}

// forward writes bytes as the fault at work allows; false ends the direction.
func (l *link) forward(to *net.TCPConn, bytes []byte) bool {
	for waited := false; ; {
		fault, changed := l.proxy.current()
		switch {
		case fault.Kind == Stall:
			l.proxy.strike()
			if !l.wait(changed, nil) {
				return false
			}
			continue // under another fault
		case fault.Kind == Delay && !waited:
			waited = true
			l.proxy.strike()
			timer := time.NewTimer(l.proxy.pause(fault.Longest))
			alive := l.wait(changed, timer.C)
			timer.Stop()
			if !alive {
				return false
			}
			continue
		case fault.ends():
			return l.spend(fault, to, bytes)
		}
		return l.write(to, bytes)
	}
}

// wait is over when the fault changes or the timer fires (true), or the link ends (false).
func (l *link) wait(changed <-chan struct{}, timer <-chan time.Time) bool {
	select {
	case <-changed:
	case <-timer:
	case <-l.done:
		return false
	}
	return true
}

// spend writes what is left of the link's budget, and ends it when that is not enough.
func (l *link) spend(fault Fault, to *net.TCPConn, bytes []byte) bool {
	l.proxy.mu.Lock()
	allowed := min(l.budget, int64(len(bytes)))
	l.budget -= allowed
	l.proxy.mu.Unlock()
	if !l.write(to, bytes[:allowed]) {
		return false
	}
	if allowed == int64(len(bytes)) {
		return true
	}
	l.proxy.strike()
	if fault.Kind == Cut {
		l.reset()
		return false
	}
	_ = to.CloseWrite() // what cannot be closed is closed already
	return false
}

func (l *link) write(to *net.TCPConn, bytes []byte) bool {
	if _, err := to.Write(bytes); err != nil {
		l.reset()
		return false
	}
	return true
}

// halfClose ends one direction, as a peer does that has nothing more to say.
func (l *link) halfClose(towardsServer bool) {
	to := l.client
	if towardsServer {
		to = l.server
	}
	_ = to.CloseWrite() // what cannot be closed is closed already
}

// reset ends both directions at once.
func (l *link) reset() {
	l.once.Do(func() {
		reset(l.client)
		reset(l.server)
		close(l.done)
	})
}

// close gives both sockets back after both directions have ended.
func (l *link) close() {
	l.once.Do(func() {
		_ = l.client.Close() // it has said all it had to say
		_ = l.server.Close()
		close(l.done)
	})
}

// reset closes a socket so that the peer sees an error rather than an end.
func reset(c *net.TCPConn) {
	_ = c.SetLinger(0) // on a closed socket: it is closed, as wanted
	_ = c.Close()
}
