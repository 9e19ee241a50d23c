// Package webhook has stolen tokens revoked: it calls an endpoint of yours with a signed
// request, after the Standard Webhooks specification, and that endpoint blocks the token
// at the gateway.
//
//	alert.Message ─severe enough?─cap─► POST revoke.url ─2xx─► "Revoked at …" in every message
//	                   │          │       webhook-id: revoke-inc-3f9a…   (the same on every retry)
//	                  skip     refuse     webhook-timestamp, webhook-signature: v1,…
//
// It must never be the reason for an outage, so it refuses when in doubt: without mode
// "automatic" nothing is sent, an incident is acted on once, above max_per_hour nobody is
// revoked and the message says so, redirects are not followed, and private addresses are
// not dialled unless they were allowed. It does not have the token and cannot send it; the
// payload names it by fingerprint, hint and owner.
package webhook

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/tokenwatch/tokenwatch/alert"
	"github.com/tokenwatch/tokenwatch/schema"
)

// Notifier calls the revoke endpoint. It implements alert.Actor.
type Notifier struct {
	cfg    Config
	signer *standardwebhooks.Webhook
	client *http.Client
	quota  *quota
}

// New makes a notifier. It calls nobody; see Check.
func New(cfg Config) (*Notifier, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	signer, err := standardwebhooks.NewWebhook(cfg.Secret.Reveal())
	if err != nil {
		return nil, errSecret
	}
	return &Notifier{
		cfg:    cfg,
		signer: signer,
		client: alert.HTTPClient(cfg.Timeout, transport(cfg)),
		quota:  newQuota(cfg.MaxPerHour),
	}, nil
}

// Name is "revoke".
func (n *Notifier) Name() string { return "revoke" }

// dryRun is the ref of a revocation that was only pretended.
const dryRun = "dry-run"

// Notify has the incident's token revoked if it is severe enough, and returns the id that
// the request carried.
func (n *Notifier) Notify(ctx context.Context, m alert.Message) (string, error) {
	inc := &m.Incident
	if m.Trial || inc.State != schema.IncidentOpen || inc.Severity < n.cfg.MinSeverity || n.cfg.Mode == Off {
		return "", alert.ErrSkip
	}
	if n.cfg.Mode == DryRun {
		return dryRun, nil
	}
	if !n.quota.take(inc.ID, time.Now()) {
		return "", alert.Permanent{
			Err: fmt.Errorf("%d tokens were revoked within the hour already", n.cfg.MaxPerHour),
			Fix: "decide by hand; the limit is revoke.max_per_hour",
		}
	}
	return messageID(inc), n.post(ctx, messageID(inc), payloadOf(inc))
}

// messageID is what the receiver tells repetitions by: the same for every attempt to
// revoke this incident's token, also after a restart.
func messageID(inc *schema.Incident) string { return "revoke-" + inc.ID }

func (n *Notifier) post(ctx context.Context, id string, body []byte) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, n.cfg.URL, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("revoke: building the request: %w", err)
	}
	now := time.Now()
	signature, err := n.signer.Sign(id, now, body)
	if err != nil {
		return fmt.Errorf("revoke: signing: %w", err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "tokenwatch")
	req.Header.Set(standardwebhooks.HeaderWebhookID, id)
	req.Header.Set(standardwebhooks.HeaderWebhookTimestamp, strconv.FormatInt(now.Unix(), 10))
	req.Header.Set(standardwebhooks.HeaderWebhookSignature, signature)
	resp, err := n.client.Do(req)
	if err != nil {
		return explain(err)
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body) // so that the connection is used again
	return judge(resp, now)
}

// judge reads the answer as Standard Webhooks means it.
func judge(resp *http.Response, now time.Time) error {
	err := fmt.Errorf("the revoke endpoint answers HTTP %d", resp.StatusCode)
	switch code := resp.StatusCode; {
	case code >= 200 && code < 300:
		return nil
	case code >= 300 && code < 400:
		return alert.Permanent{Err: err, Fix: "redirects are refused; set revoke.url to where it leads"}
	case code == http.StatusGone:
		return alert.Permanent{Err: err, Fix: "the endpoint says that it is gone; set revoke.url to its successor"}
	case code == http.StatusTooManyRequests || code == http.StatusServiceUnavailable:
		if after, ok := retryAfter(resp.Header.Get("Retry-After"), now); ok {
			return alert.RetryAfter{After: after, Err: err}
		}
	}
	return err
}

// retryAfter reads the header in both of its forms: seconds, or a date.
func retryAfter(value string, now time.Time) (time.Duration, bool) {
	if seconds, err := strconv.Atoi(value); err == nil && seconds >= 0 {
		return time.Duration(seconds) * time.Second, true
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(at.Sub(now), 0), true
	}
	return 0, false
}

// Describe says what became of a revocation.
func (n *Notifier) Describe(d schema.Delivery) string {
	at := d.At.UTC().Format("15:04:05 UTC")
	switch {
	case d.Error != "" && d.Revision == 0:
		return fmt.Sprintf("Revocation not confirmed after %d attempts, still trying: %s", d.Attempts, d.Error)
	case d.Error != "":
		return "NOT revoked: " + d.Error
	case d.Ref == dryRun:
		return "Dry run: the token would have been revoked at " + at + "; nothing was done to it"
	}
	return "Token revoked at " + at + ": the revoke endpoint accepted it"
}

// Remember counts what was revoked before the process started towards the cap.
func (n *Notifier) Remember(incident string, d schema.Delivery) {
	if d.Ref != "" && d.Ref != dryRun && d.Error == "" {
		n.quota.note(incident, d.At)
	}
}

// Check dials the endpoint, and sends nothing.
func (n *Notifier) Check(ctx context.Context) error {
	if n.cfg.Mode != Automatic {
		return nil
	}
	return explain(dial(ctx, n.cfg))
}

var errSecret = errors.New("revoke.secret: want whsec_ and the base64 of 24 to 64 random bytes, e.g. from: echo whsec_$(openssl rand -base64 32)")
