// Package discord posts incidents to a Discord channel through one of its webhooks, and edits
// them as they develop. It owns the layout as an embed, and Discord's limits and errors.
//
//	alert.Message ─render─► embed ─POST webhook?wait=true / PATCH …/messages/ID─► ref "12345"
//	                                                                               │
//	                                     the picture, added to that message ◄──────┘
//
// It refuses mentions: none is allowed in any message, and whatever comes from outside has
// its markup escaped. A webhook cannot reply, so what deserves notice is a message of its own.
package discord

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/tokenwatch/tokenwatch/alert"
	"github.com/tokenwatch/tokenwatch/alert/guard"
)

// Notifier posts through one webhook.
type Notifier struct {
	cfg     Config
	hook    string
	client  *http.Client
	blurred func(error)
}

// Option changes a notifier as it is made.
type Option func(*Notifier)

// WithBlurred has somebody told why a picture could not be sent. The message is there then.
func WithBlurred(told func(error)) Option { return func(n *Notifier) { n.blurred = told } }

// New makes a notifier. It calls nobody; see Check.
func New(cfg Config, options ...Option) (*Notifier, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	hook := cfg.endpoint()
	n := &Notifier{cfg: cfg, hook: hook, client: guard.Client(guard.Vendor(hook, "discord.com", cfg.Timeout)), blurred: func(error) {}}
	for _, option := range options {
		option(n)
	}
	return n, nil
}

// Name is "discord".
func (n *Notifier) Name() string { return "discord" }

// Pace stays below the 30 messages a minute that a webhook may post in a channel.
func (n *Notifier) Pace() time.Duration { return 2100 * time.Millisecond }

// Replies reports that what deserves notice can be posted.
func (n *Notifier) Replies() bool { return true }

// DigestEntries is how many incidents a message has room for.
func (n *Notifier) DigestEntries() int { return maxEntries }

// Notify posts the message, or edits the one in m.Ref.
func (n *Notifier) Notify(ctx context.Context, m alert.Message) (string, error) {
	if m.Kind == alert.KindReply {
		_, err := n.post(ctx, m)
		return m.Ref, n.explain(err)
	}
	r := parseRef(m.Ref)
	if r.id == "" || m.Kind == alert.KindDigest {
		var err error
		if r, err = n.post(ctx, m); err != nil {
			return "", n.explain(err)
		}
		return n.illustrate(ctx, m, r), nil
	}
	if r.id == unnamed {
		return "", alert.ErrSkip
	}
	_, err := n.say(ctx, http.MethodPatch, "/messages/"+r.id, m)
	if gone(err) {
		// Somebody deleted it: the news deserve a new one.
		r, err = n.post(ctx, m)
	}
	if err != nil {
		return "", n.explain(err)
	}
	return n.illustrate(ctx, m, r), nil
}

func (n *Notifier) post(ctx context.Context, m alert.Message) (ref, error) {
	body, err := n.say(ctx, http.MethodPost, "", m)
	if err != nil {
		return ref{}, err
	}
	if len(body) == 0 {
		return ref{id: unnamed, pictured: true}, nil // taken by something that names no messages
	}
	var posted struct{ ID string }
	if err := json.Unmarshal(body, &posted); err != nil || !threadShape.MatchString(posted.ID) || posted.ID == "" {
		return ref{}, errors.New("the answer holds no message")
	}
	return ref{id: posted.ID}, nil
}

// unnamed is the ref of a message that cannot be edited.
const unnamed = "-"

// say sends a message, in plain words where its layout is not liked: that is better than none.
func (n *Notifier) say(ctx context.Context, method, path string, m alert.Message) ([]byte, error) {
	body, err := n.call(ctx, method, path, payloadOf(m), nil)
	var r refusal
	if errors.As(err, &r) && r.status == http.StatusBadRequest {
		return n.call(ctx, method, path, inWords(m), nil)
	}
	return body, err
}

// illustrate adds the picture to a message that was posted. Whatever goes wrong with it is
// passed over, and tried again with the next edit.
func (n *Notifier) illustrate(ctx context.Context, m alert.Message, r ref) string {
	if m.Picture == nil || m.Kind != alert.KindIncident || r.pictured {
		return r.String()
	}
	err := n.explain(n.addPicture(ctx, m, r))
	if err != nil {
		n.blurred(err)
	}
	r.pictured = err == nil || errors.As(err, new(alert.Permanent)) // what Discord refuses for good is not tried again
	return r.String()
}

// pictureTime bounds drawing and sending together: the next message waits for it.
const pictureTime = 8 * time.Second

func (n *Notifier) addPicture(ctx context.Context, m alert.Message, r ref) error {
	ctx, cancel := context.WithTimeout(ctx, pictureTime)
	defer cancel()
	data, err := m.Picture(ctx)
	if err != nil || len(data) == 0 { // without an error, there is nothing to draw
		return err
	}
	// What the payload does not name stays as it is: the embed, above all.
	_, err = n.call(ctx, http.MethodPatch, "/messages/"+r.id, payload{Attachments: pictureOf(m), Mentions: noMentions()}, data)
	return err
}

// call sends a payload, with a file where there is one.
func (n *Notifier) call(ctx context.Context, method, path string, p payload, file []byte) ([]byte, error) {
	body, err := json.Marshal(p)
	if err != nil {
		return nil, fmt.Errorf("writing the payload: %w", err)
	}
	kind := "application/json"
	if file != nil {
		if body, kind, err = form(body, file); err != nil {
			return nil, err
		}
	}
	answer, err := guard.Call(ctx, n.client, method, n.hook+path+n.query(method), http.Header{"Content-Type": {kind}}, body)
	if err != nil {
		return nil, err
	}
	return answer.Body, judge(answer)
}

func (n *Notifier) query(method string) string {
	q := url.Values{}
	if method == http.MethodPost {
		q.Set("wait", "true") // an answer that says what became of it, and names it
	}
	if n.cfg.ThreadID != "" {
		q.Set("thread_id", n.cfg.ThreadID)
	}
	if len(q) == 0 {
		return ""
	}
	return "?" + q.Encode()
}

// Check asks Discord for the webhook.
func (n *Notifier) Check(ctx context.Context) error {
	answer, err := guard.Call(ctx, n.client, http.MethodGet, n.hook, http.Header{}, nil)
	if err != nil {
		return n.explain(err)
	}
	return n.explain(judge(answer))
}

// ref names a message, and whether its picture is there.
type ref struct {
	id       string
	pictured bool
}

func (r ref) String() string {
	if r.pictured {
		return r.id + "/picture"
	}
	return r.id
}

func parseRef(text string) ref {
	id, rest, _ := strings.Cut(text, "/")
	return ref{id: id, pictured: rest == "picture"}
}
