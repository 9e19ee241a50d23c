package main

import (
	"flag"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// The long version is `make torture ROUNDS=1000 SEED=7`.
var (
	tortureRounds = flag.Int("torture-rounds", 22, "rounds of TestTorture: each is something that goes wrong while records flow")
	tortureSeed   = flag.Uint64("torture-seed", 0, "seed of TestTorture: what goes wrong, when and in which order; 0: a random one, which is printed")
	tortureOnly   = flag.String("torture-only", "", "regular expression that the names of TestTorture's torments have to match")
	tortureKind   = flag.String("torture-broker", "kfake", "broker of TestTorture: kfake or kafka (a real one)")
)

// TestTorture does to tokenwatch and its engines, while records flow, what happens to
// them in a bad year. After every round each record of the Kafka log is in events or
// dead_letters once, item by item, the materialized views agree with the events, and
// what was found is what an engine finds that was never interrupted.
func TestTorture(t *testing.T) {
	t.Parallel()
	seed := *tortureSeed
	if seed == 0 {
		seed = uint64(time.Now().UnixNano()) % 1_000_000_007
	}
	t.Logf("seed %d; again: make torture ROUNDS=%d SEED=%d", seed, *tortureRounds, seed)
	kinds := slices.DeleteFunc(slices.Clone(torments), func(o torment) bool { return !regexp.MustCompile(*tortureOnly).MatchString(o.name) })
	if len(kinds) == 0 {
		t.Fatalf("-torture-only=%s: no torment has such a name", *tortureOnly)
	}
	w := newRig(t, seed, *tortureKind)
	w.start(t, 0)
	begun := time.Now()
	var deck []torment
	for round := range *tortureRounds {
		random := rand.New(rand.NewPCG(seed, uint64(round)+10))
		if len(deck) == 0 {
			deck = slices.Clone(kinds)
			random.Shuffle(len(deck), func(i, j int) { deck[i], deck[j] = deck[j], deck[i] })
		}
		what := deck[0]
		deck = deck[1:]
		w.round(t, round, what, random)
		if t.Failed() {
			t.Fatalf("seed %d, round %d (%s): see above; again: make torture ROUNDS=%d SEED=%d", seed, round, what.name, round+1, seed)
		}
	}
	t.Logf("%d rounds in %s: %d rows of %v offsets, %d findings", *tortureRounds, time.Since(begun).Round(time.Second), w.oracle.rows, w.oracle.read, len(w.oracle.findings))
	if code, out, said := auditOf(t, t.TempDir(), "--since=0", "--config="+w.config(t)); code != 0 {
		t.Errorf("tokenwatch audit: code %d: %s%s", code, out, said)
	}
	if *tortureRounds > 0 && len(w.oracle.findings) == 0 {
		t.Error("no theft was found: nothing shows that findings are not repeated")
	}
}

// round lets records flow while something goes wrong, and then looks.
func (w *rig) round(t *testing.T, round int, what torment, random *rand.Rand) {
	begun, enough := time.Now(), w.log.produced()+250+random.IntN(500)
	stop := w.flow(round)
	defer stop()
	if len(w.running()) == 0 {
		w.start(t, 0)
	}
	// Now and then an instance is killed beside it.
	var beside sync.WaitGroup
	if what.beside && random.IntN(4) == 0 {
		kill := rand.New(rand.NewPCG(random.Uint64(), 0))
		beside.Go(func() {
			randomMoment(kill, time.Second)
			if list := w.running(); len(list) > 0 {
				n := anyOf(list, kill)
				w.kill(t, n)
				w.start(t, n)
			}
		})
	}
	what.do(w, t, random)
	beside.Wait()
	eventually(t, settleWithin, "enough records are produced", func() bool { return w.log.produced() >= enough })
	stop()
	faulty := time.Since(begun)
	w.settle(t)
	t.Logf("round %d: %s: %s, settled after %s more, log at %v", round, what.name, faulty.Round(time.Millisecond), (time.Since(begun) - faulty).Round(time.Millisecond), w.oracle.read)
}

// TestProxyIsTransparent runs without any fault through both proxies: nothing is
// different from having none, so what a torture finds is not the proxies' doing.
func TestProxyIsTransparent(t *testing.T) {
	t.Parallel()
	w := newRig(t, 1, "kfake")
	w.start(t, 0)
	stop := w.flow(0)
	eventually(t, settleWithin, "enough records are produced", func() bool { return w.log.produced() >= 600 })
	stop()
	w.settle(t)
	if n := w.toKafka.Struck() + w.toStore.Struck(); n != 0 {
		t.Errorf("the proxies struck %d times", n)
	}
	if w.toKafka.Open() == 0 || w.toStore.Open() == 0 {
		t.Error("nothing goes through the proxies")
	}
	_, page := get(t, w.instances[0].url()+"/metrics")
	if n := metric(page, "tokenwatch_insert_retries_total"); n != 0 {
		t.Errorf("%v inserts were repeated", n)
	}
	if said := w.instances[0].child.log.String(); strings.Contains(said, "trouble") || strings.Contains(said, "level=ERROR") {
		t.Errorf("it had trouble:\n%s", tail(said, 20))
	}
	code, out, said := auditOf(t, w.instances[0].dir, "--json", "--since=0", "--config="+w.config(t))
	if code != 0 {
		t.Errorf("tokenwatch audit: code %d: %s%s", code, out, said)
	}
}
