package kafka

import (
	"context"
	"errors"
	"fmt"
	"time"

	kafkago "github.com/segmentio/kafka-go"
)

// Deliver takes one record. The value is valid until it returns; a record without one
// (a tombstone) has length 0. The time is the record's own: when it was made, or appended, as the topic's settings say.
// An error ends the fetch.
type Deliver = func(offset int64, at time.Time, value []byte) error

// Fetch delivers the partition's records in order, from the given offset (negative: from the
// earliest there is) until ctx ends, and waits for more when there are none. It
// reconnects by itself after broker trouble and leader changes and carries on where it was.
//
// It returns ctx's error, deliver's error, or a [*GapError] when offsets can no longer be
// read; to go on after a gap, call it again from the gap's To. Offsets that are merely
// missing in between, as in compacted or transactional topics, are normal: deliver sees them.
//
// Records of a transaction are delivered once it is committed, and never when it is aborted. While one is open, nothing
// behind its first record is delivered, whoever wrote it.
//
// While deliver blocks, nothing more is asked of the broker.
func (c *Claim) Fetch(ctx context.Context, from int64, deliver Deliver) error {
	f := &fetcher{claim: c, next: from, maxBytes: c.cfg.MaxBytes, deliver: deliver}
	defer f.inflater.close()
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

// fetcher is the state of a Fetch that outlives its connections.
type fetcher struct {
	claim    *Claim
	next     int64 // offset to ask for
	maxBytes int   // grows when a response holds no whole batch
	answered bool  // by the current connection
	answer   fetchAnswer
	inflater inflater
	deliver  Deliver
	refused  error // deliver's
}

// connection reads from one connection until it breaks.
func (f *fetcher) connection(ctx context.Context) error {
	leader, err := f.claim.net.leader(ctx, f.claim.topic, f.claim.partition)
	if err != nil {
		return err
	}
	defer leader.conn.Close()
	defer context.AfterFunc(ctx, func() { leader.conn.Close() })()
	if f.next < 0 {
		if f.next, err = leader.conn.ReadFirstOffset(); err != nil {
			return fmt.Errorf("asking for the first offset of %s: %w", f.claim, err)
		}
	}
	for {
		if err := f.response(ctx, leader); err != nil {
			if errors.Is(err, kafkago.OffsetOutOfRange) {
				return f.gap(leader.conn)
			}
			return fmt.Errorf("fetching %s from offset %d: %w", f.claim, f.next, err)
		}
		f.answered = true
		f.claim.outages.works(f.claim.String())
	}
}

// response asks for records once and delivers what comes.
func (f *fetcher) response(ctx context.Context, leader *leader) error {
	body, err := leader.fetch(fetchRequest{
		topic: f.claim.topic, partition: f.claim.partition, offset: f.next,
		minBytes: f.claim.cfg.MinBytes, maxBytes: f.maxBytes, maxWait: f.claim.cfg.MaxWait,
	})
	if err != nil {
		return err
	}
	if err := f.answer.read(body, leader.version); err != nil {
		return err
	}
	if f.answer.code != 0 {
		return f.answer.code
	}
	f.claim.sawEnd(f.answer.end)
	if err := f.batches(); err != nil {
		return err
	}
	if f.answer.throttle > 0 {
		sleep(ctx, f.answer.throttle)
	}
	return nil
}

// batches delivers what a response holds.
func (f *fetcher) batches() error {
	open := transactions{aborted: f.answer.aborted}
	before := f.next
	for rest := f.answer.records; len(rest) > 0; {
		b, after, err := readBatch(rest)
		switch {
		case errors.Is(err, errCutOff) && f.next > before:
			return nil // the next response begins with it
		case errors.Is(err, errCutOff):
			return f.askForMore()
		case err != nil:
			return err
		}
		rest = after
		switch hidden := open.hides(&b); {
		case b.last < f.next: // seen before
		case hidden:
			f.next = b.last + 1
		default:
			if err := f.records(&b); err != nil {
				return err
			}
		}
	}
	if f.next == before && len(f.answer.records) > 0 { // or it would be asked again at once, for ever
		return errors.New("the broker sends records that precede the offset, and no others")
	}
	f.maxBytes = f.claim.cfg.MaxBytes
	return nil
}

// records delivers a batch. Offsets at its end may have been compacted away: all that it stands for is read then.
func (f *fetcher) records(b *batch) error {
	if err := f.inflater.open(b); err != nil {
		return err
	}
	for range b.count {
		body, err := f.inflater.next()
		if err != nil {
			return fmt.Errorf("the batch from offset %d to %d: %w", b.base, b.last, err)
		}
		r, err := b.record(body)
		if err != nil {
			return err
		}
		if r.offset < f.next { // a batch begins where it was made, not where it was asked for
			continue
		}
		if f.refused = f.deliver(r.offset, r.at(), r.value); f.refused != nil {
			return f.refused
		}
		f.next = r.offset + 1
	}
	f.next = b.last + 1
	return nil
}

// askForMore deals with a response that had not even one whole batch, which brokers answer with since 0.10.1.
func (f *fetcher) askForMore() error {
	if f.maxBytes >= maxFetch {
		return fmt.Errorf("a batch is larger than %d bytes", maxFetch)
	}
	f.maxBytes = min(4*f.maxBytes, maxFetch)
	return nil
}

// gap finds out which offsets cannot be read.
func (f *fetcher) gap(conn *kafkago.Conn) error {
	_ = conn.SetDeadline(time.Now().Add(f.claim.cfg.Timeout)) // its only error is that of a closed connection, which shows next
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
