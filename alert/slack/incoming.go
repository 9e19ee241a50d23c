package slack

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/slack-go/slack"

	"github.com/tokenwatch/tokenwatch/alert"
)

// postWebhook posts through an incoming webhook. Such messages cannot be edited, so the
// ref says what the channel knows, and a message that would say the same again is not
// sent.
func (n *Notifier) postWebhook(ctx context.Context, m alert.Message) (string, error) {
	ref := fmt.Sprintf("webhook:%s:%s", m.Incident.Severity, m.Incident.State)
	if m.Kind == alert.KindIncident && m.Ref == ref {
		return ref, nil
	}
	off := false
	err := slack.PostWebhookCustomHTTPContext(ctx, n.cfg.WebhookURL.Reveal(), n.http, &slack.WebhookMessage{
		Text:        summary(m),
		Blocks:      &slack.Blocks{BlockSet: incoming(m)},
		UnfurlLinks: &off,
		UnfurlMedia: &off,
	})
	if err != nil {
		return "", n.explainWebhook(err)
	}
	return ref, nil
}

func incoming(m alert.Message) []slack.Block {
	switch m.Kind {
	case alert.KindDigest:
		return renderDigest(m)
	case alert.KindReply:
		return renderReply(m)
	}
	return render(m)
}

// explainWebhook knows that a webhook answers with a status where the Web API answers
// with a code: 403 and 404 mean that it was removed or its channel archived.
func (n *Notifier) explainWebhook(err error) error {
	var status slack.StatusCodeError
	if errors.As(err, &status) {
		switch status.Code {
		case http.StatusBadRequest, http.StatusForbidden, http.StatusNotFound, http.StatusGone:
			return alert.Permanent{
				Err: fmt.Errorf("slack: the incoming webhook answers HTTP %d", status.Code),
				Fix: "make a new incoming webhook and put its URL into slack.webhook_url",
			}
		}
	}
	return n.explain(err)
}
