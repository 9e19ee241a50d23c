package schema

import "time"

// Act is something that a person did, or tried to do, in the console.
type Act struct {
	ID      string    `json:"id"` // the same in the rows of one act
	At      time.Time `json:"at"` // when it began
	Person  string    `json:"person"`
	Role    string    `json:"role"`    // empty: not signed in
	Via     string    `json:"via"`     // how the person signed in: password or oidc
	Address string    `json:"address"` // of the browser
	Action  string    `json:"action"`  // a short name such as verdict, silence, sign in
	Subject string    `json:"subject"` // what it was done to, such as an incident's id
	Detail  string    `json:"detail"`

	Outcome ActOutcome `json:"outcome"`
	Reason  string     `json:"reason,omitempty"` // why it was refused, or failed
}

// ActOutcome is what came of an act.
type ActOutcome string

// Outcomes. An act that stays begun was cut off: whether it was done is not known.
const (
	ActBegun   ActOutcome = "begun"
	ActDone    ActOutcome = "done"
	ActRefused ActOutcome = "refused" // the person may not, or what was asked for makes no sense
	ActFailed  ActOutcome = "failed"
)

// ActQuery selects acts, the newest first.
type ActQuery struct {
	Before   time.Time // only those that began before; zero: all
	BeforeID string    // with Before: and of those that began then, those with a lower id
	Person   string    // empty: everybody
	Action   string    // empty: all
	Limit    int
}
