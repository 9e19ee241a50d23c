package schema

import "time"

// VerdictKind is what a person says of an incident.
type VerdictKind string

// Kinds of verdict.
const (
	VerdictOwner        VerdictKind = "owner"        // it was us: learn what was seen
	VerdictTheft        VerdictKind = "theft"        // confirmed abuse: never learn it, revoke the token
	VerdictSnooze       VerdictKind = "snooze"       // say nothing more of it until Until
	VerdictAcknowledged VerdictKind = "acknowledged" // somebody is looking at it
)

// Kinds that answer the question what is to become of the token rather than what happened. They travel the same
// way, and teach detect nothing.
const (
	VerdictRevoke  VerdictKind = "revoke"  // take the token out of use
	VerdictKeep    VerdictKind = "keep"    // do not: ends a countdown, or answers a question with no
	VerdictRestore VerdictKind = "restore" // give a token back that was taken out of use
)

// Verdict is a person's answer to an incident. It travels as data, from wherever it was given (a button, the
// console, the command line) to alert, which changes the incident, and to detect, which changes what it learns.
type Verdict struct {
	ID       string      `json:"id"` // of the click or command that gave it, so that a repeat changes nothing
	Incident string      `json:"incident"`
	Token    TokenID     `json:"token"`
	Kind     VerdictKind `json:"kind"`
	By       string      `json:"by"`             // who, as the channel names them: "slack:U024BE7LH (alice)"
	Note     string      `json:"note,omitempty"` // why
	At       time.Time   `json:"at"`             // when it was given; events ingested later are judged with it
	Since    time.Time   `json:"since"`          // event time of the incident's first evidence
	To       time.Time   `json:"to"`             // event time of its last finding when the verdict was given
	Until    time.Time   `json:"until,omitzero"` // end of a snooze, or of the allowance that "it was us" asks for
	Allow    bool        `json:"allow,omitempty"`
}

// Valid reports whether k is a kind that there is.
func (k VerdictKind) Valid() bool {
	return k == VerdictOwner || k == VerdictTheft || k == VerdictSnooze || k == VerdictAcknowledged || k.Acts()
}

// Acts reports whether k is about what becomes of the token.
func (k VerdictKind) Acts() bool {
	return k == VerdictRevoke || k == VerdictKeep || k == VerdictRestore
}
