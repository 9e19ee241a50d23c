package replay

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/tokenwatch/tokenwatch/schema"
)

// How much is appended at once: less than the megabyte that brokers take, and few enough letters that little is
// uncertain after a crash.
const (
	batchBytes   = 512 << 10
	batchRecords = 100
)

// Send appends what Look found ready, and tells what became of it in place. It can be stopped anywhere, and
// called again with what a new Look finds.
func (r *Replayer) Send(ctx context.Context, results []Result) error {
	for _, batch := range batches(results) {
		if err := r.send(ctx, batch); err != nil {
			return err
		}
	}
	return nil
}

// batches are runs of ready letters of one partition.
func batches(results []Result) [][]*Result {
	var all [][]*Result
	var size int
	for i := range results {
		next := &results[i]
		if next.Outcome != Ready {
			continue
		}
		bytes := len(next.record.Value) + len(next.record.Key)
		if n := len(all) - 1; n >= 0 && len(all[n]) < batchRecords && size+bytes <= batchBytes && samePart(all[n][0], next) {
			all[n], size = append(all[n], next), size+bytes
			continue
		}
		all, size = append(all, []*Result{next}), bytes
	}
	return all
}

func samePart(a, b *Result) bool {
	return a.Letter.Topic == b.Letter.Topic && a.Letter.Partition == b.Letter.Partition
}

func (r *Replayer) send(ctx context.Context, batch []*Result) error {
	p := partOf(batch)
	if err := r.endEarlier(ctx, p, batch); err != nil {
		return err
	}
	if batch = ready(batch); len(batch) == 0 {
		return nil
	}
	_, end, err := r.Log.Bounds(ctx, p.topic, p.partition)
	if err != nil {
		return fmt.Errorf("before replaying: %w", err)
	}
	begun := time.Now()
	if err := r.write(ctx, batch, schema.ReplayIntended, func(int) int64 { return end }); err != nil {
		return err
	}
	if err := r.yield(ctx, p, batch); err != nil {
		return err
	}
	if batch = ready(batch); len(batch) == 0 {
		return nil
	}
	return r.append(ctx, p, batch, begun, end)
}

func partOf(batch []*Result) part {
	p := part{topic: batch[0].Letter.Topic, partition: batch[0].Letter.Partition}
	for _, result := range batch {
		p.letters = append(p.letters, result.Letter)
	}
	return p
}

func ready(batch []*Result) []*Result {
	return slices.DeleteFunc(slices.Clone(batch), func(result *Result) bool { return result.Outcome != Ready })
}

// write adds a line about each letter to the book.
func (r *Replayer) write(ctx context.Context, batch []*Result, state schema.ReplayState, offset func(i int) int64) error {
	lines := make([]schema.Replay, len(batch))
	for i, result := range batch {
		lines[i] = r.line(&result.Letter, r.run, state, offset(i))
	}
	return r.Book.WriteReplays(ctx, lines)
}

// endEarlier finds out what became of what earlier runs intended and did not end.
func (r *Replayer) endEarlier(ctx context.Context, p part, batch []*Result) error {
	books, err := r.standing(ctx, p)
	if err != nil {
		return err
	}
	var cut []*Result
	from := int64(math.MaxInt64)
	for _, result := range batch {
		s := books[result.Letter.Origin()]
		switch {
		case s.done != nil:
			result.Outcome, result.NewOffset = Done, s.done.NewOffset
		case s.open != nil && r.fresh(s.open):
			result.underway(s.open, r.Stale)
		case s.open != nil:
			cut, from = append(cut, result), min(from, s.open.NewOffset)
		}
	}
	if len(cut) == 0 {
		return nil
	}
	appended, err := r.search(ctx, p, from)
	if err != nil {
		return err
	}
	return r.end(ctx, cut, books, appended)
}

func (result *Result) underway(open *schema.Replay, stale time.Duration) {
	result.Outcome = Underway
	result.Note = fmt.Sprintf("intended at %s by another run; if that was killed, try again after %s",
		open.At.UTC().Format(time.RFC3339), open.At.Add(stale).UTC().Format(time.RFC3339))
}

