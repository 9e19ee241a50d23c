package kafka

import (
	"context"
	"crypto/tls"
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
	mechanism, err := cfg.SASL.mechanism(cfg.Timeout)
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

// dialLeader connects to the broker that leads a partition, asking each broker in turn. It returns the
// connection twice: as kafka-go's, which has signed in, and as what that one reads from and writes to.
func (n *network) dialLeader(ctx context.Context, topic string, partition int32) (*kafkago.Conn, net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, n.cfg.Timeout)
	defer cancel()
	var failed error
	for _, broker := range n.cfg.Brokers {
		found, err := n.dialer.LookupPartition(ctx, "tcp", broker, topic, int(partition))
		if err != nil {
			failed = errors.Join(failed, err)
			continue
		}
		var raw net.Conn
		dialer := *n.dialer
		dialer.TLS = nil // done by dial, or what it returns would be what lies under TLS
		dialer.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
			raw, err = n.dial(ctx, network, address)
			return raw, err
		}
		conn, err := dialer.DialPartition(ctx, "tcp", "", found)
		if err == nil {
			return conn, raw, nil
		}
		failed = errors.Join(failed, err)
	}
	return nil, nil, fmt.Errorf("connecting to the leader of %s/%d: %w", topic, partition, failed)
}

// dial opens a connection, encrypted when the configuration says so.
func (n *network) dial(ctx context.Context, network, address string) (net.Conn, error) {
	raw, err := (&net.Dialer{KeepAlive: 15 * time.Second}).DialContext(ctx, network, address)
	if err != nil || n.dialer.TLS == nil {
		return raw, err
	}
	conf := n.dialer.TLS.Clone()
	if conf.ServerName == "" {
		if conf.ServerName, _, err = net.SplitHostPort(address); err != nil {
			return nil, errors.Join(err, raw.Close())
		}
	}
	conn := tls.Client(raw, conf)
	if err := conn.HandshakeContext(ctx); err != nil {
		return nil, errors.Join(err, raw.Close())
	}
	return conn, nil
}
