package kafka_test

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"hash/crc32"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/pierrec/lz4/v4"
	"github.com/segmentio/kafka-go/compress"
	"github.com/tokenwatch/tokenwatch/ingest/kafka"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"
)

// A broker of before 2.1 is asked by the older request, and one that knows neither is named as too old.
func TestOlderBrokers(t *testing.T) {
	cluster, cfg := newCluster(t, kfake.MaxVersions(kversion.V1_0_0()))
	topic(t, cluster, cfg, 1, nil)
	produce(t, cfg, "a", "b")
	got := newRecorder()
	consuming(t, cfg, fetchAll(got))
	eventually(t, "both records", func() bool { return got.count() == 2 })

	ancient := kversion.V1_0_0()
	ancient.SetMaxKeyVersion(int16(kmsg.Fetch), 3)
	cluster, cfg = newCluster(t, kfake.MaxVersions(ancient))
	topic(t, cluster, cfg, 1, nil)
	consumer, _ := consuming(t, cfg, fetchAll(got))
	eventually(t, "trouble", func() bool {
		err := consumer.Trouble()
		return err != nil && strings.Contains(err.Error(), "Kafka 0.11 or newer is needed")
	})
}

// response is a fetch response with one partition, as a broker encodes it.
func response(version int16, spoil func(*kmsg.FetchResponse), batches ...[]byte) []byte {
	part := kmsg.NewFetchResponseTopicPartition()
	part.HighWatermark, part.LastStableOffset = 100, 90
	part.RecordBatches = bytes.Join(batches, nil)
	topic := kmsg.NewFetchResponseTopic()
	topic.Topic = "access"
	topic.Partitions = append(topic.Partitions, part)
	answer := kmsg.NewPtrFetchResponse()
	answer.Version = version
	answer.Topics = append(answer.Topics, topic)
	if spoil != nil {
		spoil(answer)
	}
	return answer.AppendTo(nil)
}

// encode is a batch of values with offsets from base on.
func encode(base int64, attributes int16, compress func([]byte) []byte, values ...string) []byte {
	var records []byte
	for i, value := range values {
		var body []byte
		body = append(body, 0)
		body = binary.AppendVarint(body, int64(i)) // time
		body = binary.AppendVarint(body, int64(i)) // offset
		body = binary.AppendVarint(body, 1)
		body = append(body, 'k')
		body = binary.AppendVarint(body, int64(len(value)))
		body = append(body, value...)
		body = append(body, 0) // headers
		records = append(binary.AppendVarint(records, int64(len(body))), body...)
	}
	if compress != nil {
		records = compress(records)
	}
	b := kmsg.RecordBatch{
		FirstOffset: base, Length: int32(49 + len(records)), Magic: 2, Attributes: attributes,
		LastOffsetDelta: int32(len(values) - 1), ProducerID: -1, ProducerEpoch: -1, NumRecords: int32(len(values)), Records: records,
	}
	return seal(b.AppendTo(nil))
}

// seal makes the checksum right.
func seal(b []byte) []byte {
	binary.BigEndian.PutUint32(b[17:], crc32.Checksum(b[21:], crc32.MakeTable(crc32.Castagnoli)))
	return b
}

func changed(b []byte, change func([]byte)) []byte {
	b = bytes.Clone(b)
	change(b)
	return b
}

