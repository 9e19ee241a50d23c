package alert

import (
	"context"
	"slices"
	"time"
)

// next waits for a parcel whose time has come and takes it out, with those that go out together with it. It returns
// nil when ctx ends.
func (o *outbox) next(ctx context.Context) []*parcel {
	for ctx.Err() == nil {
		parcels, wait := o.take(time.Now())
		if parcels != nil {
			return parcels
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

// take returns the first parcel that may go now and its company, or how long to wait for one. It looks at
// all of them: destinations take about one message a second, so a scan is never the
// bottleneck, and three different orders (due, fresh, severe) need no three heaps.
func (o *outbox) take(now time.Time) ([]*parcel, time.Duration) {
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
		if !p.share.whole.Load() {
			continue // load nudges
		}
		if wait := p.due.Sub(now); wait > 0 {
			soonest = min(soonest, wait)
		} else if first == nil || p.before(first) {
			first = p
		}
	}
	if first == nil {
		return nil, soonest
	}
	parcels := o.together(first, now)
	for _, p := range parcels {
		delete(o.waiting, p.id)
	}
	return parcels, 0
}

// together is the first parcel and those that go out in one message with it: what was announced as one digest, what
// one route gathers, or as many as a digest holds when the queue is longer than anybody should wait.
func (o *outbox) together(first *parcel, now time.Time) []*parcel {
	alone := []*parcel{first}
	if first.digest != "" {
		return o.company(first, func(p *parcel) bool { return p.digest == first.digest })
	}
	most := o.entries()
	if most < 2 || first.debt != post {
		return alone
	}
	due := func(p *parcel) bool { return p.debt == post && p.digest == "" && !p.due.After(now) }
	queue := 0
	for _, p := range o.waiting {
		if due(p) {
			queue++
		}
	}
	if first.group == "" && time.Duration(queue)*o.spacing <= o.patience {
		return alone
	}
	company := o.company(first, func(p *parcel) bool { return due(p) && p.group == first.group })
	slices.SortFunc(company, func(a, b *parcel) int {
		if a.before(b) {
			return -1
		}
		return 1
	})
	return company[:min(len(company), most)]
}

// company are the parcels that match, of the same share: what is written down about a digest has to be in one place.
func (o *outbox) company(first *parcel, match func(*parcel) bool) (list []*parcel) {
	for _, p := range o.waiting {
		if p.share == first.share && match(p) {
			list = append(list, p)
		}
	}
	return list
}
