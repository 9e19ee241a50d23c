package schema

import "time"

// RevocationState is where taking a token out of use stands.
type RevocationState string

// States of a revocation.
const (
	RevocationAsked    RevocationState = "asked"    // a person is asked
	RevocationCounting RevocationState = "counting" // called at Due, unless a person stops it
	RevocationHeld     RevocationState = "held"     // meant to be called, and cannot be yet: Reason says why
	RevocationDryRun   RevocationState = "dry_run"  // would have been called
	RevocationCalling  RevocationState = "calling"  // the gateway is being called; what it has done is not known yet
	RevocationDone     RevocationState = "revoked"  // the gateway says that the token is out of use
	RevocationFailed   RevocationState = "failed"   // the gateway refused, or never answered
	RevocationStopped  RevocationState = "stopped"  // a person said no
	RevocationLapsed   RevocationState = "lapsed"   // nobody answered until the incident was over
	RevocationRefused  RevocationState = "refused"  // the token is protected
	RevocationRestore  RevocationState = "restoring"
	RevocationRestored RevocationState = "restored" // the gateway says that the token is in use again
)

// Revocation is the story of one incident's token at its gateway, as of its last step.
type Revocation struct {
	State    RevocationState `json:"state"`
	Step     uint64          `json:"step"`               // rises with each; of one incident the highest holds
	Round    int             `json:"round"`              // rises when a restored token is revoked again: another call
	Rule     string          `json:"rule,omitempty"`     // the rule of the configuration that decided
	Via      string          `json:"via,omitempty"`      // the gateway that is called
	At       time.Time       `json:"at"`                 // of this step
	Due      time.Time       `json:"due,omitzero"`       // when a countdown ends, or a held call is tried again
	Since    time.Time       `json:"since,omitzero"`     // when the first call of the round was made
	Attempts int             `json:"attempts,omitempty"` // calls of this round
	By       string          `json:"by,omitempty"`       // who decided; empty: the configuration
	Answer   string          `json:"answer,omitempty"`   // what the gateway said
	Reason   string          `json:"reason,omitempty"`   // why it stands where it does
}

// RevocationStep is a line of the audit: what was decided about a token, by whom, and what came of it.
type RevocationStep struct {
	Incident   string     `json:"incident"`
	Token      TokenID    `json:"token"`
	Consumer   string     `json:"consumer"`
	Action     string     `json:"action"`            // asked, counting, approved, stopped, called, answered, failed, held, lapsed, restoring, restored, dry_run
	Request    string     `json:"request"`           // id that the call carries, the same in each repetition
	Instance   string     `json:"instance"`          // process that made the step
	Verdict    string     `json:"verdict,omitempty"` // id of the verdict that it follows
	Revocation Revocation `json:"revocation"`
}
