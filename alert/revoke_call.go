package alert

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/tokenwatch/tokenwatch/schema"
)

// callLimit bounds a call whatever the gateway's own timeout is.
const callLimit = 30 * time.Second

// advance moves one docket on until it has to wait. Only its worker changes rev and wrote.
func (r *Revoker) advance(ctx context.Context, id string, d *docket) error {
	if err := r.learn(ctx, id, d); err != nil {
		return err
	}
	inc, rev := r.stand(d)
	if inc == nil {
		return nil // there is no such incident
	}
	if rev != nil && (inc.Revocation == nil || rev.Step > inc.Revocation.Step) {
		if err := r.show(ctx, inc.ID, *rev); err != nil { // another process went on with it
			r.slog.Warn("where a revocation stands could not be shown yet", "incident", inc.ID, "error", err)
		}
	}
	if rev != nil && rev.Step > d.wrote && rev.State != schema.RevocationCalling {
		if err := r.write(ctx, inc, rev, string(rev.State), ""); err != nil {
			return r.hold(ctx, inc, rev, d, err)
		}
		d.wrote = rev.Step
	}
	for {
		order, any := r.order(d)
		if !any {
			break
		}
		next, moved := r.cfg.answer(rev, inc, order, time.Now())
		if moved && !stale(rev, order) && !slices.Contains(d.obeyed, order.ID) {
			if err := r.write(ctx, inc, &next, wordFor(order, next), order.ID); err != nil {
				return err
			}
			rev = r.moved(ctx, inc, d, next)
		}
		r.ordered(d)
	}
	if next, moved := due(rev, time.Now()); moved {
		rev = r.moved(ctx, inc, d, next)
	}
	if rev != nil && (rev.State == schema.RevocationCalling || rev.State == schema.RevocationRestore) && !time.Now().Before(rev.Due) {
		return r.call(ctx, inc, rev, d)
	}
	return nil
}

// stale reports whether somebody said something before the revocation came to where it stands, which they could not
// have known of. Clocks differ a little.
func stale(rev *schema.Revocation, v schema.Verdict) bool {
	return rev != nil && v.At.Before(rev.At.Add(-10*time.Second))
}

