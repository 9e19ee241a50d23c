package local_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"

	"github.com/tokenwatch/tokenwatch/deploy/local"
)

const topic = "gateway.access"

func startKafka(t *testing.T, dir string) *local.Kafka {
	t.Helper()
	k, err := local.StartKafka(local.KafkaConfig{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = k.Close() })
	return k
}

func createTopic(t *testing.T, k *local.Kafka, partitions int32) {
	t.Helper()
	if err := k.CreateTopic(t.Context(), topic, partitions); err != nil {
		t.Fatal(err)
	}
}

func client(t *testing.T, brokers []string, options ...kgo.Opt) *kgo.Client {
	t.Helper()
	options = append(options, kgo.SeedBrokers(brokers...), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	c, err := kgo.NewClient(options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// produce sends records numbered from first to last to partition 0 and waits until they are acknowledged.
func produce(t *testing.T, brokers []string, first, last int) {
	t.Helper()
	c := client(t, brokers)
	defer c.Close()
	records := make([]*kgo.Record, 0, last-first+1)
	for n := first; n <= last; n++ {
		records = append(records, &kgo.Record{Topic: topic, Value: []byte(strconv.Itoa(n))})
	}
	if err := c.ProduceSync(t.Context(), records...).FirstErr(); err != nil {
		t.Fatal(err)
	}
}

// consume reads partition 0 from its start up to its end.
func consume(t *testing.T, brokers []string) []*kgo.Record {
	t.Helper()
	_, end := bounds(t, brokers)
	c := client(t, brokers, kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: {0: kgo.NewOffset().AtStart()}}))
	defer c.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var records []*kgo.Record
	for len(records) == 0 || records[len(records)-1].Offset < end-1 {
		fetches := c.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			t.Fatalf("after %d records, end is %d: %v", len(records), end, err)
		}
		records = append(records, fetches.Records()...)
	}
	return records
}

