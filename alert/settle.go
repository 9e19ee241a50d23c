package alert

import (
	"errors"
	"slices"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/tokenwatch/tokenwatch/schema"
)

const (
	refusedRetry = 15 * time.Minute // a permanent error is looked at again, in case somebody cured it
	maxWait      = time.Hour        // the longest that a destination can have everything wait
	reportAfter  = 3                // failures in a row after which an incident says that nobody acted on it
)

// settle deals with how an attempt ended, and reports whether the destination works.
func (d *Dispatcher) settle(box *outbox, items []item, m Message, ref string, err error) bool {
	now := time.Now()
	var (
		later   RetryAfter
		refused Permanent
	)
	outcome := DeliveryFailed
	switch {
	case err == nil:
		outcome = outcomeOf(items[0], m)
		d.delivered(box, items, m, ref, now)
	case errors.Is(err, ErrSkip):
		outcome = DeliverySkipped
		d.skipped(box, items, m, now)
	case errors.As(err, &later):
		outcome = DeliveryThrottled
		box.pause(now.Add(min(max(later.After, time.Second), maxWait)))
		box.back(parcels(items)...)
	case errors.As(err, &refused):
		outcome = DeliveryRefused
		all(items, func(it item) { d.refused(box, it, ref, refused, now) })
	default:
		d.failed(box, items, err, now)
	}
	for _, it := range items {
		d.observer.Delivery(box.notifier.Name(), outcome, now.Sub(it.since))
	}
	return outcome != DeliveryFailed
}

func outcomeOf(it item, m Message) string {
	switch {
	case m.Kind == KindDigest:
		return DeliveryDigested
	case m.Kind == KindReply:
		return DeliveryReplied
	case it.debt == post:
		return DeliveryPosted
	}
	return DeliveryEdited
}

func parcels(items []item) []*parcel {
	list := make([]*parcel, len(items))
	for i, it := range items {
		list[i] = it.parcel
	}
	return list
}

func (d *Dispatcher) delivered(box *outbox, items []item, m Message, ref string, now time.Time) {
	all(items, func(it item) {
		d.record(box, it.page, func(del *schema.Delivery) {
			del.At, del.Attempts, del.Error, del.Announced = now, it.attempts, "", ""
			del.Since, del.Next, del.Dead = time.Time{}, time.Time{}, false
			if it.debt != edit {
				del.Severity, del.Notified = it.page.inc.Severity, now
			}
			switch m.Kind {
			case KindIncident:
				del.Ref, del.Revision = ref, it.page.inc.Revision
			case KindDigest:
				del.Digest, del.Revision = m.Key, it.page.inc.Revision
			}
		})
		if it.debt != reply {
			box.delay(it.id, now.Add(d.cfg.UpdateEvery))
		}
		d.finish(it.id)
	})
}

// skipped records nothing: the next revision is offered again. Only where there will be none, or a reply is not
// wanted, the matter is closed.
func (d *Dispatcher) skipped(box *outbox, items []item, m Message, now time.Time) {
	_, acts := box.actor()
	for _, it := range items {
		over := it.page.inc.State == schema.IncidentResolved && !acts
		if m.Kind == KindReply || over {
			d.record(box, it.page, func(del *schema.Delivery) {
				if m.Kind == KindReply {
					del.Severity, del.Notified = it.page.inc.Severity, now
				} else {
					del.Revision = it.page.inc.Revision
				}
			})
		}
		for _, other := range d.boxes {
			other.hasten(it.id, now)
		}
		d.finish(it.id)
	}
}

