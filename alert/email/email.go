// Package email writes incidents to people: as text and as HTML, with the picture in it. It
// owns the layout of a mail and SMTP's errors, and is the only importer of go-mail.
//
//	opened ──────────────► mail, Message-ID <inc-3f9a….email@example.com>
//	more severe, reminded ► mail, In-Reply-To that one: mail programs make a thread of them
//	acknowledged, resolved ┘
//
// It refuses to fill a mailbox: a mail cannot be edited, so what is new of an incident is
// written only when its state or severity changes. And it refuses to send in the clear.
package email

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	netmail "net/mail"
	"strings"
	"time"

	"github.com/wneessen/go-mail"

	"github.com/tokenwatch/tokenwatch/alert"
	"github.com/tokenwatch/tokenwatch/schema"
)

// Notifier writes through one server.
type Notifier struct {
	cfg     Config
	host    string
	options []mail.Option
	blurred func(error)
}

// Option changes a notifier as it is made.
type Option func(*Notifier)

// WithBlurred has somebody told why a mail goes without its picture.
func WithBlurred(told func(error)) Option { return func(n *Notifier) { n.blurred = told } }

// New makes a notifier. It calls nobody; see Check.
func New(cfg Config, options ...Option) (*Notifier, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	host, port, err := cfg.hostPort()
	if err != nil {
		return nil, fmt.Errorf("email.server: %w", err)
	}
	secure, err := cfg.tls(host)
	if err != nil {
		return nil, err
	}
	n := &Notifier{cfg: cfg, host: host, blurred: func(error) {}}
	n.options = []mail.Option{mail.WithPort(port), mail.WithTimeout(cfg.Timeout), mail.WithTLSConfig(secure), mail.WithTLSPolicy(mail.TLSMandatory), mail.WithoutNoop()}
	switch cfg.TLS {
	case "tls":
		n.options = append(n.options, mail.WithSSL())
	case "none":
		n.options = append(n.options, mail.WithTLSPolicy(mail.NoTLS))
	}
	if cfg.Username != "" {
		n.options = append(n.options, mail.WithSMTPAuth(mail.SMTPAuthAutoDiscover), mail.WithUsername(cfg.Username), mail.WithPassword(cfg.Password.Reveal()))
	}
	for _, option := range options {
		option(n)
	}
	return n, nil
}

// Name is "email".
func (n *Notifier) Name() string { return "email" }

// Replies reports that a mail can be answered.
func (n *Notifier) Replies() bool { return true }

// DigestEntries is how many incidents a mail tells of.
func (n *Notifier) DigestEntries() int { return 50 }

// Notify writes if there is something new to say. The ref is the first mail's id, and the
// state that was written last.
func (n *Notifier) Notify(ctx context.Context, m alert.Message) (string, error) {
	thread, state, _ := strings.Cut(m.Ref, "|")
	now := string(m.Incident.State)
	if m.Kind == alert.KindIncident && m.Ref != "" && state == now {
		return m.Ref, nil
	}
	letter := n.letter(ctx, m)
	letter.to, letter.id = n.cfg.To, n.id(m)
	if m.Ref != "" {
		letter.thread = thread
	}
	if err := n.send(ctx, letter); err != nil {
		return "", err
	}
	switch {
	case m.Kind == alert.KindReply:
		return m.Ref, nil
	case letter.thread != "":
		return thread + "|" + now, nil
	}
	return letter.id + "|" + now, nil
}

// id stays the same over attempts, so that a mail program or server can tell repetitions.
func (n *Notifier) id(m alert.Message) string {
	name := m.Key
	if name == "" {
		name = fmt.Sprintf("%s/%d", m.Incident.ID, m.Incident.Revision)
	}
	if m.Trial {
		name = fmt.Sprintf("test/%d", time.Now().UnixNano())
	}
	if m.Kind == alert.KindIncident && m.Ref != "" {
		name += "/" + string(m.Incident.State)
	}
	domain := "tokenwatch"
	if from, err := netmail.ParseAddress(n.cfg.From); err == nil {
		domain = from.Address[strings.LastIndexByte(from.Address, '@')+1:]
	}
	return identifier(name) + "@" + domain
}

