package board

import (
	"time"

	"github.com/tokenwatch/tokenwatch/schema"
)

// BacktestOrder says what to try on stored history.
type BacktestOrder struct {
	Days        int // that are judged
	Budget      float64
	AlertNats   float64
	HalfLife    time.Duration
	Probation   time.Duration
	MinSeverity schema.Severity // least severe finding that alerts
	Trial       []string        // detectors whose evidence adds to no alert
	Rule        BacktestRule    // a further entry of detect.thresholds; without patterns there is none
}

// BacktestRule changes how much evidence some tokens need.
type BacktestRule struct {
	Owner, Environment string // patterns, * for any text; empty: any
	Factor             float64
	Never              bool
}

// BacktestOffer is what can be tried.
type BacktestOffer struct {
	Current   BacktestOrder // as it is configured
	Detectors []string
	Events    uint64 // that are played at most
	Kept      int    // runs that are remembered
}

// BacktestState is where a run stands.
type BacktestState string

// States of a run.
const (
	BacktestRunning   BacktestState = "running"
	BacktestDone      BacktestState = "done"
	BacktestCancelled BacktestState = "cancelled"
	BacktestFailed    BacktestState = "failed"
)

// BacktestRun is a run and what came of it.
type BacktestRun struct {
	ID             string
	By             string
	Order          BacktestOrder
	State          BacktestState
	Phase          string // what it is doing
	Done, Total    uint64 // events
	Started, Ended time.Time
	Error          string // why it failed
	Result         *BacktestResult
}

// BacktestResult is what a run came to.
type BacktestResult struct {
	From, Judged, To time.Time // from Judged on, alerts are counted
	Events           uint64    // that were played
	Stored           uint64    // that there are from From to To
	Tokens           int       // that were seen
	Share            float64   // of all tokens, 0 to 1
	Now, Then        BacktestSide
	Detectors        []BacktestDetector
	Labels           []BacktestLabel // what people have judged
	Examples         []BacktestExample
	Config           string // lines of YAML; empty: nothing was changed
	Notes            []string
}

// BacktestSide is what one configuration would have come to.
type BacktestSide struct {
	Alerts      int     // on the tokens that were played
	PerWeek     float64 // on all, by the share that was played
	PerThousand float64 // tokens a day
	Severities  [schema.SeverityCritical + 1]int
}

// BacktestDetector is a detector's part in both.
type BacktestDetector struct {
	Name      string
	Now, Then int // alerts in whose evidence it is
}

// BacktestLabel is an incident that was judged, and whether it would have been found.
type BacktestLabel struct {
	Incident  string
	Token     schema.TokenID
	Hint      string
	Theft     bool      // else "it was us"
	At, Until time.Time // from its first evidence to its last finding
	Now, Then bool
}

// BacktestExample is an alert.
type BacktestExample struct {
	Token       schema.TokenID
	Hint, Owner string
	At          time.Time
	Score       float64
	Severity    schema.Severity
	Summary     string
	Detectors   []string
	Now, Then   bool // which of the two would have raised it
}
