package ingest

import (
	"encoding/binary"

	"github.com/tokenwatch/tokenwatch/schema"
)

// Rekeyed is what one source partition's block has for one partition of the topic that events are re-keyed to: records
// in their order, each with events in theirs. They have to be appended one after the other, each acknowledged
// before the next: then whatever is repeated after a crash was seen before, and Repeats can tell it.
type Rekeyed [][]byte

// Bounds of a record: brokers refuse what is larger than 1 MiB unless they were told otherwise.
const (
	rekeyedBytes  = 256 << 10
	rekeyedEvents = 5_000
)

// KeyedTo is the partition that a token's events are re-keyed to: the first four bytes of its fingerprint as a number,
// low byte first, modulo the number of partitions. Fingerprints are evenly spread, so it takes no hash.
func KeyedTo(token schema.TokenID, partitions int) int32 {
	return int32(binary.LittleEndian.Uint32(token[:4]) % uint32(partitions))
}

// Rekey writes a block's events for so many partitions, by token. The same block gives the same records. Events without
// a token belong to nobody and are left out.
func Rekey(b *schema.Block, partitions int) []Rekeyed {
	to := make([]Rekeyed, partitions)
	open := make([]*rekeyCoder, partitions)
	for e := range b.All() {
		if e.Token.IsZero() {
			continue
		}
		p := KeyedTo(e.Token, partitions)
		c := open[p]
		if c == nil {
			c = &rekeyCoder{texts: map[string]uint64{}}
			c.head(&rekeyedHead{topic: b.Topic, partition: b.Partition, at: b.Ingested})
			open[p] = c
		}
		c.event(e)
		if c.events++; len(c.buf) >= rekeyedBytes || c.events >= rekeyedEvents {
			to[p], open[p] = append(to[p], c.buf), nil
		}
	}
	for p, c := range open {
		if c != nil {
			to[p] = append(to[p], c.buf)
		}
	}
	return to
}
