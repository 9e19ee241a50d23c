package ingest

import (
	"encoding/json"
	"time"

	"github.com/tokenwatch/tokenwatch/schema"
)

// Repeats reads the records of one partition of re-keyed events, in order, and leaves out the events that it has seen
// before. Events are appended to that topic at least once, so that after a crash a block may come again.
//
// For each source partition it remembers the last event. A block is appended in order and repeated from its beginning,
// so what is not behind that event, and is of no later block, was seen. A later block with lower offsets is
// of a topic that was made anew, or of a group that was set back: that is read again, as it is
// everywhere else. The source's partitions bound what is remembered. It is not safe for concurrent use.
type Repeats struct {
	seen  map[string]map[int32]mark // by topic and partition
	drops uint64
}

// mark is the last event that was seen of a source partition, and its block's time.
type mark struct {
	Offset int64  `json:"offset"`
	Item   uint32 `json:"item"`
	At     int64  `json:"at"` // milliseconds since 1970
}

// NewRepeats has seen nothing.
func NewRepeats() *Repeats { return &Repeats{seen: map[string]map[int32]mark{}} }

// Dropped is how many events were left out.
func (r *Repeats) Dropped() uint64 { return r.drops }

// Read appends the events of a record that were not seen before to dst. Their place is where the record stands, and
// their number in it; the one that they were first read from is in the events table.
func (r *Repeats) Read(dst []schema.Event, record []byte, topic string, partition int32, offset int64) ([]schema.Event, error) {
	c := &rekeyCoder{buf: record, reading: true}
	var h rekeyedHead
	c.head(&h)
	before := len(dst)
	var last mark
	for item := uint32(0); c.err == nil && len(c.buf) > 0; item++ {
		var e schema.Event
		c.event(&e)
		at := mark{Offset: e.Offset, Item: e.Item, At: h.at.UnixMilli()}
		if c.err == nil && !r.has(&h, at) {
			last = at
			e.Ingested, e.Topic, e.Partition, e.Offset, e.Item = h.at, topic, partition, offset, item
			dst = append(dst, e)
		} else {
			r.drops++
		}
	}
	if c.err != nil {
		return dst[:before], c.err
	}
	if len(dst) > before {
		r.set(h.topic, h.partition, last)
	}
	return dst, nil
}

// Saw notes an event that was read elsewhere, in its first place.
func (r *Repeats) Saw(e *schema.Event) {
	at := mark{Offset: e.Offset, Item: e.Item, At: e.Ingested.UnixMilli()}
	known, some := r.seen[e.Topic][e.Partition]
	if !some || at.At > known.At || at.At == known.At && at.after(known) {
		r.set(e.Topic, e.Partition, at)
	}
}

func (r *Repeats) has(h *rekeyedHead, at mark) bool {
	known, some := r.seen[h.topic][h.partition]
	return some && !at.after(known) && at.At <= known.At
}

func (m mark) after(o mark) bool {
	return m.Offset > o.Offset || m.Offset == o.Offset && m.Item > o.Item
}

func (r *Repeats) set(topic string, partition int32, at mark) {
	if r.seen[topic] == nil {
		r.seen[topic] = map[int32]mark{}
	}
	r.seen[topic][partition] = at
}

// MarshalJSON is what has been seen, to be stored with the profiles that hold as much.
func (r *Repeats) MarshalJSON() ([]byte, error) { return json.Marshal(r.seen) }

// UnmarshalJSON takes back what MarshalJSON wrote.
func (r *Repeats) UnmarshalJSON(text []byte) error {
	r.seen = map[string]map[int32]mark{}
	return json.Unmarshal(text, &r.seen)
}

// RekeyedAt is when the block was begun whose events a record holds.
func RekeyedAt(record []byte) (time.Time, error) {
	c := &rekeyCoder{buf: record, reading: true}
	var h rekeyedHead
	c.head(&h)
	return h.at, c.err
}
