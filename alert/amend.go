package alert

import (
	"context"
	"time"

	"github.com/tokenwatch/tokenwatch/schema"
)

// Shelf is a Log that can look one incident up, also one that is over and that everybody has heard about.
type Shelf interface {
	Incident(ctx context.Context, id string) (inc schema.Incident, found bool, err error)
}

// WithFollower has somebody follow the incidents.
func WithFollower(f Follower) Option { return func(d *Dispatcher) { d.follower = f } }

// nobodyFollows is the Follower of a dispatcher that was given none.
type nobodyFollows struct{}

func (nobodyFollows) Weigh(*schema.Incident, time.Time) {}
func (nobodyFollows) Hear(*schema.Incident)             {}

// Verdict applies what a person said to its incident. What was said is kept already, so that it is shown even where
// the Log does not take the incident right now. A verdict that was applied before changes nothing.
func (d *Dispatcher) Verdict(ctx context.Context, v schema.Verdict) error {
	return d.amend(ctx, v.Incident, func(inc schema.Incident) (schema.Incident, bool) {
		next, changed := Judge(inc, v)
		if changed {
			d.follower.Weigh(&next, time.Now())
		}
		return next, changed
	})
}

// Show is the Show of a Revoker.
func (d *Dispatcher) Show(ctx context.Context, incident string, rev schema.Revocation) error {
	return d.amend(ctx, incident, func(inc schema.Incident) (schema.Incident, bool) {
		if inc.Revocation != nil && inc.Revocation.Step > rev.Step {
			return inc, false
		}
		inc.Revocation = &rev
		inc.Revision++
		return inc, true
	})
}

// Owns reports whether an incident is kept here: it is open, or somebody still has to hear of it.
func (d *Dispatcher) Owns(incident string) bool { return d.book.page(incident) != nil }

// amend changes an incident for another reason than a finding, and has everybody told. One that is over and done with
// is looked up, if this dispatcher works alone; of those that others own it changes none.
func (d *Dispatcher) amend(ctx context.Context, id string, change func(schema.Incident) (schema.Incident, bool)) error {
	p, err := d.find(ctx, id)
	if err != nil || p == nil || !p.share.enter() {
		return err
	}
	defer p.share.calls.Done()
	defer d.book.lock(subjectOf(&p.inc))()
	if kept := d.book.page(id); kept != nil {
		p = kept
	}
	next, changed := change(p.inc)
	if !changed {
		return nil
	}
	now := time.Now()
	d.want(&next, now)
	amended := &page{inc: next, share: p.share, content: next.Revision, changed: now, heard: p.heard}
	d.keep(amended)
	d.follower.Hear(&amended.inc)
	d.send(amended)
	d.finish(id)
	d.observer.Open(d.book.size())
	return nil
}

func (d *Dispatcher) find(ctx context.Context, id string) (*page, error) {
	if p := d.book.page(id); p != nil || d.home == nil {
		return p, nil
	}
	if err := d.home.load(ctx); err != nil {
		return nil, err
	}
	log := d.home.log
	if c, is := log.(*committer); is {
		log = c.Log
	}
	shelf, can := log.(Shelf)
	if !can {
		return d.book.page(id), nil
	}
	inc, found, err := shelf.Incident(ctx, id)
	if err != nil || !found {
		return nil, err
	}
	return &page{inc: inc, share: d.home, content: inc.Revision, changed: time.Now(), heard: inc.Updated}, nil
}
