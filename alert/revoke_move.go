package alert

import (
	"errors"
	"slices"
	"time"

	"github.com/tokenwatch/tokenwatch/schema"
)

// The moves of a revocation. All of them are pure: they take where it stands, nil for nowhere yet, and give where it
// stands next, or false if it stays.
//
//	      ask                  revoke, theft
//	─────────────► asked ───────────────────────► calling ─► revoked ─► restoring ─► restored
//	─────────────► counting ────── Due ─────────► │  ▲ │
//	   automatic      │ keep, owner               │  └─┘ no answer yet
//	                  ▼                           ▼
//	               stopped                      failed
//
// held and refused stand beside calling: what stands before a call, and what forbids it.

// weigh moves a revocation on because its incident has changed.
func (c RevokeConfig) weigh(rev *schema.Revocation, inc *schema.Incident, now time.Time) (schema.Revocation, bool) {
	if inc.State == schema.IncidentResolved {
		return lapse(rev, inc, now)
	}
	r := c.rules(inc, now)
	if rank(rev) >= slices.Index(revokeModes, r.mode) || actedBefore(inc) {
		return schema.Revocation{}, false
	}
	next := after(rev, now)
	next.Rule, next.Via, next.By, next.Reason, next.Due = r.rule, r.via, "", "", time.Time{}
	switch {
	case r.protected != "":
		next.State, next.Reason = schema.RevocationRefused, "the token is protected by "+r.protected
	case r.mode == RevokeDryRun:
		next.State = schema.RevocationDryRun
	case r.mode == RevokeAsk:
		next.State = schema.RevocationAsked
	case r.countdown > 0:
		next.State, next.Due = schema.RevocationCounting, now.Add(r.countdown).UTC()
	default:
		next.State, next.Due = schema.RevocationCalling, now.UTC()
	}
	return next, true
}

// rank is the mode that brought a revocation to where it stands: only a further one moves it on by itself. What a
// person decided, or a gateway answered, no rule changes.
func rank(rev *schema.Revocation) int {
	switch {
	case rev == nil:
		return slices.Index(revokeModes, RevokeOff)
	case rev.State == schema.RevocationDryRun:
		return slices.Index(revokeModes, RevokeDryRun)
	case rev.State == schema.RevocationAsked && rev.Reason == "":
		return slices.Index(revokeModes, RevokeAsk)
	}
	return slices.Index(revokeModes, RevokeAutomatic)
}

// actedBefore reports whether an earlier version of tokenwatch has had the token revoked.
func actedBefore(inc *schema.Incident) bool {
	return slices.ContainsFunc(inc.Deliveries, func(d schema.Delivery) bool {
		return d.Destination == "revoke" && d.Revision > 0 && d.Error == "" && d.Ref != "dry-run"
	})
}

// lapse ends what waits for an answer that makes no difference any more.
func lapse(rev *schema.Revocation, inc *schema.Incident, now time.Time) (schema.Revocation, bool) {
	if !waits(rev) {
		return schema.Revocation{}, false
	}
	if last, any := lastVerdict(inc, false); any && last.Kind == schema.VerdictOwner {
		return stop(rev, last, now)
	}
	next := after(rev, now)
	next.State, next.By, next.Due, next.Reason = schema.RevocationLapsed, "", time.Time{}, "the incident is over"
	return next, true
}

// waits reports whether nothing was called yet, and still could be.
func waits(rev *schema.Revocation) bool {
	return rev != nil && slices.Contains([]schema.RevocationState{
		schema.RevocationAsked, schema.RevocationCounting, schema.RevocationHeld,
	}, rev.State) || rev != nil && rev.State == schema.RevocationCalling && rev.Attempts == 0
}

// answer moves a revocation on because a person said something. What makes no sense as it stands changes nothing.
func (c RevokeConfig) answer(rev *schema.Revocation, inc *schema.Incident, v schema.Verdict, now time.Time) (schema.Revocation, bool) {
	switch v.Kind {
	case schema.VerdictKeep, schema.VerdictOwner:
		return stop(rev, v, now)
	case schema.VerdictRevoke, schema.VerdictTheft:
		return c.approve(rev, inc, v, now)
	case schema.VerdictRestore:
		return restore(rev, v, now)
	}
	return schema.Revocation{}, false
}

func stop(rev *schema.Revocation, v schema.Verdict, now time.Time) (schema.Revocation, bool) {
	if !waits(rev) {
		return schema.Revocation{}, false
	}
	next := after(rev, now)
	next.State, next.By, next.Due, next.Reason = schema.RevocationStopped, v.By, time.Time{}, ""
	if v.Kind == schema.VerdictOwner {
		next.Reason = "it was the owner"
	}
	return next, true
}

