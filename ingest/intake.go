package ingest

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/tokenwatch/tokenwatch/schema"
)

// intake fills blocks with what a claim delivers, one block ahead of the one being stored, and
// shows each event to the lane as it comes.
// Two goroutines meet here: the reader adds records and waits when the block is complete
// and not yet taken; the writer takes the block when it is complete or due.
// A partition therefore never holds more than two blocks, and all of them no more than memory allows.
type intake struct {
	config   BlockConfig
	claim    Claim
	decoder  RecordDecoder
	observer Observer
	memory   *memory
	lane     Lane
	hasty    Hasty // the lane, if it may be in a hurry

	full chan struct{} // the writer should look: a block was begun or completed
	free chan struct{} // the reader may go on: the block was taken

	mu       sync.Mutex
	room     *room            // with the block being filled; nil before its first record
	next     int64            // offset expected next; negative before the first one is known
	pending  *intent          // range that the block has to be exactly, from a former owner
	missing  []schema.Missing // found since the last record, for the block that gets the next one
	complete bool             // the block takes no more
	due      bool             // the block is ripe as soon as the end of the log is reached
	ripe     bool             // the block may be taken, and takes records until it is
	hurry    bool             // somebody waits for the block
	hurried  time.Time        // when a block was last taken because of that
	seen     int              // records when the writer looked last at a block that is due
	records  int              // in the block
	bytes    int64            // in the block
	begun    time.Time        // when the block got its first record, or the intake began
	appended time.Time        // when that record was appended to Kafka
}

func newIntake(p *Pipeline, claim Claim, lane Lane, next int64, pending *intent) *intake {
	hasty, _ := lane.(Hasty)
	return &intake{
		config: p.Config, claim: claim, decoder: p.Decoder, observer: p.observer(), memory: p.memory(), lane: lane, hasty: hasty,
		full: make(chan struct{}, 1), free: make(chan struct{}, 1), next: next, pending: pending, begun: time.Now(),
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
		if in.next <= in.pending.last {
			in.missing = append(in.missing, schema.Missing{First: in.next, Last: in.pending.last, Kind: schema.MissingAbsent})
		}
		in.endReplay()
	}
	for in.complete || in.room == nil {
		if err := in.ready(ctx); err != nil {
			return err
		}
	}
	if in.next >= 0 && offset > in.next {
		in.observer.Missing(in.claim.Topic(), in.claim.Partition(), in.next, offset, false)
		in.missing = append(in.missing, schema.Missing{First: in.next, Last: offset - 1, Kind: schema.MissingAbsent})
	}
	if in.records == 0 {
		in.begin(offset, at)
	}
	in.room.block.Missing, in.missing = append(in.room.block.Missing, in.missing...), in.missing[:0]
	in.decode(offset, at, value)
	in.room.block.Last = offset
	in.next = offset + 1
	in.records++
	in.bytes += int64(len(value))
	if in.due && !in.ripe && in.caughtUp() {
		in.ripe = true
		signal(in.full)
	}
	if in.filled() || !in.memory.grow(in.room) && in.pending == nil {
		in.seal()
	}
	return nil
}

// ready waits, without the lock, until there is a block that takes records. A partition that waits for
// memory holds none.
func (in *intake) ready(ctx context.Context) error {
	complete, events, replay := in.complete, in.ahead(), in.pending != nil
	in.mu.Unlock()
	fresh, err := in.turn(ctx, complete, events, replay)
	in.mu.Lock()
	if fresh != nil {
		in.room = fresh
	}
	return err
}

