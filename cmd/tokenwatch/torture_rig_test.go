package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/deploy/proxy"
	"github.com/tokenwatch/tokenwatch/ingest"
)

// rig is everything that is tortured, and what watches it:
//
//	tortureLog ───────────────► broker ◄── proxy ◄──┐
//	                                                ├── instances of tokenwatch, children
//	oracle ◄─── tortureStore (ClickHouse) ◄ proxy ◄─┘
type rig struct {
	random *rand.Rand
	broker tortureBroker
	log    *tortureLog
	store  *tortureStore
	oracle *oracle

	toKafka, toStore *proxy.Proxy
	pepper           string
	dsn              string

	mu        sync.Mutex // a fault and a kill beside it may both change instances
	instances [3]*instance
	started   int                  // children so far
	dead      map[string]time.Time // clients of the group, until they are buried
}

// instance is one tokenwatch; its child is nil while it is away.
type instance struct {
	place
	*child
	client string // as the group knows the child
}

func newRig(t *testing.T, seed uint64, kind string) *rig {
	t.Helper()
	needEngines(t)
	w := &rig{random: rand.New(rand.NewPCG(seed, 0)), store: newTortureStore(t), oracle: newOracle(), dead: map[string]time.Time{}}
	// The proxy has to be there before the broker that advertises it, and to know its port.
	var broker tortureBroker
	w.toKafka = throughProxy(t, seed+1, func(advertised string) string {
		make, known := tortureBrokers[kind]
		if !known {
			t.Fatalf("-torture-broker=%s: no such broker", kind)
		}
		broker = make(t, advertised)
		return broker.address()
	})
	w.broker = broker
	w.broker.start(t)
	w.toStore = throughProxy(t, seed+2, func(string) string { return w.store.server.TCPAddress() })
	w.dsn = w.store.dsn(t, w.toStore.Address())
	w.log = newTortureLog(t, w.broker.address(), seed)
	w.pepper = filepath.Join(t.TempDir(), "pepper") // one for all: a token has one fingerprint
	if _, err := ingest.OpenPepper(w.pepper); err != nil {
		t.Fatal(err)
	}
	ports := freePorts(t, len(w.instances))
	for i := range w.instances {
		w.instances[i] = &instance{place: place{dir: t.TempDir(), http: ports[i]}}
	}
	t.Cleanup(func() { w.end(t) })
	if w.broker.forgets() {
		w.undertaker(t)
	}
	return w
}

// undertaker does what a broker that forgets ought to: it takes dead members out of the
// group, long after their session should have expired.
func (w *rig) undertaker(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	var working sync.WaitGroup
	working.Go(func() {
		for ctx.Err() == nil {
			select {
			case <-ctx.Done():
				return
			case <-time.After(w.session()):
			}
			if list := w.unburied(3 * w.session()); len(list) > 0 && w.log.evict(ctx, list) == nil {
				w.buried(list)
			}
		}
	})
	t.Cleanup(func() { cancel(); working.Wait() })
}

func (w *rig) unburied(after time.Duration) (list []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for client, died := range w.dead {
		if time.Since(died) > after {
			list = append(list, client)
		}
	}
	return list
}

func (w *rig) buried(list []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, client := range list {
		delete(w.dead, client)
	}
}

