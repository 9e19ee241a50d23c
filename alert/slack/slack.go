// Package slack posts incidents to a Slack channel and edits them as they develop. It
// owns the layout in Block Kit and Slack's limits and errors, and is the only importer of
// slack-go.
//
//	alert.Message ─render─► blocks ─chat.postMessage / chat.update─► ref "C024BE91L/1712.0042"
//	                           │                                        │
//	                           └ more severe ─ a reply in its thread ◄──┤
//	                                            the picture, there too ◄┘
//
// It refuses to interpret what it shows. Whatever comes from outside stands in rich_text
// elements, which Slack shows as they are, or is escaped: a user agent of "<!channel>"
// stays those ten characters.
package slack

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"github.com/tokenwatch/tokenwatch/alert"
	"github.com/tokenwatch/tokenwatch/alert/guard"
)

// Notifier posts to one channel.
type Notifier struct {
	cfg     Config
	http    *http.Client
	client  *slack.Client
	buttons bool
	blurred func(error)
}

// Option changes a notifier as it is made.
type Option func(*Notifier)

// WithButtons shows buttons below incidents. Without somebody who takes in what is pressed
// they would only disappoint.
func WithButtons() Option { return func(n *Notifier) { n.buttons = true } }

// WithBlurred has somebody told why a picture could not be sent. The message is there then.
func WithBlurred(told func(error)) Option { return func(n *Notifier) { n.blurred = told } }

// New makes a notifier. It calls nobody; see Check.
func New(cfg Config, options ...Option) (*Notifier, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	target := cfg.APIURL
	if cfg.WebhookURL != "" {
		target = cfg.WebhookURL.Reveal()
	}
	client := guard.Client(guard.Vendor(target, "slack.com", cfg.Timeout))
	n := &Notifier{cfg: cfg, http: client, blurred: func(error) {}, client: slack.New(
		cfg.Token.Reveal(),
		slack.OptionHTTPClient(client),
		slack.OptionAPIURL(strings.TrimSuffix(cfg.APIURL, "/")+"/"),
	)}
	for _, option := range options {
		option(n)
	}
	return n, nil
}

// Name is "slack".
func (n *Notifier) Name() string { return "slack" }

// Pace stays below what Slack allows: one message a second in a channel, and 50 edits a
// minute.
func (n *Notifier) Pace() time.Duration { return 1200 * time.Millisecond }

// Replies reports whether there can be a thread: not below what an incoming webhook posted.
func (n *Notifier) Replies() bool { return n.cfg.WebhookURL == "" }

// DigestEntries is how many incidents a message has room for.
func (n *Notifier) DigestEntries() int { return maxEntries }

// Notify posts the message, edits the one in m.Ref, or replies to it.
func (n *Notifier) Notify(ctx context.Context, m alert.Message) (string, error) {
	switch {
	case n.cfg.WebhookURL != "":
		return n.postWebhook(ctx, m)
	case m.Kind == alert.KindReply:
		return n.reply(ctx, m)
	}
	ref, err := n.send(ctx, m, slack.MsgOptionText(summary(m), false), slack.MsgOptionBlocks(n.blocks(m)...))
	if refusesBlocks(err) {
		// An alert in plain words is better than none.
		ref, err = n.send(ctx, m, slack.MsgOptionText(inWords(m), false), slack.MsgOptionBlocks())
	}
	if err != nil {
		return "", n.explain(err)
	}
	return n.illustrate(ctx, m, ref), nil
}

// blocks lays out what the message is about.
func (n *Notifier) blocks(m alert.Message) []slack.Block {
	if m.Kind == alert.KindDigest {
		return renderDigest(m)
	}
	blocks := render(m)
	if n.buttons {
		blocks = slices.Insert(blocks, beforeQueries(blocks), appendButtons(nil, m)...)
	}
	return blocks
}

