package signin

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// throttle slows guessing down. Failures are counted for an address with a name, for an address, and for a name from
// anywhere: the first makes guesses at one person slow, the second guesses at many, the third those from many addresses.
// The last must not let strangers keep somebody out, so its wait is short, and it spares addresses from which
// the person came in before.
type throttle struct {
	now func() time.Time

	mu       sync.Mutex
	failures map[string]*failing  // bounded by mostFailing
	friends  map[string]time.Time // bounded by mostFriends
}

type failing struct {
	count int
	last  time.Time
	until time.Time // no attempt counts before
}

const (
	mostFailing = 10_000 // those that failed longest ago go first
	mostFriends = 1_000  // likewise
	forgetAfter = time.Hour
)

// Rules: from how many failures on there is a wait, which doubles with each further one up to the longest.
var (
	pairRule    = rule{free: 5, longest: 15 * time.Minute}
	addressRule = rule{free: 20, longest: 15 * time.Minute}
	nameRule    = rule{free: 50, longest: 15 * time.Second}
)

type rule struct {
	free    int
	longest time.Duration
}

func (r rule) wait(failures int) time.Duration {
	if failures < r.free {
		return 0
	}
	return min(r.longest, time.Second<<min(failures-r.free, 20))
}

// WaitError says that there were too many attempts.
type WaitError struct{ For time.Duration }

func (e WaitError) Error() string {
	return fmt.Sprintf("Too many attempts failed. Try again in %s.", spoken(e.For))
}

func spoken(d time.Duration) string {
	if d <= 90*time.Second {
		return fmt.Sprintf("%d seconds", int(d/time.Second)+1)
	}
	return fmt.Sprintf("%d minutes", int(d/time.Minute)+1)
}

// keys that an attempt counts for. An IPv6 network of 64 bits is one household, so it is one address.
func attemptKeys(ip netip.Addr, name string) (pair, address, of string) {
	if ip.Is6() {
		if prefix, err := ip.Prefix(64); err == nil {
			ip = prefix.Addr()
		}
	}
	return "p" + ip.String() + " " + name, "a" + ip.String(), "n" + name
}

// check says how long somebody has to wait. An attempt that came too early is not counted: nobody makes it longer by
// trying.
func (t *throttle) check(ip netip.Addr, name string) error {
	pair, address, of := attemptKeys(ip, name)
	t.mu.Lock()
	defer t.mu.Unlock()
	keys := []string{pair, address}
	if _, friend := t.friends[pair]; !friend {
		keys = append(keys, of)
	}
	var wait time.Duration
	for _, key := range keys {
		if f := t.failures[key]; f != nil && f.until.After(t.now()) {
			wait = max(wait, f.until.Sub(t.now()))
			f.last = t.now() // who goes on is not forgotten
		}
	}
	if wait > 0 {
		return WaitError{wait}
	}
	return nil
}

func (t *throttle) failed(ip netip.Addr, name string) {
	pair, address, of := attemptKeys(ip, name)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.count(pair, pairRule)
	t.count(address, addressRule)
	t.count(of, nameRule)
}

func (t *throttle) count(key string, r rule) {
	now := t.now()
	f := t.failures[key]
	if f == nil {
		evict(t.failures, mostFailing, func(f *failing) time.Time { return f.last })
		f = &failing{}
		t.failures[key] = f
	}
	if now.Sub(f.last) > forgetAfter {
		f.count = 0
	}
	f.count++
	f.last = now
	f.until = now.Add(r.wait(f.count))
}

// succeeded forgets what failed before, for this person from here; an address that guesses at many names
// cannot clear itself with a name of its own.
func (t *throttle) succeeded(ip netip.Addr, name string) {
	pair, _, _ := attemptKeys(ip, name)
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.failures, pair)
	if _, known := t.friends[pair]; !known {
		evict(t.friends, mostFriends, func(at time.Time) time.Time { return at })
	}
	t.friends[pair] = t.now()
}

// evict makes room by dropping the oldest tenth: a flood is not to cost a look at all for each of its drops.
func evict[V any](m map[string]V, most int, at func(V) time.Time) {
	if len(m) < most {
		return
	}
	oldest := slices.SortedFunc(maps.Keys(m), func(a, b string) int { return at(m[a]).Compare(at(m[b])) })
	for _, key := range oldest[:most/10] {
		delete(m, key)
	}
}
