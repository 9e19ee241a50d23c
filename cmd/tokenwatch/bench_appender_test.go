package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"hash/crc32"
	"slices"
	"sync"
	"testing"
	"time"

	kafkago "github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"

	"github.com/tokenwatch/tokenwatch/ingest/kafka"
)

// batchSize is how many records a gateway's producer sends to a partition at a time.
const batchSize = 150

// parcel is a batch of records of one partition as a broker stores it, compressed. It is made before the measurement:
// otherwise half of the machine would make records, and the load would not be half.
type parcel struct {
	partition int
	bytes     []byte
}

// Where a batch (KIP-98's format) holds its times, and from where on its checksum counts.
const (
	parcelSum   = 17
	parcelBody  = 21
	parcelFirst = 27
	parcelLast  = 35
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// parcels packs records by partition, as keys are spread.
func parcels(t testing.TB, stock []kafka.Record, partitions int) (list [][]parcel) {
	t.Helper()
	all := make([]int, partitions)
	for i := range all {
		all[i] = i
	}
	waiting := make([][]kafkago.Record, partitions)
	list = make([][]parcel, partitions)
	now := time.Now()
	for _, r := range stock {
		p := kafkago.Murmur2Balancer{}.Balance(kafkago.Message{Key: r.Key}, all...)
		waiting[p] = append(waiting[p], kafkago.Record{Time: now, Key: kafkago.NewBytes(r.Key), Value: kafkago.NewBytes(r.Value)})
		if len(waiting[p]) < batchSize {
			continue
		}
		var out bytes.Buffer
		set := protocol.RecordSet{Version: 2, Attributes: protocol.Attributes(kafkago.Lz4), Records: kafkago.NewRecordReader(waiting[p]...)}
		if _, err := set.WriteTo(&out); err != nil {
			t.Fatal(err)
		}
		list[p], waiting[p] = append(list[p], parcel{p, out.Bytes()}), nil
	}
	return list
}

// stamped is the batch as if it had been made now.
func (p parcel) stamped(now time.Time) []byte {
	out := slices.Clone(p.bytes)
	batch := out[4:] // behind its length
	binary.BigEndian.PutUint64(batch[parcelFirst:], uint64(now.UnixMilli()))
	binary.BigEndian.PutUint64(batch[parcelLast:], uint64(now.UnixMilli()))
	binary.BigEndian.PutUint32(batch[parcelSum:], crc32.Checksum(batch[parcelBody:], castagnoli))
	return out
}

// appended is a batch that the broker has.
type appended struct {
	partition int
	last      int64     // offset of its last record
	at        time.Time // when it was handed to Kafka's client
}

// appender sends batches at a steady rate, for each partition one after the other.
type appender struct {
	client *kafkago.Client
	topic  string
	mu     sync.Mutex
	log    []appended
}

func newAppender(b *bench, topic string) *appender {
	b.Helper()
	transport := &kafkago.Transport{}
	b.Cleanup(transport.CloseIdleConnections)
	return &appender{client: &kafkago.Client{Addr: kafkago.TCP(b.broker.address), Transport: transport}, topic: topic}
}

// run sends rate records a second of one partition until ctx ends.
func (a *appender) run(ctx context.Context, list []parcel, rate float64) error {
	began := time.Now()
	for n := 0; ; n++ {
		due := began.Add(time.Duration(float64(n*batchSize) / rate * float64(time.Second)))
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(time.Until(due)): // the pace
		}
		p, at := list[n%len(list)], time.Now()
		got, err := a.client.RawProduce(context.WithoutCancel(ctx), &kafkago.RawProduceRequest{
			Topic: a.topic, Partition: p.partition, RequiredAcks: kafkago.RequireAll, RawRecords: protocol.RawRecordSet{Reader: bytes.NewReader(p.stamped(at))},
		})
		if err == nil {
			err = got.Error
		}
		if err != nil {
			return err
		}
		a.mu.Lock()
		a.log = append(a.log, appended{p.partition, got.BaseOffset + batchSize - 1, at})
		a.mu.Unlock()
	}
}
