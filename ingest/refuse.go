package ingest

import (
	"context"
	"errors"
	"fmt"
	"sort"
	"time"

	"github.com/tokenwatch/tokenwatch/schema"
)

// ReasonStoreRefused is the dead letter's reason for an event that the store cannot hold.
const ReasonStoreRefused = "store_refused"

// maxRefusals is how many rows of a block may be refused before the store, rather than the rows,
// is to blame. Then nothing more is turned into dead letters.
const maxRefusals = 16

// writeAround stores all of a refused block but the rows that are to blame. Each half is a block of its own in
// the protocol, with its own intent, so a crash in between is repeated like any other.
func (w *writer) writeAround(ctx context.Context, b *schema.Block, appended time.Time, refusal error) error {
	b = b.Unpacked()
	at := middle(b)
	if at < 0 {
		return w.bury(ctx, b, appended, refusal)
	}
	left, right := split(b, at)
	if err := w.write(ctx, left, appended); err != nil {
		return err
	}
	return w.write(ctx, right, appended)
}

// errAnew ends a run of the pipeline that has to begin again from what is stored.
var errAnew = errors.New("the partition begins anew from what is stored")

// anew commits behind a block some of whose events became dead letters. The lane has seen those: it must forget them,
// or it would know what nobody finds who takes the partition over.
func (w *writer) anew(ctx context.Context, next int64) error {
	if err := w.claim.Commit(ctx, next, ""); err != nil {
		return err
	}
	return errAnew
}

// bury stores the events of a single record as dead letters, since the store refuses them as events.
func (w *writer) bury(ctx context.Context, b *schema.Block, appended time.Time, refusal error) error {
	w.refusals++
	if w.refusals > maxRefusals {
		return fmt.Errorf("the store refuses too many rows of one block, the last at offset %d: %w", b.Last, refusal)
	}
	letters := make([]schema.DeadLetter, 0, len(b.Events)+len(b.DeadLetters))
	letters = append(letters, b.DeadLetters...)
	for i := range b.Events {
		letters = append(letters, buried(&b.Events[i], refusal))
	}
	w.pipeline.Log.Error("ingest: the store refuses a record; it becomes a dead letter",
		"topic", b.Topic, "partition", b.Partition, "offset", b.Last, "error", refusal)
	grave := *b
	grave.Events, grave.DeadLetters = nil, letters
	begun := time.Now()
	if err := w.insert(ctx, &grave); err != nil {
		return errors.Join(refusal, fmt.Errorf("storing it as a dead letter: %w", err))
	}
	w.pipeline.observer().Stored(&grave, appended, time.Since(begun))
	return nil
}

func buried(e *schema.Event, refusal error) schema.DeadLetter {
	const enough = 500 // characters of an error that may quote whole rows
	detail := refusal.Error()
	if len(detail) > enough {
		detail = detail[:enough]
	}
	return schema.DeadLetter{
		Ingested: e.Ingested, Topic: e.Topic, Partition: e.Partition, Offset: e.Offset, Item: e.Item,
		Source: e.Source, Reason: ReasonStoreRefused, Detail: detail,
	}
}

// middle is the offset at which to split a block so that both parts hold records, or -1 when
// it holds only one.
func middle(b *schema.Block) int64 {
	offsets := make([]int64, 0, len(b.Events)+len(b.DeadLetters))
	for i := range b.Events {
		offsets = append(offsets, b.Events[i].Offset)
	}
	for i := range b.DeadLetters {
		offsets = append(offsets, b.DeadLetters[i].Offset)
	}
	sort.Slice(offsets, func(i, j int) bool { return offsets[i] < offsets[j] })
	lowest := offsets[0]
	for _, offset := range offsets[len(offsets)/2:] {
		if offset > lowest {
			return offset
		}
	}
	for i := len(offsets)/2 - 1; i > 0; i-- {
		if offsets[i] > lowest {
			return offsets[i]
		}
	}
	return -1
}

// split cuts a block in two, the second beginning at the given offset. Rows are shared, not copied.
func split(b *schema.Block, at int64) (left, right *schema.Block) {
	events := sort.Search(len(b.Events), func(i int) bool { return b.Events[i].Offset >= at })
	letters := sort.Search(len(b.DeadLetters), func(i int) bool { return b.DeadLetters[i].Offset >= at })
	l, r := *b, *b
	l.Last, r.First = at-1, at
	l.Events, r.Events = b.Events[:events], b.Events[events:]
	l.DeadLetters, r.DeadLetters = b.DeadLetters[:letters], b.DeadLetters[letters:]
	return &l, &r
}
