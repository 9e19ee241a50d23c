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
func (s *Share) load(ctx context.Context) error {
	s.loading.Lock()
	defer s.loading.Unlock()
	if s.loaded {
		return nil
	}
	all, err := s.log.Incidents(ctx, schema.IncidentOpen, schema.IncidentAcknowledged, schema.IncidentResolved)
	if err != nil {
		return fmt.Errorf("loading incidents: %w", err)
	}
	for _, inc := range newestFirst(all) {
		s.restore(inc)
	}
	s.loaded = true
	s.whole.Store(true)
	for _, box := range s.d.boxes {
		box.nudge()
	}
	s.d.observer.Open(s.d.book.size())
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

// restore goes on with an incident where another process stopped. What failed there is tried at once: whoever
// restarts a process may have mended something.
func (s *Share) restore(inc schema.Incident) {
	d, now := s.d, time.Now()
	if inc.State != schema.IncidentResolved {
		d.want(&inc, now)
	}
	p := &page{inc: inc, share: s, content: inc.Revision, changed: now, heard: inc.Updated, snoozed: inc.Snoozed}
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

// waits reports whether any destination still has to hear of the incident, or would if somebody asked for it: what was
// given up is kept for that.
func (d *Dispatcher) waits(id string) bool {
	p := d.book.page(id)
	return p != nil && slices.ContainsFunc(d.boxes, func(box *outbox) bool {
		last, _ := delivery(&p.inc, box.notifier.Name())
		return last.Dead || owes(p, box) != nothing
	})
}

// pending is waits for an incident that need not be in the book: what outgrew it is told after the next start.
func (d *Dispatcher) pending(inc *schema.Incident) bool {
	if d.waits(inc.ID) {
		return true
	}
	p := &page{inc: *inc, content: inc.Revision}
	return slices.ContainsFunc(d.boxes, func(box *outbox) bool { return owes(p, box) != nothing })
}
