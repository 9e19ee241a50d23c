package kafka

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"time"
)

// batch is what producers send and brokers keep as one: records with neighbouring offsets, compressed together.
//
// Its layout, in bytes: base offset 8, length of what follows 4, leader's epoch 4, version 1, checksum of what
// follows 4, attributes 2, last offset less base 4, first and greatest time 8 each, producer's id 8, its epoch 2,
// its sequence 4, number of records 4, records.
type batch struct {
	base, last   int64 // offsets; compaction leaves them as they were
	attributes   uint16
	first, great int64 // times, in milliseconds since 1970
	producer     int64
	count        int
	records      []byte
}

const (
	batchHead    = 61
	batchLengthE = 12 // end of the length, from where it counts
	batchVersion = 16
	batchSum     = 17
	batchSummed  = 21

	codecMask     = 1<<3 - 1
	appendTime    = 1 << 3 // all records have the broker's time, the greatest
	transactional = 1 << 4
	control       = 1 << 5 // the broker's own: the end of a transaction
)

var (
	// errCutOff says that a response ended within a batch: brokers fill it up to the byte.
	errCutOff = errors.New("the batch is cut off")
	// errCorrupt says that bytes are not what a producer or broker may have written.
	errCorrupt = errors.New("corrupt records")
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// readBatch takes the first batch off b.
func readBatch(b []byte) (batch, []byte, error) {
	be := binary.BigEndian
	if len(b) <= batchVersion {
		return batch{}, nil, errCutOff
	}
	size := int(int32(be.Uint32(b[8:])))
	if version := b[batchVersion]; version != 2 {
		return batch{}, nil, fmt.Errorf("the batch at offset %d has the format of Kafka 0.10 and older (version %d), which is not read here", be.Uint64(b), version)
	}
	if size < batchHead-batchLengthE {
		return batch{}, nil, fmt.Errorf("%w: the batch at offset %d has %d bytes", errCorrupt, be.Uint64(b), size)
	}
	if len(b)-batchLengthE < size {
		return batch{}, nil, errCutOff
	}
	b, rest := b[:batchLengthE+size], b[batchLengthE+size:]
	if crc32.Checksum(b[batchSummed:], castagnoli) != be.Uint32(b[batchSum:]) {
		return batch{}, nil, fmt.Errorf("%w: the checksum of the batch at offset %d is wrong", errCorrupt, be.Uint64(b))
	}
	found := batch{
		base:       int64(be.Uint64(b)),
		attributes: be.Uint16(b[21:]),
		first:      int64(be.Uint64(b[27:])),
		great:      int64(be.Uint64(b[35:])),
		producer:   int64(be.Uint64(b[43:])),
		count:      int(int32(be.Uint32(b[57:]))),
		records:    b[batchHead:],
	}
	found.last = found.base + int64(int32(be.Uint32(b[23:])))
	if found.base < 0 || found.last < found.base || found.count < 0 {
		return batch{}, nil, fmt.Errorf("%w: a batch from offset %d to %d with %d records", errCorrupt, found.base, found.last, found.count)
	}
	return found, rest, nil
}

// record is one record of a batch, as far as it is of interest.
type record struct {
	offset int64
	time   int64 // milliseconds since 1970
	value  []byte
}

// record decodes one: attributes 1 byte, then as variable-length integers the time and offset less the batch's, the
// key's length and the key, the value's length (-1: none) and the value. The headers after it are not looked at.
func (b *batch) record(body []byte) (record, error) {
	at := 1
	delta, n := binary.Varint(tail(body, at))
	at += n
	offset, m := binary.Varint(tail(body, at))
	at += m
	key, o := binary.Varint(tail(body, at))
	at += o
	if n <= 0 || m <= 0 || o <= 0 || key > int64(len(body)-at) {
		return record{}, b.corrupt()
	}
	at += max(0, int(key))
	size, n := binary.Varint(tail(body, at))
	at += n
	if n <= 0 || size > int64(len(body)-at) {
		return record{}, b.corrupt()
	}
	r := record{offset: b.base + offset, time: b.first + delta, value: body[at : at+max(0, int(size))]}
	if b.attributes&appendTime != 0 {
		r.time = b.great
	}
	if r.offset < b.base || r.offset > b.last {
		return record{}, b.corrupt()
	}
	return r, nil
}

func (b *batch) corrupt() error {
	return fmt.Errorf("%w: a record of the batch from offset %d to %d cannot be decoded", errCorrupt, b.base, b.last)
}

func tail(b []byte, at int) []byte { return b[min(at, len(b)):] }

func (r record) at() time.Time { return time.UnixMilli(r.time) }
