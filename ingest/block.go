package ingest

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/tokenwatch/tokenwatch/schema"
)

// Position is where a record stood in Kafka, and when its block was taken in.
type Position struct {
	Topic     string
	Partition int32
	Offset    int64
	At        time.Time // the block's ingested time, the same for all its records and in every replay
}

// Locator says where in the world, and in whose network, an address is. It answers
// with a zero Place when it does not know, and must be safe for concurrent use.
type Locator interface {
	Locate(ip netip.Addr) schema.Place
}

// Editions is a Locator whose answers are the same as long as Edition is. What it said in an edition is then
// remembered beside other things, and not asked for again. 0 is no edition: nothing may be remembered.
type Editions interface {
	Locator
	Edition() uint64
}

// BlockConfig says when a block is complete: at whichever bound is met first.
type BlockConfig struct {
	// Rows is how many events and dead letters fill a block. One batched record may
	// exceed it.
	Rows int `yaml:"rows"`
	// Bytes is how many bytes of records fill a block.
	Bytes int `yaml:"bytes"`
	// FlushInterval is how long a record waits for others to share its block, and up to
	// twelve times as long while more of them are in Kafka than were read: what is late anyway is
	// stored in fewer and larger blocks.
	FlushInterval time.Duration `yaml:"flush_interval"`
	// Memory is how many bytes all blocks of this process may take, those being filled and those being
	// stored. When it is used up, blocks are stored smaller, and partitions wait for one another.
	Memory int `yaml:"memory"`
	// Inserts is how many blocks are stored at a time.
	Inserts int `yaml:"inserts"`
	// Grace is how long a pipeline that is told to stop goes on trying to finish its block. What is
	// not finished is repeated by the partition's next owner. Longer than kafka.session_timeout is
	// of no use: by then the partition is somebody else's.
	Grace time.Duration `yaml:"grace"`
}

// DefaultBlockConfig suits ClickHouse, which likes few and large inserts: its memory is enough for two full blocks as ClickHouse takes
// them, one that is filled and one that is stored.
func DefaultBlockConfig() BlockConfig {
	return BlockConfig{Rows: 200_000, Bytes: 192 << 20, FlushInterval: 750 * time.Millisecond, Memory: 144 << 20, Inserts: 3, Grace: 8 * time.Second}
}

// Validate reports the first key that cannot work, by its name in the configuration.
func (c BlockConfig) Validate() error {
	switch {
	case c.Rows < 1 || c.Rows > 1_000_000:
		return fmt.Errorf("ingest.block.rows: %d is not between 1 and 1000000", c.Rows)
	case c.Bytes < 1<<10 || c.Bytes > 1<<30:
		return fmt.Errorf("ingest.block.bytes: %d is not between 1024 and %d", c.Bytes, 1<<30)
	case c.FlushInterval < time.Millisecond || c.FlushInterval > time.Minute:
		return fmt.Errorf("ingest.block.flush_interval: %s is not between 1ms and 1m", c.FlushInterval)
	case c.Memory < 1<<20 || c.Memory > 1<<40:
		return fmt.Errorf("ingest.block.memory: %d is not between %d and %d", c.Memory, 1<<20, 1<<40)
	case c.Inserts < 1 || c.Inserts > 1000:
		return fmt.Errorf("ingest.block.inserts: %d is not between 1 and 1000", c.Inserts)
	case c.Grace < 0 || c.Grace > 10*time.Minute:
		return errors.New("ingest.block.grace: must be between 0s and 10m")
	}
	return nil
}
