package alert

import (
	"context"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/tokenwatch/tokenwatch/schema"
)

// parcel is one incident that waits for one destination. It holds no content: whatever
// revision is the newest when its turn comes is the one that goes out, which is how
// updates coalesce.
type parcel struct {
	id       string
	severity schema.Severity
	fresh    bool      // nothing about the incident has been posted there yet
	since    time.Time // when the change came that is waiting
	due      time.Time // not before
	refused  bool      // the last attempt met a permanent error
	attempts int
	backoff  *backoff.ExponentialBackOff
}

// before orders parcels that are due: what nobody has heard of goes before edits, severe
// before mild, old before new.
func (p *parcel) before(q *parcel) bool {
	if p.fresh != q.fresh {
		return p.fresh
	}
	if p.severity != q.severity {
		return p.severity > q.severity
	}
	return p.since.Before(q.since)
}

// outbox is what waits for one destination. Its size is bounded by that of the book: at
// most one parcel an incident.
type outbox struct {
	notifier Notifier
	wake     chan struct{} // buffered by one: something was put

	mu      sync.Mutex
	waiting map[string]*parcel
	paused  time.Time // nothing leaves before
	sick    int       // failures since the last success
}

func newOutbox(n Notifier) *outbox {
	return &outbox{notifier: n, wake: make(chan struct{}, 1), waiting: map[string]*parcel{}}
}

func (o *outbox) actor() (Actor, bool) {
	a, ok := o.notifier.(Actor)
	return a, ok
}

// put files an incident for delivery. One that waits already keeps its place, its backoff
// and the age of the change that waited first; what was refused gets another chance, as
// another content may be accepted.
func (o *outbox) put(p parcel) (depth int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if old := o.waiting[p.id]; old == nil {
		o.waiting[p.id] = &p
	} else {
		old.severity = max(old.severity, p.severity)
		if (old.attempts == 0 || old.refused) && p.due.Before(old.due) {
			old.due, old.refused = p.due, false
		}
	}
	o.nudge()
	return len(o.waiting)
}

// hasten lets an incident go that was held back for what an actor would do.
func (o *outbox) hasten(id string, now time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if p := o.waiting[id]; p != nil && p.fresh && p.attempts == 0 && now.Before(p.due) {
		p.due = now
		o.nudge()
	}
}

// back returns a parcel that was taken and could not be delivered, or will have to go
// again. One that was put meanwhile is folded into it.
func (o *outbox) back(p *parcel) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if newer := o.waiting[p.id]; newer != nil {
		p.severity = max(p.severity, newer.severity)
	}
	o.waiting[p.id] = p
}

// delay holds one waiting incident back until then.
func (o *outbox) delay(id string, until time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if p := o.waiting[id]; p != nil && p.due.Before(until) {
		p.due = until
	}
}

// pause holds everything back until then.
func (o *outbox) pause(until time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.paused.Before(until) {
		o.paused = until
	}
}

// health counts failures in a row and returns how many there are.
func (o *outbox) health(ok bool) int {
	o.mu.Lock()
	defer o.mu.Unlock()
	if ok {
		o.sick = 0
	} else {
		o.sick++
	}
	return o.sick
}

func (o *outbox) depth() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.waiting)
}

func (o *outbox) nudge() {
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// next waits for a parcel whose time has come and takes it out. It returns nil when ctx
// ends.
func (o *outbox) next(ctx context.Context) *parcel {
	for ctx.Err() == nil {
		p, wait := o.take(time.Now())
		if p != nil {
			return p
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
		case <-o.wake:
		case <-timer.C:
		}
		timer.Stop()
	}
	return nil
}

// take returns the first parcel that may go now, or how long to wait for one. It looks at
// all of them: destinations take about one message a second, so a scan is never the
// bottleneck, and three different orders (due, fresh, severe) need no three heaps.
func (o *outbox) take(now time.Time) (*parcel, time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.waiting) == 0 {
		return nil, time.Hour
	}
	if wait := o.paused.Sub(now); wait > 0 {
		return nil, wait
	}
	var first *parcel
	soonest := time.Hour
	for _, p := range o.waiting {
		if wait := p.due.Sub(now); wait > 0 {
			soonest = min(soonest, wait)
		} else if first == nil || p.before(first) {
			first = p
		}
	}
	if first != nil {
		delete(o.waiting, first.id)
	}
	return first, soonest
}