// end writes down what became of letters whose run was cut off.
func (r *Replayer) end(ctx context.Context, cut []*Result, books map[string]standing, appended *appended) error {
	var lines []schema.Replay
	for _, result := range cut {
		l := &result.Letter
		open := books[l.Origin()].open
		offset, found := appended.offsets[l.Origin()]
		switch {
		case found:
			result.Outcome, result.NewOffset = Done, offset
			lines = append(lines, r.line(l, open.Run, schema.ReplayDone, offset))
		case appended.first > open.NewOffset:
			result.Outcome = Uncertain
			result.Note = "Kafka no longer has all that was appended since it was intended; look for its event, and send the record again yourself if there is none"
		default:
			lines = append(lines, r.line(l, open.Run, schema.ReplayGivenUp, 0))
		}
	}
	return r.Book.WriteReplays(ctx, lines)
}

// appended are the records behind an offset that were appended for letters.
type appended struct {
	first   int64 // offset from which on the partition is still there
	offsets map[string]int64
}

// search looks for them by their header.
func (r *Replayer) search(ctx context.Context, p part, from int64) (*appended, error) {
	first, end, err := r.Log.Bounds(ctx, p.topic, p.partition)
	if err != nil {
		return nil, err
	}
	found := &appended{first: first, offsets: map[string]int64{}}
	wanted := map[string]bool{} // bounds what is remembered: anybody may write headers
	for i := range p.letters {
		wanted[p.letters[i].Origin()] = true
	}
	err = r.Log.Between(ctx, p.topic, p.partition, max(from, first), end, func(record Record) error {
		if origin := string(record.Headers[Header]); wanted[origin] {
			found.offsets[origin] = record.Offset
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("looking for what an earlier run has appended: %w", err)
	}
	return found, nil
}

// yield leaves letters to a run that intended them earlier.
func (r *Replayer) yield(ctx context.Context, p part, batch []*Result) error {
	books, err := r.standing(ctx, p)
	if err != nil {
		return err
	}
	var left []*Result
	for _, result := range batch {
		switch s := books[result.Letter.Origin()]; {
		case s.done != nil:
			result.Outcome, result.NewOffset = Done, s.done.NewOffset
		case s.open == nil || s.open.Run != r.run:
			if s.open != nil {
				result.underway(s.open, r.Stale)
			} else {
				result.Outcome = Underway
			}
		default:
			continue
		}
		left = append(left, result)
	}
	if len(left) == 0 {
		return nil
	}
	return r.write(ctx, left, schema.ReplayGivenUp, func(int) int64 { return 0 })
}

// append appends a batch and writes down that it is done. When the broker does not answer, the letters are looked
// for; those that are not there may come late, so their intention stays open.
func (r *Replayer) append(ctx context.Context, p part, batch []*Result, begun time.Time, end int64) error {
	patient, cancel := context.WithDeadline(ctx, begun.Add(r.Stale/2))
	defer cancel()
	records := make([]Record, len(batch))
	for i, result := range batch {
		records[i] = result.record
	}
	first, failed := r.Log.Append(patient, p.topic, p.partition, records)
	if failed == nil {
		for i, result := range batch {
			result.Outcome, result.NewOffset = Sent, first+int64(i)
		}
		return r.write(ctx, batch, schema.ReplayDone, func(i int) int64 { return first + int64(i) })
	}
	there, err := r.search(ctx, p, end)
	if err != nil {
		return errors.Join(failed, err)
	}
	var lines []schema.Replay
	for _, result := range batch {
		offset, found := there.offsets[result.Letter.Origin()]
		if !found {
			result.Outcome, result.Note = Uncertain, "the broker did not answer; run it again in "+r.Stale.String()
			continue
		}
		result.Outcome, result.NewOffset = Sent, offset
		lines = append(lines, r.line(&result.Letter, r.run, schema.ReplayDone, offset))
	}
	if len(lines) == len(batch) {
		failed = nil // only the answer was lost
	}
	return errors.Join(failed, r.Book.WriteReplays(ctx, lines))
}
