package kafka

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	kafkago "github.com/segmentio/kafka-go"
)

// Deliver takes one record. The value is valid until it returns; a record without one
// (a tombstone) has length 0. The time is when the first record of the same fetch was appended:
// kafka-go's cheap way of reading does not tell each record's. An error ends the fetch.
type Deliver = func(offset int64, at time.Time, value []byte) error

// Fetch delivers the partition's records in order, from the given offset (negative: from the
// earliest there is) until ctx ends, and waits for more when there are none. It
// reconnects by itself after broker trouble and leader changes and carries on where it was.
//
// It returns ctx's error, deliver's error, or a [*GapError] when offsets can no longer be
// read; to go on after a gap, call it again from the gap's To. Offsets that are merely
// missing in between, as in compacted or transactional topics, are normal: deliver sees them.
//
// While deliver blocks, nothing more is asked of the broker.
func (c *Claim) Fetch(ctx context.Context, from int64, deliver Deliver) error {
	f := &fetcher{claim: c, next: from, maxBytes: c.cfg.MaxBytes, value: make([]byte, firstValueBuffer), deliver: deliver}
	pause := newPause()
	for attempt := 0; ; attempt++ {
		f.answered = false
		err := f.connection(ctx)
		var gap *GapError
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case f.refused != nil:
			return f.refused
		case errors.As(err, &gap):
			return gap
		}
		if f.answered {
			attempt = 0
			pause.Reset()
		}
		if attempt > 0 { // a single lost connection is daily business
			c.outages.failed(c.String(), err)
		}
		sleep(ctx, pause.NextBackOff())
	}
}

// firstValueBuffer holds most records; it grows to the largest one met.
const firstValueBuffer = 64 << 10

// fetcher is the state of a Fetch that outlives its connections.
type fetcher struct {
	claim    *Claim
	next     int64 // offset to ask for
	maxBytes int   // grows when a response holds no whole record
	answered bool  // by the current connection
	whole    bool  // read keys too: the topic has transactions
	value    []byte
	deliver  Deliver
	refused  error // deliver's
}

