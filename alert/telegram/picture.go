package telegram

import (
	"bytes"
	"context"
	"errors"
	"time"

	"github.com/go-telegram/bot"
	"github.com/go-telegram/bot/models"

	"github.com/tokenwatch/tokenwatch/alert"
)

const (
	// pictureTime bounds drawing and sending together: the next message waits for it.
	pictureTime = 8 * time.Second
	maxCaption  = 1024 // UTF-16 units
)

// illustrate sends the picture below a message that was posted, or where an earlier attempt
// failed, below one that was edited. It is a message of its own since a caption is too short
// for what there is to say. Whatever goes wrong with it is passed over.
func (n *Notifier) illustrate(ctx context.Context, m alert.Message, posted string) string {
	r, ok := parseRef(posted)
	if m.Picture == nil || m.Kind != alert.KindIncident || !ok || r.pictured {
		return posted
	}
	r.pictured = n.photograph(ctx, m, r)
	return r.String()
}

// illustrateReply sends the picture as it is now that things are worse.
func (n *Notifier) illustrateReply(ctx context.Context, m alert.Message) {
	if r, ok := parseRef(m.Ref); ok && m.Escalated && m.Picture != nil {
		n.photograph(ctx, m, r)
	}
}

func (n *Notifier) photograph(ctx context.Context, m alert.Message, below ref) bool {
	err := n.sendPhoto(ctx, m, below)
	if err != nil {
		n.blurred(err)
	}
	return err == nil || errors.As(err, new(alert.Permanent)) // what Telegram refuses for good is not tried again
}

func (n *Notifier) sendPhoto(ctx context.Context, m alert.Message, below ref) error {
	ctx, cancel := context.WithTimeout(ctx, pictureTime)
	defer cancel()
	data, err := m.Picture(ctx)
	if err != nil || len(data) == 0 { // without an error, there is nothing to draw
		return err
	}
	w := &writer{}
	w.plain(m.Icon + " " + m.Title)
	caption := trim(content{text: w.b.String()}, maxCaption)
	_, err = n.bot.SendPhoto(ctx, &bot.SendPhotoParams{
		ChatID: n.chat(), MessageThreadID: n.cfg.ThreadID, DisableNotification: true, Caption: caption.text,
		Photo:           &models.InputFileUpload{Filename: "incident.png", Data: bytes.NewReader(data)},
		ReplyParameters: &models.ReplyParameters{MessageID: below.message, AllowSendingWithoutReply: true},
	})
	return n.explain(err)
}
