package alert

import (
	"fmt"
	"time"

	"github.com/tokenwatch/tokenwatch/schema"
)

// Outlook is what a verdict would lead to at the token's gateway, as things stand.
type Outlook struct {
	Calls bool     // a gateway would be called
	Via   string   // which one
	Lines []string // in words, for the person who is about to press
}

// Foresee says what a verdict of a kind would lead to. Steps are those of the last hour, of all incidents, which the
// caps count. It asks the very functions that will decide, so that it cannot promise something else.
func (c RevokeConfig) Foresee(inc *schema.Incident, kind schema.VerdictKind, steps []schema.RevocationStep, now time.Time) Outlook {
	if !c.Enabled() {
		return Outlook{Lines: []string{"Nothing is done to the token: revocation is off (revoke.mode). Revoke it at the gateway yourself, if that is what you want."}}
	}
	next, moved := c.answer(inc.Revocation, inc, schema.Verdict{Kind: kind, At: now}, now)
	if !moved {
		return Outlook{Lines: []string{"Nothing further is done to the token: " + unmoved(inc.Revocation)}}
	}
	switch next.State {
	case schema.RevocationDryRun:
		return Outlook{Lines: []string{"Nothing is done to the token: the stage is dry run (" + next.Rule + "). The messages say what would have been done."}}
	case schema.RevocationRefused:
		return Outlook{Lines: []string{"Nothing is done to the token: " + next.Reason + "."}}
	case schema.RevocationRestore:
		return Outlook{Calls: true, Via: next.Via, Lines: []string{"The gateway " + clean(next.Via, 40) + " is asked to put the token in use again. Whoever holds it can use it again, a thief too."}}
	case schema.RevocationStopped:
		return Outlook{Lines: []string{"The token stays in use. No gateway is called."}}
	}
	if why := c.cap(steps, inc, &next); why != "" {
		return Outlook{Via: next.Via, Lines: []string{"A cap is reached: " + why + "."}}
	}
	mode := c.rules(inc, now).mode
	if kind == schema.VerdictTheft {
		judged, _ := Judge(*inc, schema.Verdict{Kind: kind, At: now})
		mode = c.rules(&judged, now).mode
	}
	return Outlook{Calls: true, Via: next.Via, Lines: []string{
		fmt.Sprintf("The gateway %s is called at once and takes the token out of use: every request with it fails from then on, the owner's too.", clean(next.Via, 40)),
		fmt.Sprintf("The stage is %s (%s); at most %s an hour are taken out of use, and %d of one owner (revoke.max_per_hour, revoke.max_per_owner).",
			mode, next.Rule, plural(uint64(c.MaxPerHour), "token"), c.MaxPerOwner),
	}}
}

// unmoved says why nothing would come of it.
func unmoved(rev *schema.Revocation) string {
	if rev == nil {
		return "for an incident such as this revocation is off (revoke.mode, revoke.rules)."
	}
	return "its revocation stands at “" + string(rev.State) + "”."
}

// RevocationLine says in words where taking the token out of use stands; empty where that was never considered.
func RevocationLine(inc *schema.Incident) string { return revocationLine(inc) }

// Restorable reports whether a token may be asked to be put in use again.
func Restorable(inc *schema.Incident) bool {
	return revocationIn(inc, schema.RevocationDone, schema.RevocationFailed)
}

// VerdictWord is what messages call a verdict of a kind: "It was the owner".
func VerdictWord(kind schema.VerdictKind) string { return verdictWords[kind] }
