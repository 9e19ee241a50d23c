package kafka

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	kafkago "github.com/segmentio/kafka-go"
)

// fetchRequest asks the leader of one partition for records of committed transactions.
type fetchRequest struct {
	topic     string
	partition int32
	offset    int64
	minBytes  int
	maxBytes  int
	maxWait   time.Duration
}

// readCommitted has the broker stop before the first transaction that is open, and name the aborted ones.
const readCommitted = 1

// append encodes the request with its length before it.
func (q fetchRequest) append(b []byte, version int16, serial int32, client string) []byte {
	be := binary.BigEndian
	b = be.AppendUint32(b, 0) // the length, when it is known
	b = be.AppendUint16(b, fetchKey)
	b = be.AppendUint16(b, uint16(version))
	b = be.AppendUint32(b, uint32(serial))
	b = appendString(b, client)
	b = be.AppendUint32(b, 0xffffffff) // not a replica
	b = be.AppendUint32(b, uint32(q.maxWait.Milliseconds()))
	b = be.AppendUint32(b, uint32(q.minBytes))
	b = be.AppendUint32(b, uint32(q.maxBytes))
	b = append(b, readCommitted)
	if version >= fetchNew {
		b = be.AppendUint32(b, 0)          // no session,
		b = be.AppendUint32(b, 0xffffffff) // and none wanted
	}
	b = be.AppendUint32(b, 1) // topic
	b = appendString(b, q.topic)
	b = be.AppendUint32(b, 1) // partition
	b = be.AppendUint32(b, uint32(q.partition))
	if version >= fetchNew {
		b = be.AppendUint32(b, 0xffffffff) // whatever the leader's epoch
	}
	b = be.AppendUint64(b, uint64(q.offset))
	if version >= fetchNew {
		b = be.AppendUint64(b, ^uint64(0)) // only replicas have a log to tell of
	}
	b = be.AppendUint32(b, uint32(q.maxBytes))
	if version >= fetchNew {
		b = be.AppendUint32(b, 0) // no topic to forget
	}
	be.PutUint32(b, uint32(len(b)-4))
	return b
}

func appendString(b []byte, s string) []byte {
	return append(binary.BigEndian.AppendUint16(b, uint16(len(s))), s...)
}

// fetchAnswer is what a fetch brought for its partition.
type fetchAnswer struct {
	throttle time.Duration // for which the broker wants to be left alone
	code     kafkago.Error // 0 when all is well
	end      int64         // the offset after the last that can be read now; -1 when unknown
	aborted  []aborted     // transactions whose records are among these, by their first offset
	records  []byte        // batches of records, the last one possibly cut off
}

// aborted is a transaction whose records must not be seen: those of the producer from an offset to its next marker.
type aborted struct{ producer, first int64 }

// read decodes an answer. The records stay where they are, in b.
func (a *fetchAnswer) read(b []byte, version int16) error {
	*a = fetchAnswer{end: -1, aborted: a.aborted[:0]}
	c := cursor{b: b}
	a.throttle = time.Duration(max(0, c.int32())) * time.Millisecond
	if version >= fetchNew {
		a.code = kafkago.Error(c.int16())
		c.int32() // the session
	}
	if a.code != 0 && !c.short {
		return nil
	}
	if topics := c.int32(); topics != 1 && !c.short {
		return fmt.Errorf("the broker's answer has %d topics, not the one that was asked for", topics)
	}
	c.skip(int(c.int16()))
	if partitions := c.int32(); partitions != 1 && !c.short {
		return fmt.Errorf("the broker's answer has %d partitions, not the one that was asked for", partitions)
	}
	a.readPartition(&c, version)
	if c.short {
		return fmt.Errorf("the broker's answer ends early, after %d bytes", len(b))
	}
	return nil
}

func (a *fetchAnswer) readPartition(c *cursor, version int16) {
	c.int32() // which
	a.code = kafkago.Error(c.int16())
	a.end = c.int64()
	if stable := c.int64(); stable >= 0 {
		a.end = stable
	}
	if version >= fetchNew {
		c.int64() // where the log starts
	}
	for n := c.int32(); n > 0 && !c.short; n-- {
		a.aborted = append(a.aborted, aborted{producer: c.int64(), first: c.int64()})
	}
	slices.SortFunc(a.aborted, func(x, y aborted) int { return cmp.Compare(x.first, y.first) })
	a.records = c.take(max(0, int(c.int32())))
}

// cursor reads numbers from the front of bytes. After it met their end it reads zeros and is short.
type cursor struct {
	b     []byte
	short bool
}

func (c *cursor) take(n int) []byte {
	if n < 0 || n > len(c.b) {
		c.b, c.short = nil, true
		return nil
	}
	taken := c.b[:n]
	c.b = c.b[n:]
	return taken
}

func (c *cursor) skip(n int) { c.take(n) }

func (c *cursor) int16() int16 {
	if b := c.take(2); b != nil {
		return int16(binary.BigEndian.Uint16(b))
	}
	return 0
}

func (c *cursor) int32() int32 {
	if b := c.take(4); b != nil {
		return int32(binary.BigEndian.Uint32(b))
	}
	return 0
}

func (c *cursor) int64() int64 {
	if b := c.take(8); b != nil {
		return int64(binary.BigEndian.Uint64(b))
	}
	return 0
}
