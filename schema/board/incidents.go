package board

import (
	"time"

	"github.com/tokenwatch/tokenwatch/schema"
)

// IncidentFilter says which incidents somebody wants to see. What is empty asks for nothing.
type IncidentFilter struct {
	States      []schema.IncidentState
	Severity    schema.Severity // at least
	Owner       string          // is part of the owner's name, in either case
	Environment string
	Detector    string // has evidence
	Text        string // is part of the sentence, the owner, the hint or the id, or begins the fingerprint
	From, To    time.Time
}

// IncidentKey is an incident's place in the list: the open ones first, then the acknowledged, then the resolved; within
// these the most severe first, and of these the newest.
type IncidentKey struct {
	State    schema.IncidentState
	Severity schema.Severity
	Opened   time.Time
	ID       string
}

// IncidentCut is the part of the list that a page shows: the first after a place, the last before one, or the first of
// all where neither is given.
type IncidentCut struct {
	After, Before *IncidentKey
	Size          int
}

// IncidentLine is an incident as a list shows it. Texts are cut at a few kilobytes.
type IncidentLine struct {
	IncidentKey
	Revision    uint64
	Score       float64
	Token       schema.TokenID
	TokenHint   string
	Owner       string
	Environment string
	Updated     time.Time
	Stored      time.Time // by the store's clock
	Summary     string
	Detectors   []string
	Requests    uint64
	Snoozed     time.Time
	Answer      schema.VerdictKind // the last verdict about what happened
	AnsweredBy  string
	Revocation  schema.RevocationState
}

// IncidentCount is how many incidents are in a state and of a severity.
type IncidentCount struct {
	State    schema.IncidentState
	Severity schema.Severity
	Count    uint64
}

// IncidentPage is a part of the list.
type IncidentPage struct {
	Lines   []IncidentLine
	Skipped uint64          // matching ones that come before the first line
	Total   uint64          // matching ones
	Counts  []IncidentCount // of what would match if the filter asked for no state and no severity
	Upto    time.Time       // when it was read, by the store's clock; zero where there is nothing
}

// IncidentChoices are what there is to filter by.
type IncidentChoices struct {
	Owners, Environments, Detectors []string
}

// IncidentChanges are the incidents that were stored lately, each as it is now.
type IncidentChanges struct {
	Lines []IncidentLine
	Many  bool      // there are more than were asked for, and Lines is empty
	Upto  time.Time // by the store's clock
	Open  uint64    // how many are open; known only where something changed
}

// Spark is how often a token was used in each of the last hours, the present one last.
type Spark [24]uint64