// identifier keeps what may stand in a Message-ID.
func identifier(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '-', r == '_':
			return r
		}
		return '.'
	}, name)
}

// pictureTime bounds drawing: a mail is complete when it is sent, so it waits that long.
const pictureTime = 5 * time.Second

func (n *Notifier) letter(ctx context.Context, m alert.Message) letter {
	l := letter{subject: m.Icon + " " + m.Title}
	if m.Picture != nil && m.Kind != alert.KindDigest && m.Incident.State != schema.IncidentResolved {
		drawing, cancel := context.WithTimeout(ctx, pictureTime)
		defer cancel()
		picture, err := m.Picture(drawing)
		if err != nil {
			n.blurred(fmt.Errorf("email: %w", err))
		}
		l.picture = picture
	}
	l.text = inText(m)
	l.html = inHTML(m, len(l.picture) > 0)
	return l
}

// letter is a mail before it is one.
type letter struct {
	to      []string
	id      string // its Message-ID
	thread  string // the Message-ID of what it answers; empty for none
	subject string
	text    string
	html    string // empty for none
	picture []byte // shown in the HTML; nil for none
}

// Send writes a text to one address, for the owner of a token. Id stays the same over attempts.
func (n *Notifier) Send(ctx context.Context, to, id, subject, text string) error {
	return n.send(ctx, letter{to: []string{to}, id: n.id(alert.Message{Key: id}), subject: subject, text: text})
}

func (n *Notifier) send(ctx context.Context, l letter) error {
	ctx, cancel := context.WithTimeout(ctx, n.cfg.Timeout)
	defer cancel()
	msg, err := n.compose(l)
	if err != nil {
		return alert.Permanent{Err: fmt.Errorf("email: %w", err), Fix: "check email.from and email.to"}
	}
	client, err := mail.NewClient(n.host, n.options...)
	if err != nil {
		return fmt.Errorf("email: %w", err)
	}
	if err := client.DialWithContext(ctx); err != nil {
		return n.explain(err)
	}
	err = client.Send(msg)
	_ = client.Close() // the server has the mail by now, or never will
	if msg.IsDelivered() {
		return nil // whatever went wrong after that
	}
	return n.explain(err)
}

func (n *Notifier) compose(l letter) (*mail.Msg, error) {
	msg := mail.NewMsg(mail.WithNoDefaultUserAgent())
	if err := msg.From(n.cfg.From); err != nil {
		return nil, err
	}
	if err := msg.To(l.to...); err != nil {
		return nil, err
	}
	msg.Subject(l.subject)
	msg.SetDate()
	msg.SetMessageIDWithValue(l.id)
	msg.SetGenHeader("Auto-Submitted", "auto-generated") // no holiday notices, please
	if l.thread != "" {
		msg.SetGenHeader(mail.HeaderInReplyTo, "<"+l.thread+">")
		msg.SetGenHeader(mail.HeaderReferences, "<"+l.thread+">")
	}
	msg.SetBodyString(mail.TypeTextPlain, l.text)
	if l.html != "" {
		msg.AddAlternativeString(mail.TypeTextHTML, l.html)
	}
	if len(l.picture) == 0 {
		return msg, nil
	}
	err := msg.EmbedReader("incident.png", bytes.NewReader(l.picture), mail.WithFileContentID(pictureID), mail.WithFileContentType("image/png"))
	return msg, err
}

// Check logs in and sends nothing.
func (n *Notifier) Check(ctx context.Context) error {
	client, err := mail.NewClient(n.host, n.options...)
	if err != nil {
		return fmt.Errorf("email: %w", err)
	}
	if err := client.DialWithContext(ctx); err != nil {
		return n.explain(err)
	}
	_ = client.Close()
	return nil
}

// errNobody says that there is a server, and nobody to write to.
var errNobody = errors.New("email.to: missing")

// Addressed reports whether incidents are written to somebody, besides the owners of tokens.
func (c Config) Addressed() error {
	if len(c.To) == 0 {
		return errNobody
	}
	return nil
}
