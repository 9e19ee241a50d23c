// Package ocsf writes incidents as Detection Findings (class 2004) of the Open Cybersecurity
// Schema Framework, for SIEMs and data lakes that speak it: to a topic of Kafka and to an HTTP
// endpoint. It owns the mapping.
//
//	alert.Message ─► Finding ─┬─► Writer (a topic, keyed by token)
//	                          └─► POST ocsf.url
//
// It refuses to know Kafka: whoever wires it gives a Writer. Every revision is sent; they share
// finding_info.uid, and metadata.uid tells them apart.
package ocsf

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/tokenwatch/tokenwatch/alert"
	"github.com/tokenwatch/tokenwatch/alert/guard"
)

// Writer takes a record for the topic. It is durable when it returns.
type Writer interface {
	Write(ctx context.Context, key, value []byte) error
}

// Topic writes to a topic.
type Topic struct {
	cfg     Config
	version string
	writer  Writer
}

// NewTopic makes a notifier over a writer. Version is the program's.
func NewTopic(cfg Config, version string, w Writer) (*Topic, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	return &Topic{cfg: cfg, version: version, writer: w}, nil
}

// Name is "ocsf-kafka".
func (t *Topic) Name() string { return "ocsf-kafka" }

// Notify writes the incident as it stands.
func (t *Topic) Notify(ctx context.Context, m alert.Message) (string, error) {
	if m.Kind != alert.KindIncident {
		return m.Ref, nil
	}
	ctx, cancel := context.WithTimeout(ctx, t.cfg.Timeout)
	defer cancel()
	f := findingOf(m, t.version)
	if err := t.writer.Write(ctx, []byte(m.Incident.Token.String()), encode(f)); err != nil {
		return "", fmt.Errorf("writing to %s (ocsf.topic): %w", t.cfg.Topic, err)
	}
	return f.Metadata.UID, nil
}

// Endpoint posts to a URL.
type Endpoint struct {
	cfg     Config
	version string
	client  *http.Client
}

// NewEndpoint makes a notifier. It calls nobody; see Check.
func NewEndpoint(cfg Config, version string) (*Endpoint, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	return &Endpoint{cfg: cfg, version: version, client: guard.Client(cfg.route())}, nil
}

func (c Config) route() guard.Route { return guard.Route{Timeout: c.Timeout, Opened: c.Opened()} }

// Name is "ocsf-http".
func (e *Endpoint) Name() string { return "ocsf-http" }

// Notify posts the incident as it stands.
func (e *Endpoint) Notify(ctx context.Context, m alert.Message) (string, error) {
	if m.Kind != alert.KindIncident {
		return m.Ref, nil
	}
	headers := http.Header{"Content-Type": {"application/json"}}
	if e.cfg.Authorization != "" {
		headers.Set("Authorization", e.cfg.Authorization.Reveal())
	}
	f := findingOf(m, e.version)
	answer, err := guard.Call(ctx, e.client, http.MethodPost, e.cfg.URL, headers, encode(f))
	if err != nil {
		return "", explain(err)
	}
	return f.Metadata.UID, judge(answer)
}

func judge(a guard.Answer) error {
	err := fmt.Errorf("the receiver of ocsf.url answers HTTP %d: %s", a.Status, a.Words())
	switch {
	case a.OK():
		return nil
	case a.Status >= 300 && a.Status < 400:
		return alert.Permanent{Err: err, Fix: "redirects are refused; set ocsf.url to where it leads"}
	case a.Status == http.StatusUnauthorized, a.Status == http.StatusForbidden:
		return alert.Permanent{Err: err, Fix: "set ocsf.authorization to what the receiver wants"}
	case a.Status == http.StatusNotFound, a.Status == http.StatusMethodNotAllowed, a.Status == http.StatusGone:
		return alert.Permanent{Err: err, Fix: "ocsf.url leads to nothing that takes findings"}
	}
	return err
}

func explain(err error) error {
	var later alert.RetryAfter
	switch {
	case errors.As(err, &later):
		return later
	case guard.Prohibited(err):
		return alert.Permanent{
			Err: errors.New("the receiver of ocsf.url is at an address that is not public"),
			Fix: "if it is meant to be there, list its network in ocsf.allow, or set ocsf.allow_private",
		}
	}
	return fmt.Errorf("calling the receiver of ocsf.url: %w", err)
}

// Check dials the receiver, and sends nothing.
func (e *Endpoint) Check(ctx context.Context) error {
	if err := guard.Reach(ctx, e.cfg.route(), e.cfg.URL); err != nil {
		return explain(err)
	}
	return nil
}

func encode(f Finding) []byte {
	body, err := json.Marshal(f)
	if err != nil {
		panic("ocsf: a finding of plain values does not marshal: " + err.Error())
	}
	return body
}

// millis is a time as OCSF writes it.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}
