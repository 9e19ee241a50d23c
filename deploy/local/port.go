package local

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"syscall"
)

// Loopback is the only address that the embedded engines listen on.
const Loopback = "127.0.0.1"

// Names of the configuration keys that move an engine to another port; errors name them.
const (
	KeyClickHouseTCP  = "clickhouse.tcp_port"
	KeyClickHouseHTTP = "clickhouse.http_port"
	KeyKafka          = "kafka.port"
)

// ErrPortTaken says that something else listens on a port an engine was told to use.
var ErrPortTaken = errors.New("port is taken")

// claimPorts returns the configured ports when they are free, and free ones in place of 0. Nothing holds them
// between here and ClickHouse's own bind, so it must be ready to try again with others.
func claimPorts(c ClickHouseConfig) (tcp, http int, err error) {
	first, err := listen(c.TCPPort, KeyClickHouseTCP)
	if err != nil {
		return 0, 0, err
	}
	defer first.Close()
	second, err := listen(c.HTTPPort, KeyClickHouseHTTP) // while first is held: two zeros must not become one port
	if err != nil {
		return 0, 0, err
	}
	defer second.Close()
	return first.Addr().(*net.TCPAddr).Port, second.Addr().(*net.TCPAddr).Port, nil
}

func listen(port int, key string) (net.Listener, error) {
	listener, err := net.Listen("tcp", address(port))
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, portTaken(port, key)
	}
	if err != nil {
		return nil, fmt.Errorf("listen on %s (%s): %w", address(port), key, err)
	}
	return listener, nil
}

func portTaken(port int, key string) error {
	return fmt.Errorf("%w: something listens on %s already; choose another port with %s (0 = any free one)",
		ErrPortTaken, address(port), key)
}

func address(port int) string {
	return net.JoinHostPort(Loopback, strconv.Itoa(port))
}

func validPort(port int, key string) error {
	if port < 0 || port > 65535 {
		return fmt.Errorf("%s: %d is not a port; use 1 to 65535, or 0 for any free one", key, port)
	}
	return nil
}