func (in *intake) turn(ctx context.Context, complete bool, events int, replay bool) (*room, error) {
	if !complete {
		return in.memory.begin(ctx, events, replay)
	}
	select {
	case <-in.free:
		return nil, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// ahead is how many records are known to be in the log and were not read, at least 0 and no more than a block takes.
func (in *intake) ahead() int {
	return int(min(max(in.claim.HighWater()-max(in.next, 0), 0), int64(in.config.Rows)))
}

// decode adds what a record is made of to the block, and shows it to the lane.
func (in *intake) decode(offset int64, at time.Time, value []byte) {
	b := in.room.block
	events, letters := len(b.Events), len(b.DeadLetters)
	in.decoder.Decode(b, value, Position{Topic: b.Topic, Partition: b.Partition, Offset: offset, At: b.Ingested})
	in.room.count(events, letters)
	if len(b.Events) == events {
		return
	}
	in.lane.Look(b.Events[events:])
	if len(b.Events) >= packEvery {
		in.room.pack()
	}
	if in.hasty != nil && in.hasty.Hurry() && !in.hurry {
		in.hurry = true
		signal(in.full)
	}
	if in.records%lookedEvery == 0 {
		in.observer.Looked(b.Topic, b.Partition, at)
	}
}

// lookedEvery is of how many records one is reported to the observer as looked at.
const lookedEvery = 64

// begin starts a block. It covers the offsets from where the last one ended, also those
// that turned out to hold no record, so that blocks follow one another without a hole.
func (in *intake) begin(offset int64, at time.Time) {
	b := in.room.block
	b.Topic, b.Partition = in.claim.Topic(), in.claim.Partition()
	b.First = offset
	if in.next >= 0 {
		b.First = in.next
	}
	in.begun, in.appended = time.Now(), at
	b.Ingested = in.begun.UTC().Truncate(time.Millisecond)
	if in.pending != nil {
		b.First, b.Ingested = in.pending.first, in.pending.at
	}
	signal(in.full)
}

func (in *intake) filled() bool {
	if in.pending != nil {
		return in.room.block.Last == in.pending.last
	}
	b := in.room.block
	return b.Count()+len(b.DeadLetters) >= in.config.Rows || in.bytes >= int64(in.config.Bytes)
}

// seal completes the block: the reader waits until the writer has taken it.
func (in *intake) seal() {
	in.complete = true
	if in.pending != nil {
		in.room.block.Last, in.pending = in.pending.last, nil
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
	switch {
	case to > from:
		in.missing = append(in.missing, schema.Missing{First: from, Last: to - 1, Kind: schema.MissingLost})
	case to < from:
		in.missing = append(in.missing, schema.Missing{First: to, Last: from - 1, Kind: schema.MissingReset})
	}
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
	*room
	appended time.Time
}

// await waits for a block to be complete or due. It reports false when ctx ends, or when the
// reader has ended and left nothing that is complete.
func (in *intake) await(ctx context.Context, done <-chan struct{}) bool {
	for {
		wait := in.look()
		if wait <= 0 {
			return true
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
		return false
	}
}

// look says when to look again at the latest; now if the block is complete or due.
func (in *intake) look() time.Duration {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.wait()
}

// take takes the block that was awaited, with what has been added to it since.
func (in *intake) take() cut {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.swap()
}

// more tells whether there is a block to take.
func (in *intake) more() bool { return in.look() <= 0 }

// wait is how long the block may go on taking records, until somebody looks again.
func (in *intake) wait() time.Duration {
	age := time.Since(in.begun)
	if in.pending != nil && age > replayPatience*in.config.FlushInterval && in.endsWithinReplay() {
		in.pending = nil // the rest of the range will never come; what there is of it is a block like any other
	}
	switch {
	case in.complete, in.ripe:
		return 0
	case in.pending != nil:
		return in.config.FlushInterval
	case in.records == 0:
		return time.Hour
	case in.hurry:
		return min(max(0, hurryEvery-time.Since(in.hurried)), max(0, in.config.FlushInterval-age))
	case age < in.config.FlushInterval:
		return in.config.FlushInterval - age
	}
	return in.behind(age)
}

// hurryEvery is how far apart blocks are at least that are taken early: small blocks cost the store as much as large
// ones, and who causes findings may go on causing them.
const hurryEvery = 200 * time.Millisecond

// behind lets a block that is due grow while the log has more for it: what is read late anyway is stored in
// fewer and larger blocks, which cost the store less. The reader says where the log ends.
func (in *intake) behind(age time.Duration) time.Duration {
	standing := in.due && in.records == in.seen // since the last look: the end of the log may hold no records
	if in.caughtUp() || standing || age >= lagPatience*in.config.FlushInterval {
		return 0
	}
	in.due, in.seen = true, in.records
	return max(in.config.FlushInterval/4, time.Millisecond)
}

// lagPatience is how many flush intervals a record waits at most for others to share its block.
const lagPatience = 12

// caughtUp tells whether all that the log is known to have was read.
func (in *intake) caughtUp() bool { return in.next >= in.claim.HighWater() }

// replayPatience is how many flush intervals a replay waits for records that the log does not have. A new leader
// may need a moment to show all it has; a log that was cut off, in an election that Kafka calls unclean,
// stays so.
const replayPatience = 60

// endsWithinReplay tells whether the log ends before the pending range does, and all it has was read.
func (in *intake) endsWithinReplay() bool {
	end := in.claim.HighWater()
	return end >= 0 && end <= in.pending.last && in.next >= end
}

// swap takes the block, whatever it holds.
func (in *intake) swap() cut {
	in.room.pack()
	taken := cut{room: in.room, appended: in.appended}
	b := taken.block
	in.observer.Fetched(b.Topic, b.Partition, in.records, in.bytes)
	in.lane.Cut(b.Last)
	in.room = nil
	if in.hurry {
		in.hurry, in.hurried = false, time.Now()
	}
	in.complete, in.due, in.ripe, in.records, in.bytes = false, false, false, 0, 0
	signal(in.free)
	return taken
}

// rest takes what is left when the reader has ended, unless it is less than a replay has to be.
func (in *intake) rest() (cut, bool) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.records == 0 || in.pending != nil {
		return cut{}, false
	}
	return in.swap(), true
}

// close gives back the memory of what was not taken. The reader must have ended.
func (in *intake) close() {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.memory.end(in.room)
	in.room = nil
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
