package alert

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/tokenwatch/tokenwatch/schema"
)

// Dispatcher takes findings in, keeps their incidents, and delivers them. Its methods
// may be called from several goroutines; Run once.
type Dispatcher struct {
	cfg      Config
	log      Log
	slog     *slog.Logger
	observer Observer
	follower Follower
	boxes    []*outbox

	loading sync.Mutex
	loaded  bool
	book    *book
}

// Option changes a dispatcher as it is made.
type Option func(*Dispatcher)

// WithObserver has the dispatcher tell what happens.
func WithObserver(o Observer) Option { return func(d *Dispatcher) { d.observer = o } }

// WithLogger has the dispatcher report what a person should see to; by default it says
// nothing.
func WithLogger(l *slog.Logger) Option { return func(d *Dispatcher) { d.slog = l } }

// New makes a dispatcher over a log that delivers to the notifiers. It touches neither
// before Accept or Run is called.
func New(cfg Config, log Log, notifiers []Notifier, options ...Option) (*Dispatcher, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	d := &Dispatcher{
		cfg: cfg, log: batched(log), book: newBook(),
		slog: slog.New(slog.DiscardHandler), observer: unobserved{}, follower: nobodyFollows{},
	}
	for _, option := range options {
		option(d)
	}
	named := map[string]bool{}
	for _, n := range notifiers {
		if named[n.Name()] {
			return nil, fmt.Errorf("two destinations are named %q", n.Name())
		}
		named[n.Name()] = true
		d.boxes = append(d.boxes, newOutbox(n))
	}
	return d, nil
}

// Accept takes findings in, in the order in which they were made, and returns once every
// incident that they open or change is in the Log. After an error the caller repeats the
// same findings: those that got through change nothing a second time.
func (d *Dispatcher) Accept(ctx context.Context, findings []schema.Finding) error {
	if len(findings) == 0 {
		return nil
	}
	if err := d.load(ctx); err != nil {
		return err
	}
	// Tokens are independent, and a save takes milliseconds: many at once.
	group, inner := errgroup.WithContext(ctx)
	group.SetLimit(stripes)
	for _, ofToken := range byToken(findings) {
		group.Go(func() error { return d.accept(inner, ofToken) })
	}
	if err := group.Wait(); err != nil {
		return fmt.Errorf("accepting findings: %w", err)
	}
	return d.shed(ctx)
}

// byToken splits findings by token and keeps their order.
func byToken(findings []schema.Finding) [][]schema.Finding {
	sorted := slices.Clone(findings)
	slices.SortStableFunc(sorted, func(a, b schema.Finding) int {
		return slices.Compare(a.Token[:], b.Token[:])
	})
	var groups [][]schema.Finding
	for len(sorted) > 0 {
		n := 1
		for n < len(sorted) && sorted[n].Token == sorted[0].Token {
			n++
		}
		groups, sorted = append(groups, sorted[:n]), sorted[n:]
	}
	return groups
}

func (d *Dispatcher) accept(ctx context.Context, findings []schema.Finding) error {
	token, former := findings[0].Token, formerName(findings)
	defer d.book.lock(token, former)()
	var open *schema.Incident
	if p := d.book.openFor(token); p != nil {
		open = &p.inc
	} else if p := d.book.openFor(former); p != nil {
		open = &p.inc // it goes on under the new name
	}
	var outcomes []string
	changed := d.cfg.Fold(open, findings, d.book.knows, func(o string) { outcomes = append(outcomes, o) })
	for _, inc := range changed {
		if err := d.change(ctx, inc); err != nil {
			return err
		}
	}
	// Counted only now: after an error the same findings come again.
	for _, o := range outcomes {
		d.observer.Finding(o)
	}
	d.observer.Open(d.book.size())
	return nil
}

// formerName is what the findings' token was called before its pepper was rotated, or the
// token itself. A process with a former pepper gives it with every finding, so whoever
// holds an incident by its former name and whoever holds it by the new one share a lock.
func formerName(findings []schema.Finding) schema.TokenID {
	for i := range findings {
		if !findings[i].Former.IsZero() {
			return findings[i].Former
		}
	}
	return findings[0].Token
}

