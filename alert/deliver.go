package alert

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/tokenwatch/tokenwatch/schema"
)

const (
	callTimeout  = 30 * time.Second // for one call of a notifier
	leaveTimeout = 3 * time.Second  // for the call that is under way when the process ends
	refusedRetry = 15 * time.Minute // a permanent error is looked at again, in case somebody cured it
	reportAfter  = 3                // failures in a row after which an incident says so
	sickAfter    = 3                // failures in a row after which a destination gets a rest
)

// work delivers what is in one outbox until ctx ends.
func (d *Dispatcher) work(ctx context.Context, box *outbox) {
	for {
		p := box.next(ctx)
		if p == nil {
			return
		}
		d.deliver(ctx, box, p)
		d.observer.Queue(box.notifier.Name(), box.depth())
	}
}

// deliver makes one attempt to bring one destination up to date with one incident.
func (d *Dispatcher) deliver(ctx context.Context, box *outbox, p *parcel) {
	page := d.book.page(p.id)
	if page == nil || !lags(page, box) {
		return
	}
	last, _ := delivery(&page.inc, box.notifier.Name())
	m := Compose(page.inc, d.describe)
	m.Ref = last.Ref
	p.attempts++
	start := time.Now()
	ref, err := d.call(ctx, box, m)
	if pacer, ok := box.notifier.(Pacer); ok {
		box.pause(start.Add(pacer.Pace()))
	}
	d.settle(box, p, page, ref, err)
}

// call gives the notifier a bounded time, and a short while to finish when the process
// is told to end: a call that is cut off may have been accepted, and would be repeated.
func (d *Dispatcher) call(ctx context.Context, box *outbox, m Message) (string, error) {
	inner, cancel := context.WithTimeout(context.WithoutCancel(ctx), callTimeout)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(leaveTimeout, cancel) })
	defer stop()
	return box.notifier.Notify(inner, m)
}

// describe finds the actor that made a delivery and has it say what it did.
func (d *Dispatcher) describe(del schema.Delivery) string {
	for _, box := range d.boxes {
		if a, ok := box.actor(); ok && a.Name() == del.Destination {
			return a.Describe(del)
		}
	}
	return ""
}

// settle deals with how an attempt ended.
func (d *Dispatcher) settle(box *outbox, p *parcel, sent *page, ref string, err error) {
	name, now := box.notifier.Name(), time.Now()
	age := now.Sub(p.since)
	var (
		later   RetryAfter
		refused Permanent
	)
	switch {
	case err == nil:
		d.delivered(box, p, sent, ref, now)
		d.observer.Delivery(name, outcomeOf(p), age)
	case errors.Is(err, ErrSkip):
		d.observer.Delivery(name, DeliverySkipped, age)
		for _, other := range d.boxes {
			other.hasten(p.id, now)
		}
		d.finish(p.id)
	case errors.As(err, &later):
		box.pause(now.Add(max(later.After, time.Second)))
		box.back(p)
		d.observer.Delivery(name, DeliveryThrottled, age)
	case errors.As(err, &refused):
		d.refused(box, p, sent, ref, refused, now)
		d.observer.Delivery(name, DeliveryRefused, age)
	default:
		d.failed(box, p, sent, err, now)
		d.observer.Delivery(name, DeliveryFailed, age)
	}
}

func outcomeOf(p *parcel) string {
	if p.fresh {
		return DeliveryPosted
	}
	return DeliveryEdited
}

func (d *Dispatcher) delivered(box *outbox, p *parcel, sent *page, ref string, now time.Time) {
	box.health(true)
	d.record(box, sent, schema.Delivery{Ref: ref, Revision: sent.inc.Revision, At: now, Attempts: p.attempts})
	box.delay(p.id, now.Add(d.cfg.UpdateEvery))
	d.finish(p.id)
}

// refused records a permanent error. An actor's is final: to act on a token an hour after
// somebody was told that it was not acted on would surprise them.
func (d *Dispatcher) refused(box *outbox, p *parcel, sent *page, ref string, cause Permanent, now time.Time) {
	last, _ := delivery(&sent.inc, box.notifier.Name())
	del := schema.Delivery{Ref: last.Ref, Revision: last.Revision, At: now, Attempts: p.attempts, Error: clean(cause.Error(), maxText)}
	_, acts := box.actor()
	if acts {
		del.Ref, del.Revision = ref, sent.inc.Revision
	}
	d.slog.Error("a destination refuses an alert", "destination", box.notifier.Name(),
		"incident", p.id, "error", cause.Err, "fix", cause.Fix)
	d.record(box, sent, del)
	if acts {
		d.finish(p.id)
		return
	}
	p.due, p.refused = now.Add(refusedRetry), true
	box.back(p)
}

// failed schedules the next attempt. After a few, the incident says so, and a destination
// that takes nothing gets a rest, so that a queue of thousands does not hammer it.
func (d *Dispatcher) failed(box *outbox, p *parcel, sent *page, err error, now time.Time) {
	if p.backoff == nil {
		p.backoff = newBackoff()
	}
	p.due = now.Add(p.backoff.NextBackOff())
	if sick := box.health(false); sick >= sickAfter {
		box.pause(now.Add(min(time.Duration(sick)*time.Second, 30*time.Second)))
	}
	d.slog.Warn("an alert could not be delivered and will be tried again", "destination", box.notifier.Name(),
		"incident", p.id, "attempt", p.attempts, "retry_in", p.due.Sub(now).Round(time.Millisecond), "error", err)
	if p.attempts == reportAfter {
		last, _ := delivery(&sent.inc, box.notifier.Name())
		last.At, last.Attempts, last.Error = now, p.attempts, clean(err.Error(), maxText)
		d.record(box, sent, last)
	}
	box.back(p)
}

func newBackoff() *backoff.ExponentialBackOff {
	b := backoff.NewExponentialBackOff()
	b.InitialInterval, b.Multiplier, b.RandomizationFactor = time.Second, 2, 0.3
	b.MaxInterval = 2 * time.Minute
	return b
}

// record files what became of a delivery. A change of what an actor did is news to the
// other destinations; any other delivery is bookkeeping, and those that were up to date
// stay so although the revision rises.
func (d *Dispatcher) record(box *outbox, sent *page, del schema.Delivery) {
	defer d.book.lock(sent.inc.Token)()
	current := d.book.page(sent.inc.ID)
	if current == nil {
		return
	}
	del.Destination = box.notifier.Name()
	next := *current
	next.inc.Revision++
	next.inc.Deliveries = slices.Clone(current.inc.Deliveries)
	_, acts := box.actor()
	if acts {
		next.content, next.changed = next.inc.Revision, time.Now()
	} else {
		lift(next.inc.Deliveries, current.content, next.inc.Revision)
	}
	// What was sent is up to date unless the incident has changed since; an actor's word
	// is final whatever revision it acted on.
	if del.Revision >= current.content || (acts && del.Revision > 0) {
		del.Revision = next.inc.Revision
	}
	next.inc.Deliveries = replace(next.inc.Deliveries, del)
	d.keep(&next)
	d.send(&next)
}

// lift raises the deliveries that were up to date with the content.
func lift(list []schema.Delivery, content, revision uint64) {
	for i := range list {
		if list[i].Revision >= content {
			list[i].Revision = revision
		}
	}
}

func replace(list []schema.Delivery, del schema.Delivery) []schema.Delivery {
	for i := range list {
		if list[i].Destination == del.Destination {
			list[i] = del
			return list
		}
	}
	return append(list, del)
}