// learn looks up what the docket does not know yet: the incident, and what earlier processes did about its token.
func (r *Revoker) learn(ctx context.Context, id string, d *docket) error {
	inc, rev := r.stand(d)
	if inc == nil {
		found, any, err := r.find(ctx, id)
		if err != nil {
			return fmt.Errorf("looking up incident %s: %w", id, err)
		}
		if !any {
			r.mu.Lock()
			d.orders = nil
			r.mu.Unlock()
			return nil
		}
		r.mu.Lock()
		d.inc, inc = &found, &found
		if d.rev == nil {
			d.rev, rev = found.Revocation, found.Revocation
		}
		r.mu.Unlock()
	}
	if d.known || rev != nil && rev.Step <= 1 && rev.Attempts == 0 && rev.State == schema.RevocationCalling {
		d.known = true // it was decided a moment ago: there is nothing to read
		return nil
	}
	steps, err := r.audit.Revocations(ctx, time.Now().Add(time.Hour), id)
	if err != nil {
		return fmt.Errorf("reading what was done about the token of %s: %w", id, err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	d.known = true
	for _, s := range steps {
		if s.Incident != id {
			continue
		}
		if s.Verdict != "" {
			d.obeyed = append(d.obeyed, s.Verdict)
		}
		d.wrote = max(d.wrote, s.Revocation.Step)
		if d.rev == nil || s.Revocation.Step > d.rev.Step {
			latest := s.Revocation
			d.rev = &latest
		}
	}
	return nil
}

func (r *Revoker) stand(d *docket) (*schema.Incident, *schema.Revocation) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return d.inc, d.rev
}

func (r *Revoker) order(d *docket) (schema.Verdict, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(d.orders) == 0 {
		return schema.Verdict{}, false
	}
	return d.orders[0], true
}

func (r *Revoker) ordered(d *docket) {
	r.mu.Lock()
	defer r.mu.Unlock()
	d.obeyed, d.orders = append(d.obeyed, d.orders[0].ID), d.orders[1:]
}

// wordFor is what the audit calls a person's decision.
func wordFor(v schema.Verdict, next schema.Revocation) string {
	if next.State == schema.RevocationCalling {
		return "approved"
	}
	return string(next.State)
}

// write keeps a step for good.
func (r *Revoker) write(ctx context.Context, inc *schema.Incident, rev *schema.Revocation, action, verdict string) error {
	ctx, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()
	err := r.audit.InsertRevocations(ctx, []schema.RevocationStep{{
		Incident: inc.ID, Token: inc.Token, Consumer: inc.Consumer, Action: action, Request: requestID(inc, rev),
		Instance: r.instance, Verdict: verdict, Revocation: *rev,
	}})
	if err != nil {
		return fmt.Errorf("writing down what is done about the token of %s: %w", inc.ID, err)
	}
	return nil
}

// requestID is what a receiver tells repetitions by: the same for every attempt to revoke this incident's token, also
// after a restart. Once it was restored, revoking it again is another request.
func requestID(inc *schema.Incident, rev *schema.Revocation) string {
	id := "revoke-" + inc.ID
	if rev.State == schema.RevocationRestore || rev.State == schema.RevocationRestored {
		id = "restore-" + inc.ID
	}
	if rev.Round > 0 {
		id += fmt.Sprintf("-%d", rev.Round+1)
	}
	return id
}

// moved files where a revocation stands, and has the incident say so. A step that is written down already stays so.
func (r *Revoker) moved(ctx context.Context, inc *schema.Incident, d *docket, next schema.Revocation) *schema.Revocation {
	r.mu.Lock()
	d.rev, d.wrote = &next, max(d.wrote, next.Step)
	r.mu.Unlock()
	if err := r.show(ctx, inc.ID, next); err != nil {
		r.slog.Warn("where a revocation stands could not be shown yet", "incident", inc.ID, "error", err)
	}
	return &next
}

// hold says that nothing is done because nothing can be written down.
func (r *Revoker) hold(ctx context.Context, inc *schema.Incident, rev *schema.Revocation, d *docket, cause error) error {
	r.mu.Lock()
	again := pauseAfter(d.failed + 1)
	r.mu.Unlock()
	if rev.State == schema.RevocationHeld || rev.State != schema.RevocationCalling {
		return cause
	}
	next := held(rev, "the decision cannot be stored, so nobody is called; trying again", time.Now().Add(again), time.Now())
	r.mu.Lock()
	d.rev = &next
	r.mu.Unlock()
	if err := r.show(ctx, inc.ID, next); err != nil {
		r.slog.Warn("that a token is not revoked yet could not be shown", "incident", inc.ID, "error", err)
	}
	return cause
}

// call makes one call of the gateway, if the caps leave room for it and it can be written down before.
func (r *Revoker) call(ctx context.Context, inc *schema.Incident, rev *schema.Revocation, d *docket) error {
	under := called(rev, time.Now())
	why, err := r.reserve(ctx, inc, &under, d)
	if err != nil {
		before := *rev // it was not called, so that the caps have to be looked at again
		before.Step = max(rev.Step, d.wrote)
		return r.hold(ctx, inc, &before, d, err)
	}
	if why != "" {
		return r.bar(ctx, inc, &under, d, why)
	}
	said, err := r.do(ctx, inc, &under)
	next := r.cfg.settled(&under, said, err, time.Now())
	r.report(inc, &next, err)
	stored := r.write(ctx, inc, &next, answerWord(next, err), "")
	r.moved(ctx, inc, d, next) // people are told of what was done, whether it could be written down or not
	if stored != nil {
		r.mu.Lock()
		d.wrote = under.Step // it is written when the docket is looked at again
		r.mu.Unlock()
	}
	return stored
}

// reserve writes down that a call is about to be made, and says what forbids it. A first call takes a place under the
// caps, and one process takes one at a time: what it reads then is what it was given room by.
func (r *Revoker) reserve(ctx context.Context, inc *schema.Incident, rev *schema.Revocation, d *docket) (why string, err error) {
	if rev.Attempts == 1 && rev.State == schema.RevocationCalling {
		r.places.Lock()
		defer r.places.Unlock()
	}
	if err := r.write(ctx, inc, rev, "called", ""); err != nil {
		return "", err
	}
	d.wrote = rev.Step
	if why, err = r.bars(ctx, inc, rev); err != nil || why == "" || why == elsewhere {
		return why, err
	}
	next := capped(rev, why, time.Now())
	*rev = next
	return why, r.write(ctx, inc, &next, "capped", "") // while the next one waits: it may have the place
}

func answerWord(next schema.Revocation, err error) string {
	if err == nil || next.State == schema.RevocationFailed {
		return string(next.State)
	}
	return "answered"
}

func (r *Revoker) do(ctx context.Context, inc *schema.Incident, rev *schema.Revocation) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	gateway := r.gateways[rev.Via]
	if gateway == nil {
		return "", Permanent{Err: fmt.Errorf("there is no gateway %q any more", rev.Via), Fix: "configure it again, or decide by hand"}
	}
	o := Order{ID: requestID(inc, rev), Incident: *inc, By: rev.By, Rule: rev.Rule, At: rev.Since}
	if rev.State == schema.RevocationRestore {
		return gateway.Restore(ctx, o)
	}
	return gateway.Revoke(ctx, o)
}

