package ingest

import (
	"context"
	"errors"
	"time"
)

// Producer appends records to one topic of Kafka and returns when every in-sync replica has them. It keeps the order of
// records with equal keys. Its error may have
//
//	Unsent() []int     which of the records may not have been appended; without it, all of them
//	TooLarge() bool    whether the brokers take no record of this size
type Producer interface {
	Produce(ctx context.Context, records []Keyed) error
}

// Bounds of a batch: so many records, or so many bytes of them.
const (
	batchRecords = 20_000
	batchBytes   = 4 << 20

	// largeRecord is from which size on a record goes alone, so that a broker that refuses it refuses no other.
	largeRecord = 256 << 10
	// leastCut is below what every broker takes: a record that is refused at this size is no question of size.
	leastCut = 16 << 10
)

// Tally counts what was sent.
type Tally struct {
	Records int       // acknowledged by the brokers
	Unkeyed int       // of these, records whose token was not found
	Cut     int       // of these, records that were cut off because they are too long
	Late    int       // of these, requests more than Disorder before one that was sent earlier
	First   time.Time // when the first request was made, in the order of sending
	Latest  time.Time // when the latest one was
}

// Disorder is how far back in time a record may be behind another before the two count as out of order.
const Disorder = 10 * time.Minute

// add takes over a record that was acknowledged.
func (t *Tally) add(r *Keyed) {
	t.Records++
	if r.Key == nil {
		t.Unkeyed++
	}
	if r.Cut {
		t.Cut++
	}
	switch {
	case r.Time.IsZero():
	case t.Latest.IsZero():
		t.First, t.Latest = r.Time, r.Time
	case r.Time.After(t.Latest):
		t.Latest = r.Time
	case t.Latest.Sub(r.Time) > Disorder:
		t.Late++
	}
}

// Sender brings the records of a text into Kafka, in batches, in order. It keeps the state of a stream: every stream
// needs its own.
type Sender struct {
	Splitter *Splitter
	Producer Producer
	// Retry says which errors may pass. Then what was not acknowledged is sent again, without end. Without Retry
	// every error is returned.
	Retry func(error) bool
	// Grace is how long a batch may take that is under way when the context ends: cut short, nobody would know what
	// became of it.
	Grace time.Duration
	// Trouble is told when sending begins to fail and, with nil, when it succeeds again.
	Trouble func(error)
	Tally   Tally

	batch []Keyed
	bytes int
}

// Send sends the records in the text and returns when the brokers have them. done is how much of the text is safe: give
// the rest again, with more text behind it. last says that nothing more will come. After an error records behind
// done may have been appended too, and are then twice in Kafka when they are sent again.
func (s *Sender) Send(ctx context.Context, text []byte, last bool) (done int, err error) {
	s.batch, s.bytes = s.batch[:0], 0
	late, cancel := s.graceful(ctx)
	defer cancel()
	end, err := s.Splitter.Split(text, last, func(r Keyed) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		s.batch, s.bytes = append(s.batch, r), s.bytes+len(r.Value)
		if len(s.batch) < batchRecords && s.bytes < batchBytes {
			return nil
		}
		if err := s.flush(ctx, late); err != nil {
			return err
		}
		if !r.Cut { // its end in the text is not where it ends
			done = r.End
		}
		return nil
	})
	if err == nil {
		err = s.flush(ctx, late)
	}
	if err != nil {
		s.Splitter.Reset() // what follows is given again
		return done, err
	}
	return end, nil
}

// graceful is a context that ends some time after ctx.
func (s *Sender) graceful(ctx context.Context) (late context.Context, cancel func()) {
	late, end := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		_ = wait(late, s.Grace) // late may end before
		end()
	})
	return late, func() { stop(); end() }
}

// flush sends the batch, records that are large each alone.
func (s *Sender) flush(ctx, late context.Context) error {
	from := 0
	for i := range s.batch {
		if len(s.batch[i].Value) < largeRecord {
			continue
		}
		if err := s.produce(ctx, late, s.batch[from:i]); err != nil {
			return err
		}
		if err := s.large(ctx, late, s.batch[i:i+1]); err != nil {
			return err
		}
		from = i + 1
	}
	err := s.produce(ctx, late, s.batch[from:])
	s.batch, s.bytes = s.batch[:0], 0
	return err
}

// large sends a record that the brokers may find too large. Then it is cut off until they take it: as a dead letter it is
// at least counted and its beginning kept.
func (s *Sender) large(ctx, late context.Context, one []Keyed) error {
	for {
		err := s.produce(ctx, late, one)
		if !tooLarge(err) || len(one[0].Value) <= leastCut {
			return err
		}
		one[0].Value, one[0].Key, one[0].Cut = one[0].Value[:len(one[0].Value)/4], nil, true
	}
}

// produce appends records, again and again those that were not acknowledged if the reason may pass.
func (s *Sender) produce(ctx, late context.Context, records []Keyed) error {
	if len(records) == 0 {
		return nil
	}
	left, pause, failing := records, newPause(), false
	for {
		err := s.Producer.Produce(late, left)
		if err == nil {
			break
		}
		if ctx.Err() != nil || s.Retry == nil || tooLarge(err) || !s.Retry(err) {
			return err
		}
		if left = unsent(left, err); !failing {
			failing = true
			s.tell(err)
		}
		if err := wait(ctx, pause.NextBackOff()); err != nil {
			return err
		}
	}
	if failing {
		s.tell(nil)
	}
	for i := range records {
		s.Tally.add(&records[i])
	}
	return nil
}

func (s *Sender) tell(err error) {
	if s.Trouble != nil {
		s.Trouble(err)
	}
}

// unsent are the records that the error names, all if it names none.
func unsent(records []Keyed, err error) []Keyed {
	var partial interface{ Unsent() []int }
	if !errors.As(err, &partial) {
		return records
	}
	var left []Keyed
	for _, i := range partial.Unsent() {
		left = append(left, records[i])
	}
	if len(left) == 0 {
		return records
	}
	return left
}

func tooLarge(err error) bool {
	var sized interface{ TooLarge() bool }
	return errors.As(err, &sized) && sized.TooLarge()
}

func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
