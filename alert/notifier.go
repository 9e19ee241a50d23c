package alert

import (
	"context"
	"time"

	"github.com/tokenwatch/tokenwatch/schema"
)

// Notifier tells one destination about incidents.
type Notifier interface {
	// Name is the destination as it stands in deliveries, metrics and logs. It has to
	// stay the same over restarts, and no two notifiers may share one.
	Name() string

	// Notify posts the message, or edits the one that m.Ref names, and returns what
	// names it from now on. It returns RetryAfter, Permanent or ErrSkip where they
	// apply; every other error is taken as passing and tried again. The dispatcher
	// never calls it twice at once.
	Notify(ctx context.Context, m Message) (ref string, err error)
}

// Pacer is a Notifier whose vendor wants calls to be some time apart.
type Pacer interface {
	Pace() time.Duration
}

// Actor is a Notifier that does something about the token instead of telling somebody.
// It acts once per incident, and what it did becomes part of everybody else's message.
type Actor interface {
	Notifier

	// Describe says in one line what a delivery of this actor did. A delivery whose
	// Revision is zero is still being tried.
	Describe(d schema.Delivery) string
}

// Rememberer is a Notifier that needs to know, before the first message, what it did
// before the process started: for a cap per hour, say.
type Rememberer interface {
	Remember(incident string, d schema.Delivery)
}

// Checker is a Notifier that can tell whether its configuration works without sending
// anything that a person would see.
type Checker interface {
	Check(ctx context.Context) error
}

// Orders are what people asked for from outside of this process. They are looked up every few seconds.
type Orders interface {
	// Silences gives those that have not expired.
	Silences(ctx context.Context) ([]schema.Silence, error)
	// Retries gives those that were asked for since then.
	Retries(ctx context.Context, since time.Time) ([]schema.Retry, error)
}

// Log keeps incidents over restarts. SaveIncident has to be durable when it returns;
// of one id, the highest revision counts. Incidents returns the latest revision of those
// in any of the states, in any order.
type Log interface {
	SaveIncident(ctx context.Context, inc *schema.Incident) error
	Incidents(ctx context.Context, states ...schema.IncidentState) ([]schema.Incident, error)
}

// What became of a finding, as an Observer is told.
const (
	FindingOpened   = "opened"   // it opened an incident
	FindingMerged   = "merged"   // it changed an open one
	FindingKnown    = "known"    // a replay, or nothing new
	FindingBackfill = "backfill" // its events are old: recorded, not alerted
	FindingMinor    = "minor"    // below min_severity, with no incident to add to
)

// How an attempt at a delivery ended, as an Observer is told.
const (
	DeliveryPosted    = "posted"
	DeliveryEdited    = "edited"
	DeliveryReplied   = "replied"   // below the message, to notify of what an edit does not
	DeliveryDigested  = "digested"  // told together with others
	DeliveryFound     = "found"     // an earlier post whose end was unknown turned out to be there
	DeliverySkipped   = "skipped"   // the notifier has no use for it
	DeliveryThrottled = "throttled" // the destination asked to wait
	DeliveryFailed    = "failed"    // to be tried again
	DeliveryRefused   = "refused"   // permanent; somebody has to change something
	DeliveryDead      = "dead"      // given up
)

// Observer is told what happens, for metrics. Its methods are called from several
// goroutines and must not block.
type Observer interface {
	// Finding: what became of one finding.
	Finding(outcome string)
	// Delivery: one attempt. Age is the time from the change to now.
	Delivery(destination, outcome string, age time.Duration)
	// Queue: how many incidents wait for the destination, and for how long the oldest does that nothing holds back.
	Queue(destination string, depth int, oldest time.Duration)
	// Open: how many incidents are open.
	Open(incidents int)
}

// unobserved is the Observer of a dispatcher that was given none.
type unobserved struct{}

func (unobserved) Finding(string)                         {}
func (unobserved) Delivery(string, string, time.Duration) {}
func (unobserved) Queue(string, int, time.Duration)       {}
func (unobserved) Open(int)                               {}