func TestAnswersThatAreRefused(t *testing.T) {
	good := encode(7, 0, nil, "one", "two")
	for name, c := range map[string]struct {
		answer []byte
		want   string
	}{
		"nothing":    {nil, "ends early"},
		"two topics": {response(10, func(r *kmsg.FetchResponse) { r.Topics = append(r.Topics, r.Topics[0]) }), "2 topics"},
		"two partitions": {response(10, func(r *kmsg.FetchResponse) {
			r.Topics[0].Partitions = append(r.Topics[0].Partitions, r.Topics[0].Partitions[0])
		}), "2 partitions"},
		"cut off":                     {response(10, nil, good[:len(good)-1]), "cut off"},
		"wrong checksum":              {response(10, nil, changed(good, func(b []byte) { b[len(b)-3]++ })), "checksum"},
		"old format":                  {response(10, nil, changed(good, func(b []byte) { b[16] = 1 })), "0.10 and older"},
		"negative size":               {response(10, nil, changed(good, func(b []byte) { b[8] = 0xff })), "corrupt"},
		"more records than there are": {response(10, nil, seal(changed(good, func(b []byte) { b[60] = 9 }))), "ends within a record"},
		"a record that is too long":   {response(10, nil, seal(changed(good, func(b []byte) { b[61] = 0x7e }))), "ends within a record"},
		"a key that is too long":      {response(10, nil, seal(changed(good, func(b []byte) { b[65] = 0x7e }))), "cannot be decoded"},
		"a record behind the batch":   {response(10, nil, seal(changed(good, func(b []byte) { b[64] = 0x10 }))), "cannot be decoded"},
		"unknown compression":         {response(10, nil, encode(7, 6, nil, "x")), "compression 6"},
		"not what it is said to be":   {response(10, nil, encode(7, 3, nil, "x")), "lz4"},
		"not gzip":                    {response(10, nil, encode(7, 1, nil, "x")), "corrupt"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := kafka.ReadAnswer(c.answer, kafka.FetchNew); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("want an error with %q, have: %v", c.want, err)
			}
		})
	}
	for _, version := range []int16{kafka.FetchOld, kafka.FetchNew} {
		if n, err := kafka.ReadAnswer(response(version, nil, good, good), version); n != 4 || err != nil {
			t.Errorf("version %d: %d records, %v", version, n, err)
		}
	}
}

// No answer of a broker makes the decoder fall over.
func FuzzAnswer(f *testing.F) {
	f.Add(response(10, nil, encode(7, 0, nil, "one", "two"), encode(9, 3, frame(lz4.BlockSizeOption(lz4.Block64Kb)), "three")), true)
	f.Add(response(4, nil, encode(7, 0, nil, "one")), false)
	f.Add(response(10, func(r *kmsg.FetchResponse) {
		r.Topics[0].Partitions[0].AbortedTransactions = []kmsg.FetchResponseTopicPartitionAbortedTransaction{{ProducerID: 1, FirstOffset: 2}}
	}), true)
	f.Fuzz(func(t *testing.T, b []byte, recent bool) {
		version := int16(kafka.FetchOld)
		if recent {
			version = kafka.FetchNew
		}
		_, _ = kafka.ReadAnswer(b, version)
	})
}

// Records are decoded, or refused, whatever stands behind a batch's right checksum; no value is longer than the bytes there were.
func FuzzRecords(f *testing.F) {
	for attributes, compress := range map[int16]func([]byte) []byte{0: nil, 3: frame(lz4.BlockSizeOption(lz4.Block64Kb), lz4.ChecksumOption(true))} {
		f.Add(encode(3, attributes, compress, "one", "", strings.Repeat("long ", 300)))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 61 {
			b = bytes.Clone(b)
			binary.BigEndian.PutUint32(b[8:], uint32(len(b)-12))
			b[16] = 2
			b[22] = b[22]&^7 | b[22]&1*3 // none or lz4
			seal(b)
		}
		_, _ = kafka.Records(b, func(offset int64, value []byte) {
			if offset < 0 {
				t.Errorf("offset %d", offset)
			}
		})
	})
}

// frame compresses with the library.
func frame(options ...lz4.Option) func([]byte) []byte {
	return func(b []byte) []byte {
		var out bytes.Buffer
		w := lz4.NewWriter(&out)
		if err := w.Apply(options...); err != nil {
			panic(err)
		}
		if _, err := w.Write(b); err != nil {
			panic(err)
		}
		if err := w.Close(); err != nil {
			panic(err)
		}
		return out.Bytes()
	}
}

const mostLz4 = 1 << 20

// linked is a frame of the reference implementation whose blocks depend on one another: 150,000 bytes of "0123456789".
func linked(t testing.TB) (frame []byte, want string) {
	t.Helper()
	want = strings.Repeat("0123456789", 15_000)
	head := []byte{0x04, 0x22, 0x4d, 0x18, 0x40, 0x40, 0xc0}
	var out bytes.Buffer
	out.Write(head)
	at := 0
	for at < len(want) {
		size := min(64<<10, len(want)-at)
		var b []byte
		if at == 0 {
			b = sequence(nil, want[:10], 10, size-10-5)
		} else {
			b = sequence(nil, "", 10, size-5) // what it repeats is in the block before
		}
		b = append(append(b, 5<<4), want[at+size-5:at+size]...)
		out.Write(binary.LittleEndian.AppendUint32(nil, uint32(len(b))))
		out.Write(b)
		at += size
	}
	out.Write([]byte{0, 0, 0, 0})
	return out.Bytes(), want
}

