package alert

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tokenwatch/tokenwatch/schema"
)

// Press is somebody's answer to an incident, as a channel or a command hears it.
type Press struct {
	ID       string // of the click or command: a repetition carries the same
	Incident string
	Kind     schema.VerdictKind
	By       string // who, as the channel names them: "slack:U024BE7LH (alice)"
	Note     string
	At       time.Time
	Until    time.Time // end of a snooze, or of an allowance
	Allow    bool      // with "it was us": put what was seen on the allow-list
}

// Taker takes presses in. It returns what to tell the person once the press is kept for good; an error wraps
// ErrRefused if repeating would not help.
type Taker interface {
	Take(ctx context.Context, p Press) (said string, err error)
}

// ErrRefused says that a press cannot be taken as it is: its text is meant for the person.
var ErrRefused = errors.New("not taken")

// DefaultSnooze is how long a snooze lasts where nobody said so.
const DefaultSnooze = 4 * time.Hour

// Registry is what a Clerk reads incidents from and keeps verdicts in.
type Registry interface {
	Incident(ctx context.Context, id string) (inc schema.Incident, found bool, err error)
	InsertVerdicts(ctx context.Context, verdicts []schema.Verdict) error
	InsertAllowances(ctx context.Context, changes []schema.Allowance) error
}

// Clerk writes down what people say of incidents. What is written down is data: the processes that it concerns are
// told by Announce, and find it in the registry where they were not told.
type Clerk struct {
	Registry Registry
	// Announce tells the running processes of a verdict that is kept. Its failure costs time, not the verdict.
	Announce func(ctx context.Context, v schema.Verdict) error
	// Late is told of announcements that failed; nil: nobody is.
	Late func(error)
}

// Take keeps a press as a verdict, and returns when it is durable.
func (c *Clerk) Take(ctx context.Context, p Press) (string, error) {
	if !p.Kind.Valid() {
		return "", fmt.Errorf("%w: %q is no answer that tokenwatch knows", ErrRefused, p.Kind)
	}
	inc, found, err := c.Registry.Incident(ctx, p.Incident)
	if err != nil {
		return "", fmt.Errorf("looking up incident %s: %w", clean(p.Incident, 40), err)
	}
	if !found {
		return "", fmt.Errorf("%w: there is no incident %s", ErrRefused, clean(p.Incident, 40))
	}
	if grouped(&inc) && p.Kind.Acts() {
		return "", fmt.Errorf("%w: %s is about %s; each is revoked by an incident of its own", ErrRefused, inc.ID, plural(uint64(max(inc.TokenCount, 0)), "token"))
	}
	v, err := verdictOf(&inc, p)
	if err != nil {
		return "", err
	}
	for _, old := range inc.Verdicts {
		if old.ID == v.ID {
			return verdictLine(old), nil // the same press again
		}
	}
	if err := c.Registry.InsertVerdicts(ctx, []schema.Verdict{v}); err != nil {
		return "", fmt.Errorf("keeping the verdict on %s: %w", inc.ID, err)
	}
	if v.Allow {
		if err := c.Registry.InsertAllowances(ctx, allowancesOf(&inc, v)); err != nil {
			return "", fmt.Errorf("putting the tokens of %s on the allow-list: %w", inc.ID, err)
		}
	}
	if c.Announce != nil {
		if err := c.Announce(ctx, v); err != nil && c.Late != nil {
			c.Late(fmt.Errorf("announcing the verdict on %s: %w", inc.ID, err))
		}
	}
	return verdictLine(v), nil
}

// verdictOf makes the verdict that a press is on an incident as it stands.
func verdictOf(inc *schema.Incident, p Press) (schema.Verdict, error) {
	v := boundedVerdict(schema.Verdict{
		ID: p.ID, Incident: inc.ID, Token: inc.Token, Kind: p.Kind, By: p.By, Note: p.Note,
		At: p.At.UTC().Truncate(time.Millisecond), Since: began(inc).UTC(), To: inc.Updated.UTC(), Until: p.Until.UTC(), Allow: p.Allow,
	})
	switch {
	case v.Kind == schema.VerdictSnooze && v.Until.IsZero():
		v.Until = v.At.Add(DefaultSnooze)
	case v.Kind != schema.VerdictSnooze && v.Kind != schema.VerdictOwner:
		v.Until, v.Allow = time.Time{}, false
	}
	if !v.Until.IsZero() && !v.Until.After(v.At) {
		return v, fmt.Errorf("%w: %s is over already", ErrRefused, moment(v.Until))
	}
	return v, nil
}

// allowancesOf are the entries that go with a verdict: one, or one a token of a group.
func allowancesOf(inc *schema.Incident, v schema.Verdict) []schema.Allowance {
	list := []schema.Allowance{allowanceOf(inc, v)}
	for i, token := range inc.Tokens {
		if grouped(inc) && token != v.Token {
			next := list[0]
			next.ID, next.Value = fmt.Sprintf("%s:%d", next.ID, i), token.String()
			list = append(list, next)
		}
	}
	return list
}

// allowanceOf is the entry of the allow-list that goes with a verdict: the token's owner answers for it.
func allowanceOf(inc *schema.Incident, v schema.Verdict) schema.Allowance {
	reason := "it was us: incident " + inc.ID
	if v.Note != "" {
		reason += ": " + v.Note
	}
	return schema.Allowance{
		ID: "verdict:" + v.ID, Action: schema.AllowAdd, At: v.At, By: v.By, Kind: schema.AllowToken, Value: v.Token.String(),
		Owner: cmp.Or(inc.Consumer, v.By), Reason: reason, Until: v.Until,
	}
}
