package alert

import (
	"context"
	"errors"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/tokenwatch/tokenwatch/schema"
)

const (
	callTimeout  = 30 * time.Second // for one call of a notifier
	leaveTimeout = 3 * time.Second  // for the call that is under way when the process ends
)

// item is a parcel on its way, with the page as it goes out.
type item struct {
	*parcel
	page *page
}

// work delivers what is in one outbox until ctx ends.
func (d *Dispatcher) work(ctx context.Context, box *outbox) {
	for {
		parcels := box.next(ctx)
		if parcels == nil {
			return
		}
		d.deliver(ctx, box, parcels)
		d.queue(box)
	}
}

func (d *Dispatcher) queue(box *outbox) {
	depth, oldest := box.depth(time.Now())
	d.observer.Queue(box.notifier.Name(), depth, oldest)
}

// deliver makes one attempt to bring one destination up to date with an incident, or with several in a digest.
func (d *Dispatcher) deliver(ctx context.Context, box *outbox, parcels []*parcel) {
	items := d.ready(box, parcels)
	for _, it := range items {
		defer it.page.share.calls.Done()
	}
	if len(items) == 0 {
		return
	}
	done, err := box.breaker.Allow()
	if err != nil {
		box.back(parcels...)
		box.pause(time.Now().Add(time.Second))
		return
	}
	if len(items) > 1 || items[0].digest != "" {
		done(d.deliverDigest(ctx, box, items))
		return
	}
	done(d.deliverOne(ctx, box, items[0]))
}

// ready drops what need not be told any more, and puts back what has to wait after all. A delivery has begun for each
// that is returned.
func (d *Dispatcher) ready(box *outbox, parcels []*parcel) []item {
	var items []item
	now := time.Now()
	for _, p := range parcels {
		page := d.book.page(p.id)
		if page == nil || owes(page, box) == nothing {
			d.finish(p.id)
			continue
		}
		p.debt, p.severity, p.share = owes(page, box), page.inc.Severity, page.share
		if box.entries() == 0 || p.debt != post {
			p.digest = ""
		}
		after, _ := d.held(page, box, now)
		switch p.held = !after.IsZero(); {
		case p.held:
			p.due = after
			box.back(p)
		case len(parcels) > 1 && p.debt != post:
			box.back(p) // it goes alone
		case page.share.enter():
			items = append(items, item{p, page})
		}
	}
	return items
}

// deliverOne reports whether the destination works, whatever it said to the message.
func (d *Dispatcher) deliverOne(ctx context.Context, box *outbox, it item) bool {
	m, items := d.message(it, box), []item{it}
	if it.debt != edit {
		if searched, works := d.search(ctx, box, items, m); searched {
			return works
		}
		d.announce(box, items, m.Key)
	}
	return d.call(ctx, box, items, m)
}

// deliverDigest is deliverOne for several incidents in one message. It is written down of each that it is in the
// digest before that is sent, so that after a crash the same digest goes out again under the same key.
func (d *Dispatcher) deliverDigest(ctx context.Context, box *outbox, items []item) bool {
	slices.SortFunc(items, func(a, b item) int {
		if a.before(b.parcel) {
			return -1
		}
		return 1
	})
	key := items[0].digest
	if key == "" {
		key = digestKey(items, box.notifier.Name())
	}
	for _, it := range items {
		it.digest = key
	}
	m := d.digest(items, key)
	if searched, works := d.search(ctx, box, items, m); searched {
		return works
	}
	d.announce(box, items, key)
	return d.call(ctx, box, items, m)
}

// announce writes down that a post is about to be made, where that is of use: a channel that can look for its own
// messages is asked after a crash whether it was.
func (d *Dispatcher) announce(box *outbox, items []item, key string) {
	if _, finds := box.notifier.(Finder); !finds && items[0].digest == "" {
		return
	}
	all(items, func(it item) {
		if last, _ := delivery(&it.page.inc, box.notifier.Name()); last.Announced != key {
			d.record(box, it.page, func(del *schema.Delivery) { del.Announced = key })
		}
	})
}

