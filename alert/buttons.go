package alert

import "github.com/tokenwatch/tokenwatch/schema"

// Button is something that a person can answer an incident's message with. Its value is the incident's id.
type Button struct {
	Action string // the id that a press comes back with
	Kind   schema.VerdictKind
	Text   string
	Danger bool // it takes something away from somebody
}

// all buttons, in the order in which they are shown.
var buttons = []Button{
	{"tw_revoke", schema.VerdictRevoke, "Revoke", true},
	{"tw_keep", schema.VerdictKeep, "Keep the token", false},
	{"tw_owner", schema.VerdictOwner, "It was us", false},
	{"tw_theft", schema.VerdictTheft, "Theft", true},
	{"tw_ack", schema.VerdictAcknowledged, "Acknowledge", false},
	{"tw_snooze", schema.VerdictSnooze, "Snooze 4 h", false},
}

// ButtonOf finds the button that an action id belongs to.
func ButtonOf(action string) (Button, bool) {
	for _, b := range buttons {
		if b.Action == action {
			return b, true
		}
	}
	return Button{}, false
}

// Buttons are those that make sense for the incident as it stands. A resolved one has none, unless its token may
// still be decided on.
func Buttons(inc *schema.Incident) []Button {
	var list []Button
	for _, b := range buttons {
		if offered(inc, b.Kind) {
			list = append(list, b)
		}
	}
	return list
}

func offered(inc *schema.Incident, kind schema.VerdictKind) bool {
	open := inc.State == schema.IncidentOpen
	last, judged := lastVerdict(inc, false)
	theft := judged && last.Kind == schema.VerdictTheft
	switch kind {
	case schema.VerdictRevoke:
		return inc.State != schema.IncidentResolved && revocationIn(inc, schema.RevocationAsked, schema.RevocationHeld, schema.RevocationFailed)
	case schema.VerdictKeep:
		return revocationIn(inc, schema.RevocationAsked, schema.RevocationCounting, schema.RevocationHeld)
	case schema.VerdictAcknowledged:
		return open
	case schema.VerdictTheft:
		return inc.State != schema.IncidentResolved && !theft
	default: // owner, snooze
		return inc.State != schema.IncidentResolved
	}
}

func revocationIn(inc *schema.Incident, states ...schema.RevocationState) bool {
	if inc.Revocation == nil {
		return false
	}
	for _, s := range states {
		if inc.Revocation.State == s {
			return true
		}
	}
	return false
}