func (c RevokeConfig) approve(rev *schema.Revocation, inc *schema.Incident, v schema.Verdict, now time.Time) (schema.Revocation, bool) {
	judged, _ := Judge(*inc, v) // confirmed theft is as severe as it gets
	r := c.rules(&judged, now)
	under := rev != nil && (rev.State == schema.RevocationCalling || rev.State == schema.RevocationDone || rev.State == schema.RevocationRestore)
	if under || actedBefore(inc) || r.mode == RevokeOff && v.Kind == schema.VerdictTheft {
		return schema.Revocation{}, false
	}
	next := after(rev, now)
	next.Rule, next.Via, next.By, next.Reason, next.Due = r.rule, r.via, v.By, "", time.Time{}
	switch {
	case r.protected != "":
		next.State, next.Reason = schema.RevocationRefused, "the token is protected by "+r.protected
	case grouped(inc):
		next.State, next.Reason = schema.RevocationRefused, "it is about "+plural(uint64(max(inc.TokenCount, 0)), "token")+": revoke each by an incident of its own"
	case r.mode == RevokeOff:
		next.State, next.Reason = schema.RevocationRefused, "revocation is off for it (revoke.mode, revoke.rules)"
	case r.mode == RevokeDryRun:
		next.State = schema.RevocationDryRun
	default:
		if rev != nil && rev.State == schema.RevocationRestored {
			next.Round++
		}
		next.State, next.Attempts, next.Since, next.Answer = schema.RevocationCalling, 0, time.Time{}, ""
		next.Due = now.UTC()
	}
	if rev != nil && rev.State == next.State && rev.Reason == next.Reason {
		return schema.Revocation{}, false
	}
	return next, true
}

func restore(rev *schema.Revocation, v schema.Verdict, now time.Time) (schema.Revocation, bool) {
	if rev == nil || rev.State != schema.RevocationDone && rev.State != schema.RevocationFailed {
		return schema.Revocation{}, false
	}
	next := after(rev, now)
	next.State, next.By, next.Due = schema.RevocationRestore, v.By, now.UTC()
	next.Attempts, next.Since, next.Answer, next.Reason = 0, time.Time{}, "", ""
	return next, true
}

// due moves a revocation on because its time has come.
func due(rev *schema.Revocation, now time.Time) (schema.Revocation, bool) {
	if rev == nil || now.Before(rev.Due) || rev.State != schema.RevocationCounting && rev.State != schema.RevocationHeld {
		return schema.Revocation{}, false
	}
	next := after(rev, now)
	next.State, next.Due = schema.RevocationCalling, now.UTC()
	return next, true
}

// called is where a revocation stands while its gateway is asked.
func called(rev *schema.Revocation, now time.Time) schema.Revocation {
	next := after(rev, now)
	next.Due = time.Time{}
	next.Attempts++
	if next.Since.IsZero() {
		next.Since = next.At
	}
	return next
}

// settled is where a revocation stands after a gateway was called.
func (c RevokeConfig) settled(rev *schema.Revocation, said string, err error, now time.Time) schema.Revocation {
	next := after(rev, now)
	var (
		later   RetryAfter
		refused Permanent
	)
	switch {
	case err == nil:
		next.Answer, next.Reason, next.State = clean(said, maxText), "", schema.RevocationDone
		if rev.State == schema.RevocationRestore {
			next.State = schema.RevocationRestored
		}
	case errors.As(err, &refused):
		next.State, next.Reason = schema.RevocationFailed, clean(refused.Error(), maxText)
		if rev.State == schema.RevocationRestore {
			next.State = schema.RevocationDone // as it was
			next.Reason = "not restored: " + next.Reason
		}
	case now.Sub(rev.Since) >= c.GiveUpAfter:
		next.State = schema.RevocationFailed
		next.Reason = clean("no answer that counts after "+span(now.Sub(rev.Since))+": "+err.Error(), maxText)
	default:
		next.Reason = clean(err.Error(), maxText)
		next.Due = now.Add(pauseAfter(rev.Attempts)).UTC()
		if errors.As(err, &later) {
			next.Due = now.Add(max(later.After, time.Second)).UTC()
		}
	}
	return next
}

// pauseAfter so many calls is a second, two, four, ... up to a minute.
func pauseAfter(attempts int) time.Duration {
	return min(time.Second<<min(max(attempts-1, 0), 6), time.Minute)
}

// held is where a revocation stands that is meant to be called, and must not be yet.
func held(rev *schema.Revocation, reason string, again time.Time, now time.Time) schema.Revocation {
	next := after(rev, now)
	next.State, next.Reason, next.Due = schema.RevocationHeld, clean(reason, maxText), again.UTC()
	return next
}

// capped is where a revocation stands that is one too many: a person may ask for it again later.
func capped(rev *schema.Revocation, reason string, now time.Time) schema.Revocation {
	next := after(rev, now)
	next.State, next.Reason, next.Due, next.Attempts = schema.RevocationAsked, clean(reason, maxText), time.Time{}, 0
	next.Since = time.Time{}
	return next
}

// after begins the next step of a story.
func after(rev *schema.Revocation, now time.Time) schema.Revocation {
	var next schema.Revocation
	if rev != nil {
		next = *rev
	}
	next.Step++
	next.At = now.UTC().Truncate(time.Millisecond)
	return next
}
