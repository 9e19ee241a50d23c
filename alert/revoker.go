package alert

import (
	"context"
	"fmt"
	"hash/fnv"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/tokenwatch/tokenwatch/schema"
)

// Follower follows incidents as a Dispatcher changes them.
type Follower interface {
	// Weigh may add to an incident that is about to be saved what follows from it. It must not wait for anything.
	Weigh(inc *schema.Incident, now time.Time)
	// Hear is told of an incident that is saved. It must not wait for anything.
	Hear(inc *schema.Incident)
}

// Revoker has tokens taken out of use as the configuration and people decide.
//
//	incident ─Weigh─► where it stands ─saved with it─► Hear ─► docket ─► worker ─► audit ─► gateway
//	verdict  ─Order────────────────────────────────────────────►│                   │
//	                                                            └──── Show ◄────────┘
//
// What it does is written to the audit before it is done: a step that cannot be written is not made. It must never be
// the reason for an outage, so it refuses when in doubt: above the caps, for protected tokens and where it cannot
// write, nobody is called, and the incident says so.
type Revoker struct {
	cfg      RevokeConfig
	gateways map[string]Gateway
	audit    Audit
	show     Show
	find     func(ctx context.Context, id string) (schema.Incident, bool, error)
	owns     func(id string) bool
	near     func(schema.TokenID) bool
	slog     *slog.Logger
	instance string
	timeout  time.Duration // of what stands around a call; the call itself has the gateway's

	places sync.Mutex // one place under the caps is taken at a time

	wake chan struct{}
	mu   sync.Mutex
	// dockets holds the revocations that are not settled, by incident. Those of incidents are bounded as the open
	// incidents are; those that people ask for, of incidents long resolved, by maxOrders.
	dockets map[string]*docket
}

// Show has an incident say where its revocation stands, in every message about it.
type Show func(ctx context.Context, incident string, rev schema.Revocation) error

// docket is one incident's revocation under way.
type docket struct {
	inc    *schema.Incident // nil: to be looked up
	rev    *schema.Revocation
	orders []schema.Verdict
	busy   bool
	wants  bool      // something came in that nobody has looked at
	at     time.Time // when to look at it again; zero: when something comes in
	wrote  uint64    // last step in the audit
	known  bool      // the audit was read for it
	obeyed []string  // ids of the verdicts that the audit says were followed
	failed int       // times in a row that the store did not take a step
}

// maxOrders bounds what people may ask for at once of incidents that are not open here.
const maxOrders = 1000

// RevokerParts are what a Revoker works with.
type RevokerParts struct {
	Gateways []Gateway
	Audit    Audit
	Show     Show
	Find     func(ctx context.Context, id string) (schema.Incident, bool, error)
	Owns     func(id string) bool            // whether an incident is kept by this process; nil: all are
	Near     func(token schema.TokenID) bool // whether findings about a token come to this process; nil: none do
	Log      *slog.Logger                    // nil: nothing is logged
	Instance string                          // names this process in the audit
}

// NewRevoker makes a Revoker. Every gateway that the configuration may call has to be among the parts.
func NewRevoker(cfg RevokeConfig, parts RevokerParts) (*Revoker, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	r := &Revoker{
		cfg: cfg, gateways: map[string]Gateway{}, audit: parts.Audit, show: parts.Show, find: parts.Find, owns: parts.Owns, near: parts.Near, slog: parts.Log,
		instance: parts.Instance, timeout: saveTimeout, wake: make(chan struct{}, 1), dockets: map[string]*docket{},
	}
	if r.owns == nil {
		r.owns = func(string) bool { return true }
	}
	if r.near == nil {
		r.near = func(schema.TokenID) bool { return false }
	}
	if r.slog == nil {
		r.slog = slog.New(slog.DiscardHandler)
	}
	for _, g := range parts.Gateways {
		r.gateways[g.Name()] = g
	}
	for _, name := range cfg.Gateways() {
		if r.gateways[name] == nil {
			return nil, fmt.Errorf("revoke.via: %q is none of webhook, kong, apisix, litellm", name)
		}
	}
	return r, nil
}

// Weigh implements Follower.
func (r *Revoker) Weigh(inc *schema.Incident, now time.Time) {
	if next, moved := r.cfg.weigh(inc.Revocation, inc, now); moved {
		inc.Revocation = &next
	}
}

// Hear implements Follower.
func (r *Revoker) Hear(inc *schema.Incident) {
	r.mu.Lock()
	defer r.mu.Unlock()
	d := r.dockets[inc.ID]
	if d == nil && (inc.Revocation == nil || atRest(inc.Revocation, time.Now())) {
		return
	}
	if d == nil {
		d = &docket{}
		r.dockets[inc.ID] = d
	}
	copied := *inc
	d.inc = &copied
	if inc.Revocation != nil && (d.rev == nil || inc.Revocation.Step > d.rev.Step) {
		rev := *inc.Revocation
		d.rev, d.wants = &rev, true
		r.nudge()
	}
}

