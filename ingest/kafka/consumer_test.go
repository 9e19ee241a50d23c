package kafka_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/ingest/kafka"
)

func fetchAll(r *recorder) kafka.Work {
	return func(ctx context.Context, claim *kafka.Claim) error {
		return claim.Fetch(ctx, -1, r.deliver(claim.Partition()))
	}
}

func TestConsumesEveryPartitionInOrder(t *testing.T) {
	broker := newBroker(t)
	cfg := broker.config()
	broker.topic(t, cfg, 4, nil)
	values := make([]string, 1000)
	for i := range values {
		values[i] = fmt.Sprintf("value %d", i)
	}
	produce(t, cfg, values...)

	got := newRecorder()
	consumer, stop := consuming(t, cfg, fetchAll(got))
	eventually(t, "all records", func() bool { return got.count() == len(values) })
	if err := consumer.Trouble(); err != nil {
		t.Errorf("trouble while all is well: %v", err)
	}
	stop()
	for p := range int32(4) {
		_, offsets := got.partition(p)
		if len(offsets) == 0 {
			t.Errorf("partition %d got nothing", p)
		}
		for i, offset := range offsets {
			if offset != int64(i) {
				t.Fatalf("partition %d: record %d has offset %d", p, i, offset)
			}
		}
	}
}

func TestNewRecordsArriveSoon(t *testing.T) {
	broker := newBroker(t)
	cfg := broker.config()
	broker.topic(t, cfg, 1, nil)
	got := newRecorder()
	consuming(t, cfg, fetchAll(got))
	for i := range 5 {
		produce(t, cfg, fmt.Sprint(i))
		eventually(t, "the new record", func() bool { return got.count() == i+1 })
	}
}

func TestCommitKeepsOffsetAndNote(t *testing.T) {
	broker := newBroker(t)
	cfg := broker.config()
	broker.topic(t, cfg, 1, nil)
	produce(t, cfg, "a", "b", "c")
	note := `{"pending":[2,17],"at":1735689600000}`

	type state struct {
		offset int64
		note   string
	}
	states := make(chan state, 2)
	work := func(ctx context.Context, claim *kafka.Claim) error {
		offset, metadata, err := claim.Committed(ctx)
		if err != nil {
			return err
		}
		states <- state{offset, metadata}
		return claim.Commit(ctx, 2, note)
	}
	_, stop := consuming(t, cfg, work)
	if first := <-states; first != (state{-1, ""}) {
		t.Errorf("before the first commit: %+v", first)
	}
	eventually(t, "the commit", func() bool {
		return broker.committed(t, cfg, 0) == (committed{2, note})
	})
	stop()
	consuming(t, cfg, work)
	if second := <-states; second != (state{2, note}) {
		t.Errorf("after the commit: %+v", second)
	}
}

func TestTwoConsumersShareThePartitions(t *testing.T) {
	broker := newBroker(t)
	cfg := broker.config()
	broker.topic(t, cfg, 4, nil)
	var mu sync.Mutex
	held := map[string]map[int32]bool{"a": {}, "b": {}}
	worker := func(name string) kafka.Work {
		return func(ctx context.Context, claim *kafka.Claim) error {
			mu.Lock()
			held[name][claim.Partition()] = true
			mu.Unlock()
			<-ctx.Done()
			mu.Lock()
			delete(held[name], claim.Partition())
			mu.Unlock()
			return nil
		}
	}
	holds := func(a, b int) func() bool {
		return func() bool {
			mu.Lock()
			defer mu.Unlock()
			return len(held["a"]) == a && len(held["b"]) == b
		}
	}
	consuming(t, cfg, worker("a"))
	eventually(t, "the first consumer holds all", holds(4, 0))
	_, stop := consuming(t, cfg, worker("b"))
	eventually(t, "each holds half", holds(2, 2))
	stop()
	eventually(t, "the first holds all again", holds(4, 0))
}

// A member that is told to stop, or has to give its partition back, can still commit what it has in hand.
func TestLastCommitOfAStop(t *testing.T) {
	broker := newBroker(t)
	cfg := broker.config()
	broker.topic(t, cfg, 2, nil)
	started := make(chan struct{}, 2)
	failures := make(chan error, 2)
	_, stop := consuming(t, cfg, func(ctx context.Context, claim *kafka.Claim) error {
		started <- struct{}{}
		<-ctx.Done()
		time.Sleep(time.Duration(claim.Partition()) * 300 * time.Millisecond) // a block takes its time, each its own
		failures <- claim.Commit(context.WithoutCancel(ctx), 7, "last words")
		return nil
	})
	<-started
	<-started
	stop()
	for range 2 {
		if err := <-failures; err != nil {
			t.Errorf("last commit: %v", err)
		}
	}
	for p := range int32(2) {
		if have := broker.committed(t, cfg, p); have != (committed{7, "last words"}) {
			t.Errorf("partition %d: committed %+v", p, have)
		}
	}
	if n := broker.members(t, cfg); n != 0 {
		t.Errorf("%d members are still in the group", n)
	}
}

