package ingest

import (
	"context"
	"time"

	"github.com/tokenwatch/tokenwatch/schema"
)

// Claim is one partition that this process may work on for now.
type Claim interface {
	Topic() string
	Partition() int32
	// HighWater is the offset after the last record there is; -1 when unknown.
	HighWater() int64
	// Committed is the group's offset and the note that was committed with it; -1 when there is none.
	Committed(ctx context.Context) (offset int64, note string, err error)
	// Commit stores an offset and a note. It must be refused once the claim is over.
	Commit(ctx context.Context, offset int64, note string) error
	// Fetch delivers records in order from an offset (negative: the earliest) until ctx
	// ends or deliver fails, waiting for more when there are none. A value is valid until deliver
	// returns. When offsets can no longer be read it returns an error that has a method
	// Gap() (from, to int64), and reading can go on at to.
	Fetch(ctx context.Context, from int64, deliver func(offset int64, at time.Time, value []byte) error) error
}

// RecordDecoder turns one record into events and dead letters, which it appends to dst.
// It never fails, keeps nothing of value, and makes the same of the same record.
type RecordDecoder interface {
	Decode(dst *schema.Block, value []byte, pos Position)
}

// Store keeps blocks. The block belongs to the caller again when InsertBlock returns.
type Store interface {
	// InsertBlock stores a block whole. A block of the same topic, partition and range
	// that is stored already is not stored again, which is no error. After an error nobody knows
	// whether the block is stored, unless Pipeline.Refused says that it is not.
	InsertBlock(ctx context.Context, b *schema.Block) error
}

// Handler follows partitions by their events.
type Handler interface {
	// Resume is called once when the partition is taken over, before its first record. Events at offsets
	// below next have been handled, by this process or another.
	Resume(ctx context.Context, topic string, partition int32, next int64) (Lane, error)
}

// Lane follows one partition. Its events are looked at as they come, and what follows from them becomes true
// when they are stored: a block that is not stored may come again in another process, cut in another way.
// Look and Cut are not called at the same time as each other, but at any time beside Handle.
type Lane interface {
	// Look shows the events of a record that was decoded just now, in order. They are not stored yet, so nothing
	// that follows from them may leave the process or outlive it before Handle. Their paths and ids of requests are valid until it
	// returns; reading goes on then.
	Look(events []schema.Event)
	// Cut says that the block ends at offset last: Look has shown all events up to there and none behind.
	Cut(last int64)
	// Handle is told of a block that is stored, all of which Look has shown. It returns when everything that follows
	// from the block is safe. After an error, or a crash, the block's events come again, after another Resume. The
	// block belongs to the caller again when it returns.
	Handle(ctx context.Context, b *schema.Block) error
}

// Hasty is a Lane that sometimes cannot wait for a block to become large or old. It is asked after each Look.
type Hasty interface {
	// Hurry reports whether what Look has shown just now is to be stored as soon as possible.
	Hurry() bool
}

// Observer is told what happens, for metrics. Its methods are called often and must not block.
type Observer interface {
	// Fetched tells of records that went into a block, and their size.
	Fetched(topic string, partition int32, records int, bytes int64)
	// Missing tells of offsets from, up to but not including to, that held no record. Lost ones
	// were deleted before they could be read; others are usual in compacted and transactional topics.
	Missing(topic string, partition int32, from, to int64, lost bool)
	// Looked tells, of some of the records, that the lane has looked at one that was appended to Kafka at that time
	// or a little later.
	Looked(topic string, partition int32, appended time.Time)
	// Stored tells of a block that is in the store, when the first of its records was appended to
	// Kafka (zero if unknown), and how long the insert took with all its repetitions.
	Stored(b *schema.Block, appended time.Time, took time.Duration)
	// Retried tells of an insert that failed and is going to be repeated.
	Retried(topic string, partition int32, err error)
	// Handled tells of a block that the handler is done with.
	Handled(b *schema.Block, took time.Duration)
}

// quiet is the Observer of a pipeline that has none.
type quiet struct{}

func (quiet) Fetched(string, int32, int, int64)              {}
func (quiet) Missing(string, int32, int64, int64, bool)      {}
func (quiet) Looked(string, int32, time.Time)                {}
func (quiet) Stored(*schema.Block, time.Time, time.Duration) {}
func (quiet) Retried(string, int32, error)                   {}
func (quiet) Handled(*schema.Block, time.Duration)           {}
