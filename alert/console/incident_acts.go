package console

import (
	"time"

	"github.com/tokenwatch/tokenwatch/alert"
	"github.com/tokenwatch/tokenwatch/alert/console/signin"
	"github.com/tokenwatch/tokenwatch/schema"
)

// acts is what a person may do about an incident as it stands.
type caseActs struct {
	Press string // names the presses of this page
	Why   string // why nothing may be pressed; empty: it may

	Acknowledge, Snooze, Owner, Keep bool // at once
	Theft, Revoke, Restore           bool // after a page that says what will happen
	Allow                            bool // there is a token to put on the allow-list

	Line     string    // where the revocation stands
	Counting bool      // a countdown runs
	Due      time.Time // to when
	Over     string    // why there is nothing to press; empty where there is
}

func caseActsOf(inc *schema.Incident, person signin.Person, now time.Time) caseActs {
	a := caseActs{Press: newPressWord(), Line: alert.RevocationLine(inc), Restore: alert.Restorable(inc), Allow: !inc.Token.IsZero()}
	if !person.May(signin.Responder) {
		a.Why = "Only a responder or an admin may answer; your role is " + person.Role.String() + "."
	}
	for _, b := range alert.Buttons(inc) {
		switch b.Kind {
		case schema.VerdictAcknowledged:
			a.Acknowledge = true
		case schema.VerdictSnooze:
			a.Snooze = true
		case schema.VerdictOwner:
			a.Owner = true
		case schema.VerdictKeep:
			a.Keep = true
		case schema.VerdictTheft:
			a.Theft = true
		case schema.VerdictRevoke:
			a.Revoke = true
		}
	}
	if rev := inc.Revocation; rev != nil && rev.State == schema.RevocationCounting {
		a.Counting, a.Due = true, rev.Due
	}
	if !a.Acknowledge && !a.Snooze && !a.Owner && !a.Keep && !a.Theft && !a.Revoke && !a.Restore {
		a.Over = "The incident is over: there is nothing left to decide."
	}
	return a
}

// offers reports whether a verdict of a kind makes sense.
func (a caseActs) offers(kind schema.VerdictKind) bool {
	return map[schema.VerdictKind]bool{
		schema.VerdictAcknowledged: a.Acknowledge, schema.VerdictSnooze: a.Snooze, schema.VerdictOwner: a.Owner, schema.VerdictKeep: a.Keep,
		schema.VerdictTheft: a.Theft, schema.VerdictRevoke: a.Revoke, schema.VerdictRestore: a.Restore,
	}[kind]
}

// choice is an option of a list.
type caseChoice struct {
	Value int
	Text  string
	First bool // chosen unless another is
}

// Snoozes are how long an incident may be silent, in hours.
func (caseActs) Snoozes() []caseChoice {
	return []caseChoice{{1, "1 hour", false}, {4, "4 hours", true}, {12, "12 hours", false}, {24, "1 day", false}, {72, "3 days", false}, {168, "7 days", false}, {720, "30 days", false}}
}

// Allowances are how long a token may be on the allow-list, in days.
func (caseActs) Allowances() []caseChoice {
	return []caseChoice{{1, "1 day", false}, {7, "7 days", true}, {30, "30 days", false}, {90, "90 days", false}, {365, "1 year", false}}
}

// chosen reports whether a number is one of the choices.
func caseChosen(list []caseChoice, value int) bool {
	for _, c := range list {
		if c.Value == value {
			return true
		}
	}
	return false
}

// perilous reports whether a verdict takes something from somebody, or gives something to somebody who may be a thief.
func casePerilous(kind schema.VerdictKind) bool {
	return kind == schema.VerdictTheft || kind == schema.VerdictRevoke || kind == schema.VerdictRestore
}
