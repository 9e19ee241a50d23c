package ingest

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/tokenwatch/tokenwatch/schema"
)

// intake fills blocks with what a claim delivers, one block ahead of the one being stored.
// Two goroutines meet here: the reader adds records and waits when the block is complete
// and not yet taken; the writer takes the block when it is complete or old enough.
// A partition therefore never holds more than two blocks.
type intake struct {
	config   BlockConfig
	claim    Claim
	decoder  RecordDecoder
	observer Observer

	full chan struct{} // the writer should look: a block was begun or completed
	room chan struct{} // the reader may go on: the block was taken

	mu       sync.Mutex
	block    *schema.Block // being filled
	spare    *schema.Block // empty
	next     int64         // offset expected next; negative before the first one is known
	pending  *intent       // range that block has to be exactly, from a former owner
	complete bool          // block takes no more
	records  int           // in block
	bytes    int64         // in block
	begun    time.Time     // when block got its first record, or the intake began
	appended time.Time     // when that record was appended to Kafka
}

func newIntake(p *Pipeline, claim Claim, next int64, pending *intent) *intake {
	return &intake{
		config: p.Config, claim: claim, decoder: p.Decoder, observer: p.observer(),
		full: make(chan struct{}, 1), room: make(chan struct{}, 1),
		block: &schema.Block{}, spare: &schema.Block{}, next: next, pending: pending, begun: time.Now(),
	}
}

// read adds the claim's records until ctx ends or the claim fails.
func (in *intake) read(ctx context.Context) error {
	for {
		err := in.claim.Fetch(ctx, in.position(), func(offset int64, at time.Time, value []byte) error {
			return in.add(ctx, offset, at, value)
		})
		var gap interface{ Gap() (from, to int64) }
		if !errors.As(err, &gap) {
			return err
		}
		from, to := gap.Gap()
		in.skip(from, to)
	}
}

func (in *intake) position() int64 {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.next
}

// add puts a record into the block, when there is room for it.
func (in *intake) add(ctx context.Context, offset int64, at time.Time, value []byte) error {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.pending != nil && offset > in.pending.last {
		in.endReplay()
	}
	for in.complete {
		in.mu.Unlock()
		err := in.waitForRoom(ctx)
		in.mu.Lock()
		if err != nil {
			return err
		}
	}
	if in.next >= 0 && offset > in.next {
		in.observer.Missing(in.claim.Topic(), in.claim.Partition(), in.next, offset, false)
	}
	if in.records == 0 {
		in.begin(offset, at)
	}
	in.decoder.Decode(in.block, value, Position{
		Topic: in.block.Topic, Partition: in.block.Partition, Offset: offset, At: in.block.Ingested,
	})
	in.block.Last = offset
	in.next = offset + 1
	in.records++
	in.bytes += int64(len(value))
	if in.filled() {
		in.seal()
	}
	return nil
}

func (in *intake) waitForRoom(ctx context.Context) error {
	select {
	case <-in.room:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// begin starts a block. It covers the offsets from where the last one ended, also those
// that turned out to hold no record, so that blocks follow one another without a hole.
func (in *intake) begin(offset int64, at time.Time) {
	in.block.Topic, in.block.Partition = in.claim.Topic(), in.claim.Partition()
	in.block.First = offset
	if in.next >= 0 {
		in.block.First = in.next
	}
	in.begun, in.appended = time.Now(), at
	in.block.Ingested = in.begun.UTC().Truncate(time.Millisecond)
	if in.pending != nil {
		in.block.First, in.block.Ingested = in.pending.first, in.pending.at
	}
	signal(in.full)
}

func (in *intake) filled() bool {
	if in.pending != nil {
		return in.block.Last == in.pending.last
	}
	return len(in.block.Events)+len(in.block.DeadLetters) >= in.config.Rows || in.bytes >= int64(in.config.Bytes)
}

// seal completes the block: the reader waits until the writer has taken it.
func (in *intake) seal() {
	in.complete = true
	if in.pending != nil {
		in.block.Last, in.pending = in.pending.last, nil
	}
	signal(in.full)
}

// endReplay completes a replay whose last records are no longer there. The range stays what it
// was, since the store knows the block by it.
func (in *intake) endReplay() {
	in.next = max(in.next, in.pending.last+1)
	if in.records == 0 {
		in.pending = nil
		return
	}
	in.seal()
}

// skip goes on behind offsets that cannot be read any more.
func (in *intake) skip(from, to int64) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.observer.Missing(in.claim.Topic(), in.claim.Partition(), from, max(from, to), true)
	if in.pending != nil && (to > in.pending.last || to < from) {
		in.endReplay()
	}
	if in.records > 0 && in.pending == nil {
		in.complete = true // what precedes the gap is a block of its own
		signal(in.full)
	}
	in.next = to
}

// cut is a block that was taken from the intake, ready to be stored.
type cut struct {
	block    *schema.Block
	appended time.Time
}

// take waits for a block to be complete or old enough. It returns ctx's error, or done's when the
// reader has ended and left nothing that is complete.
func (in *intake) take(ctx context.Context, done <-chan struct{}) (cut, bool) {
	for {
		ready, wait := in.ready()
		if ready {
			return in.swap(), true
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
		case <-done:
		case <-in.full:
			timer.Stop()
			continue
		case <-timer.C:
			continue
		}
		timer.Stop()
		return cut{}, false
	}
}

// ready tells whether the block can be taken, or else when to look again at the latest.
func (in *intake) ready() (bool, time.Duration) {
	in.mu.Lock()
	defer in.mu.Unlock()
	age := time.Since(in.begun)
	if in.pending != nil && age > replayPatience*in.config.FlushInterval && in.endsWithinReplay() {
		in.pending = nil // the rest of the range will never come; what there is of it is a block like any other
	}
	switch {
	case in.complete:
		return true, 0
	case in.pending != nil:
		return false, in.config.FlushInterval
	case in.records == 0:
		return false, time.Hour
	}
	return age >= in.config.FlushInterval, in.config.FlushInterval - age
}

// replayPatience is how many flush intervals a replay waits for records that the log does not have. A new leader
// may need a moment to show all it has; a log that was cut off, in an election that Kafka calls unclean,
// stays so.
const replayPatience = 60

// endsWithinReplay tells whether the log ends before the pending range does, and all it has was read.
func (in *intake) endsWithinReplay() bool {
	end := in.claim.HighWater()
	return end >= 0 && end <= in.pending.last && in.next >= end
}

func (in *intake) swap() cut {
	in.mu.Lock()
	defer in.mu.Unlock()
	taken := cut{block: in.block, appended: in.appended}
	in.observer.Fetched(taken.block.Topic, taken.block.Partition, in.records, in.bytes)
	in.block, in.spare = in.spare, nil
	in.complete, in.records, in.bytes = false, 0, 0
	signal(in.room)
	return taken
}

// giveBack returns a block that has been stored.
func (in *intake) giveBack(c cut) {
	recycle(c.block)
	in.mu.Lock()
	defer in.mu.Unlock()
	in.spare = c.block
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
