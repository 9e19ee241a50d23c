package main

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	torturePartitions = 4
	tortureTopic      = "gateway.access"
	tortureGroup      = "tokenwatch"
)

// fate is what has to become of a record: a letter an item, e for an event and d for a
// dead letter.
type fate string

// tortureLog writes the topic and reads it back. It goes past the proxy, whatever the
// broker advertises, and what it reads is what counts: each record that was produced has
// to be in the log once, at the offset that was acknowledged.
type tortureLog struct {
	client *kgo.Client

	mu     sync.Mutex
	random *rand.Rand
	serial int
	sent   map[string]fate     // by the record's name, until it is read back after the round
	acked  map[string]position // likewise
}

type position struct {
	partition int32
	offset    int64
}

// produced is how many records there are so far.
func (l *tortureLog) produced() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.serial
}

// logged is a record that was read back.
type logged struct {
	position
	name string
	fate fate
}

func newTortureLog(t *testing.T, broker string, seed uint64) *tortureLog {
	t.Helper()
	l := &tortureLog{random: rand.New(rand.NewPCG(seed, 1)), sent: map[string]fate{}, acked: map[string]position{}}
	from := map[int32]kgo.Offset{}
	for p := range int32(torturePartitions) {
		from[p] = kgo.NewOffset().At(0)
	}
	var err error
	l.client, err = kgo.NewClient(
		kgo.SeedBrokers(broker),
		kgo.Dialer(func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, broker)
		}),
		kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ProducerLinger(2*time.Millisecond),
		kgo.RetryBackoffFn(func(int) time.Duration { return 20 * time.Millisecond }),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{tortureTopic: from}),
		kgo.FetchMaxWait(100*time.Millisecond),
	)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.client.Close)
	l.create(t)
	return l
}

func (l *tortureLog) create(t *testing.T) {
	t.Helper()
	topic := kmsg.NewCreateTopicsRequestTopic()
	topic.Topic, topic.NumPartitions, topic.ReplicationFactor = tortureTopic, torturePartitions, 1
	request := kmsg.NewPtrCreateTopicsRequest()
	request.Topics = append(request.Topics, topic)
	answer, err := request.RequestWith(t.Context(), l.client)
	if err != nil {
		t.Fatal(err)
	}
	if err := kerr.ErrorForCode(answer.Topics[0].ErrorCode); err != nil {
		t.Fatal(err)
	}
}

