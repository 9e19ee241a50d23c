package kafka

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	kafkago "github.com/segmentio/kafka-go"
)

// leader is a connection to the broker that leads a partition. kafka-go has found the broker and signed in, and answers
// questions about offsets; fetches go past it (deploy/adr/0007-fetch.md says why). Each waits for the other's answer.
type leader struct {
	conn    *kafkago.Conn
	raw     net.Conn
	client  string
	version int16 // of fetch requests
	serial  int32 // of the last request made here
	limit   time.Duration
	request []byte
	answer  []byte // the last one, used again for the next
}

func (n *network) leader(ctx context.Context, topic string, partition int32) (*leader, error) {
	conn, raw, err := n.dialLeader(ctx, topic, partition)
	if err != nil {
		return nil, err
	}
	l := &leader{conn: conn, raw: raw, client: n.cfg.ClientID, limit: n.cfg.MaxWait + n.cfg.Timeout}
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	_ = conn.SetDeadline(time.Now().Add(n.cfg.Timeout)) // its only error is that of a closed connection, which shows next
	if l.version, err = fetchVersion(conn); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	_ = conn.SetDeadline(time.Time{})
	return l, nil
}

// Versions of the fetch request that are spoken here. Kafka 0.11 to 2.0 know the first only, which lacks nothing
// but zstd; every broker since knows both.
const (
	fetchOld = 4
	fetchNew = 10
	fetchKey = 1 // the number of fetch among the requests
)

func fetchVersion(conn *kafkago.Conn) (int16, error) {
	known, err := conn.ApiVersions()
	if err != nil {
		return 0, fmt.Errorf("asking which requests the broker knows: %w", err)
	}
	for _, api := range known {
		switch {
		case api.ApiKey != fetchKey:
		case api.MinVersion <= fetchNew && fetchNew <= api.MaxVersion:
			return fetchNew, nil
		case api.MinVersion <= fetchOld && fetchOld <= api.MaxVersion:
			return fetchOld, nil
		}
	}
	return 0, fmt.Errorf("the broker knows fetch requests neither of version %d nor %d: Kafka 0.11 or newer is needed", fetchOld, fetchNew)
}

// maxAnswer bounds what a broker may make this process hold: one batch that is as large as can be, and the rest.
const maxAnswer = maxFetch + 1<<20

// fetch asks for records and returns the answer's body, which is valid until the next one.
func (l *leader) fetch(q fetchRequest) ([]byte, error) {
	l.serial++
	l.request = q.append(l.request[:0], l.version, l.serial, l.client)
	if err := l.raw.SetWriteDeadline(time.Now().Add(l.limit)); err != nil {
		return nil, err
	}
	if _, err := l.raw.Write(l.request); err != nil {
		return nil, err
	}
	var head [8]byte // size of what follows, and the request's serial number
	if err := l.read(head[:]); err != nil {
		return nil, err
	}
	size, serial := int(int32(binary.BigEndian.Uint32(head[:])))-4, int32(binary.BigEndian.Uint32(head[4:]))
	switch {
	case serial != l.serial:
		return nil, fmt.Errorf("the broker answers request %d rather than %d", serial, l.serial)
	case size < 0 || size > maxAnswer:
		return nil, fmt.Errorf("the broker's answer is %d bytes long; at most %d are taken", size, maxAnswer)
	}
	// One answer of a hundred megabytes shall not be remembered by its buffer for ever.
	if size > cap(l.answer) || cap(l.answer) > 8*max(size, q.maxBytes) {
		l.answer = make([]byte, size+size/4)
	}
	l.answer = l.answer[:size]
	return l.answer, l.read(l.answer)
}

// read fills b. What is limited is the time that the broker says nothing.
func (l *leader) read(b []byte) error {
	for len(b) > 0 {
		if err := l.raw.SetReadDeadline(time.Now().Add(l.limit)); err != nil {
			return err
		}
		n, err := l.raw.Read(b)
		b = b[n:]
		if err != nil && len(b) > 0 {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return err
		}
	}
	return nil
}
