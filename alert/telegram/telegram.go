// Package telegram posts incidents to a Telegram chat and edits them as they develop. It
// owns the layout as text with entities, Telegram's limits and its errors, and is the
// only importer of go-telegram/bot.
//
//	alert.Message ─render─► text + entities ─sendMessage / editMessageText─► ref "-100123/42"
//
// It refuses parse modes: bold and fixed-width parts are named by their offsets, so no
// text from outside can be markup. And it refuses to let the bot token out: Telegram has
// it in the URL, where errors like to quote it.
package telegram

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/go-telegram/bot"
	"github.com/go-telegram/bot/models"

	"github.com/tokenwatch/tokenwatch/alert"
)

// Notifier posts to one chat.
type Notifier struct {
	cfg   Config
	bot   *bot.Bot
	moved atomic.Int64 // the chat's new id, once Telegram has said that a group moved
}

// New makes a notifier. It calls nobody; see Check.
func New(cfg Config) (*Notifier, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	b, err := bot.New(cfg.Token.Reveal(),
		bot.WithSkipGetMe(),
		bot.WithServerURL(strings.TrimSuffix(cfg.APIURL, "/")),
		bot.WithHTTPClient(cfg.Timeout, alert.HTTPClient(cfg.Timeout, http.DefaultTransport)),
		bot.WithErrorsHandler(func(error) {}), // closing a pipe or a body; the call itself reports
	)
	if err != nil {
		return nil, fmt.Errorf("telegram: %s", scrub(err.Error(), cfg.Token))
	}
	return &Notifier{cfg: cfg, bot: b}, nil
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

// Notify posts the message, or edits the one in m.Ref.
func (n *Notifier) Notify(ctx context.Context, m alert.Message) (string, error) {
	content := render(m)
	ref, err := n.send(ctx, content, m.Ref)
	if id, moved := movedTo(err); moved {
		// The group became a supergroup, under another id. Its messages did not move.
		n.moved.Store(id)
		ref, err = n.send(ctx, content, "")
	}
	return ref, n.explain(err)
}

func (n *Notifier) send(ctx context.Context, c content, edit string) (string, error) {
	if chat, id, ok := parseRef(edit); ok {
		err := n.edit(ctx, c, chat, id)
		if !uneditable(err) {
			return edit, err
		}
	}
	sent, err := n.bot.SendMessage(ctx, &bot.SendMessageParams{
		ChatID: n.chat(), MessageThreadID: n.cfg.ThreadID,
		Text: c.text, Entities: c.entities, LinkPreviewOptions: noPreview(),
	})
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%d/%d", sent.Chat.ID, sent.ID), nil
}

func (n *Notifier) edit(ctx context.Context, c content, chat int64, id int) error {
	_, err := n.bot.EditMessageText(ctx, &bot.EditMessageTextParams{
		ChatID: chat, MessageID: id,
		Text: c.text, Entities: c.entities, LinkPreviewOptions: noPreview(),
	})
	if unchanged(err) {
		return nil
	}
	return err
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

func parseRef(ref string) (chat int64, message int, ok bool) {
	left, right, found := strings.Cut(ref, "/")
	chat, err1 := strconv.ParseInt(left, 10, 64)
	message, err2 := strconv.Atoi(right)
	return chat, message, found && err1 == nil && err2 == nil
}

func noPreview() *models.LinkPreviewOptions {
	return &models.LinkPreviewOptions{IsDisabled: bot.True()}
}