// produce appends one record. The token decides the partition.
func (l *tortureLog) produce(ctx context.Context, token string, f fate, value func(name string) string) {
	l.mu.Lock()
	name := fmt.Sprintf("id%07d", l.serial)
	l.serial++
	l.sent[name] = f
	l.mu.Unlock()
	h := fnv.New32a()
	_, _ = h.Write([]byte(token)) // a hash takes everything
	r := &kgo.Record{Topic: tortureTopic, Key: []byte(name), Value: []byte(value(name)), Partition: int32(h.Sum32() % torturePartitions)}
	// It is repeated, idempotently, until it is acknowledged: the end of a round waits for it.
	l.client.Produce(context.WithoutCancel(ctx), r, func(r *kgo.Record, err error) {
		if err != nil {
			return // the log will tell
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		l.acked[name] = position{r.Partition, r.Offset}
	})
}

// named is a record of the crew's with its name as the request's id.
func named(record, name string) string { return strings.Replace(record, `"r-`, `"`+name+`-`, 1) }

// traffic produces until ctx ends: requests, arrays of them, and what cannot be decoded.
func (l *tortureLog) traffic(ctx context.Context) {
	tick := time.NewTicker(8 * time.Millisecond) // the pace
	defer tick.Stop()
	for ctx.Err() == nil {
		for range 1 + l.intN(4) {
			l.one(ctx)
		}
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
}

func (l *tortureLog) intN(n int) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.random.IntN(n)
}

func (l *tortureLog) one(ctx context.Context) {
	token := crewToken(l.intN(crew))
	good := ownRecord(time.Now(), token, home)
	switch kind := l.intN(100); {
	case kind < 70:
		l.produce(ctx, token, "e", func(name string) string { return named(good, name) })
	case kind < 85:
		n := 1 + l.intN(6)
		f, entry := fate(strings.Repeat("e", n)), good
		last := ""
		if l.intN(2) == 0 {
			f, last = f+"d", `,{"uri":"/v1/none"}`
		}
		l.produce(ctx, token, f, func(name string) string {
			return "[" + strings.Repeat(named(entry, name)+",", n-1) + named(entry, name) + last + "]"
		})
	case kind < 92:
		l.produce(ctx, token, "d", func(name string) string { return "no JSON " + name })
	case kind < 95:
		l.produce(ctx, token, "d", func(string) string { return "" })
	case kind < 98:
		l.produce(ctx, token, "d", func(string) string { return strings.Replace(good, `"status":200`, `"status":4711`, 1) })
	default:
		long := strings.Repeat("x", 1000+l.intN(60_000))
		l.produce(ctx, token, "e", func(name string) string { return strings.Replace(named(good, name), "/v1/me", "/v1/"+long, 1) })
	}
}

// theft is a token's life of five days, told late, and then its theft.
func (l *tortureLog) theft(ctx context.Context, victim int) {
	token := fmt.Sprintf("sk-live-RtYwQzXvKmPnLsHd%05d", victim)
	var past []string
	now := time.Now()
	for at := now.Add(-5 * 24 * time.Hour); at.Before(now.Add(-8 * time.Hour)); at = at.Add(40 * time.Minute) {
		past = append(past, ownRecord(at, token, home))
	}
	for len(past) > 0 {
		n := min(len(past), 12)
		part := past[:n]
		past = past[n:]
		l.produce(ctx, token, fate(strings.Repeat("e", n)), func(name string) string {
			for i := range part {
				part[i] = named(part[i], name)
			}
			return "[" + strings.Join(part, ",") + "]"
		})
	}
	for range 40 {
		stolen := strings.Replace(ownRecord(time.Now(), token, abroad), "acme-sdk/2.1", "curl/8.7.1", 1)
		l.produce(ctx, token, "e", func(name string) string { return named(stolen, name) })
	}
}

// readBack waits until everything is acknowledged or given up, and returns what the log
// has beyond what was read before, in the order of offsets, and where each partition ends.
func (l *tortureLog) readBack(t *testing.T, read *[torturePartitions]int64) []logged {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := l.client.Flush(ctx); err != nil {
		t.Fatalf("the broker does not acknowledge what was produced: %v", err)
	}
	ends := l.ends(ctx, t)
	var list []logged
	for *read != ends {
		fetches := l.client.PollFetches(ctx)
		if ctx.Err() != nil {
			t.Fatalf("reading the log back: at %v of %v: %v", *read, ends, fetches.Err())
		}
		fetches.EachRecord(func(r *kgo.Record) {
			if r.Offset != read[r.Partition] {
				t.Errorf("partition %d of the log has offset %d where %d was expected", r.Partition, r.Offset, read[r.Partition])
			}
			read[r.Partition] = r.Offset + 1
			list = append(list, l.found(t, r))
		})
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for name := range l.sent {
		t.Errorf("%s was produced (acknowledged at %v) and is not in the log", name, l.acked[name])
	}
	return list
}

func (l *tortureLog) found(t *testing.T, r *kgo.Record) logged {
	l.mu.Lock()
	defer l.mu.Unlock()
	name := string(r.Key)
	f, known := l.sent[name]
	if !known {
		t.Errorf("partition %d, offset %d: %s is in the log twice, or from nowhere", r.Partition, r.Offset, name)
	}
	at := position{r.Partition, r.Offset}
	if acked, ok := l.acked[name]; ok && acked != at {
		t.Errorf("%s was acknowledged at %v and is at %v", name, acked, at)
	}
	delete(l.sent, name)
	delete(l.acked, name)
	return logged{at, name, f}
}

func (l *tortureLog) ends(ctx context.Context, t *testing.T) (ends [torturePartitions]int64) {
	t.Helper()
	of := kmsg.NewListOffsetsRequestTopic()
	of.Topic = tortureTopic
	for p := range int32(torturePartitions) {
		part := kmsg.NewListOffsetsRequestTopicPartition()
		part.Partition, part.Timestamp = p, -1
		of.Partitions = append(of.Partitions, part)
	}
	request := kmsg.NewPtrListOffsetsRequest()
	request.ReplicaID = -1
	request.Topics = append(request.Topics, of)
	for _, shard := range l.client.RequestSharded(ctx, request) {
		if shard.Err != nil {
			t.Fatalf("asking for the log's ends: %v", shard.Err)
		}
		for _, topic := range shard.Resp.(*kmsg.ListOffsetsResponse).Topics {
			for _, p := range topic.Partitions {
				if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
					t.Fatalf("asking for the end of partition %d: %v", p.Partition, err)
				}
				ends[p.Partition] = p.Offset
			}
		}
	}
	return ends
}

// committed is the group's offset of each partition, and why a partition is not done: the
// note of an intent.
func (l *tortureLog) committed(ctx context.Context) (offsets [torturePartitions]int64, pending string, err error) {
	of := kmsg.NewOffsetFetchRequestTopic()
	of.Topic = tortureTopic
	for p := range int32(torturePartitions) {
		of.Partitions = append(of.Partitions, p)
	}
	request := kmsg.NewPtrOffsetFetchRequest()
	request.Group = tortureGroup
	request.Topics = append(request.Topics, of)
	answer, err := request.RequestWith(ctx, l.client)
	if err != nil {
		return offsets, "", err
	}
	topics := answer.Topics
	if len(answer.Groups) == 1 {
		text, err := json.Marshal(answer.Groups[0].Topics)
		if err != nil {
			return offsets, "", err
		}
		if err := json.Unmarshal(text, &topics); err != nil {
			return offsets, "", err
		}
	}
	for _, topic := range topics {
		for _, p := range topic.Partitions {
			offsets[p.Partition] = max(0, p.Offset)
			if p.Metadata != nil && *p.Metadata != "" {
				pending = *p.Metadata
			}
		}
	}
	return offsets, pending, kerr.ErrorForCode(answer.ErrorCode)
}

// evict takes members out of the group whose processes are dead.
func (l *tortureLog) evict(ctx context.Context, clients []string) error {
	describe := kmsg.NewPtrDescribeGroupsRequest()
	describe.Groups = []string{tortureGroup}
	described, err := describe.RequestWith(ctx, l.client)
	if err != nil {
		return err
	}
	leave := kmsg.NewPtrLeaveGroupRequest()
	leave.Group = tortureGroup
	for _, group := range described.Groups {
		for _, m := range group.Members {
			if slices.Contains(clients, m.ClientID) {
				leaving := kmsg.NewLeaveGroupRequestMember()
				leaving.MemberID = m.MemberID
				leave.Members = append(leave.Members, leaving)
			}
		}
	}
	if len(leave.Members) > 0 {
		_, err = leave.RequestWith(ctx, l.client)
	}
	return err
}
