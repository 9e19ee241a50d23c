package alert

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/tokenwatch/tokenwatch/schema"
)

// load reads the incidents of the processes before this one, once: the open ones to go
// on with, the resolved ones for what was not delivered, and all of them so that replayed
// findings and notifiers find out what was done before.
func (d *Dispatcher) load(ctx context.Context) error {
	d.loading.Lock()
	defer d.loading.Unlock()
	if d.loaded {
		return nil
	}
	all, err := d.log.Incidents(ctx, schema.IncidentOpen, schema.IncidentAcknowledged, schema.IncidentResolved)
	if err != nil {
		return fmt.Errorf("loading incidents: %w", err)
	}
	for _, inc := range newestFirst(all) {
		d.restore(inc)
	}
	d.loaded = true
	d.observer.Open(d.book.size())
	return nil
}

// newestFirst keeps the highest revision of each incident and orders them so that the
// bounds of the book drop the oldest.
func newestFirst(all []schema.Incident) []schema.Incident {
	slices.SortFunc(all, func(a, b schema.Incident) int {
		return cmp.Or(cmp.Compare(a.ID, b.ID), cmp.Compare(b.Revision, a.Revision))
	})
	all = slices.CompactFunc(all, func(a, b schema.Incident) bool { return a.ID == b.ID })
	slices.SortFunc(all, func(a, b schema.Incident) int { return a.Updated.Compare(b.Updated) })
	return all
}

func (d *Dispatcher) restore(inc schema.Incident) {
	now := time.Now()
	p := &page{inc: inc, content: inc.Revision, changed: now, heard: inc.Updated, snoozed: inc.Snoozed}
	d.book.put(p, d.cfg.MaxOpen)
	d.follower.Hear(&p.inc)
	for _, box := range d.boxes {
		last, told := delivery(&inc, box.notifier.Name())
		if r, ok := box.notifier.(Rememberer); ok && told {
			r.Remember(inc.ID, last)
		}
	}
	d.send(p)
	if inc.State == schema.IncidentResolved && !d.waits(inc.ID) {
		d.book.drop(inc.ID)
	}
}

// waits reports whether any destination still has to hear of the incident.
func (d *Dispatcher) waits(id string) bool {
	p := d.book.page(id)
	return p != nil && slices.ContainsFunc(d.boxes, func(box *outbox) bool { return lags(p, box) })
}
