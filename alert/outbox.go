package alert

import (
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/sony/gobreaker/v2"

	"github.com/tokenwatch/tokenwatch/schema"
)

// parcel is one incident that waits for one destination. It holds no content: whatever
// revision is the newest when its turn comes is the one that goes out, which is how
// updates coalesce.
type parcel struct {
	id       string
	share    *Share
	severity schema.Severity
	debt     debt
	since    time.Time // when the change came that is waiting
	due      time.Time // not before
	held     bool      // by a route, quiet hours or a silence, rather than by the destination
	group    string    // goes out together with others of this name
	digest   string    // key of the digest that it was announced in, and that has to go out again as it was
	refused  bool      // the last attempt met a permanent error
	unsure   bool      // an attempt to post may have been accepted
	attempts int
	backoff  *backoff.ExponentialBackOff
}

// before orders parcels that are due: what notifies people goes before edits, severe
// before mild, old before new.
func (p *parcel) before(q *parcel) bool {
	if (p.debt == edit) != (q.debt == edit) {
		return q.debt == edit
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
	patience time.Duration // how long the queue may be before digests are made of it
	wake     chan struct{} // buffered by one: something was put
	breaker  *gobreaker.TwoStepCircuitBreaker[struct{}]

	mu      sync.Mutex
	waiting map[string]*parcel
	paused  time.Time     // nothing leaves before
	spacing time.Duration // from one message to the next, of late
}

const (
	sickAfter = 3                // failures in a row after which a destination gets a rest
	sickRest  = 30 * time.Second // and how long, before one message tries again
)

func newOutbox(n Notifier, patience time.Duration) *outbox {
	o := &outbox{notifier: n, patience: patience, wake: make(chan struct{}, 1), waiting: map[string]*parcel{}}
	o.breaker = gobreaker.NewTwoStepCircuitBreaker[struct{}](gobreaker.Settings{
		Name: n.Name(), Timeout: sickRest,
		ReadyToTrip:   func(c gobreaker.Counts) bool { return c.ConsecutiveFailures >= sickAfter },
		OnStateChange: func(_ string, _, to gobreaker.State) { o.trip(to) },
	})
	return o
}

// trip has a queue of thousands rest rather than hammer a destination that takes nothing.
func (o *outbox) trip(to gobreaker.State) {
	if to == gobreaker.StateOpen {
		o.pause(time.Now().Add(sickRest))
	}
}

func (o *outbox) actor() (Actor, bool) {
	a, ok := o.notifier.(Actor)
	return a, ok
}

func (o *outbox) replies() bool {
	r, ok := o.notifier.(Replier)
	return ok && r.Replies()
}

// entries is how many incidents one digest holds; less than two if the destination takes none.
func (o *outbox) entries() int {
	if d, ok := o.notifier.(Digester); ok {
		return d.DigestEntries()
	}
	return 0
}

// put files an incident for delivery. One that waits already keeps its place, its backoff
// and the age of the change that waited first; what was refused gets another chance, as
// another content may be accepted.
func (o *outbox) put(p parcel) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if old := o.waiting[p.id]; old == nil {
		o.waiting[p.id] = &p
	} else {
		old.severity, old.debt, old.share = max(old.severity, p.severity), p.debt, p.share
		if (old.attempts == 0 || old.refused) && p.due.Before(old.due) {
			old.due, old.refused, old.held = p.due, false, p.held
		}
	}
	o.nudge()
}

// forget takes an incident out.
func (o *outbox) forget(id string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.waiting, id)
}

// hasten lets an incident go that was held back for what an actor would do.
func (o *outbox) hasten(id string, now time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if p := o.waiting[id]; p != nil && p.debt == post && p.attempts == 0 && !p.held && now.Before(p.due) {
		p.due = now
		o.nudge()
	}
}

// back returns parcels that were taken and could not be delivered, or will have to go
// again. One that was put meanwhile is folded into it.
func (o *outbox) back(list ...*parcel) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, p := range list {
		if newer := o.waiting[p.id]; newer != nil {
			p.severity, p.debt = max(p.severity, newer.severity), newer.debt
		}
		o.waiting[p.id] = p
	}
	o.nudge()
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

// depth is how many wait, and the time at which the oldest came that nothing holds back.
func (o *outbox) depth(now time.Time) (n int, oldest time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, p := range o.waiting {
		if !p.held {
			oldest = max(oldest, now.Sub(p.since))
		}
	}
	return len(o.waiting), oldest
}

// took notes how long it was from the begin of an attempt until the next may begin, so that the length of the
// queue can be told in time whoever is slow: pace, answers, or requests to wait.
func (o *outbox) took(begin, now time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	gap := max(now.Sub(begin), o.paused.Sub(begin))
	o.spacing += (gap - o.spacing) / 4
}

func (o *outbox) nudge() {
	select {
	case o.wake <- struct{}{}:
	default:
	}
}
