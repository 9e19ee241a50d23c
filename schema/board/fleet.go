package board

import (
	"time"

	"github.com/tokenwatch/tokenwatch/schema"
)

// FleetList names a list of tokens.
type FleetList string

// Lists of the fleet.
const (
	FleetRisk     FleetList = "risk"     // with an open incident, or one of the last 7 days
	FleetUnused   FleetList = "unused"   // without a request for some days
	FleetOld      FleetList = "old"      // never rotated: first seen 90 days ago or earlier, and in use
	FleetLearning FleetList = "learning" // too little history for a profile of their own
	FleetActive   FleetList = "active"   // most requests
)

// FleetOrder is what a list is sorted by.
type FleetOrder string

// Orders of a list. Each list has one of its own, which is the empty one.
const (
	FleetByDefault  FleetOrder = ""
	FleetByFirst    FleetOrder = "first"    // longest known first
	FleetByLast     FleetOrder = "last"     // latest request first
	FleetByRequests FleetOrder = "requests" // most first
)

// FleetAsk is a page of a list.
type FleetAsk struct {
	List   FleetList
	Order  FleetOrder
	Days   int // of unused: without a request for so long
	Offset int
	Limit  int
}

// FleetToken is a line of a list.
type FleetToken struct {
	TokenHit
	Week uint64 // requests of the last 7 days

	// Of tokens at risk.
	Open     int // incidents that are not resolved
	Severity schema.Severity
	Score    float64
	Incident string // the worst of them
	Summary  string
	Updated  time.Time

	// Of tokens whose profile is learning.
	LearntDays, LearntEvents uint64
}

// FleetCounts counts tokens.
type FleetCounts struct {
	Tokens                      uint64 // known
	UsedDay, UsedWeek           uint64 // used in the last 24 hours, 7 days
	Unused7, Unused30, Unused90 uint64 // without a request for so many days
	Old                         uint64 // as FleetOld
	New                         uint64 // first seen in the last 7 days
	Risk, Open                  uint64 // tokens as FleetRisk; of these, with an open incident
	Learning, Active, Stale     uint64 // states of profiles
}

// FleetDay is a day's alerts.
type FleetDay struct {
	Day    time.Time
	Tokens uint64 // that were used
	Alerts uint64 // incidents that were opened
	Theft  uint64 // of these, confirmed
	Owner  uint64 // of these, "it was us"
}

// FleetDetector is a detector's part in the alerts of the last 30 days.
type FleetDetector struct {
	Name      string
	Alerts    uint64 // in whose evidence it is
	Strongest uint64 // of these, in which it said most
	Theft     uint64 // of these, confirmed
	Owner     uint64 // of these, "it was us"
}
