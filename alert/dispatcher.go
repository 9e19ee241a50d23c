package alert

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"sync/atomic"
	"time"

	"github.com/tokenwatch/tokenwatch/schema"
)

// Dispatcher takes findings in, keeps their incidents, and delivers them. Its methods
// may be called from several goroutines; Run once.
type Dispatcher struct {
	cfg      Config
	slog     *slog.Logger
	observer Observer
	follower Follower
	orders   Orders
	picture  func(context.Context, schema.Incident) ([]byte, error)
	boxes    []*outbox
	book     *book
	home     *Share // of a dispatcher that works alone, else nil

	silences atomic.Pointer[[]Silence]
	slowness atomic.Uint64 // float64: how much slower than its vendor allows a channel is told, since others tell it too
}

// Option changes a dispatcher as it is made.
type Option func(*Dispatcher)

// WithObserver has the dispatcher tell what happens.
func WithObserver(o Observer) Option { return func(d *Dispatcher) { d.observer = o } }

// WithLogger has the dispatcher report what a person should see to; by default it says
// nothing.
func WithLogger(l *slog.Logger) Option { return func(d *Dispatcher) { d.slog = l } }

// WithOrders has the dispatcher obey silences and retries.
func WithOrders(o Orders) Option { return func(d *Dispatcher) { d.orders = o } }

// WithPicture gives messages a picture, which is drawn if a channel asks for it.
func WithPicture(draw func(context.Context, schema.Incident) ([]byte, error)) Option {
	return func(d *Dispatcher) { d.picture = draw }
}

// New makes a dispatcher that delivers to the notifiers. With a log it works alone, on all incidents; with nil it
// owns none until Own is called. It touches neither before Accept, Own or Run is called.
func New(cfg Config, log Log, notifiers []Notifier, options ...Option) (*Dispatcher, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	d := &Dispatcher{
		cfg: cfg, book: newBook(),
		slog: slog.New(slog.DiscardHandler), observer: unobserved{}, follower: nobodyFollows{},
	}
	d.silences.Store(new([]Silence))
	for _, option := range options {
		option(d)
	}
	if log != nil {
		d.home = d.share(log)
	}
	var names []string
	for _, n := range notifiers {
		if slices.Contains(names, n.Name()) {
			return nil, fmt.Errorf("two destinations are named %q", n.Name())
		}
		names = append(names, n.Name())
		d.boxes = append(d.boxes, newOutbox(n, cfg.DigestAfter))
	}
	if err := cfg.named(names); err != nil {
		return nil, err
	}
	d.SlowDown(1)
	return d, nil
}

// SlowDown has channels told so many times slower than their vendors allow, as instances that share the work must:
// the vendor counts what all of them send.
func (d *Dispatcher) SlowDown(times float64) { d.slowness.Store(math.Float64bits(max(times, 1))) }

// Accept is Share.Accept for a dispatcher that works alone.
func (d *Dispatcher) Accept(ctx context.Context, findings []schema.Finding) error {
	if d.home == nil {
		return errReleased
	}
	return d.home.Accept(ctx, findings)
}

// bySubject splits findings by what they are about and keeps their order.
func bySubject(findings []schema.Finding) [][]schema.Finding {
	sorted := slices.Clone(findings)
	slices.SortStableFunc(sorted, func(a, b schema.Finding) int {
		one, other := subjectFound(&a), subjectFound(&b)
		return slices.Compare(one[:], other[:])
	})
	var groups [][]schema.Finding
	for len(sorted) > 0 {
		n := 1
		for n < len(sorted) && subjectFound(&sorted[n]) == subjectFound(&sorted[0]) {
			n++
		}
		groups, sorted = append(groups, sorted[:n]), sorted[n:]
	}
	return groups
}

// formerName is what the findings' token was called before its pepper was rotated, or the
// token itself. A process with a former pepper gives it with every finding, so whoever
// holds an incident by its former name and whoever holds it by the new one share a lock.
func formerName(findings []schema.Finding) schema.TokenID {
	for i := range findings {
		if !findings[i].Former.IsZero() && findings[i].Kind == schema.FindingToken {
			return findings[i].Former
		}
	}
	return subjectFound(&findings[0])
}

// change stores an incident that readers would notice the change of, and sends it on its
// way. The caller holds the token's lock.
func (d *Dispatcher) change(ctx context.Context, inc schema.Incident) error {
	share := d.home
	if p := d.book.page(inc.ID); p != nil {
		share = p.share
	}
	if share == nil {
		return errReleased
	}
	return d.changeIn(ctx, share, inc)
}

func (d *Dispatcher) changeIn(ctx context.Context, share *Share, inc schema.Incident) error {
	now := time.Now()
	d.follower.Weigh(&inc, now)
	d.want(&inc, now)
	if err := share.log.SaveIncident(ctx, &inc); err != nil {
		return fmt.Errorf("saving incident %s: %w", inc.ID, err)
	}
	p := &page{inc: inc, share: share, content: inc.Revision, changed: now, heard: now, snoozed: inc.Snoozed}
	d.book.put(p, d.cfg.MaxOpen)
	d.follower.Hear(&p.inc)
	d.send(p)
	return nil
}

// actionGrace is how long a first message waits for an actor, so that it can say what
// was done instead of being edited a moment later.
const actionGrace = time.Second

// acting reports whether an actor is about to make its first attempt.
func (d *Dispatcher) acting(p *page) bool {
	return slices.ContainsFunc(d.boxes, func(box *outbox) bool {
		_, acts := box.actor()
		_, tried := delivery(&p.inc, box.notifier.Name())
		return acts && !tried && owes(p, box) != nothing
	})
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
	defer d.book.lock(subjectOf(&p.inc))()
	if p = d.book.page(id); p == nil || p.inc.State == schema.IncidentResolved {
		return nil
	}
	return d.change(ctx, Resolve(p.inc, at))
}