// beforeQueries is where buttons stand: after what one decides on, and before the SQL.
func beforeQueries(blocks []slack.Block) int {
	at := slices.IndexFunc(blocks, func(b slack.Block) bool { return b.BlockType() == slack.MBTDivider })
	if at < 0 {
		return len(blocks)
	}
	return at
}

// send edits a message, or posts one where there is none any more.
func (n *Notifier) send(ctx context.Context, m alert.Message, options ...slack.MsgOption) (string, error) {
	options = append(options, slack.MsgOptionDisableLinkUnfurl(), slack.MsgOptionDisableMediaUnfurl())
	if r, ok := parseRef(m.Ref); ok {
		_, ts, _, err := n.client.UpdateMessageContext(ctx, r.channel, r.ts, options...)
		if !uneditable(err) {
			return m.Ref, confirmed(ts, err)
		}
	}
	channel, ts, err := n.client.PostMessageContext(ctx, n.cfg.Channel, append(options, named(m.Key))...)
	if err := confirmed(ts, err); err != nil {
		return "", err
	}
	return ref{channel: channel, ts: ts}.String(), nil
}

// confirmed takes only an answer that names the message for a success: an empty object, or a
// refusal without a reason, is none to slack-go.
func confirmed(ts string, err error) error {
	if err == nil && ts == "" {
		return errors.New("the answer names no message")
	}
	return err
}

// reply posts below a message. What became more severe is shown to the channel too: who
// looked away from the thread has to see it.
func (n *Notifier) reply(ctx context.Context, m alert.Message) (string, error) {
	r, ok := parseRef(m.Ref)
	if !ok {
		return "", alert.Permanent{Err: fmt.Errorf("slack: %q names no message to reply to", m.Ref)}
	}
	options := []slack.MsgOption{
		slack.MsgOptionText(summary(m), false), slack.MsgOptionBlocks(renderReply(m)...), slack.MsgOptionTS(r.ts),
		slack.MsgOptionDisableLinkUnfurl(), slack.MsgOptionDisableMediaUnfurl(), named(m.Key),
	}
	if m.Escalated {
		options = append(options, slack.MsgOptionBroadcast())
	}
	_, ts, err := n.client.PostMessageContext(ctx, r.channel, options...)
	if err := confirmed(ts, err); err != nil {
		return "", n.explain(err)
	}
	if m.Escalated && m.Picture != nil {
		n.upload(ctx, m, r)
	}
	return m.Ref, nil
}

// Check asks Slack whose token it is. It does not see whether the channel exists: that
// would take a scope that posting does not.
func (n *Notifier) Check(ctx context.Context) error {
	if n.cfg.WebhookURL != "" {
		return nil // an incoming webhook can only be tried by posting
	}
	_, err := n.client.AuthTestContext(ctx)
	return n.explain(err)
}

// explain turns Slack's errors into what the dispatcher acts on and an operator can use.
func (n *Notifier) explain(err error) error {
	if err == nil {
		return nil
	}
	var later alert.RetryAfter
	var limited *slack.RateLimitedError
	var status slack.StatusCodeError
	var answer slack.SlackErrorResponse
	switch {
	case errors.As(err, &later):
		return alert.RetryAfter{After: later.After, Err: errors.New("slack: rate limited")}
	case guard.Prohibited(err):
		return alert.Permanent{Err: errors.New("slack: it is at an address that is not public"), Fix: fixURL}
	case errors.As(err, &limited):
		return alert.RetryAfter{After: limited.RetryAfter, Err: errors.New("slack: rate limited")}
	case errors.As(err, &status):
		return explainStatus(status)
	case errors.As(err, &answer):
		return explainCode(answer)
	}
	return fmt.Errorf("slack: %s", n.scrub(err))
}

// scrub takes credentials out of an error's text: the URL of an incoming webhook is one.
func (n *Notifier) scrub(err error) string {
	text := err.Error()
	for _, secret := range []alert.Secret{n.cfg.Token, n.cfg.WebhookURL} {
		if secret != "" {
			text = strings.ReplaceAll(text, secret.Reveal(), secret.String())
		}
	}
	return text
}