// sequence appends literals and a match.
func sequence(b []byte, literals string, back, length int) []byte {
	b = append(b, byte(len(literals)<<4)|0x0f)
	b = append(b, literals...)
	b = binary.LittleEndian.AppendUint16(b, uint16(back))
	for length -= 4 + 15; length >= 255; length -= 255 {
		b = append(b, 255)
	}
	return append(b, byte(length))
}

// lz4Library decompresses with a new reader: one that was used before remembers blocks of other frames.
func lz4Library(b []byte, most int) ([]byte, error) {
	return io.ReadAll(io.LimitReader(lz4.NewReader(bytes.NewReader(b)), int64(most)))
}

func TestLz4Frames(t *testing.T) {
	text := []byte(strings.Repeat("a line of a log, and another, ", 6_000))
	for name, compress := range map[string]func([]byte) []byte{
		"as Java does":       frame(lz4.BlockSizeOption(lz4.Block64Kb)),
		"as franz-go does":   frame(),
		"with all checksums": frame(lz4.ChecksumOption(true), lz4.BlockChecksumOption(true)),
		"with its size":      frame(lz4.SizeOption(uint64(len(text)))),
		"two frames":         func(b []byte) []byte { return append(frame()(b[:1000]), frame()(b[1000:])...) },
		"something to skip": func(b []byte) []byte {
			return append([]byte{0x53, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3}, frame()(b)...)
		},
		"an empty frame first": func(b []byte) []byte { return append(frame()(nil), frame()(b)...) },
	} {
		if got, err := kafka.Lz4(compress(text), 2*len(text)); err != nil || !bytes.Equal(got, text) {
			t.Errorf("%s: %d bytes, want %d: %v", name, len(got), len(text), err)
		}
	}
	chain, want := linked(t)
	for who, read := range map[string]func([]byte, int) ([]byte, error){"the library": lz4Library, "this package": kafka.Lz4} {
		if got, err := read(chain, mostLz4); err != nil || string(got) != want {
			t.Errorf("linked blocks, by %s: %d bytes, want %d: %v", who, len(got), len(want), err)
		}
	}
}

// What the library decompresses is decompressed to the same bytes; checksums within the frame are left to the batch's.
func FuzzLz4(f *testing.F) {
	f.Add(frame()([]byte("hello hello hello hello hello hello")))
	f.Add(frame(lz4.BlockChecksumOption(true), lz4.SizeOption(9))([]byte("123456789")))
	chain, _ := linked(f)
	f.Add(chain)
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := kafka.Lz4(b, mostLz4)
		want, refused := lz4Library(b, mostLz4)
		if refused != nil || len(want) == mostLz4 {
			return
		}
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: got %d bytes, %v, want %d", hex.EncodeToString(b), len(got), err, len(want))
		}
	})
}

// A batch that decompresses to hundreds of times its size is read piece by piece: what is held does not grow with it.
func TestBatchThatExplodes(t *testing.T) {
	value := strings.Repeat("0", 1000)
	values := make([]string, 30_000)
	for i := range values {
		values[i] = value
	}
	for name, c := range map[string]struct {
		attributes int16
		compress   func([]byte) []byte
	}{"gzip": {1, codec(compress.Gzip)}, "snappy": {2, codec(compress.Snappy)}, "lz4": {3, frame(lz4.BlockSizeOption(lz4.Block64Kb))}, "zstd": {4, codec(compress.Zstd)}} {
		b := encode(0, c.attributes, c.compress, values...)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		n, err := kafka.Records(b, func(_ int64, got []byte) {
			if string(got) != value {
				t.Errorf("%s: a value of %d bytes", name, len(got))
			}
		})
		runtime.ReadMemStats(&after)
		t.Logf("%s: %d bytes hold %d records; %d bytes were allocated", name, len(b), n, after.TotalAlloc-before.TotalAlloc)
		if n != len(values) || err != nil || after.TotalAlloc-before.TotalAlloc > 16<<20 {
			t.Errorf("%s: %d records, %v, with %d bytes", name, n, err, after.TotalAlloc-before.TotalAlloc)
		}
	}
}

// codec compresses as kafka-go's producer does.
func codec(c compress.Compression) func([]byte) []byte {
	return func(b []byte) []byte {
		var out bytes.Buffer
		w := c.Codec().NewWriter(&out)
		if _, err := w.Write(b); err != nil {
			panic(err)
		}
		if err := w.Close(); err != nil {
			panic(err)
		}
		return out.Bytes()
	}
}
