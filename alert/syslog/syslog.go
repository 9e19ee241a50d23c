// Package syslog tells a syslog receiver of incidents, for a SIEM that reads it. It owns the
// message after RFC 5424, and its framing by octet counting after RFC 6587 over TCP and TLS
// (RFC 5425).
//
//	alert.Message ─► <82>1 2026-03-02T03:12:07Z host tokenwatch 4711 opened [tokenwatch@32473 id="inc-…" …] CRITICAL · …
//	                   └─ "1234 " before it over TCP and TLS, a datagram over UDP
//
// It refuses to chatter: a line when an incident opens, becomes more severe, is acknowledged
// or resolves. Syslog answers nothing, so a connection is opened for every message: one that
// was cut is noticed at once, and not a message later.
package syslog

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"github.com/tokenwatch/tokenwatch/alert"
)

// Notifier sends to one receiver.
type Notifier struct {
	cfg  Config
	tls  *tls.Config
	from origin
}

// New makes a notifier. It calls nobody; see Check.
func New(cfg Config) (*Notifier, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	secure, err := cfg.tls()
	if err != nil {
		return nil, err
	}
	host, err := os.Hostname()
	if err != nil {
		host = ""
	}
	return &Notifier{cfg: cfg, tls: secure, from: origin{facility: facilities[cfg.Facility], host: host, process: os.Getpid()}}, nil
}

// Name is "syslog".
func (n *Notifier) Name() string { return "syslog" }

// Notify sends a line if there is something new to say. The ref says what was said last.
func (n *Notifier) Notify(ctx context.Context, m alert.Message) (string, error) {
	ref := string(m.Incident.State) + ":" + m.Incident.Severity.String()
	if m.Kind != alert.KindIncident || m.Ref == ref {
		return m.Ref, nil
	}
	if err := n.send(ctx, n.from.line(m, n.limit(), time.Now())); err != nil {
		return "", fmt.Errorf("syslog: %w", err)
	}
	return ref, nil
}

// Sizes that every receiver ought to take (RFC 5424, 6.1), and that those over TCP do take.
const (
	maxDatagram = 2048
	maxFrame    = 8192
)

func (n *Notifier) limit() int {
	if n.cfg.Network == "udp" {
		return maxDatagram
	}
	return maxFrame
}

func (n *Notifier) send(ctx context.Context, line []byte) error {
	ctx, cancel := context.WithTimeout(ctx, n.cfg.Timeout)
	defer cancel()
	conn, err := n.dial(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	if deadline, ok := ctx.Deadline(); ok {
		_ = conn.SetDeadline(deadline)
	}
	if n.cfg.Network != "udp" {
		line = fmt.Appendf(nil, "%d %s", len(line), line)
	}
	if _, err := conn.Write(line); err != nil {
		return err
	}
	return farewell(conn)
}

func (n *Notifier) dial(ctx context.Context) (net.Conn, error) {
	dialer := &net.Dialer{}
	if n.cfg.Network == "tls" {
		return (&tls.Dialer{NetDialer: dialer, Config: n.tls}).DialContext(ctx, "tcp", n.cfg.Address)
	}
	return dialer.DialContext(ctx, n.cfg.Network, n.cfg.Address)
}

// patience is how long a receiver has to close its side of a connection that we are done
// with. Most do at once, some never.
const patience = 300 * time.Millisecond

// farewell ends our side and waits for the other, so that a receiver which cut the connection
// before it had read everything is found out.
func farewell(conn net.Conn) error {
	half, ok := conn.(interface{ CloseWrite() error })
	if !ok {
		return nil // a datagram
	}
	if err := half.CloseWrite(); err != nil {
		return err
	}
	_ = conn.SetReadDeadline(time.Now().Add(patience))
	_, err := io.Copy(io.Discard, conn)
	var slow net.Error
	if errors.As(err, &slow) && slow.Timeout() {
		return nil
	}
	return err
}

// Check opens a connection and closes it. Over UDP nothing can be known.
func (n *Notifier) Check(ctx context.Context) error {
	conn, err := n.dial(ctx)
	if err != nil {
		return fmt.Errorf("syslog: %w", err)
	}
	return conn.Close()
}
