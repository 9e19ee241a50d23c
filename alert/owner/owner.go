// Package owner tells the one whose token it is, who knows best whether it was them: with a mail
// after a template of yours, or through an endpoint of yours. It owns who is told and what.
//
//	alert.Message ─severe enough?─► address of the owner ─► Mailer (a mail)
//	                                                    └─► Poster ({"type":"owner.notice", …})
//
// It refuses to guess: an owner whose name could be anything is not made an address of, and one
// who was told once is not told again. Templates reach nothing but the texts of the message.
package owner

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"text/template"
	"time"

	"github.com/tokenwatch/tokenwatch/alert"
	"github.com/tokenwatch/tokenwatch/schema"
)

// Mailer writes a text to one address. A repetition has the same id.
type Mailer interface {
	Send(ctx context.Context, to, id, subject, text string) error
}

// Poster sends a body to an endpoint. A repetition has the same id.
type Poster interface {
	Post(ctx context.Context, id string, body []byte) error
}

// Notifier tells owners.
type Notifier struct {
	cfg           Config
	mailer        Mailer
	poster        Poster
	subject, text *template.Template
}

// New makes a notifier that tells by the poster where there is one, and by the mailer
// otherwise.
func New(cfg Config, m Mailer, p Poster) (*Notifier, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	n := &Notifier{cfg: cfg, mailer: m, poster: p}
	var err error
	if n.subject, err = compile(cfg.Subject); err != nil {
		return nil, fmt.Errorf("owner.subject: %w", err)
	}
	if n.text, err = compile(cfg.Template); err != nil {
		return nil, fmt.Errorf("owner.template: %w", err)
	}
	return n, nil
}

// Name is "owner".
func (n *Notifier) Name() string { return "owner" }

// Notify tells the owner once, while the incident is open.
func (n *Notifier) Notify(ctx context.Context, m alert.Message) (string, error) {
	inc := &m.Incident
	if m.Ref != "" || m.Kind != alert.KindIncident {
		return m.Ref, nil
	}
	to := n.address(inc.Consumer)
	if m.Trial || inc.State == schema.IncidentResolved || inc.Severity < n.cfg.MinSeverity || inc.Consumer == "" || (n.poster == nil && to == "") {
		return "", alert.ErrSkip
	}
	notice := noticeOf(m)
	subject, err := fill(n.subject, notice)
	if err != nil {
		return "", alert.Permanent{Err: fmt.Errorf("owner.subject: %w", err)}
	}
	text, err := fill(n.text, notice)
	if err != nil {
		return "", alert.Permanent{Err: fmt.Errorf("owner.template: %w", err)}
	}
	id := inc.ID + "-owner"
	if n.poster != nil {
		return id, n.poster.Post(ctx, id, body(notice, subject, text, inc.Updated))
	}
	return id, n.mailer.Send(ctx, to, id, subject, text)
}

// plainName is a name that is a mailbox as it stands. Names come from the gateway, and what one
// can call oneself there must not decide whose mailbox is written to.
var plainName = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9._-]{0,62}[A-Za-z0-9])?$`)

func (n *Notifier) address(owner string) string {
	if address, ok := n.cfg.Addresses[owner]; ok {
		return address
	}
	if n.cfg.Domain == "" || !plainName.MatchString(owner) {
		return ""
	}
	return owner + "@" + n.cfg.Domain
}

// Payload is the body of a request.
type Payload struct {
	Type      string    `json:"type"` // always "owner.notice"
	Timestamp time.Time `json:"timestamp"`
	Data      Data      `json:"data"`
}

// Data says whom to tell, and what.
type Data struct {
	Owner       string `json:"owner"`
	Token       string `json:"token"` // hint
	Environment string `json:"environment"`
	Incident    string `json:"incident"`
	Severity    string `json:"severity"`
	Subject     string `json:"subject"`
	Text        string `json:"text"`
	Link        string `json:"link,omitempty"`
}

func body(n Notice, subject, text string, at time.Time) []byte {
	out, err := json.Marshal(Payload{Type: "owner.notice", Timestamp: at.UTC(), Data: Data{
		Owner: n.Owner, Token: n.Token, Environment: n.Environment, Incident: n.Incident, Severity: n.Severity, Subject: subject, Text: text, Link: n.Link,
	}})
	if err != nil {
		panic("owner: a payload of plain values does not marshal: " + err.Error())
	}
	return out
}