// config writes a configuration for commands beside the instances, past the proxy.
func (w *rig) config(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "tokenwatch.yaml")
	if err := os.WriteFile(file, []byte("clickhouse:\n  dsn: "+w.store.server.DSN()+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// session is how long a dead instance keeps its partitions.
func (w *rig) session() time.Duration { return max(w.broker.session(), 2*time.Second) }

// throughProxy starts a proxy to an address that may depend on the proxy's own.
func throughProxy(t *testing.T, seed uint64, target func(address string) string) *proxy.Proxy {
	t.Helper()
	p, err := proxy.Listen("127.0.0.1:0", "", seed)
	if err != nil {
		t.Fatal(err)
	}
	p.Target(target(p.Address()))
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return p
}

// end kills what still runs, and shows the logs of a test that failed.
func (w *rig) end(t *testing.T) {
	for n, i := range w.instances {
		if i.child == nil {
			continue
		}
		_ = i.command.Process.Signal(syscall.SIGCONT) // it may be stalled
		_ = i.command.Process.Kill()
		<-i.ended
		if t.Failed() {
			t.Logf("the log of instance %d:\n%s", n, tail(i.child.log.String(), 60))
		}
	}
}

// start starts an instance that is away, with settings that make blocks small and
// everything that waits impatient.
func (w *rig) start(t *testing.T, n int) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	i := w.instances[n]
	if i.child != nil {
		return
	}
	if i.dir == "" {
		i.dir = t.TempDir()
	}
	if err := os.MkdirAll(i.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	w.started++
	i.client = fmt.Sprintf("torture-%d", w.started)
	i.child = i.place.start(t,
		"TOKENWATCH_KAFKA_BROKERS="+w.toKafka.Address(),
		"TOKENWATCH_CLICKHOUSE_DSN="+w.dsn,
		"TOKENWATCH_INGEST_PEPPER_FILE="+w.pepper,
		"TOKENWATCH_KAFKA_CLIENT_ID="+i.client,
		"TOKENWATCH_KAFKA_SESSION_TIMEOUT="+w.session().String(),
		"TOKENWATCH_KAFKA_REBALANCE_TIMEOUT="+(2*w.session()).String(),
		"TOKENWATCH_KAFKA_TIMEOUT=2s",
		"TOKENWATCH_CLICKHOUSE_DIAL_TIMEOUT=2s",
		"TOKENWATCH_CLICKHOUSE_QUERY_TIMEOUT=5s",
		"TOKENWATCH_INGEST_BLOCK_GRACE=2s",
		"TOKENWATCH_INGEST_BLOCK_ROWS=200",
		"TOKENWATCH_DETECT_SNAPSHOT_EVERY=700ms",
		"TOKENWATCH_DETECT_TOGETHER=false", // the engines that were never interrupted have a partition each
	)
}

// take removes an instance's child from the rig, so that nobody else ends it.
func (w *rig) take(n int) *child {
	w.mu.Lock()
	defer w.mu.Unlock()
	c := w.instances[n].child
	w.instances[n].child = nil
	w.dead[w.instances[n].client] = time.Now()
	return c
}

// running lists the instances that are there.
func (w *rig) running() []int {
	w.mu.Lock()
	defer w.mu.Unlock()
	var list []int
	for n, i := range w.instances {
		if i.child != nil {
			list = append(list, n)
		}
	}
	return list
}

// kill is kill -9 of an instance.
func (w *rig) kill(t *testing.T, n int) {
	t.Helper()
	if c := w.take(n); c != nil && w.lives(t, n, c) {
		c.kill(t)
	}
}

// lives tells whether a child is still there. None may end by itself, whatever is done
// to its engines.
func (w *rig) lives(t *testing.T, n int, c *child) bool {
	t.Helper()
	select {
	case err := <-c.ended:
		c.ended <- err
		t.Errorf("instance %d ended by itself: %v:\n%s", n, err, tail(c.log.String(), 20))
		return false
	default:
		return true
	}
}

// leave has an instance end in good order.
func (w *rig) leave(t *testing.T, n int) {
	t.Helper()
	c := w.take(n)
	if c == nil || !w.lives(t, n, c) {
		return
	}
	if code, took := c.terminate(t); code != 0 || took > 20*time.Second {
		t.Errorf("SIGTERM: instance %d ended with code %d after %s:\n%s", n, code, took, tail(c.log.String(), 20))
	}
}

// owned is which partitions an instance works on.
func (w *rig) owned(t *testing.T, n int) []string {
	t.Helper()
	_, page := get(t, w.instances[n].url()+"/metrics")
	var list []string
	for p := range torturePartitions {
		label := fmt.Sprintf(`partition="%d"`, p)
		if strings.Contains(page, "tokenwatch_next_offset{"+label) {
			list = append(list, label)
		}
	}
	return list
}

// flow produces until the returned function is called.
func (w *rig) flow(victim int) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var flowing sync.WaitGroup
	flowing.Go(func() { w.log.traffic(ctx) })
	flowing.Go(func() { w.log.theft(ctx, victim) })
	return func() { cancel(); flowing.Wait() }
}

// settle waits until all that is in the log is stored, handled and committed, and then
// compares.
func (w *rig) settle(t *testing.T) {
	t.Helper()
	if len(w.running()) == 0 {
		w.start(t, 0)
	}
	for _, n := range w.running() {
		w.lives(t, n, w.instances[n].child)
	}
	since := w.oracle.read
	list := w.log.readBack(t, &w.oracle.read)
	begun, last := time.Now(), ""
	for {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		offsets, pending, err := w.log.committed(ctx)
		cancel()
		if err == nil && offsets == w.oracle.read && pending == "" {
			break
		}
		last = fmt.Sprintf("committed %v of %v, pending %q, %v", offsets, w.oracle.read, pending, err)
		if time.Since(begun) > settleWithin {
			t.Errorf("not within %s: everything is committed: %s", settleWithin, last)
			break // the comparison tells which offsets are missing
		}
		time.Sleep(20 * time.Millisecond)
	}
	w.oracle.verify(t, w.store, since, list)
}

// settleWithin is how long after the last fault all has to be done. It covers a session
// that has to expire, and the longest pauses between attempts.
const settleWithin = 90 * time.Second

// randomMoment waits for a random time: kills at random moments are what is tested.
func randomMoment(random *rand.Rand, longest time.Duration) {
	time.Sleep(time.Duration(random.Int64N(int64(longest))))
}
