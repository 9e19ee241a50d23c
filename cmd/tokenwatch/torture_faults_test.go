package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/deploy/proxy"
)

// torment is one thing that can go wrong in a round. It does it, waits until it has had
// an effect, and mends it again.
type torment struct {
	name   string
	do     func(w *rig, t *testing.T, random *rand.Rand)
	beside bool // an instance may be killed at the same time
}

// torments are dealt like cards: each comes once before any comes again.
var torments = []torment{
	{"tokenwatch is killed", killed, false},
	{"tokenwatch is killed again while it starts", killedStarting, false},
	{"all of tokenwatch is killed", allKilled, false},
	{"tokenwatch is restarted in good order", restarted, false},
	{"instances join and leave", joinAndLeave, false},
	{"a stalled owner comes back", stalledOwner, false},
	{"ClickHouse is killed", storeKilled, true},
	{"ClickHouse is restarted", storeRestarted, true},
	{"ClickHouse: too many parts (252)", tooManyParts, true},
	{"ClickHouse: memory (241)", outOfMemory, true},
	{"ClickHouse: too many queries (202)", tooManyQueries, true},
	{"ClickHouse: timeout (159)", timeout, true},
	{"ClickHouse: read-only (164)", readonly, true},
	{"ClickHouse: table is read-only", readonlyTable, true},
	{"the broker is killed", brokerKilled, true},
	{"the broker is restarted", brokerRestarted, true},
	{"connections to Kafka are cut", onTheWay(toKafka, proxy.Cut), true},
	{"connections to Kafka are delayed", onTheWay(toKafka, proxy.Delay), true},
	{"connections to Kafka are half-closed", onTheWay(toKafka, proxy.HalfClose), true},
	{"connections to Kafka stall", onTheWay(toKafka, proxy.Stall), true},
	{"connections to Kafka are refused", onTheWay(toKafka, proxy.Refuse), true},
	{"connections to ClickHouse are cut", onTheWay(toStore, proxy.Cut), true},
	{"connections to ClickHouse are delayed", onTheWay(toStore, proxy.Delay), true},
	{"connections to ClickHouse are half-closed", onTheWay(toStore, proxy.HalfClose), true},
	{"connections to ClickHouse stall", onTheWay(toStore, proxy.Stall), true},
	{"connections to ClickHouse are refused", onTheWay(toStore, proxy.Refuse), true},
}

func anyOf(list []int, random *rand.Rand) int { return list[random.IntN(len(list))] }

func killed(w *rig, t *testing.T, random *rand.Rand) {
	randomMoment(random, 800*time.Millisecond)
	n := anyOf(w.running(), random)
	w.kill(t, n)
	w.start(t, n)
}

func killedStarting(w *rig, t *testing.T, random *rand.Rand) {
	n := anyOf(w.running(), random)
	for range 2 + random.IntN(2) {
		w.kill(t, n)
		w.start(t, n)
		randomMoment(random, 900*time.Millisecond)
	}
}

func allKilled(w *rig, t *testing.T, random *rand.Rand) {
	randomMoment(random, 800*time.Millisecond)
	for _, n := range w.running() {
		w.kill(t, n)
	}
	w.start(t, random.IntN(len(w.instances)))
}

func restarted(w *rig, t *testing.T, random *rand.Rand) {
	randomMoment(random, 300*time.Millisecond)
	n := anyOf(w.running(), random)
	w.leave(t, n)
	w.start(t, n)
}

// joinAndLeave brings all instances into the group, one by one, and takes some away.
func joinAndLeave(w *rig, t *testing.T, random *rand.Rand) {
	for n := range w.instances {
		w.start(t, n)
		randomMoment(random, 300*time.Millisecond)
	}
	w.shared(t, len(w.instances))
	for range 1 + random.IntN(2) {
		n := anyOf(w.running(), random)
		if random.IntN(2) == 0 {
			w.kill(t, n)
		} else {
			w.leave(t, n)
		}
		randomMoment(random, 300*time.Millisecond)
	}
}

// shared waits until every partition has an owner, and so many instances own some.
func (w *rig) shared(t *testing.T, owners int) {
	t.Helper()
	eventually(t, settleWithin, fmt.Sprintf("%d instances share the partitions", owners), func() bool {
		sharing, partitions := 0, 0
		for _, n := range w.running() {
			owned := len(w.owned(t, n))
			partitions += owned
			sharing += min(1, owned)
		}
		return sharing >= owners && partitions == torturePartitions
	})
}

// stalledOwner stops an owner (SIGSTOP) until the others have its partitions and work on
// them, and lets it go on: it believes that it still owns them.
func stalledOwner(w *rig, t *testing.T, random *rand.Rand) {
	for _, n := range []int{0, 1} {
		w.start(t, n)
	}
	w.shared(t, 2)
	randomMoment(random, 300*time.Millisecond)
	var owners []int
	for _, n := range w.running() {
		if len(w.owned(t, n)) > 0 {
			owners = append(owners, n)
		}
	}
	stalled := anyOf(owners, random)
	process := w.instances[stalled].command.Process
	if err := process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	eventually(t, settleWithin, "the other instances have taken over", func() bool {
		partitions := 0
		for _, n := range w.running() {
			if n != stalled {
				partitions += len(w.owned(t, n))
			}
		}
		return partitions == torturePartitions
	})
	randomMoment(random, 500*time.Millisecond)
	if err := process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	randomMoment(random, 300*time.Millisecond)
}