// change stores an incident that readers would notice the change of, and sends it on its
// way. The caller holds the token's lock.
func (d *Dispatcher) change(ctx context.Context, inc schema.Incident) error {
	d.follower.Weigh(&inc, time.Now())
	if err := d.log.SaveIncident(ctx, &inc); err != nil {
		return fmt.Errorf("saving incident %s: %w", inc.ID, err)
	}
	now := time.Now()
	p := &page{inc: inc, content: inc.Revision, changed: now, heard: now, snoozed: inc.Snoozed}
	d.book.put(p, d.cfg.MaxOpen)
	d.follower.Hear(&p.inc)
	d.send(p)
	return nil
}

// send puts the page into every outbox whose destination has not heard of it as it is.
func (d *Dispatcher) send(p *page) {
	acting := d.acting(p)
	for _, box := range d.boxes {
		if !lags(p, box) {
			continue
		}
		last, _ := delivery(&p.inc, box.notifier.Name())
		due := p.changed
		if _, acts := box.actor(); acting && !acts {
			due = due.Add(actionGrace)
		}
		if last.Ref != "" {
			due = last.At.Add(d.cfg.UpdateEvery)
		}
		if due.Before(p.snoozed) {
			due = p.snoozed
		}
		depth := box.put(parcel{
			id: p.inc.ID, severity: p.inc.Severity, fresh: last.Ref == "", since: p.changed, due: due,
		})
		d.observer.Queue(box.notifier.Name(), depth)
	}
}

// actionGrace is how long a first message waits for an actor, so that it can say what
// was done instead of being edited a moment later.
const actionGrace = time.Second

// acting reports whether an actor is about to make its first attempt.
func (d *Dispatcher) acting(p *page) bool {
	return slices.ContainsFunc(d.boxes, func(box *outbox) bool {
		_, acts := box.actor()
		_, tried := delivery(&p.inc, box.notifier.Name())
		return acts && !tried && lags(p, box)
	})
}

// lags reports whether the destination has to hear of the incident.
func lags(p *page, box *outbox) bool {
	last, told := delivery(&p.inc, box.notifier.Name())
	resolved := p.inc.State == schema.IncidentResolved
	if _, acts := box.actor(); acts {
		// It acts once, and not on what is over.
		return last.Revision == 0 && !resolved
	}
	if !told {
		// A destination that is new here is not told of the past; but what nobody
		// heard of before it resolved is no past yet.
		return !resolved || len(p.inc.Deliveries) == 0
	}
	return last.Revision < p.content
}

func delivery(inc *schema.Incident, destination string) (schema.Delivery, bool) {
	for _, d := range inc.Deliveries {
		if d.Destination == destination {
			return d, true
		}
	}
	return schema.Delivery{Destination: destination}, false
}

// shed keeps the open incidents within their bound by resolving the quietest early.
func (d *Dispatcher) shed(ctx context.Context) error {
	excess := d.book.size() - d.cfg.MaxOpen
	if excess <= 0 {
		return nil
	}
	open := d.book.list(func(p *page) bool { return p.inc.State != schema.IncidentResolved })
	slices.SortFunc(open, func(a, b *page) int {
		return cmp.Or(a.inc.Updated.Compare(b.inc.Updated), cmp.Compare(a.inc.ID, b.inc.ID))
	})
	for _, p := range open[:min(excess, len(open))] {
		if err := d.resolve(ctx, p.inc.ID, time.Now()); err != nil {
			return err
		}
	}
	d.slog.Warn("too many incidents are open; the quietest were resolved early",
		"resolved", excess, "bound", d.cfg.MaxOpen, "key", "alert.max_open")
	return nil
}

// resolve closes the incident as it stands now.
func (d *Dispatcher) resolve(ctx context.Context, id string, at time.Time) error {
	p := d.book.page(id)
	if p == nil {
		return nil
	}
	defer d.book.lock(p.inc.Token)()
	if p = d.book.page(id); p == nil || p.inc.State == schema.IncidentResolved {
		return nil
	}
	return d.change(ctx, Resolve(p.inc, at))
}
