// Package hook sends incidents to an endpoint of yours as signed JSON, after the Standard
// Webhooks specification: for a SOAR, a ticket system, or whatever has no room of its own
// here. It owns the payload.
//
//	alert.Message ─► {"type":"incident.opened", …} ─POST url─► 2xx
//	                  webhook-id: inc-3f9a…-7    the same on every repetition of this revision
//
// It refuses to act on tokens: what revokes them is asked for, capped and told of elsewhere.
package hook

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/tokenwatch/tokenwatch/alert"
	"github.com/tokenwatch/tokenwatch/alert/guard"
	"github.com/tokenwatch/tokenwatch/alert/standard"
)

// Notifier calls one endpoint.
type Notifier struct {
	cfg    Config
	signer *standard.Signer
	client *http.Client
}

// New makes a notifier. It calls nobody; see Check.
func New(cfg Config) (*Notifier, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	signer, err := cfg.signer()
	if err != nil {
		return nil, err
	}
	return &Notifier{cfg: cfg, signer: signer, client: guard.Client(cfg.route())}, nil
}

func (c Config) route() guard.Route { return guard.Route{Timeout: c.Timeout, Opened: c.Opened()} }

// Name is "hook".
func (n *Notifier) Name() string { return "hook" }

// Notify sends the incident as it stands. The ref says what was sent last.
func (n *Notifier) Notify(ctx context.Context, m alert.Message) (string, error) {
	if m.Kind != alert.KindIncident {
		return m.Ref, nil
	}
	id := fmt.Sprintf("%s-%d", m.Incident.ID, m.Incident.Revision)
	if m.Trial {
		id = fmt.Sprintf("test-%d", time.Now().UnixNano())
	}
	return id, n.Post(ctx, id, payloadOf(m))
}

// Post signs a body and sends it. The endpoint tells repetitions by the id.
func (n *Notifier) Post(ctx context.Context, id string, body []byte) error {
	headers := http.Header{"Content-Type": {"application/json"}}
	if err := n.signer.Sign(headers, id, time.Now(), body); err != nil {
		return fmt.Errorf("%s: %w", n.cfg.section, err)
	}
	answer, err := guard.Call(ctx, n.client, http.MethodPost, n.cfg.URL, headers, body)
	if err != nil {
		return n.explain(err)
	}
	return n.judge(answer)
}

// judge reads the answer as Standard Webhooks means it. What the endpoint does not like today
// it may like tomorrow, when somebody has mended it.
func (n *Notifier) judge(a guard.Answer) error {
	section := n.cfg.section
	err := fmt.Errorf("the endpoint of %s.url answers HTTP %d: %s", section, a.Status, a.Words())
	switch {
	case a.OK():
		return nil
	case a.Status >= 300 && a.Status < 400:
		return alert.Permanent{Err: err, Fix: "redirects are refused; set " + section + ".url to where it leads"}
	case a.Status == http.StatusGone:
		return alert.Permanent{Err: err, Fix: "the endpoint says that it is gone; set " + section + ".url to its successor"}
	case a.Status == http.StatusUnauthorized, a.Status == http.StatusForbidden:
		return alert.Permanent{Err: err, Fix: "the endpoint and " + section + ".secret have to hold the same secret"}
	case a.Status == http.StatusNotFound, a.Status == http.StatusMethodNotAllowed:
		return alert.Permanent{Err: err, Fix: section + ".url leads to nothing that takes webhooks"}
	}
	return err
}

func (n *Notifier) explain(err error) error {
	section := n.cfg.section
	var later alert.RetryAfter
	switch {
	case errors.As(err, &later):
		return later
	case guard.Prohibited(err):
		return alert.Permanent{
			Err: errors.New("the endpoint of " + section + ".url is at an address that is not public"),
			Fix: "if it is meant to be there, list its network in " + section + ".allow, or set " + section + ".allow_private",
		}
	}
	return fmt.Errorf("calling the endpoint of %s.url: %w", section, err)
}

// Check dials the endpoint, and sends nothing.
func (n *Notifier) Check(ctx context.Context) error {
	if err := guard.Reach(ctx, n.cfg.route(), n.cfg.URL); err != nil {
		return n.explain(err)
	}
	return nil
}
