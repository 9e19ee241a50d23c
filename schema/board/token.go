package board

import (
	"time"

	"github.com/tokenwatch/tokenwatch/schema"
)

// Token is who a token is.
type Token struct {
	ID          schema.TokenID
	Hint        string
	Owner       string
	Environment string
	Source      string           // format of the newest request's record; empty where none is stored any more
	Names       []schema.TokenID // its other fingerprints, from before or after a pepper was rotated
	First, Last time.Time        // requests; zero when none was ever stored
	Requests    uint64
}

// TokenDay is what a token did on a day.
type TokenDay struct {
	Day       time.Time
	Requests  uint64
	Denied    uint64 // answered with 401 or 403
	Errors    uint64 // answered with 400 or more, the denied among them
	BytesOut  uint64
	Addresses uint64
	CostUSD   float64
}

// TokenWeek is how many requests a token made in each hour of the week, UTC, Monday 00h first.
type TokenWeek [7 * 24]uint64

// TokenHabit is a value that a token was seen with.
type TokenHabit struct {
	Name        string
	Share       float64 // 0 to 1; of requests, or of days
	Days        uint64
	First, Last time.Time
	Probation   bool // too new to count as the owner's
}

// TokenHabits are what a token was seen with, most used first, each list bounded.
type TokenHabits struct {
	Countries, Places, Networks, Clients []TokenHabit
}

// TokenIncident is an incident of a token in a line.
type TokenIncident struct {
	ID              string
	State           schema.IncidentState
	Severity        schema.Severity
	Score           float64
	Opened, Updated time.Time
	Summary         string
	Detectors       []string
}

// TokenPast is what was decided about a token.
type TokenPast struct {
	Incidents   []TokenIncident // newest first
	Verdicts    []schema.Verdict
	Revocations []schema.RevocationStep
}

// TokenAllowance is an entry of the allow-list.
type TokenAllowance struct {
	ID, Kind, Value   string
	Detectors         []string
	Owner, Reason, By string
	Until             time.Time // zero: none
	Configured        bool      // it stands in the configuration's detect.allow
}

// TokenPortrait is a token's stored profile as people can read it.
type TokenPortrait struct {
	Topic     string
	Partition int32
	Updated   time.Time
	// Gone says why there is no more to tell: moved to another name, dropped, or written by another version.
	Gone         string
	State        schema.ProfileState
	First, Last  time.Time
	Days         int
	Events       uint64
	HoursInWords string
	TokenHabits
	Rates      []TokenRate
	Detectors  []TokenDetector
	Score      float64   // what the evidence adds up to; 1.0 = enough for an alert
	Quarantine time.Time // nothing suspicious is learnt until then, nor what is new; zero: no alert
}

// TokenRate is how many requests a token makes within a span.
type TokenRate struct {
	Span        time.Duration
	Most, Today uint64
}

// TokenDetector is what a detector holds against a token at the moment.
type TokenDetector struct {
	Name         string
	Trial        bool    // what it says adds to no alert
	Weight       float64 // nats, faded; 0: nothing
	Seen, Normal string  // of its strongest evidence
}

// TokenHit is a token that a search found.
type TokenHit struct {
	ID                       schema.TokenID
	Hint, Owner, Environment string
	First, Last              time.Time
	Requests                 uint64
}