// Two consumers believe to own the partition: the broker refuses the one of the old generation.
func TestCommitOfAnOldGenerationIsFenced(t *testing.T) {
	broker := newBroker(t)
	cfg := broker.config()
	broker.topic(t, cfg, 1, nil)
	cfg.RebalanceTimeout = time.Second
	stale := make(chan *kafka.Claim, 1)
	release := make(chan struct{})
	var first atomic.Bool
	work := func(ctx context.Context, claim *kafka.Claim) error {
		if first.CompareAndSwap(false, true) {
			stale <- claim
			<-release // stalled: does not notice that its context ended
			return nil
		}
		<-ctx.Done()
		return nil
	}
	_, stopStalled := consuming(t, cfg, work)
	old := <-stale
	if err := old.Commit(t.Context(), 1, "mine"); err != nil {
		t.Fatalf("commit of the living generation: %v", err)
	}
	took := make(chan *kafka.Claim, 16)
	consuming(t, cfg, func(ctx context.Context, claim *kafka.Claim) error {
		took <- claim
		<-ctx.Done()
		return nil
	})
	fresh := <-took
	if err := fresh.Commit(t.Context(), 5, "the new owner's"); err != nil {
		t.Fatalf("commit of the new owner: %v", err)
	}
	if err := old.Commit(t.Context(), 1, "mine"); !errors.Is(err, kafka.ErrFenced) {
		t.Errorf("commit of the old owner: %v, want ErrFenced", err)
	}
	if offset, note, err := fresh.Committed(t.Context()); offset != 5 || note != "the new owner's" || err != nil {
		t.Errorf("committed: %d %q %v", offset, note, err)
	}
	close(release)
	stopStalled()
}

func TestFailedWorkIsRepeatedWhileTheOthersGoOn(t *testing.T) {
	broker := newBroker(t)
	cfg := broker.config()
	broker.topic(t, cfg, 2, nil)
	var attempts, undisturbed atomic.Int32
	consumer, _ := consuming(t, cfg, func(ctx context.Context, claim *kafka.Claim) error {
		if claim.Partition() == 1 {
			undisturbed.Add(1)
			<-ctx.Done()
			return nil
		}
		if attempts.Add(1) < 4 {
			return errors.New("the store is on fire")
		}
		<-ctx.Done()
		return nil
	})
	eventually(t, "a fourth attempt", func() bool { return attempts.Load() == 4 })
	if n := undisturbed.Load(); n != 1 {
		t.Errorf("the other partition's work was started %d times", n)
	}
	if err := consumer.Trouble(); err == nil {
		t.Error("no trouble is reported for the partition that fails")
	}
}

// A commit whose answer is lost may still arrive at the broker, after later ones. The group has to be
// joined as somebody else before anything more is committed.
func TestUncertainCommitEndsTheMembership(t *testing.T) {
	cluster, cfg := newCluster(t)
	topic(t, cluster, cfg, 1, nil)
	var members []string
	var mu sync.Mutex
	member := func() string {
		info := cluster.GroupInfo(cfg.Group)
		if info == nil || len(info.Members) == 0 {
			return ""
		}
		return info.Members[0].MemberID
	}
	cut := dropCommits(cluster)
	consuming(t, cfg, func(ctx context.Context, claim *kafka.Claim) error {
		mu.Lock()
		members = append(members, member())
		mu.Unlock()
		if err := claim.Commit(ctx, 3, ""); err != nil {
			if !errors.Is(err, kafka.ErrUncertain) {
				t.Errorf("commit without an answer: %v", err)
			}
			cut.Store(false)
			return err
		}
		<-ctx.Done()
		return nil
	})
	eventually(t, "a commit by another member", func() bool {
		return cluster.GroupInfo(cfg.Group) != nil && cluster.GroupInfo(cfg.Group).Commits[cfg.Topic][0].Offset == 3
	})
	mu.Lock()
	defer mu.Unlock()
	if len(members) != 2 || slices.Contains(members[1:], members[0]) {
		t.Errorf("members: %v, want two different ones", members)
	}
}
