package schema

import (
	"fmt"
	"time"
)

// Replay is a line of the book on what became of a dead letter that was to be replayed.
type Replay struct {
	At        time.Time // when the line was written, by the store's clock
	Topic     string
	Partition int32
	Offset    int64
	Item      uint32
	Ingested  time.Time // of the dead letter
	Run       string    // names the run of the replay
	State     ReplayState
	NewOffset int64 // intended: where the partition ended then; done: of the record that was appended
}

// ReplayState is how far a replay came, numbered as in the table's Enum8.
type ReplayState uint8

// States of a replay.
const (
	ReplayIntended ReplayState = 1 + iota // about to be appended
	ReplayDone                            // appended
	ReplayGivenUp                         // was not appended, whatever was intended
)

// ID names a dead letter: topic/partition/offset/item.
func (d *DeadLetter) ID() string {
	return fmt.Sprintf("%s/%d/%d/%d", d.Topic, d.Partition, d.Offset, d.Item)
}

// Origin is the ID with the time of the block, which tells a letter of a topic that was
// made anew, and counts from 0 again, from one of the old topic.
func (d *DeadLetter) Origin() string { return fmt.Sprintf("%s@%d", d.ID(), d.Ingested.UnixMilli()) }

// Letter is the dead letter that a line is about, without what is in it.
func (r *Replay) Letter() DeadLetter {
	return DeadLetter{Topic: r.Topic, Partition: r.Partition, Offset: r.Offset, Item: r.Item, Ingested: r.Ingested}
}
