package realkafka

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"time"
)

// ready waits until the broker answers a request, its process ends, or ctx ends. Kafka opens its ports early and
// answers late: only when the controller has let it join.
func (b *Broker) ready(ctx context.Context, now *jvm) error {
	for {
		err := askVersions(ctx, b.Address())
		if err == nil {
			return nil
		}
		select {
		case <-now.done:
			return fmt.Errorf("start Kafka: it ended by itself (%v): %s", now.exit, b.lastWords())
		case <-ctx.Done():
			return fmt.Errorf("waiting for Kafka: %w (%w): %s", ctx.Err(), err, b.lastWords())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// askVersions sends ApiVersions, the one request that every broker understands in its first version: key 18,
// version 0, correlation 1, no client id.
func askVersions(ctx context.Context, address string) error {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	if _, err := conn.Write([]byte{0, 0, 0, 10, 0, 18, 0, 0, 0, 0, 0, 1, 0xff, 0xff}); err != nil {
		return err
	}
	var head [10]byte // size, correlation, error code
	if _, err := io.ReadFull(conn, head[:]); err != nil {
		return err
	}
	if code := binary.BigEndian.Uint16(head[8:]); code != 0 {
		return fmt.Errorf("the broker answers with error %d", code)
	}
	return nil
}

// lastWords is the end of the broker's log.
func (b *Broker) lastWords() string {
	const most = 2048
	text, err := os.ReadFile(b.log())
	if err != nil {
		return err.Error()
	}
	return strings.TrimSpace(string(text[max(0, len(text)-most):]))
}
