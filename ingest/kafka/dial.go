package kafka

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	kafkago "github.com/segmentio/kafka-go"
)

// network opens connections as the configuration says. It has two doors because kafka-go
// has two clients: Dialer for group membership and fetching, Client for the rest.
type network struct {
	cfg       Config
	dialer    *kafkago.Dialer
	transport *kafkago.Transport
	client    *kafkago.Client
}

func newNetwork(cfg Config) (*network, error) {
	conf, err := cfg.TLS.config()
	if err != nil {
		return nil, err
	}
	mechanism, err := cfg.SASL.mechanism()
	if err != nil {
		return nil, err
	}
	n := &network{cfg: cfg}
	n.dialer = &kafkago.Dialer{ClientID: cfg.ClientID, Timeout: cfg.Timeout, TLS: conf, SASLMechanism: mechanism}
	n.transport = n.newTransport()
	n.client = &kafkago.Client{Addr: kafkago.TCP(cfg.Brokers...), Timeout: cfg.Timeout, Transport: n.transport}
	return n, nil
}

func (n *network) newTransport() *kafkago.Transport {
	return &kafkago.Transport{
		ClientID: n.cfg.ClientID, DialTimeout: n.cfg.Timeout, TLS: n.dialer.TLS, SASL: n.dialer.SASLMechanism,
		// The transport asks for every topic of the cluster unless it is told which.
		MetadataTopics: n.cfg.Topics(),
	}
}

func (n *network) close() { n.transport.CloseIdleConnections() }

// dialLeader connects to the broker that leads a partition, asking each broker in turn.
func (n *network) dialLeader(ctx context.Context, topic string, partition int32) (*kafkago.Conn, error) {
	dialer := *n.dialer
	dialer.DialFunc = n.dialPatient
	ctx, cancel := context.WithTimeout(ctx, n.cfg.Timeout)
	defer cancel()
	var failed error
	for _, broker := range n.cfg.Brokers {
		conn, err := dialer.DialLeader(ctx, "tcp", broker, topic, int(partition))
		if err == nil {
			return conn, nil
		}
		failed = errors.Join(failed, err)
	}
	return nil, fmt.Errorf("connecting to the leader of %s/%d: %w", topic, partition, failed)
}

func (n *network) dialPatient(ctx context.Context, network, address string) (net.Conn, error) {
	raw, err := (&net.Dialer{KeepAlive: 15 * time.Second}).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	limited := &limitedReads{Conn: raw, limit: n.cfg.MaxWait + n.cfg.Timeout}
	return &patientConn{Conn: raw, buffered: bufio.NewReaderSize(limited, readBuffer)}, nil
}

// readBuffer is what one system call may bring in: kafka-go's own buffer of 4 KiB would
// cost one every few records.
const readBuffer = 128 << 10

// patientConn is a connection on which a fetch response may lie half read for as long as
// the reader of its records is held up: only waiting for the broker is limited in time.
type patientConn struct {
	net.Conn
	buffered *bufio.Reader
}

func (c *patientConn) Read(b []byte) (int, error) { return c.buffered.Read(b) }

// SetReadDeadline does nothing: limitedReads sets one for each read.
func (c *patientConn) SetReadDeadline(time.Time) error { return nil }

// SetDeadline sets the write deadline only, for the same reason.
func (c *patientConn) SetDeadline(t time.Time) error { return c.SetWriteDeadline(t) }

type limitedReads struct {
	net.Conn
	limit time.Duration
}

func (c *limitedReads) Read(b []byte) (int, error) {
	if err := c.SetReadDeadline(time.Now().Add(c.limit)); err != nil {
		return 0, err
	}
	return c.Conn.Read(b)
}
