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

// claimPort returns port when it is free, or a free one when port is 0. Nothing holds the port between
// here and the engine's own bind, so an engine on chosen ports must be ready to try again.
func claimPort(port int, key string) (int, error) {
	listener, err := net.Listen("tcp", address(port))
	if errors.Is(err, syscall.EADDRINUSE) {
		return 0, portTaken(port, key)
	}
	if err != nil {
		return 0, fmt.Errorf("listen on %s (%s): %w", address(port), key, err)
	}
	chosen := listener.Addr().(*net.TCPAddr).Port
	return chosen, listener.Close()
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
