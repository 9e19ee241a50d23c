// Package webhook has stolen tokens taken out of use, and given back: it calls an endpoint
// of yours with a signed request, after the Standard Webhooks specification, and that
// endpoint blocks the token at the gateway.
//
//	alert.Order ─► POST revoke.url ─2xx─► what it said, in every message about the incident
//	                 webhook-id: revoke-inc-3f9a…   (the same on every retry)
//	                 webhook-timestamp, webhook-signature: v1,…
//
// It refuses to decide: whether a token is revoked, how often and how many, alert's Revoker
// knows. Redirects are not followed, and private addresses are not dialled unless they were
// allowed. It does not have the token and cannot send it; the payload names it by the
// gateway's own id, by fingerprint, hint and owner.
package webhook

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/tokenwatch/tokenwatch/alert"
	"github.com/tokenwatch/tokenwatch/alert/guard"
	"github.com/tokenwatch/tokenwatch/alert/standard"
)

// Gateway calls the endpoint. It implements alert.Gateway.
type Gateway struct {
	cfg    Config
	signer *standard.Signer
	client *http.Client
	gone   atomic.Bool // the endpoint has said that it is not to be called any more
}

// New makes a gateway. It calls nobody; see Check.
func New(cfg Config) (*Gateway, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	signer, err := cfg.signer()
	if err != nil {
		return nil, err
	}
	return &Gateway{cfg: cfg, signer: signer, client: guard.Client(alone(cfg.route()))}, nil
}

// alone has every request use a connection of its own: there are few, and an endpoint that answers one of them twice
// must not answer the next one with it.
func alone(r guard.Route) guard.Route {
	r.Alone = true
	return r
}

// Name is "webhook".
func (g *Gateway) Name() string { return "webhook" }

// Public is the public half of revoke.signing_key, for the endpoint; empty without one.
func (g *Gateway) Public() string { return g.signer.Public() }

// Revoke asks the endpoint to revoke the token.
func (g *Gateway) Revoke(ctx context.Context, o alert.Order) (string, error) {
	return g.post(ctx, o.ID, payloadOf(TypeRevoke, o))
}

// Restore asks the endpoint to give it back.
func (g *Gateway) Restore(ctx context.Context, o alert.Order) (string, error) {
	return g.post(ctx, o.ID, payloadOf(TypeRestore, o))
}

func (g *Gateway) post(ctx context.Context, id string, body []byte) (string, error) {
	if g.gone.Load() {
		return "", errGone
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, g.cfg.URL, bytes.NewReader(body))
	if err != nil {
		return "", fmt.Errorf("building the request: %w", err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "tokenwatch")
	if err := g.signer.Sign(req.Header, id, time.Now(), body); err != nil {
		return "", err
	}
	resp, err := g.client.Do(req)
	if err != nil {
		return "", explain(err)
	}
	defer resp.Body.Close()
	said, err := io.ReadAll(io.LimitReader(resp.Body, maxSaid))
	if err := judge(resp.StatusCode); err != nil {
		g.gone.Store(resp.StatusCode == http.StatusGone)
		return "", err
	}
	if err != nil {
		return "", fmt.Errorf("the revoke endpoint's answer broke off: %w", err)
	}
	return answer(resp.StatusCode, said), nil
}

// maxSaid is how much of an answer is read: what is shown is a line.
const maxSaid = 64 << 10

// errGone repeats what the endpoint said: whoever answers 410 does not want to be called again.
var errGone = alert.Permanent{
	Err: errors.New("the revoke endpoint answers HTTP 410"),
	Fix: "the endpoint says that it is gone, and is not called any more; set revoke.url to its successor",
}

// judge reads the answer as Standard Webhooks means it.
func judge(code int) error {
	err := fmt.Errorf("the revoke endpoint answers HTTP %d", code)
	switch {
	case code >= 200 && code < 300:
		return nil
	case code >= 300 && code < 400:
		return alert.Permanent{Err: err, Fix: "redirects are refused; set revoke.url to where it leads"}
	case code == http.StatusGone:
		return errGone
	}
	return err
}

// answer is what the endpoint said, in one line: a member "message" or "status" of a JSON object, or a short text.
func answer(code int, body []byte) string {
	accepted := "the revoke endpoint accepted it"
	if code == http.StatusAccepted {
		accepted = "the revoke endpoint will see to it"
	}
	var said struct{ Message, Status string }
	if err := json.Unmarshal(body, &said); err == nil {
		body = []byte(strings.Trim(said.Status+": "+said.Message, ": "))
	}
	text := strings.TrimSpace(string(body))
	if text == "" || len(text) > 1000 || strings.ContainsAny(text[:1], "<{[") {
		return accepted
	}
	return accepted + ": " + text
}

// explain says which errors are the guard's, and takes the URL out of the others: it may
// hold a secret in its path.
func explain(err error) error {
	var (
		wrapped *url.Error
		later   alert.RetryAfter
	)
	switch {
	case err == nil:
		return nil
	case guard.Prohibited(err):
		return alert.Permanent{
			Err: errors.New("the revoke endpoint is at an address that is not public"),
			Fix: "if it is meant to be there, list its network in revoke.allow, or set revoke.allow_private",
		}
	case errors.As(err, &later):
		return alert.RetryAfter{After: later.After, Err: fmt.Errorf("the revoke endpoint answers %w", later.Err)}
	case errors.As(err, &wrapped):
		return fmt.Errorf("calling the revoke endpoint: %w", wrapped.Err)
	}
	return fmt.Errorf("calling the revoke endpoint: %w", err)
}

// Check dials the endpoint, and sends nothing.
func (g *Gateway) Check(ctx context.Context) error {
	return explain(guard.Reach(ctx, g.cfg.route(), g.cfg.URL))
}