// Order takes in what a person said. Verdicts that have nothing to do with the token change nothing.
func (r *Revoker) Order(v schema.Verdict) {
	if v.Kind == schema.VerdictSnooze || v.Kind == schema.VerdictAcknowledged || !r.cfg.Enabled() {
		return
	}
	ours, wait := r.owns(v.Incident), r.courtesy(v)
	r.mu.Lock()
	defer r.mu.Unlock()
	d := r.dockets[v.Incident]
	if d == nil {
		if len(r.dockets) >= maxOrders && r.strangers() >= maxOrders {
			r.slog.Error("too many orders for tokens of incidents that are over; one is left out", "incident", v.Incident, "by", v.By)
			return
		}
		d = &docket{}
		r.dockets[v.Incident] = d
	}
	if slices.ContainsFunc(d.orders, func(o schema.Verdict) bool { return o.ID == v.ID }) || slices.Contains(d.obeyed, v.ID) {
		return
	}
	d.orders = append(d.orders, v)
	if ours {
		d.wants = true
	} else if d.at.IsZero() {
		d.at = time.Now().Add(wait)
	}
	r.nudge()
}

// courtesy is how long an order is left to whoever has the incident. Then it is looked at here as well: the incident may
// be over, so that nobody has it. The one that its findings would come to looks first. The others, among whom there may
// be no such one while partitions change hands, look at different times, each at its own: who looks later reads in
// the audit that it is done.
func (r *Revoker) courtesy(v schema.Verdict) time.Duration {
	if r.near(v.Token) {
		return nearCourtesy
	}
	h := fnv.New32a()
	_, _ = h.Write([]byte(r.instance + "\x00" + v.Incident)) // it does not fail
	return farCourtesy + time.Duration(h.Sum32()%uint32(farSpread/time.Millisecond))*time.Millisecond
}

const (
	nearCourtesy = time.Second
	farCourtesy  = 3 * time.Second
	farSpread    = 3 * time.Second
)

// strangers counts dockets of incidents that nobody has told of.
func (r *Revoker) strangers() (n int) {
	for _, d := range r.dockets {
		if d.inc == nil {
			n++
		}
	}
	return n
}

// atRest reports whether a revocation goes nowhere by itself, and has been written down. The first step follows from
// a finding and is written after the incident, so that a process may have ended in between; an hour later none has.
func atRest(rev *schema.Revocation, now time.Time) bool {
	return !moves(rev) && (rev.Step > 1 || now.Sub(rev.At) > time.Hour)
}

// moves reports whether a revocation goes on without anybody saying anything.
func moves(rev *schema.Revocation) bool {
	switch rev.State {
	case schema.RevocationCounting, schema.RevocationHeld, schema.RevocationCalling, schema.RevocationRestore:
		return true
	}
	return false
}

func (r *Revoker) nudge() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// workers is how many tokens are seen to at once.
const workers = 8

// Run works until ctx ends, and waits for calls under way.
func (r *Revoker) Run(ctx context.Context) error {
	var under sync.WaitGroup
	defer under.Wait()
	slots := make(chan struct{}, workers)
	for {
		id, d, wait := r.next(time.Now())
		if d == nil {
			if !r.rest(ctx, wait) {
				return nil
			}
			continue
		}
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
			return nil
		}
		under.Go(func() {
			defer func() { <-slots }()
			r.work(ctx, id, d)
		})
	}
}

// rest waits until something comes in, or the time has come for what is known; false when ctx ends.
func (r *Revoker) rest(ctx context.Context, wait time.Duration) bool {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-r.wake:
	case <-timer.C:
	}
	return true
}

// next takes a docket that somebody has to look at, or says how long there is none. There are as many as tokens to
// be revoked, so that looking at all of them costs nothing.
func (r *Revoker) next(now time.Time) (string, *docket, time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	wait := time.Minute
	for id, d := range r.dockets {
		if d.busy {
			continue
		}
		if d.wants && d.failed == 0 || !d.at.IsZero() && !now.Before(d.at) {
			d.busy, d.wants, d.at = true, false, time.Time{}
			return id, d, 0
		}
		if !d.at.IsZero() {
			wait = min(wait, d.at.Sub(now))
		}
	}
	return "", nil, wait
}

// work makes the moves that are to be made of one docket.
func (r *Revoker) work(ctx context.Context, id string, d *docket) {
	work := context.WithoutCancel(ctx) // a step that is begun is finished
	err := r.advance(work, id, d)
	r.mu.Lock()
	defer r.mu.Unlock()
	d.busy = false
	if err != nil {
		d.failed++
		d.wants, d.at = true, time.Now().Add(pauseAfter(d.failed))
		r.slog.Warn("a revocation cannot go on yet", "incident", id, "error", err, "retry_in", pauseAfter(d.failed))
	} else {
		d.failed = 0
	}
	r.settle(id, d)
	r.nudge()
}

// settle notes when to look at a docket again, or lets go of it.
func (r *Revoker) settle(id string, d *docket) {
	if d.wants || len(d.orders) > 0 {
		d.wants = true
		return
	}
	switch {
	case d.rev != nil && moves(d.rev):
		d.at = d.rev.Due
	case d.rev == nil || d.wrote >= d.rev.Step:
		delete(r.dockets, id) // what a person may say of it finds its way back
	default:
		d.wants = true
	}
}
