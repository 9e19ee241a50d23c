package alert

import (
	"errors"
	"fmt"
	"time"
)

// ErrSkip is returned by a notifier that has no use for a message as it stands, e.g. a
// revocation below its severity. Nothing is recorded; the next revision is offered again.
var ErrSkip = errors.New("not for this destination")

// RetryAfter is a destination's own word on when to come back. The dispatcher holds back
// everything for that destination until then.
type RetryAfter struct {
	After time.Duration
	Err   error
}

func (e RetryAfter) Error() string {
	return fmt.Sprintf("asked to wait %s: %v", e.After, e.Err)
}

// Unwrap returns what the destination said.
func (e RetryAfter) Unwrap() error { return e.Err }

// Permanent is an error that trying again soon will not cure. Fix says what a person has
// to do, and names the configuration key where there is one.
type Permanent struct {
	Err error
	Fix string
}

func (e Permanent) Error() string {
	if e.Fix == "" {
		return e.Err.Error()
	}
	return e.Err.Error() + ": " + e.Fix
}

// Unwrap returns the error without the advice.
func (e Permanent) Unwrap() error { return e.Err }
