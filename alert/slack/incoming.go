package slack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/slack-go/slack"

	"github.com/tokenwatch/tokenwatch/alert"
	"github.com/tokenwatch/tokenwatch/alert/guard"
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
	body, err := json.Marshal(slack.WebhookMessage{
		Text:        summary(m),
		Blocks:      &slack.Blocks{BlockSet: incoming(m)},
		UnfurlLinks: &off,
		UnfurlMedia: &off,
	})
	if err != nil {
		return "", fmt.Errorf("slack: writing the message: %w", err)
	}
	answer, err := guard.Call(ctx, n.http, http.MethodPost, n.cfg.WebhookURL.Reveal(), http.Header{"Content-Type": {"application/json"}}, body)
	if err == nil {
		err = judgeIncoming(answer)
	}
	if err != nil {
		return "", n.explainWebhook(err)
	}
	return ref, nil
}

// judgeIncoming knows that a webhook says "ok" in as many letters. Some that are made after
// Slack's answer with an object; a page is from something in between.
func judgeIncoming(a guard.Answer) error {
	said := strings.TrimSpace(string(a.Body))
	var object struct {
		OK      *bool `json:"ok"`
		Success *bool `json:"success"`
	}
	switch {
	case !a.OK():
		return slack.StatusCodeError{Code: a.Status, Status: http.StatusText(a.Status)}
	case said == "ok" || a.Status == http.StatusNoContent:
		return nil
	case json.Unmarshal(a.Body, &object) == nil && (object.OK != nil && *object.OK || object.Success != nil && *object.Success):
		return nil
	}
	return fmt.Errorf("the incoming webhook does not say ok, but: %s", a.Words())
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