// connection reads from one connection until it breaks.
func (f *fetcher) connection(ctx context.Context) error {
	conn, err := f.claim.net.dialLeader(ctx, f.claim.topic, f.claim.partition)
	if err != nil {
		return err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	if f.next < 0 {
		if f.next, err = conn.ReadFirstOffset(); err != nil {
			return fmt.Errorf("asking for the first offset of %s: %w", f.claim, err)
		}
	}
	for {
		if err := f.response(conn); err != nil {
			if errors.Is(err, kafkago.OffsetOutOfRange) {
				return f.gap(ctx)
			}
			return fmt.Errorf("fetching %s from offset %d: %w", f.claim, f.next, err)
		}
		f.answered = true
		f.claim.outages.works(f.claim.String())
	}
}

// response asks for one batch of records and delivers them.
func (f *fetcher) response(conn *kafkago.Conn) error {
	if _, err := conn.Seek(f.next, kafkago.SeekAbsolute|kafkago.SeekDontCheck); err != nil {
		return err
	}
	batch := conn.ReadBatchWith(kafkago.ReadBatchConfig{
		MinBytes: f.claim.cfg.MinBytes,
		MaxBytes: f.maxBytes,
		MaxWait:  f.claim.cfg.MaxWait,
	})
	end := batch.HighWaterMark()
	f.claim.sawEnd(end)
	before := f.next
	err := f.records(batch)
	if f.refused != nil {
		conn.Close() // or closing the batch would read the rest of it
		batch.Close()
		return f.refused
	}
	if failed := batch.Close(); failed != nil && !harmless(failed) {
		return failed
	}
	switch {
	case errors.Is(err, io.ErrShortBuffer):
		return f.growValue()
	case errors.Is(err, errLookAgain):
		return nil
	}
	if f.next == before && f.next < end {
		return f.stuck()
	}
	f.maxBytes = f.claim.cfg.MaxBytes
	return nil
}

// records delivers what a response holds. Its error only tells why it stopped; those that matter
// also come from closing the batch.
func (f *fetcher) records(batch *kafkago.Batch) error {
	if batch.Err() != nil {
		return batch.Err()
	}
	first, err := batch.ReadMessage()
	for ; err == nil && f.whole; first, err = batch.ReadMessage() {
		if !f.takeWhole(first) {
			return f.refused
		}
	}
	if err != nil {
		return err
	}
	if !f.takeWhole(first) {
		return f.refused
	}
	for {
		n, err := batch.Read(f.value)
		if err != nil {
			return err
		}
		if maybeMarker(f.value[:n]) {
			f.whole = true // look at it again, with its key
			return errLookAgain
		}
		if !f.take(batch.Offset()-1, first.Time, f.value[:n]) {
			return f.refused
		}
	}
}

var errLookAgain = errors.New("a record may be the end of a transaction")

// takeWhole delivers a record, unless the broker wrote it to mark the end of a transaction:
// kafka-go does not tell those from records.
func (f *fetcher) takeWhole(m kafkago.Message) bool {
	marker := maybeMarker(m.Value) && len(m.Key) == 4 && m.Key[0] == 0 && m.Key[1] == 0 && m.Key[2] == 0 && m.Key[3] <= 1
	if !marker {
		return f.take(m.Offset, m.Time, m.Value)
	}
	f.next = max(f.next, m.Offset+1)
	return true
}

// maybeMarker tells whether a value looks like the end of a transaction: version 0 in two bytes, then
// the coordinator's epoch in four. The key decides, but reading keys costs an allocation a
// record, so it is only read once something looks like a marker.
func maybeMarker(value []byte) bool { return len(value) == 6 && value[0] == 0 && value[1] == 0 }

// take delivers a record, unless it precedes what was asked for: brokers send whole
// record batches.
func (f *fetcher) take(offset int64, at time.Time, value []byte) bool {
	if offset < f.next {
		return true
	}
	if f.refused = f.deliver(offset, at, value); f.refused != nil {
		return false
	}
	f.next = offset + 1
	return true
}

// harmless tells errors that only mean "no more records" from those that break a connection.
func harmless(err error) bool {
	return errors.Is(err, kafkago.RequestTimedOut) || errors.Is(err, io.ErrShortBuffer)
}

// growValue makes room for a record that did not fit; kafka-go does not say how large it is.
func (f *fetcher) growValue() error {
	if len(f.value) >= maxFetch {
		return fmt.Errorf("record at offset %d is larger than %d bytes", f.next, maxFetch)
	}
	f.value = make([]byte, min(4*len(f.value), maxFetch))
	return nil
}

// stuck deals with a response that had nothing at or after the offset that was asked for, although the
// log goes on. Either it was cut off within a record (brokers before 0.10.1), for which
// more is asked for the next time; or all that is left of a compacted batch precedes the offset,
// and since the whole batch was read, the offset is known to be empty.
func (f *fetcher) stuck() error {
	if f.maxBytes < maxFetch {
		f.maxBytes = min(4*f.maxBytes, maxFetch)
		return nil
	}
	f.next++
	return nil
}

// gap finds out which offsets cannot be read. It asks over another connection, since kafka-go
// leaves a part of the refusal unread on the one that got it.
func (f *fetcher) gap(ctx context.Context) error {
	conn, err := f.claim.net.dialLeader(ctx, f.claim.topic, f.claim.partition)
	if err != nil {
		return err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	first, last, err := conn.ReadOffsets()
	if err != nil {
		return fmt.Errorf("asking for the offsets of %s: %w", f.claim, err)
	}
	gap := &GapError{Topic: f.claim.topic, Partition: f.claim.partition, From: f.next, To: first}
	switch {
	case f.next < first:
		return gap
	case f.next > last:
		gap.Reset = true
		return gap
	}
	return fmt.Errorf("fetching %s: offset %d is out of range and yet within %d to %d", f.claim, f.next, first, last)
}

// worthRetrying tells trouble that passes from a refusal that stays.
func worthRetrying(err error) bool {
	var code kafkago.Error
	if errors.As(err, &code) {
		return code.Temporary() || code == kafkago.BrokerNotAvailable
	}
	return true
}