// maxSearches is how often a message is looked for that may have been posted, before it is posted again.
const maxSearches = 5

// search looks for a message of whose posting nothing is known but that it was begun. It reports whether that is all
// that is to be done for now, and whether the destination works.
func (d *Dispatcher) search(ctx context.Context, box *outbox, items []item, m Message) (done, works bool) {
	finder, finds := box.notifier.(Finder)
	last, _ := delivery(&items[0].page.inc, box.notifier.Name())
	if !finds || !items[0].unsure || last.Announced != m.Key {
		return false, true
	}
	ctx, cancel := d.callContext(ctx, items)
	defer cancel()
	begin := time.Now()
	ref, err := finder.Find(ctx, m)
	d.pace(box, begin)
	var refused Permanent
	switch {
	case err == nil && ref == "":
		return false, true
	case err == nil:
		d.found(box, items, m, ref)
		return true, true
	case errors.As(err, &refused) || items[0].attempts >= maxSearches:
		d.slog.Warn("whether an alert was posted before cannot be told; it is posted again", "destination", box.notifier.Name(),
			"incident", items[0].id, "error", err)
		return false, true
	}
	for _, it := range items {
		it.attempts++
	}
	return true, d.settle(box, items, m, "", err)
}

// found records a message that was there. Whoever posted it made an attempt, and could not write it down.
func (d *Dispatcher) found(box *outbox, items []item, m Message, ref string) {
	for _, it := range items {
		it.attempts = max(it.attempts, 1)
	}
	d.delivered(box, items, m, ref, time.Now())
	for _, it := range items {
		d.observer.Delivery(box.notifier.Name(), DeliveryFound, time.Since(it.since))
	}
	if m.Kind != KindIncident {
		return
	}
	// What it says is what was known then. An edit brings it up to date.
	d.record(box, items[0].page, func(del *schema.Delivery) { del.Revision = 1 })
}

// call gives the notifier a bounded time, and a short while to finish when the process is told to end, or somebody
// else takes over: a call that is cut off may have been accepted, and would be repeated.
func (d *Dispatcher) call(ctx context.Context, box *outbox, items []item, m Message) bool {
	for _, it := range items {
		it.attempts++
	}
	inner, cancel := d.callContext(ctx, items)
	defer cancel()
	begin := time.Now()
	ref, err := box.notifier.Notify(inner, m)
	d.pace(box, begin)
	works := d.settle(box, items, m, ref, err)
	box.took(begin, time.Now())
	return works
}

func (d *Dispatcher) callContext(ctx context.Context, items []item) (context.Context, context.CancelFunc) {
	inner, cancel := context.WithTimeout(context.WithoutCancel(ctx), callTimeout)
	soon := func() { time.AfterFunc(leaveTimeout, cancel) }
	stop1 := context.AfterFunc(ctx, soon)
	stop2 := context.AfterFunc(items[0].page.share.leaving, soon)
	return inner, func() { stop1(); stop2(); cancel() }
}

// pace keeps calls as far apart as the vendor wants them.
func (d *Dispatcher) pace(box *outbox, begin time.Time) {
	if pacer, ok := box.notifier.(Pacer); ok {
		box.pause(begin.Add(time.Duration(float64(pacer.Pace()) * d.slowDown())))
	}
}

// all does something for each item, many at once: what is written down about a digest is written in one go.
func all(items []item, do func(item)) {
	var group errgroup.Group
	group.SetLimit(stripes)
	for _, it := range items {
		group.Go(func() error { do(it); return nil })
	}
	_ = group.Wait() // none fails
}

// describe finds the actor that made a delivery and has it say what it did.
func (d *Dispatcher) describe(del schema.Delivery) string {
	for _, box := range d.boxes {
		if a, ok := box.actor(); ok && a.Name() == del.Destination {
			return a.Describe(del)
		}
	}
	if del.FellBack || del.Dead {
		return "Could not be told to " + del.Destination + ": " + del.Error
	}
	return ""
}