func (r *Revoker) report(inc *schema.Incident, next *schema.Revocation, err error) {
	if err != nil {
		r.slog.Warn("a gateway did not do what was asked of it", "incident", inc.ID, "state", next.State, "attempt", next.Attempts, "error", err)
		return
	}
	r.slog.Info("a gateway has answered", "incident", inc.ID, "state", next.State, "by", next.By, "answer", next.Answer)
}

// bars says what forbids the call that was written down a moment ago: another process that makes it, or a cap. All
// instances write before they read, so of two that take the last place at once at least one sees the other; both may,
// and then neither calls. Restoring takes nothing from anybody: nothing forbids it.
func (r *Revoker) bars(ctx context.Context, inc *schema.Incident, rev *schema.Revocation) (string, error) {
	if rev.State == schema.RevocationRestore {
		return "", nil
	}
	ctx, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()
	steps, err := r.audit.Revocations(ctx, time.Now().Add(-time.Hour), inc.ID)
	if err != nil {
		return "", fmt.Errorf("reading what was revoked within the hour: %w", err)
	}
	if r.elsewhere(sorted(steps), inc, rev) {
		return elsewhere, nil
	}
	if rev.Attempts > 1 {
		return "", nil // it has its place
	}
	return r.cfg.cap(steps, inc, rev), nil
}

// elsewhere is a bar that is no news to anybody.
const elsewhere = "another instance calls the gateway"

// claim is how long a call that another instance has begun is left to it.
const claim = 2 * callLimit

// elsewhere reports whether another instance has made the same step before.
func (r *Revoker) elsewhere(steps []schema.RevocationStep, inc *schema.Incident, rev *schema.Revocation) bool {
	for _, s := range steps {
		if s.Incident != inc.ID || s.Action != "called" || s.Revocation.Round != rev.Round || time.Since(s.Revocation.At) > claim {
			continue
		}
		if s.Instance == r.instance {
			if s.Revocation.Step == rev.Step {
				return false // ours comes first
			}
			continue
		}
		if s.Revocation.Step >= rev.Step {
			return true
		}
	}
	return false
}

// cap says which cap the call is beyond, if any. A token counts from its first call on, whatever came of it, unless
// it was turned away here.
func (c RevokeConfig) cap(steps []schema.RevocationStep, inc *schema.Incident, rev *schema.Revocation) string {
	taken := map[string]string{} // owners of the tokens, by incident and round
	hour := rev.At.Add(-time.Hour)
	for _, s := range steps {
		key := fmt.Sprintf("%s/%d", s.Incident, s.Revocation.Round)
		switch {
		case s.Incident == inc.ID && s.Revocation.Round == rev.Round:
		case s.Action == "called" && s.Revocation.Attempts == 1 && s.Revocation.State == schema.RevocationCalling && s.Revocation.At.After(hour):
			taken[key] = s.Consumer
		case s.Action == "capped":
			delete(taken, key)
		}
	}
	all, owners := len(taken), 0
	for _, owner := range taken {
		if inc.Consumer != "" && owner == inc.Consumer {
			owners++
		}
	}
	switch {
	case all >= c.MaxPerHour:
		return fmt.Sprintf("%d tokens were revoked within the hour already (revoke.max_per_hour): nothing was done, decide by hand", all)
	case owners >= c.MaxPerOwner:
		return fmt.Sprintf("%d tokens of this owner were revoked within the hour already (revoke.max_per_owner): nothing was done, decide by hand", owners)
	}
	return ""
}

// bar ends an attempt that is not to be made.
func (r *Revoker) bar(ctx context.Context, inc *schema.Incident, rev *schema.Revocation, d *docket, why string) error {
	if why == elsewhere {
		next := *rev
		next.Due = time.Now().Add(claim) // if it dies, this one takes over
		r.mu.Lock()
		d.rev, d.known = &next, false
		r.mu.Unlock()
		return nil
	}
	r.slog.Error("a token is not revoked: a cap is reached", "incident", inc.ID, "reason", why)
	r.moved(ctx, inc, d, *rev)
	return nil
}

// sorted puts steps in an order that is the same for everybody who reads them.
func sorted(steps []schema.RevocationStep) []schema.RevocationStep {
	slices.SortStableFunc(steps, func(a, b schema.RevocationStep) int {
		return cmp.Or(a.Revocation.At.Compare(b.Revocation.At), cmp.Compare(a.Incident, b.Incident), cmp.Compare(a.Revocation.Step, b.Revocation.Step), cmp.Compare(a.Instance, b.Instance))
	})
	return steps
}