// bounds asks for the first and the next offset of partition 0.
func bounds(t *testing.T, brokers []string) (start, end int64) {
	t.Helper()
	c := client(t, brokers)
	defer c.Close()
	ask := func(timestamp int64) int64 {
		part := kmsg.NewListOffsetsRequestTopicPartition()
		part.Timestamp = timestamp
		request := kmsg.NewPtrListOffsetsRequest()
		request.ReplicaID = -1
		request.Topics = []kmsg.ListOffsetsRequestTopic{{Topic: topic, Partitions: []kmsg.ListOffsetsRequestTopicPartition{part}}}
		response, err := request.RequestWith(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		return response.Topics[0].Partitions[0].Offset
	}
	return ask(-2), ask(-1)
}

// numbered fails unless the records are those from first on, at these very offsets.
func numbered(t *testing.T, records []*kgo.Record, first int) {
	t.Helper()
	for i, record := range records {
		if n := first + i; string(record.Value) != strconv.Itoa(n) || record.Offset != int64(n) {
			t.Fatalf("record %d has offset %d and value %s", n, record.Offset, record.Value)
		}
	}
}

func TestKafkaKeepsRecordsAndOffsets(t *testing.T) {
	dir := t.TempDir()
	k := startKafka(t, dir)
	createTopic(t, k, 3)
	produce(t, k.Brokers(), 0, 999)
	commit(t, k.Brokers(), 500, `{"pending":[500,600]}`)
	if err := k.Close(); err != nil {
		t.Fatal(err)
	}

	k = startKafka(t, dir)
	records := consume(t, k.Brokers())
	if len(records) != 1000 {
		t.Errorf("%d records after a restart, want 1000", len(records))
	}
	numbered(t, records, 0)
	committed(t, k.Brokers(), 500, `{"pending":[500,600]}`)
	produce(t, k.Brokers(), 1000, 1009)
	numbered(t, consume(t, k.Brokers()), 0)
}

// namesNotIDs keeps requests at versions that name topics, which spares the tests asking for topics' numbers.
var namesNotIDs = kgo.MaxVersions(kversion.V2_8_0())

func commit(t *testing.T, brokers []string, offset int64, metadata string) {
	t.Helper()
	part := kmsg.NewOffsetCommitRequestTopicPartition()
	part.Offset, part.Metadata = offset, kmsg.StringPtr(metadata)
	request := kmsg.NewPtrOffsetCommitRequest()
	request.Group = "tokenwatch"
	request.Topics = []kmsg.OffsetCommitRequestTopic{{Topic: topic, Partitions: []kmsg.OffsetCommitRequestTopicPartition{part}}}
	response, err := request.RequestWith(t.Context(), client(t, brokers, namesNotIDs))
	if err == nil {
		err = kerr.ErrorForCode(response.Topics[0].Partitions[0].ErrorCode)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func committed(t *testing.T, brokers []string, offset int64, metadata string) {
	t.Helper()
	request := kmsg.NewPtrOffsetFetchRequest()
	request.Group = "tokenwatch"
	request.Topics = []kmsg.OffsetFetchRequestTopic{{Topic: topic, Partitions: []int32{0}}}
	response, err := request.RequestWith(t.Context(), client(t, brokers, namesNotIDs))
	if err != nil {
		t.Fatal(err)
	}
	part := response.Topics[0].Partitions[0]
	if part.Offset != offset || part.Metadata == nil || *part.Metadata != metadata {
		t.Errorf("committed %d %v, want %d %s", part.Offset, part.Metadata, offset, metadata)
	}
}

// playKafka is a tokenwatch with a broker that waits to be killed.
func playKafka(dir string) {
	k, err := local.StartKafka(local.KafkaConfig{Dir: dir})
	if err == nil {
		err = k.CreateTopic(context.Background(), topic, 1)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(k.Brokers()[0])
	select {}
}

func TestKafkaKilled(t *testing.T) {
	dir := t.TempDir()
	broker := act(t, "kafka", dir)
	brokers := []string{broker.hear(t)}
	produce(t, brokers, 0, 999)
	commit(t, brokers, 700, "intent")

	// Keep producing while it is killed: what was acknowledged must be there, what was not may be.
	c := client(t, brokers)
	lastAcked := make(chan int, 1)
	go func() {
		n := 999
		for c.ProduceSync(t.Context(), &kgo.Record{Topic: topic, Value: []byte(strconv.Itoa(n + 1))}).FirstErr() == nil {
			n++
		}
		lastAcked <- n
	}()
	eventually(t, 10*time.Second, "more records are acknowledged", func() bool {
		_, end := bounds(t, brokers)
		return end > 1100
	})
	broker.kill(t)
	c.Close() // gives up the record in flight
	acked := <-lastAcked

	k := startKafka(t, dir)
	records := consume(t, k.Brokers())
	numbered(t, records, 0)
	if len(records) <= acked {
		t.Errorf("%d records after kill -9, though %d were acknowledged", len(records), acked+1)
	}
	committed(t, k.Brokers(), 700, "intent")
}

func TestKafkaTrim(t *testing.T) {
	for name, test := range map[string]struct {
		before int64
		start  int64 // what is left begins here
	}{
		"nothing":             {0, 0},
		"negative":            {-5, 0},
		"some":                {400, 400},
		"all but one":         {999, 999},
		"all":                 {1000, 999}, // the last record stays, see Kafka
		"more than there are": {5000, 999},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			k := startKafka(t, dir)
			createTopic(t, k, 1)
			produce(t, k.Brokers(), 0, 999)
			for range 2 { // a second time changes nothing
				if err := k.Trim(t.Context(), topic, 0, test.before); err != nil {
					t.Fatal(err)
				}
				if start, end := bounds(t, k.Brokers()); start != test.start || end != 1000 {
					t.Errorf("holds [%d, %d), want [%d, 1000)", start, end, test.start)
				}
			}
			if err := k.Close(); err != nil {
				t.Fatal(err)
			}
			k = startKafka(t, dir)
			if _, end := bounds(t, k.Brokers()); end != 1000 {
				t.Errorf("continues at %d after a restart, want 1000", end)
			}
			records := consume(t, k.Brokers())
			numbered(t, records, int(records[0].Offset))
		})
	}
}

func TestKafkaTrimOfUnknownPartition(t *testing.T) {
	k := startKafka(t, t.TempDir())
	createTopic(t, k, 1)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := k.Trim(ctx, topic, 7, 10); err == nil {
		t.Error("trimmed a partition that does not exist")
	}
	if err := k.Trim(ctx, topic, 0, 10); err != nil {
		t.Errorf("an empty partition: %v", err)
	}
}

func TestKafkaTrimFreesTheDiskAndSurvivesAKill(t *testing.T) {
	dir := t.TempDir()
	broker := act(t, "kafka", dir)
	brokers := []string{broker.hear(t)}
	c := client(t, brokers, kgo.ProducerBatchCompression(kgo.NoCompression()), kgo.ProducerBatchMaxBytes(4<<20))
	value := []byte(strings.Repeat("x", 1<<20))
	for range 100 {
		if err := c.ProduceSync(t.Context(), &kgo.Record{Topic: topic, Value: value}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	broker.kill(t)

	k := startKafka(t, dir)
	full := size(t, dir)
	if err := k.Trim(t.Context(), topic, 0, 100); err != nil {
		t.Fatal(err)
	}
	if left := size(t, dir); left > full/2 {
		t.Errorf("%d of %d bytes are left", left, full)
	}
	if err := k.Close(); err != nil {
		t.Fatal(err)
	}

	broker = act(t, "kafka", dir)
	broker.hear(t)
	broker.kill(t)
	if _, end := bounds(t, startKafka(t, dir).Brokers()); end != 100 {
		t.Errorf("continues at %d after kill -9, want 100", end)
	}
}

func size(t *testing.T, dir string) (total int64) {
	t.Helper()
	err := filepath.WalkDir(dir, func(_ string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		total += info.Size()
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return total
}

func TestKafkaTopics(t *testing.T) {
	k := startKafka(t, t.TempDir())
	createTopic(t, k, 4)
	createTopic(t, k, 9) // it is there: left as it is
	request := kmsg.NewPtrMetadataRequest()
	request.AllowAutoTopicCreation = true
	response, err := request.RequestWith(t.Context(), client(t, k.Brokers()))
	if err != nil {
		t.Fatal(err)
	}
	if len(response.Topics) != 1 || len(response.Topics[0].Partitions) != 4 {
		t.Errorf("topics %+v, want one with 4 partitions", response.Topics)
	}
	if len(response.Brokers) != 1 || response.Brokers[0].Host != local.Loopback {
		t.Errorf("brokers %+v, want one on loopback", response.Brokers)
	}
	if err := k.CreateTopic(t.Context(), "empty", 0); err == nil {
		t.Error("created a topic without partitions")
	}
}

func TestKafkaMakesNoTopicByItself(t *testing.T) {
	k := startKafka(t, t.TempDir())
	c := client(t, k.Brokers(), kgo.AllowAutoTopicCreation(), kgo.UnknownTopicRetries(0))
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	err := c.ProduceSync(ctx, &kgo.Record{Topic: "gateway.acess", Value: []byte("x")}).FirstErr()
	if !errors.Is(err, kerr.UnknownTopicOrPartition) {
		t.Errorf("a misspelt topic gives %v, want %v", err, kerr.UnknownTopicOrPartition)
	}
}

func TestKafkaTakesLargeAndOldRecords(t *testing.T) {
	dir := t.TempDir()
	k := startKafka(t, dir)
	createTopic(t, k, 1)
	c := client(t, k.Brokers(), kgo.ProducerBatchMaxBytes(12<<20), kgo.ProducerBatchCompression(kgo.NoCompression()))
	old := time.Now().AddDate(0, -2, 0)
	for _, value := range []string{"old", strings.Repeat("x", 10<<20)} {
		if err := c.ProduceSync(t.Context(), &kgo.Record{Topic: topic, Value: []byte(value), Timestamp: old}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	if err := k.Close(); err != nil {
		t.Fatal(err)
	}
	records := consume(t, startKafka(t, dir).Brokers())
	if len(records) != 2 || len(records[1].Value) != 10<<20 || records[0].Timestamp.UnixMilli() != old.UnixMilli() {
		t.Errorf("%d records came back, or not as they were", len(records))
	}
}

func TestKafkaRefusals(t *testing.T) {
	dir := t.TempDir()
	k := startKafka(t, dir)
	if _, err := local.StartKafka(local.KafkaConfig{Dir: dir}); !errors.Is(err, local.ErrInUse) {
		t.Errorf("second broker on the same data: %v, want %v", err, local.ErrInUse)
	}
	_, text, _ := net.SplitHostPort(k.Brokers()[0])
	port, _ := strconv.Atoi(text)
	elsewhere := local.KafkaConfig{Dir: t.TempDir(), Port: port}
	_, err := local.StartKafka(elsewhere)
	if !errors.Is(err, local.ErrPortTaken) || !strings.Contains(err.Error(), "kafka.port") || !strings.Contains(err.Error(), text) {
		t.Errorf("second broker on the same port: %v", err)
	}
	if err := k.Close(); err != nil {
		t.Fatal(err)
	}
	if err := k.Close(); err != nil {
		t.Errorf("closing twice: %v", err)
	}
	again, err := local.StartKafka(elsewhere)
	if err != nil {
		t.Fatalf("the refusal left something behind: %v", err)
	}
	if err := again.Close(); err != nil {
		t.Error(err)
	}
}
