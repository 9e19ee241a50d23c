package slack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"strings"
	"time"

	"github.com/slack-go/slack"
	"github.com/slack-go/slack/socketmode"

	"github.com/tokenwatch/tokenwatch/alert"
)

// socketRest is how long to wait before Socket Mode is tried again after Slack refused it.
const socketRest = time.Minute

// Run takes presses in over Socket Mode until ctx ends, if there is an app_token. It needs no
// address that Slack can reach. Slack closes a connection every few hours and says so; another
// is opened then.
func (in *Inbound) Run(ctx context.Context) error {
	if in.cfg.AppToken == "" {
		<-ctx.Done()
		return nil
	}
	for {
		err := in.listen(ctx)
		if ctx.Err() != nil {
			return nil
		}
		in.slog.Error("Slack's Socket Mode has ended; buttons do nothing until it is back", "error", in.scrubbed(err), "retry_in", socketRest,
			"fix", "check slack.app_token (xapp-..., scope connections:write), and that Socket Mode is on")
		timer := time.NewTimer(socketRest)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-timer.C:
		}
	}
}

func (in *Inbound) listen(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	client := socketmode.New(slack.New(in.cfg.Token.Reveal(),
		slack.OptionAppLevelToken(in.cfg.AppToken.Reveal()),
		slack.OptionHTTPClient(in.http),
		slack.OptionAPIURL(strings.TrimSuffix(in.cfg.APIURL, "/")+"/"),
	), socketmode.OptionLog(log.New(io.Discard, "", 0)), socketmode.OptionReadLimit(maxInteraction))
	ended := make(chan error, 1)
	go func() { ended <- client.RunContext(ctx) }()
	for {
		select {
		case err := <-ended:
			return err
		case event := <-client.Events:
			in.event(ctx, client, event)
		}
	}
}

func (in *Inbound) event(ctx context.Context, client *socketmode.Client, event socketmode.Event) {
	switch event.Type {
	case socketmode.EventTypeConnected:
		in.slog.Info("Slack's Socket Mode is connected")
	case socketmode.EventTypeConnectionError:
		if failed, is := event.Data.(*slack.ConnectionErrorEvent); is && failed.Attempt <= 1 {
			in.slog.Warn("Slack's Socket Mode cannot be reached; trying until it can", "error", in.scrubbed(failed.ErrorObj))
		}
	case socketmode.EventTypeInteractive:
		if event.Request == nil || in.take(ctx, event.Request.Payload) != nil {
			return // not acknowledged: Slack tells the one who pressed
		}
		if err := client.AckCtx(ctx, event.Request.EnvelopeID, nil); err != nil && ctx.Err() == nil {
			in.slog.Warn("a press in Slack was kept and could not be acknowledged", "error", in.scrubbed(err))
		}
	}
}

// scrubbed takes credentials out of an error: what Slack answers with holds the URL of a
// connection, which is as good as a password for a while.
func (in *Inbound) scrubbed(err error) error {
	if err == nil {
		return errors.New("closed")
	}
	text := scrubURL(err).Error()
	for _, secret := range []alert.Secret{in.cfg.Token, in.cfg.AppToken} {
		if secret != "" {
			text = strings.ReplaceAll(text, secret.Reveal(), secret.String())
		}
	}
	if before, _, found := strings.Cut(text, "wss://"); found {
		text = before + "wss://***"
	}
	return fmt.Errorf("slack: %s", text)
}
