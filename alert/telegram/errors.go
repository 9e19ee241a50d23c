package telegram

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-telegram/bot"

	"github.com/tokenwatch/tokenwatch/alert"
	"github.com/tokenwatch/tokenwatch/alert/guard"
)

// politeWait applies where Telegram says that it is too much, but not for how long.
const politeWait = 5 * time.Second

// explain turns the library's errors into what the dispatcher acts on and an operator
// can use. What it returns never holds the token, and wraps nothing that might.
func (n *Notifier) explain(err error) error {
	if err == nil {
		return nil
	}
	said := errors.New("telegram: " + scrub(err.Error(), n.cfg.Token))
	var (
		busy  *bot.TooManyRequestsError
		later alert.RetryAfter
	)
	switch {
	case errors.As(err, &later):
		return alert.RetryAfter{After: max(later.After, politeWait/5), Err: said}
	case guard.Prohibited(err):
		return alert.Permanent{Err: errors.New("telegram: it is at an address that is not public"), Fix: "check telegram.api_url"}
	case errors.As(err, &busy):
		return alert.RetryAfter{After: max(time.Duration(busy.RetryAfter)*time.Second, politeWait/5), Err: said}
	case errors.Is(err, bot.ErrorUnauthorized), errors.Is(err, bot.ErrorNotFound):
		return alert.Permanent{Err: said, Fix: "set telegram.token to a valid bot token, and check telegram.api_url"}
	case errors.Is(err, bot.ErrorForbidden):
		return alert.Permanent{Err: said, Fix: "add the bot to the chat of telegram.chat_id and let it write there"}
	case errors.Is(err, bot.ErrorBadRequest):
		return alert.Permanent{Err: said, Fix: fixFor(err)}
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%w (telegram.timeout)", said)
	}
	return said
}

func fixFor(err error) string {
	switch text := err.Error(); {
	case strings.Contains(text, "chat not found"), strings.Contains(text, "group chat was upgraded"):
		return "set telegram.chat_id to a chat that the bot is a member of"
	case strings.Contains(text, "message thread not found"):
		return "set telegram.thread_id to an existing topic, or remove it"
	case strings.Contains(text, "not enough rights"):
		return "let the bot write in the chat of telegram.chat_id"
	}
	return "please report this as a bug of tokenwatch"
}

// scrub takes the token out of a text, also as a URL would spell it, and bounds it: the
// library quotes whatever page a proxy answers with.
func scrub(text string, token alert.Secret) string {
	for _, spelling := range []string{token.Reveal(), url.PathEscape(token.Reveal()), url.QueryEscape(token.Reveal())} {
		if spelling != "" {
			text = strings.ReplaceAll(text, spelling, token.String())
		}
	}
	const most = 300
	if utf8.RuneCountInString(text) > most {
		text = string([]rune(text)[:most]) + "…"
	}
	return text
}

// unchanged reports that an edit would have made no difference.
func unchanged(err error) bool { return badRequest(err, "message is not modified") }

// uneditable reports that the message is gone or too old: the news deserve a new one.
func uneditable(err error) bool {
	return badRequest(err, "message to edit not found", "message can't be edited", "MESSAGE_ID_INVALID")
}

func badRequest(err error, phrases ...string) bool {
	if !errors.Is(err, bot.ErrorBadRequest) {
		return false
	}
	for _, phrase := range phrases {
		if strings.Contains(err.Error(), phrase) {
			return true
		}
	}
	return false
}

// movedTo is the id that a group got when it became a supergroup.
func movedTo(err error) (int64, bool) {
	var migrated *bot.MigrateError
	if errors.As(err, &migrated) && migrated.MigrateToChatID != 0 {
		return int64(migrated.MigrateToChatID), true
	}
	return 0, false
}
