package kafka

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	kafkago "github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
)

// Log reads and appends records at known places of any topic, outside of the group. It is for people who look at
// a few; a Claim reads many. It is safe for concurrent use.
type Log struct{ net *network }

// Entry is a record in its place.
type Entry struct {
	Topic     string
	Partition int32
	Offset    int64
	Time      time.Time
	Key       []byte // nil: none
	Value     []byte
	Headers   []Header
}

// Header is a note beside a record that its value does not know of.
type Header struct {
	Key   string
	Value []byte
}

// ErrGone says that there is no record at an offset any more, or not yet: deleted by retention, compacted away, or
// of a topic that was made anew.
var ErrGone = errors.New("no record at this offset")

// NewLog prepares a Log. It connects when it is first used.
func NewLog(cfg Config) (*Log, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	net, err := newNetwork(cfg)
	if err != nil {
		return nil, err
	}
	net.transport.MetadataTopics = nil // a topic that is not configured any more can be read too
	return &Log{net: net}, nil
}

// Close closes the connections.
func (l *Log) Close() error {
	l.net.close()
	return nil
}

// At reads the record at an offset. Its error wraps ErrGone when there is none.
func (l *Log) At(ctx context.Context, topic string, partition int32, offset int64) (Entry, error) {
	found := Entry{Offset: -1}
	_, err := l.read(ctx, topic, partition, offset, func(e Entry) error {
		if e.Offset == offset {
			found = e
		}
		return errEnough
	})
	if err == nil && found.Offset < 0 {
		err = ErrGone
	}
	if err != nil {
		return found, fmt.Errorf("reading %s/%d/%d: %w", topic, partition, offset, err)
	}
	return found, nil
}

// errEnough ends a reading that has found what it looked for.
var errEnough = errors.New("enough")

// Between calls each for the records from an offset on, up to but without another, in order. Records that are
// gone are passed over. An error of each ends it and is returned.
func (l *Log) Between(ctx context.Context, topic string, partition int32, from, to int64, each func(Entry) error) error {
	for from < to {
		next, err := l.read(ctx, topic, partition, from, func(e Entry) error {
			if e.Offset >= to {
				return errEnough
			}
			return each(e)
		})
		if errors.Is(err, ErrGone) {
			var first int64
			if first, _, err = l.bounds(ctx, topic, partition); err == nil && first > from {
				from = first
				continue
			}
			err = errors.Join(err, ErrGone)
		}
		if err != nil {
			return fmt.Errorf("reading %s/%d from offset %d: %w", topic, partition, from, err)
		}
		from = max(next, from+1)
	}
	return nil
}

// read calls each for the records of one response, and gives the offset after them.
func (l *Log) read(ctx context.Context, topic string, partition int32, from int64, each func(Entry) error) (next int64, err error) {
	ctx, cancel := context.WithTimeout(ctx, l.net.cfg.Timeout)
	defer cancel()
	answer, err := l.net.client.Fetch(ctx, &kafkago.FetchRequest{
		Topic: topic, Partition: int(partition), Offset: from, MinBytes: 1, MaxBytes: int64(l.net.cfg.MaxBytes), MaxWait: l.net.cfg.MaxWait,
	})
	if err == nil {
		err = answer.Error
	}
	if gone(err) {
		return from, fmt.Errorf("%w: %w", ErrGone, err)
	}
	if err != nil {
		return from, err
	}
	next = from
	for {
		record, err := answer.Records.ReadRecord()
		if errors.Is(err, io.EOF) {
			return next, nil
		}
		if err != nil {
			return next, err
		}
		if record.Offset < from {
			continue // brokers send whole batches
		}
		next = record.Offset + 1
		e, err := entryOf(topic, partition, record)
		if err == nil {
			err = each(e)
		}
		if errors.Is(err, errEnough) {
			return next, nil
		}
		if err != nil {
			return next, err
		}
	}
}

func gone(err error) bool {
	for _, reason := range []error{kafkago.OffsetOutOfRange, kafkago.UnknownTopicOrPartition, protocol.ErrNoTopic, protocol.ErrNoPartition} {
		if errors.Is(err, reason) {
			return true
		}
	}
	return false
}

func entryOf(topic string, partition int32, r *kafkago.Record) (Entry, error) {
	e := Entry{Topic: topic, Partition: partition, Offset: r.Offset, Time: r.Time}
	var err error
	if e.Key, err = kafkago.ReadAll(r.Key); err != nil {
		return e, err
	}
	if e.Value, err = kafkago.ReadAll(r.Value); err != nil {
		return e, err
	}
	for _, h := range r.Headers {
		e.Headers = append(e.Headers, Header{Key: h.Key, Value: bytes.Clone(h.Value)})
	}
	return e, nil
}

// Bounds are the offset of the first record of a partition that is still there, and the one that
// the next record will have.
func (l *Log) Bounds(ctx context.Context, topic string, partition int32) (first, end int64, err error) {
	if first, end, err = l.bounds(ctx, topic, partition); err != nil {
		return 0, 0, fmt.Errorf("asking for the offsets of %s/%d: %w", topic, partition, err)
	}
	return first, end, nil
}

func (l *Log) bounds(ctx context.Context, topic string, partition int32) (first, end int64, err error) {
	ctx, cancel := context.WithTimeout(ctx, l.net.cfg.Timeout)
	defer cancel()
	answer, err := l.net.client.ListOffsets(ctx, &kafkago.ListOffsetsRequest{
		Topics: map[string][]kafkago.OffsetRequest{topic: {kafkago.FirstOffsetOf(int(partition)), kafkago.LastOffsetOf(int(partition))}},
	})
	if err != nil {
		return 0, 0, err
	}
	for _, p := range answer.Topics[topic] {
		if p.Partition == int(partition) {
			return p.FirstOffset, p.LastOffset, p.Error
		}
	}
	return 0, 0, fmt.Errorf("the broker's answer does not mention %s/%d", topic, partition)
}

// Append adds records to one partition, all or none, and gives the offset of the first. It tries once: after an error
// nobody knows yet whether they were appended, and what the broker still holds may be appended later.
func (l *Log) Append(ctx context.Context, topic string, partition int32, entries []Entry) (first int64, err error) {
	codec, err := l.net.cfg.codec()
	if err != nil {
		return 0, err
	}
	records := make([]kafkago.Record, len(entries))
	for i, e := range entries {
		records[i] = kafkago.Record{Key: kafkago.NewBytes(e.Key), Value: kafkago.NewBytes(e.Value), Time: time.Now()}
		for _, h := range e.Headers {
			records[i].Headers = append(records[i].Headers, kafkago.Header{Key: h.Key, Value: h.Value})
		}
	}
	ctx, cancel := context.WithTimeout(ctx, l.net.cfg.Timeout)
	defer cancel()
	answer, err := l.net.client.Produce(ctx, &kafkago.ProduceRequest{
		Topic: topic, Partition: int(partition), RequiredAcks: kafkago.RequireAll, Records: kafkago.NewRecordReader(records...), Compression: codec,
	})
	if err == nil {
		err = answer.Error
	}
	if err != nil {
		return 0, fmt.Errorf("appending to %s/%d: %w", topic, partition, err)
	}
	return answer.BaseOffset, nil
}
