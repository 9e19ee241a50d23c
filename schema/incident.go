package schema

import "time"

// IncidentState is where an incident stands in its life.
type IncidentState string

// States of an incident. They only ever move to the right.
const (
	IncidentOpen         IncidentState = "open"
	IncidentAcknowledged IncidentState = "acknowledged"
	IncidentResolved     IncidentState = "resolved"
)

// Incident gathers a token's findings into the one thing that a person decides on.
type Incident struct {
	ID       string        `json:"id"`       // derived from the first finding: stable over replays
	Revision uint64        `json:"revision"` // rises with every change; the highest is the truth
	State    IncidentState `json:"state"`
	Severity Severity      `json:"severity"` // the highest so far
	Score    float64       `json:"score"`    // the highest so far

	Token       TokenID `json:"token"`
	KeyID       uint16  `json:"key_id"` // names the pepper that Token was made with
	TokenHint   string  `json:"token_hint"`
	Consumer    string  `json:"consumer"`
	Environment string  `json:"environment"`
	Source      string  `json:"source,omitempty"`     // format of the gateway's records
	Credential  string  `json:"credential,omitempty"` // the gateway's own id of the credential, where it logs one

	// Of a campaign or a fleet event, which are about many tokens; Token is the one that leads.
	Kind       FindingKind `json:"kind,omitempty"`
	Group      string      `json:"group,omitempty"`       // names it, over all of its findings
	Tokens     []TokenID   `json:"tokens,omitempty"`      // the first so many
	TokenCount int         `json:"token_count,omitempty"` // how many there are

	// Labels are what the configuration says of the token: team, criticality, ... Routes and rules match them.
	Labels map[string]string `json:"labels,omitempty"`

	Opened   time.Time `json:"opened"`   // event time of the first finding
	Updated  time.Time `json:"updated"`  // event time of the last finding
	Resolved time.Time `json:"resolved"` // zero while not resolved

	Summary  string      `json:"summary"`
	Evidence []Evidence  `json:"evidence"` // strongest of each detector and key, strongest first
	Seen     Seen        `json:"seen"`
	Normal   Normal      `json:"normal"`
	Findings []FindingID `json:"findings"`

	Deliveries []Delivery `json:"deliveries"`

	Verdicts   []Verdict   `json:"verdicts,omitempty"`   // what people said of it, the newest last
	Snoozed    time.Time   `json:"snoozed,omitzero"`     // nothing more is said of it until then
	Revocation *Revocation `json:"revocation,omitempty"` // where taking the token out of use stands; nil: not considered
}

// Delivery is what became of an incident at one destination.
type Delivery struct {
	Destination string    `json:"destination"` // e.g. "slack"
	Ref         string    `json:"ref"`         // the message there, so that it can be edited
	Revision    uint64    `json:"revision"`    // of the incident as last delivered
	At          time.Time `json:"at"`
	Attempts    int       `json:"attempts"`
	Error       string    `json:"error,omitempty"` // of the last attempt, empty when it was accepted

	Wanted    time.Time `json:"wanted,omitzero"`     // since when it is to be told there
	Severity  Severity  `json:"severity,omitempty"`  // of the incident when people there were last notified
	Notified  time.Time `json:"notified,omitzero"`   // when that was: a post or a reply, not an edit
	Digest    string    `json:"digest,omitempty"`    // key of the digest that told of it, instead of a message of its own
	Announced string    `json:"announced,omitempty"` // key of a post that was begun, and of whose end nothing is known yet
	Since     time.Time `json:"since,omitzero"`      // since when attempts fail; zero while they do not
	Next      time.Time `json:"next,omitzero"`       // when it is tried again
	FellBack  bool      `json:"fell_back,omitempty"` // its fallback is told in its place
	Dead      bool      `json:"dead,omitempty"`      // given up: somebody has to see to it
}
