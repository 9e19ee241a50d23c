// Package slack posts incidents to a Slack channel and edits them as they develop. It
// owns the layout in Block Kit and Slack's limits and errors, and is the only importer of
// slack-go.
//
//	alert.Message ─render─► blocks ─chat.postMessage / chat.update─► ref "C024BE91L/1712.0042"
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
	"strings"
	"time"

	"github.com/slack-go/slack"

	"github.com/tokenwatch/tokenwatch/alert"
)

// Notifier posts to one channel.
type Notifier struct {
	cfg    Config
	http   *http.Client
	client *slack.Client
}

// New makes a notifier. It calls nobody; see Check.
func New(cfg Config) (*Notifier, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	client := alert.HTTPClient(cfg.Timeout, http.DefaultTransport)
	return &Notifier{cfg: cfg, http: client, client: slack.New(
		cfg.Token.Reveal(),
		slack.OptionHTTPClient(client),
		slack.OptionAPIURL(strings.TrimSuffix(cfg.APIURL, "/")+"/"),
	)}, nil
}

// Name is "slack".
func (n *Notifier) Name() string { return "slack" }

// Pace stays below what Slack allows: one message a second in a channel, and 50 edits a
// minute.
func (n *Notifier) Pace() time.Duration { return 1200 * time.Millisecond }

// Notify posts the message, or edits the one in m.Ref.
func (n *Notifier) Notify(ctx context.Context, m alert.Message) (string, error) {
	if n.cfg.WebhookURL != "" {
		return n.postWebhook(ctx, m)
	}
	ref, err := n.send(ctx, m.Ref, slack.MsgOptionText(summary(m), false), slack.MsgOptionBlocks(render(m)...))
	if refusesBlocks(err) {
		// An alert in plain words is better than none.
		ref, err = n.send(ctx, m.Ref, slack.MsgOptionText(inWords(m), false), slack.MsgOptionBlocks())
	}
	return ref, n.explain(err)
}

// send edits a message, or posts one where there is none any more.
func (n *Notifier) send(ctx context.Context, edit string, options ...slack.MsgOption) (ref string, err error) {
	options = append(options, slack.MsgOptionDisableLinkUnfurl(), slack.MsgOptionDisableMediaUnfurl())
	if channel, ts, ok := strings.Cut(edit, "/"); ok {
		_, _, _, err := n.client.UpdateMessageContext(ctx, channel, ts, options...)
		if !uneditable(err) {
			return edit, err
		}
	}
	channel, ts, err := n.client.PostMessageContext(ctx, n.cfg.Channel, options...)
	if err != nil {
		return "", err
	}
	return channel + "/" + ts, nil
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
	var limited *slack.RateLimitedError
	var status slack.StatusCodeError
	var answer slack.SlackErrorResponse
	switch {
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