// refused records a permanent error. An actor's is final: to act on a token an hour after
// somebody was told that it was not acted on would surprise them.
func (d *Dispatcher) refused(box *outbox, it item, ref string, cause Permanent, now time.Time) {
	d.slog.Error("a destination refuses an alert", "destination", box.notifier.Name(),
		"incident", it.id, "error", cause.Err, "fix", cause.Fix)
	_, acts := box.actor()
	it.due, it.parcel.refused, it.unsure = now.Add(refusedRetry), true, false
	var dead bool
	d.record(box, it.page, func(del *schema.Delivery) {
		del.At, del.Attempts, del.Error = now, it.attempts, clean(cause.Error(), maxText)
		if acts {
			del.Ref, del.Revision = ref, it.page.inc.Revision
			return
		}
		dead = d.strain(del, it, now, true)
	})
	if acts {
		d.finish(it.id)
		return
	}
	d.again(box, it, dead, now)
}

// failed schedules the next attempt.
func (d *Dispatcher) failed(box *outbox, items []item, err error, now time.Time) {
	first := items[0].parcel
	if first.backoff == nil {
		first.backoff = newBackoff()
	}
	shared := first.backoff // a digest's incidents wait together
	pause := shared.NextBackOff()
	d.slog.Warn("an alert could not be delivered and will be tried again", "destination", box.notifier.Name(),
		"incident", first.id, "incidents", len(items), "attempt", first.attempts, "retry_in", pause.Round(time.Millisecond), "error", err)
	_, acts := box.actor()
	all(items, func(it item) {
		it.due, it.backoff, it.unsure = now.Add(pause), shared, true
		var dead bool
		if !acts || it.attempts == reportAfter {
			d.record(box, it.page, func(del *schema.Delivery) {
				del.At, del.Attempts, del.Error = now, it.attempts, clean(err.Error(), maxText)
				if !acts {
					dead = d.strain(del, it, now, false)
				}
			})
		}
		d.again(box, it, dead, now)
	})
}

// strain notes that a delivery goes on failing, calls its fallback in, and in the end gives up, which it reports.
func (d *Dispatcher) strain(del *schema.Delivery, it item, now time.Time, final bool) bool {
	if del.Since.IsZero() {
		del.Since = now
	}
	failing := now.Sub(del.Since)
	if d.cfg.Receivers[del.Destination].Fallback != "" && (final || failing >= d.cfg.FallbackAfter) {
		del.FellBack = true
	}
	del.Next, del.Dead = it.due, failing >= d.cfg.GiveUpAfter
	if del.Dead {
		del.Next, del.Announced = time.Time{}, ""
	}
	return del.Dead
}

// again puts a parcel back, unless it was given up.
func (d *Dispatcher) again(box *outbox, it item, dead bool, now time.Time) {
	if !dead {
		box.back(it.parcel)
		return
	}
	d.slog.Error("an alert could not be delivered and is given up; 'tokenwatch deliveries retry' tries it again",
		"destination", box.notifier.Name(), "incident", it.id, "attempts", it.attempts)
	d.observer.Delivery(box.notifier.Name(), DeliveryDead, now.Sub(it.since))
	d.finish(it.id)
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
func (d *Dispatcher) record(box *outbox, sent *page, note func(*schema.Delivery)) {
	defer d.book.lock(subjectOf(&sent.inc))()
	current := d.book.page(sent.inc.ID)
	if current == nil {
		return
	}
	now := time.Now()
	next := *current
	next.remind = false
	next.inc.Revision++
	next.inc.Deliveries = slices.Clone(current.inc.Deliveries)
	del, _ := delivery(&next.inc, box.notifier.Name())
	fallen := del.FellBack
	note(&del)
	_, acts := box.actor()
	if acts {
		next.content, next.changed = next.inc.Revision, now
	} else {
		lift(next.inc.Deliveries, current.content, next.inc.Revision)
	}
	// What was sent is up to date unless the incident has changed since; an actor's word
	// is final whatever revision it acted on.
	if del.Revision >= current.content || (acts && del.Revision > 0) {
		del.Revision = next.inc.Revision
	}
	next.inc.Deliveries = replace(next.inc.Deliveries, del)
	if del.FellBack && !fallen {
		d.want(&next.inc, now)
	}
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