func storeKilled(w *rig, t *testing.T, random *rand.Rand) {
	for range 1 + random.IntN(2) {
		randomMoment(random, 500*time.Millisecond)
		w.store.kill(t)
		w.store.start(t, nil)
	}
}

func storeRestarted(w *rig, t *testing.T, random *rand.Rand) {
	randomMoment(random, 300*time.Millisecond)
	w.store.stop(t)
	w.store.start(t, nil)
}

// answers waits until the server has refused something with a code, a few times.
func (w *rig) answers(t *testing.T, code int, random *rand.Rand, before int64) {
	t.Helper()
	wanted := before + 1 + random.Int64N(3)
	eventually(t, settleWithin, fmt.Sprintf("ClickHouse answers %d", code), func() bool { return w.store.errors(t, code) >= wanted })
}

var tables = []string{"events", "dead_letters", "activity_hours"}

func tooManyParts(w *rig, t *testing.T, random *rand.Rand) {
	table := tables[random.IntN(len(tables))]
	before := w.store.errors(t, 252)
	w.store.tell(t, "ALTER TABLE "+table+" MODIFY SETTING parts_to_throw_insert = 1, parts_to_delay_insert = 1000000")
	w.answers(t, 252, random, before)
	w.store.tell(t, "ALTER TABLE "+table+" RESET SETTING parts_to_throw_insert, parts_to_delay_insert")
}

func readonlyTable(w *rig, t *testing.T, random *rand.Rand) {
	table := tables[random.IntN(len(tables))]
	const code = 774
	before := w.store.errors(t, code)
	w.store.tell(t, "ALTER TABLE "+table+" MODIFY SETTING table_readonly = 1")
	w.answers(t, code, random, before)
	w.store.tell(t, "ALTER TABLE "+table+" MODIFY SETTING table_readonly = 0")
}

// outOfMemory and timeout add a view that takes more than a query may have: by then a part of the
// block can be stored in one table and not in another.
func outOfMemory(w *rig, t *testing.T, random *rand.Rand) {
	w.greedyView(t, random, 241, "length(arrayMap(y -> repeat(toString(y + status), 100000), range(20000)))")
}

func timeout(w *rig, t *testing.T, random *rand.Rand) {
	w.greedyView(t, random, 159, fmt.Sprintf("sleep(%v) + status", (tortureQuery+500*time.Millisecond).Seconds()))
}

func (w *rig) greedyView(t *testing.T, random *rand.Rand, code int, expression string) {
	t.Helper()
	before := w.store.errors(t, code)
	w.store.tell(t, "CREATE MATERIALIZED VIEW IF NOT EXISTS torture_view TO torture_sink AS SELECT "+expression+" AS x FROM events")
	w.answers(t, code, random, before)
	w.store.tell(t, "DROP VIEW IF EXISTS torture_view SYNC")
}

// tooManyQueries takes all the queries that the user may run.
func tooManyQueries(w *rig, t *testing.T, random *rand.Rand) {
	before := w.store.errors(t, 202)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var running sync.WaitGroup
	for range tortureQueries {
		running.Go(func() {
			for ctx.Err() == nil {
				_ = w.store.occupy(ctx) // it ends when it is cut off
			}
		})
	}
	w.answers(t, 202, random, before)
	cancel()
	running.Wait()
}

// readonly restarts the server with a profile under which nobody may write. (2, since with
// 1 nobody may set anything either, and the test could not ask.)
func readonly(w *rig, t *testing.T, random *rand.Rand) {
	w.store.stop(t)
	w.store.start(t, map[string]string{"readonly": "2"})
	w.answers(t, 164, random, w.store.errors(t, 164))
	w.store.stop(t)
	w.store.start(t, nil)
}

func brokerKilled(w *rig, t *testing.T, random *rand.Rand) {
	randomMoment(random, 500*time.Millisecond)
	w.broker.kill(t)
	randomMoment(random, 500*time.Millisecond)
	w.broker.start(t)
}

func brokerRestarted(w *rig, t *testing.T, random *rand.Rand) {
	randomMoment(random, 300*time.Millisecond)
	w.broker.stop(t)
	w.broker.start(t)
}

func toKafka(w *rig) *proxy.Proxy { return w.toKafka }
func toStore(w *rig) *proxy.Proxy { return w.toStore }

// onTheWay applies a fault until it has struck a few times.
func onTheWay(which func(*rig) *proxy.Proxy, kind proxy.Kind) func(*rig, *testing.T, *rand.Rand) {
	return func(w *rig, t *testing.T, random *rand.Rand) {
		p := which(w)
		defer p.Apply(proxy.Fault{})
		randomMoment(random, 300*time.Millisecond)
		fault := proxy.Fault{Kind: kind}
		wanted := p.Struck() + 1
		switch kind {
		case proxy.Delay:
			fault.Longest = time.Duration(5+random.IntN(150)) * time.Millisecond
			wanted += random.Int64N(60)
		case proxy.Cut, proxy.HalfClose:
			fault.Bytes = 1 << random.IntN(17)
			wanted += random.Int64N(8)
		case proxy.Refuse:
			p.Apply(proxy.Fault{Kind: proxy.Cut}) // or nobody would connect anew
			wanted += random.Int64N(3)
		}
		p.Apply(fault)
		eventually(t, settleWithin, fault.String()+" strikes", func() bool { return p.Struck() >= wanted })
		if kind == proxy.Stall {
			randomMoment(random, 4*time.Second) // at times longer than somebody's patience
		}
	}
}
