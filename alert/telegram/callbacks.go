package telegram

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/go-telegram/bot"
	"github.com/go-telegram/bot/models"

	"github.com/tokenwatch/tokenwatch/alert"
	"github.com/tokenwatch/tokenwatch/alert/guard"
	"github.com/tokenwatch/tokenwatch/schema"
)

// Inbound takes in what people press below messages: callback queries, by long polling.
// Telegram lets one poller at a time have them; of several instances the others wait for
// their turn.
type Inbound struct {
	cfg   Config
	taker alert.Taker
	slog  *slog.Logger
	bot   *bot.Bot
	sick  atomic.Bool // the last poll failed, and the log says so
}

// pollFor is how long Telegram may keep a request open when there is nothing to tell.
const pollFor = 30 * time.Second

// NewInbound makes what takes presses in. It connects to nobody before Run is called.
func NewInbound(cfg Config, taker alert.Taker, log *slog.Logger) (*Inbound, error) {
	in := &Inbound{cfg: cfg, taker: taker, slog: log}
	var err error
	in.bot, err = bot.New(cfg.Token.Reveal(),
		bot.WithSkipGetMe(),
		bot.WithServerURL(strings.TrimSuffix(cfg.APIURL, "/")),
		bot.WithHTTPClient(pollFor, guard.Client(guard.Vendor(cfg.APIURL, "telegram.org", pollFor+cfg.Timeout))),
		bot.WithAllowedUpdates(bot.AllowedUpdates{"callback_query"}),
		bot.WithNotAsyncHandlers(),
		bot.WithDefaultHandler(in.handle),
		bot.WithErrorsHandler(in.failed),
	)
	if err != nil {
		return nil, fmt.Errorf("telegram: %s", scrub(err.Error(), cfg.Token))
	}
	return in, nil
}

// Run takes presses in until ctx ends.
func (in *Inbound) Run(ctx context.Context) error {
	in.bot.Start(ctx)
	return nil
}

// failed reports the first of the failures in a row; polling goes on by itself.
func (in *Inbound) failed(err error) {
	if errors.Is(err, context.Canceled) || in.sick.Swap(true) {
		return
	}
	if errors.Is(err, bot.ErrorConflict) {
		in.slog.Info("another instance takes in what is pressed in Telegram; this one goes on trying")
		return
	}
	in.slog.Warn("what is pressed in Telegram cannot be taken in; trying until it can", "error", scrub(err.Error(), in.cfg.Token))
}

// callbacks are the kinds of button as their data names them.
var callbacks = map[string]schema.VerdictKind{
	CallbackOwner: schema.VerdictOwner, CallbackTheft: schema.VerdictTheft, CallbackSnooze: schema.VerdictSnooze,
	CallbackAck: schema.VerdictAcknowledged, CallbackRevoke: schema.VerdictRevoke, CallbackKeep: schema.VerdictKeep,
}

// parseCallback reads what a button sends back: "tw:owner:inc-3f9a2b7c1d5e8f01".
func parseCallback(data string) (kind schema.VerdictKind, incident string, ok bool) {
	rest, ours := strings.CutPrefix(data, CallbackPrefix)
	word, incident, found := strings.Cut(rest, ":")
	kind, known := callbacks[word]
	return kind, incident, ours && found && known && incident != ""
}

// handle keeps a press, and answers it: until then the button shows that it is being seen to.
func (in *Inbound) handle(ctx context.Context, _ *bot.Bot, update *models.Update) {
	in.sick.Store(false)
	query := update.CallbackQuery
	if query == nil {
		return
	}
	said, failed := in.take(ctx, query)
	if said == "" {
		return
	}
	if utf8.RuneCountInString(said) > maxAnswer {
		said = string([]rune(said)[:maxAnswer-1]) + "…"
	}
	ctx, cancel := context.WithTimeout(ctx, in.cfg.Timeout)
	defer cancel()
	_, err := in.bot.AnswerCallbackQuery(ctx, &bot.AnswerCallbackQueryParams{CallbackQueryID: query.ID, Text: said, ShowAlert: failed})
	if err != nil && ctx.Err() == nil {
		in.slog.Warn("a press in Telegram could not be answered", "error", scrub(err.Error(), in.cfg.Token))
	}
}

// maxAnswer is how many characters the answer to a press may have.
const maxAnswer = 200

// take keeps what was pressed, and says what to answer; nothing if the button is not ours.
func (in *Inbound) take(ctx context.Context, query *models.CallbackQuery) (said string, failed bool) {
	kind, incident, ours := parseCallback(query.Data)
	if !ours {
		return "", false
	}
	who := fmt.Sprint(query.From.ID)
	if !slices.Contains(in.cfg.AllowedUsers, query.From.ID) {
		in.slog.Warn("somebody who may not has pressed a button in Telegram", "user", who, "button", string(kind))
		return "You are not among those who may answer for incidents (telegram.allowed_users).", true
	}
	by := "telegram:" + who
	if query.From.Username != "" {
		by += " (" + query.From.Username + ")"
	}
	said, err := in.taker.Take(ctx, alert.Press{
		ID: "telegram:" + query.ID, Incident: incident, Kind: kind, By: by, At: time.Now(),
	})
	switch {
	case errors.Is(err, alert.ErrRefused):
		return err.Error(), true
	case err != nil:
		in.slog.Error("a press in Telegram could not be kept", "user", who, "button", string(kind), "error", err)
		return "This could not be kept; press again in a moment.", true
	}
	return said, false
}
