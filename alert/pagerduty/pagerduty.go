// Package pagerduty pages whoever is on call, through PagerDuty's Events API v2. It owns the
// event, and PagerDuty's limits and errors.
//
//	open, more severe ─► trigger ─────┐
//	acknowledged      ─► acknowledge ─┼─► POST /v2/enqueue, dedup_key: the incident's id
//	resolved          ─► resolve ─────┘
//
// It refuses to repeat itself: PagerDuty keeps a log of what it is sent, so an incident that
// goes on as before is not sent again. The ref says what was sent last. The dedup_key is the
// same in all of them, so a repetition after a crash adds to the same alert.
package pagerduty

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/tokenwatch/tokenwatch/alert"
	"github.com/tokenwatch/tokenwatch/alert/guard"
	"github.com/tokenwatch/tokenwatch/schema"
)

// Notifier pages one service.
type Notifier struct {
	cfg    Config
	client *http.Client
}

// New makes a notifier. It calls nobody.
func New(cfg Config) (*Notifier, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	return &Notifier{cfg: cfg, client: guard.Client(guard.Vendor(cfg.APIURL, "pagerduty.com", cfg.Timeout))}, nil
}

// Name is "pagerduty".
func (n *Notifier) Name() string { return "pagerduty" }

// Pace stays below the 120 events a minute that an integration is sure to get through.
func (n *Notifier) Pace() time.Duration { return 500 * time.Millisecond }

// Notify sends what is new of an incident.
func (n *Notifier) Notify(ctx context.Context, m alert.Message) (string, error) {
	if m.Kind != alert.KindIncident {
		return m.Ref, nil
	}
	if m.Trial {
		return n.trial(ctx, m)
	}
	action, ref := actionOf(&m.Incident)
	paged := m.Ref != ""
	switch {
	case m.Ref == ref:
		return ref, nil
	case !paged && (action != trigger || m.Incident.Severity < n.cfg.MinSeverity):
		return "", alert.ErrSkip // nobody was paged, or is to be
	}
	return ref, n.send(ctx, eventOf(m, action))
}

// trial opens an alert and closes it, so that nobody has to.
func (n *Notifier) trial(ctx context.Context, m alert.Message) (string, error) {
	if err := n.send(ctx, eventOf(m, trigger)); err != nil {
		return "", err
	}
	return "trial", n.send(ctx, eventOf(m, resolve))
}

// What can be said of an alert.
const (
	trigger     = "trigger"
	acknowledge = "acknowledge"
	resolve     = "resolve"
)

// actionOf is what PagerDuty has to hear, and the ref that says that it has.
func actionOf(inc *schema.Incident) (action, ref string) {
	switch inc.State {
	case schema.IncidentResolved:
		return resolve, resolve
	case schema.IncidentAcknowledged:
		return acknowledge, acknowledge + ":" + inc.Severity.String()
	}
	return trigger, trigger + ":" + inc.Severity.String()
}

func (n *Notifier) send(ctx context.Context, e event) error {
	e.RoutingKey = n.cfg.RoutingKey.Reveal()
	body, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("pagerduty: writing the event: %w", err)
	}
	target := strings.TrimSuffix(n.cfg.APIURL, "/") + "/v2/enqueue"
	answer, err := guard.Call(ctx, n.client, http.MethodPost, target, http.Header{"Content-Type": {"application/json"}}, body)
	if err != nil {
		return n.explain(err)
	}
	return n.judge(answer)
}

// politeWait applies to an answer of 429, which comes without a time.
const politeWait = 30 * time.Second

// judge reads an answer. A page of something in between is no acceptance, whatever its status.
func (n *Notifier) judge(a guard.Answer) error {
	var said struct {
		Status string   `json:"status"`
		Errors []string `json:"errors"`
	}
	parsed := json.Unmarshal(a.Body, &said)
	err := errors.New("pagerduty: " + n.scrub(fmt.Sprintf("HTTP %d: %s", a.Status, a.Words())))
	switch {
	case a.OK() && parsed == nil && said.Status == "success":
		return nil
	case a.Status == http.StatusTooManyRequests:
		return alert.RetryAfter{After: politeWait, Err: err}
	case a.Status == http.StatusBadRequest:
		return alert.Permanent{Err: err, Fix: "set pagerduty.routing_key to the integration key of an Events API v2 integration; if it is, please report this as a bug of tokenwatch"}
	case a.Status == http.StatusUnauthorized, a.Status == http.StatusForbidden, a.Status == http.StatusNotFound, a.Status >= 300 && a.Status < 400:
		return alert.Permanent{Err: err, Fix: "check pagerduty.routing_key, and whether pagerduty.api_url leads to the Events API"}
	}
	return err
}

func (n *Notifier) explain(err error) error {
	said := errors.New("pagerduty: " + n.scrub(err.Error()))
	var later alert.RetryAfter
	switch {
	case errors.As(err, &later):
		return alert.RetryAfter{After: later.After, Err: said}
	case guard.Prohibited(err):
		return alert.Permanent{Err: errors.New("pagerduty: it is at an address that is not public"), Fix: "check pagerduty.api_url"}
	}
	return said
}

func (n *Notifier) scrub(text string) string {
	return strings.ReplaceAll(text, n.cfg.RoutingKey.Reveal(), n.cfg.RoutingKey.String())
}
