// Package telegram posts incidents to a Telegram chat and edits them as they develop. It
// owns the layout as text with entities, Telegram's limits and its errors, and is the
// only importer of go-telegram/bot.
//
//	alert.Message ─render─► text + entities ─sendMessage / editMessageText─► ref "-100123/42"
//	                                 │                                        │
//	                                 └ more severe ─ a reply ◄────────────────┤
//	                                                 the picture, as a reply ◄┘
//
// It refuses parse modes: bold and fixed-width parts are named by their offsets, so no
// text from outside can be markup. And it refuses to let the bot token out: Telegram has
// it in the URL, where errors like to quote it.
package telegram

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/go-telegram/bot"
	"github.com/go-telegram/bot/models"

	"github.com/tokenwatch/tokenwatch/alert"
	"github.com/tokenwatch/tokenwatch/alert/guard"
)

// Notifier posts to one chat.
type Notifier struct {
	cfg     Config
	bot     *bot.Bot
	moved   atomic.Int64 // the chat's new id, once Telegram has said that a group moved
	buttons bool
	blurred func(error)
}

// Option changes a notifier as it is made.
type Option func(*Notifier)

// WithButtons shows buttons below incidents. Without somebody who takes in what is pressed
// they would only disappoint.
func WithButtons() Option { return func(n *Notifier) { n.buttons = true } }

// WithBlurred has somebody told why a picture could not be sent. The message is there then.
func WithBlurred(told func(error)) Option { return func(n *Notifier) { n.blurred = told } }

// New makes a notifier. It calls nobody; see Check.
func New(cfg Config, options ...Option) (*Notifier, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	b, err := bot.New(cfg.Token.Reveal(),
		bot.WithSkipGetMe(),
		bot.WithServerURL(strings.TrimSuffix(cfg.APIURL, "/")),
		bot.WithHTTPClient(cfg.Timeout, guard.Client(guard.Vendor(cfg.APIURL, "telegram.org", cfg.Timeout))),
		bot.WithErrorsHandler(func(error) {}), // closing a pipe or a body; the call itself reports
	)
	if err != nil {
		return nil, fmt.Errorf("telegram: %s", scrub(err.Error(), cfg.Token))
	}
	n := &Notifier{cfg: cfg, bot: b, blurred: func(error) {}}
	for _, option := range options {
		option(n)
	}
	return n, nil
}

// Name is "telegram".
func (n *Notifier) Name() string { return "telegram" }

// Pace stays within what Telegram allows: one message a second in a chat, and 20 a
// minute in a group, whose id is negative.
func (n *Notifier) Pace() time.Duration {
	if strings.HasPrefix(n.cfg.ChatID, "-") {
		return 3 * time.Second
	}
	return time.Second
}

// Replies reports that a message can be replied to.
func (n *Notifier) Replies() bool { return true }

// DigestEntries is how many incidents a message has room for.
func (n *Notifier) DigestEntries() int { return maxEntries }

// Notify posts the message, edits the one in m.Ref, or replies to it.
func (n *Notifier) Notify(ctx context.Context, m alert.Message) (string, error) {
	posted, err := n.send(ctx, m)
	if id, moved := movedTo(err); moved {
		// The group became a supergroup, under another id. Its messages did not move.
		n.moved.Store(id)
		if m.Kind == alert.KindIncident {
			m.Ref = ""
		}
		posted, err = n.send(ctx, m)
	}
	if err != nil {
		return "", n.explain(err)
	}
	if m.Kind == alert.KindReply {
		n.illustrateReply(ctx, m)
		return m.Ref, nil
	}
	return n.illustrate(ctx, m, posted), nil
}

func (n *Notifier) send(ctx context.Context, m alert.Message) (string, error) {
	c := contentOf(m)
	if r, ok := parseRef(m.Ref); ok && m.Kind == alert.KindIncident {
		err := n.edit(ctx, c, r, n.keyboard(m))
		if !uneditable(err) {
			return m.Ref, err
		}
	}
	sent, err := n.bot.SendMessage(ctx, &bot.SendMessageParams{
		ChatID: n.chat(), MessageThreadID: n.cfg.ThreadID, ReplyParameters: below(m),
		Text: c.text, Entities: c.entities, LinkPreviewOptions: noPreview(), ReplyMarkup: n.keyboard(m),
	})
	if err != nil {
		return "", err
	}
	if sent.ID == 0 {
		return "", errors.New("the answer names no message")
	}
	return ref{chat: sent.Chat.ID, message: sent.ID}.String(), nil
}

func contentOf(m alert.Message) content {
	switch m.Kind {
	case alert.KindReply:
		return renderReply(m)
	case alert.KindDigest:
		return renderDigest(m)
	}
	return render(m)
}

func (n *Notifier) edit(ctx context.Context, c content, r ref, keyboard models.ReplyMarkup) error {
	_, err := n.bot.EditMessageText(ctx, &bot.EditMessageTextParams{
		ChatID: r.chat, MessageID: r.message,
		Text: c.text, Entities: c.entities, LinkPreviewOptions: noPreview(), ReplyMarkup: keyboard,
	})
	if unchanged(err) {
		return nil
	}
	return err
}

// below says which message a reply belongs to. If somebody deleted it, the reply stands by
// itself.
func below(m alert.Message) *models.ReplyParameters {
	r, ok := parseRef(m.Ref)
	if m.Kind != alert.KindReply || !ok {
		return nil
	}
	return &models.ReplyParameters{MessageID: r.message, AllowSendingWithoutReply: true}
}

func (n *Notifier) chat() any {
	if id := n.moved.Load(); id != 0 {
		return id
	}
	return n.cfg.ChatID
}

// Check asks Telegram whose token it is.
func (n *Notifier) Check(ctx context.Context) error {
	_, err := n.bot.GetMe(ctx)
	return n.explain(err)
}

func noPreview() *models.LinkPreviewOptions {
	return &models.LinkPreviewOptions{IsDisabled: bot.True()}
}
