package alert

import (
	"context"
	"time"

	"github.com/tokenwatch/tokenwatch/schema"
)

// Gateway can take a token out of use, and give it back. It knows the token by what stands in the incident: the
// gateway's own id of the credential, its owner, the fingerprint.
//
// Its methods may be called from several goroutines, and again for an order that was carried out already: then
// they have to succeed without doing more. They return RetryAfter and Permanent where these apply; after any other
// error nobody knows what was done, and the order is given again.
type Gateway interface {
	// Name is what the configuration calls it: revoke.via.
	Name() string
	// Revoke takes the token out of use, and gives in one line what the gateway said.
	Revoke(ctx context.Context, o Order) (answer string, err error)
	// Restore gives it back. Where that is not possible it returns a Permanent that says what to do instead.
	Restore(ctx context.Context, o Order) (answer string, err error)
}

// Order is one thing to be done about one token.
type Order struct {
	ID       string // the same in every repetition; a receiver acts once on it
	Incident schema.Incident
	By       string // who decided; empty: the configuration
	Rule     string // the rule that decided
	At       time.Time
}

// Audit keeps every step of every revocation. InsertRevocations has to be durable when it returns, and what was
// inserted before a call of Revocations began has to be in its answer.
type Audit interface {
	InsertRevocations(ctx context.Context, steps []schema.RevocationStep) error
	// Revocations gives the steps since a time, and all of one incident if it is not "", in the order in which they
	// were made.
	Revocations(ctx context.Context, since time.Time, incident string) ([]schema.RevocationStep, error)
}
