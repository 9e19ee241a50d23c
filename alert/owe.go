package alert

import (
	"time"

	"github.com/tokenwatch/tokenwatch/schema"
)

// debt is what a destination has to be told of an incident next.
type debt uint8

const (
	nothing debt = iota
	edit         // of the message that is there
	reply        // below it: the incident became more severe, or is still open
	post         // of a message of its own, or within a digest
)

// want writes down who is to be told of an incident, before it is stored: what is owed outlasts the process. The
// slice of deliveries is replaced, not changed.
func (d *Dispatcher) want(inc *schema.Incident, now time.Time) {
	past := inc.State == schema.IncidentResolved && len(inc.Deliveries) > 0
	list := make([]schema.Delivery, 0, len(inc.Deliveries)+len(d.boxes))
	for _, del := range inc.Deliveries {
		if del.Revision == 0 && del.Attempts == 0 && inc.State == schema.IncidentResolved && d.silenced(inc, now) {
			continue // over before anybody was to hear of it
		}
		if del.Dead { // there are news, so it gets another chance
			del.Dead, del.Since, del.Attempts, del.Error = false, time.Time{}, 0, ""
		}
		list = append(list, del)
	}
	inc.Deliveries = list
	for _, box := range d.boxes {
		name := box.notifier.Name()
		if _, wanted := delivery(inc, name); wanted || !d.teller(name) || past {
			continue // a destination that is new here is not told of what is over
		}
		if d.cfg.Decide(inc, name, nil, false, now, now).Tell {
			inc.Deliveries = append(inc.Deliveries, schema.Delivery{Destination: name, Wanted: now})
		}
	}
}

// teller reports whether a destination tells people rather than acting.
func (d *Dispatcher) teller(destination string) bool {
	for _, box := range d.boxes {
		if box.notifier.Name() == destination {
			_, acts := box.actor()
			return !acts
		}
	}
	return false
}

func (d *Dispatcher) silenced(inc *schema.Incident, now time.Time) bool {
	for _, s := range *d.silences.Load() {
		if !s.Holds(inc, now).IsZero() {
			return true
		}
	}
	return false
}

// owes is what the destination has to be told next.
func owes(p *page, box *outbox) debt {
	last, wanted := delivery(&p.inc, box.notifier.Name())
	resolved := p.inc.State == schema.IncidentResolved
	if _, acts := box.actor(); acts {
		// It acts once, and not on what is over.
		if last.Revision == 0 && !resolved {
			return post
		}
		return nothing
	}
	worse := !resolved && p.inc.Severity > last.Severity
	switch {
	case !wanted || last.Dead:
		return nothing
	case last.Ref == "" && last.Digest != "":
		// There is no message to edit, and a digest's line is no reason for one, unless it gets worse.
		if worse {
			return post
		}
		return nothing
	case last.Revision < p.content && last.Ref == "":
		return post
	case last.Revision < p.content:
		return edit
	case last.Notified.IsZero() || last.Ref == "" || !box.replies():
		return nothing
	case worse, p.remind && p.inc.State == schema.IncidentOpen:
		return reply
	}
	return nothing
}

// send puts the page into every outbox whose destination has not heard of it as it is.
func (d *Dispatcher) send(p *page) {
	acting := d.acting(p)
	for _, box := range d.boxes {
		debt := owes(p, box)
		if debt == nothing {
			continue
		}
		last, _ := delivery(&p.inc, box.notifier.Name())
		due := p.changed
		if _, acts := box.actor(); acting && !acts {
			due = due.Add(actionGrace)
		}
		if debt == edit {
			due = last.At.Add(d.cfg.UpdateEvery)
		}
		after, group := d.held(p, box, p.changed)
		if after.After(due) {
			due = after
		}
		box.put(parcel{
			id: p.inc.ID, share: p.share, severity: p.inc.Severity, debt: debt, since: p.changed, due: due,
			group: group, digest: digestOf(last), held: !after.IsZero(), unsure: last.Announced != "", attempts: attempts(last),
		})
		d.queue(box)
	}
}

// attempts are those that failed in a row.
func attempts(last schema.Delivery) int {
	if last.Error == "" {
		return 0
	}
	return last.Attempts
}

// maxHold is how long a held parcel rests before it is looked at again: a silence may be ended early.
const maxHold = 20 * time.Second

// held is until when routes, receivers and silences hold a page back at least; zero if they do not.
func (d *Dispatcher) held(p *page, box *outbox, now time.Time) (after time.Time, group string) {
	if _, acts := box.actor(); acts {
		return time.Time{}, ""
	}
	last, _ := delivery(&p.inc, box.notifier.Name())
	told := last.Revision > 0
	decision := d.cfg.Decide(&p.inc, box.notifier.Name(), *d.silences.Load(), told, last.Wanted, now)
	if decision.After.Before(p.snoozed) {
		decision.After = p.snoozed
	}
	if !decision.After.After(now) {
		return time.Time{}, decision.Group
	}
	return earlier(decision.After, now.Add(maxHold)), decision.Group
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// remind sends open incidents that nobody has acknowledged once more where the routes say so.
func (d *Dispatcher) remind(now time.Time) {
	if !repeats(d.cfg.Routes) {
		return
	}
	for _, p := range d.book.list(func(p *page) bool { return p.inc.State == schema.IncidentOpen }) {
		for _, box := range d.boxes {
			last, told := delivery(&p.inc, box.notifier.Name())
			if !told || last.Notified.IsZero() {
				continue
			}
			again := d.cfg.Decide(&p.inc, box.notifier.Name(), nil, true, last.Wanted, now).Repeat
			if again > 0 && now.Sub(last.Notified) >= again {
				reminding := *p
				reminding.remind = true
				d.book.swap(p, &reminding)
				d.send(&reminding)
				break
			}
		}
	}
}

func repeats(routes []Route) bool {
	for _, r := range routes {
		if r.Repeat > 0 || repeats(r.Routes) {
			return true
		}
	}
	return false
}
