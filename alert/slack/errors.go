package slack

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/slack-go/slack"

	"github.com/tokenwatch/tokenwatch/alert"
)

// fixes says what to do about the answers of Slack that waiting does not cure.
var fixes = map[string]string{
	"invalid_auth":                        fixToken,
	"not_authed":                          fixToken,
	"account_inactive":                    fixToken,
	"token_revoked":                       fixToken,
	"token_expired":                       fixToken,
	"not_allowed_token_type":              "slack.token has to be a bot token (xoxb-…)",
	"missing_scope":                       "give the app the scopes chat:write and, for pictures, files:write; install it again, and put the new token into slack.token",
	"no_permission":                       "give the app the scopes chat:write and, for pictures, files:write; install it again, and put the new token into slack.token",
	"channel_not_found":                   fixChannel,
	"not_in_channel":                      "invite the bot into the channel of slack.channel: /invite @its-name",
	"is_archived":                         "slack.channel names an archived channel; set another",
	"restricted_action":                   "the workspace does not let the bot post in the channel of slack.channel",
	"restricted_action_read_only_channel": "the channel of slack.channel is read only for the bot",
	"ekm_access_denied":                   "a workspace administrator has suspended posting there",
	"invalid_blocks":                      fixReport,
	"invalid_blocks_format":               fixReport,
	"msg_too_long":                        fixReport,
	"msg_blocks_too_long":                 fixReport,
	"no_text":                             fixReport,
	"invalid_arguments":                   fixReport,
	"invalid_form_data":                   fixReport,
	"unknown_method":                      fixURL,
}

const (
	fixToken   = "set slack.token to a valid bot token (xoxb-…)"
	fixChannel = "set slack.channel to an existing channel's id, and invite the bot into it"
	fixReport  = "please report this as a bug of tokenwatch"
	fixURL     = "slack.api_url does not lead to Slack's Web API"
	// politeWait applies where Slack says that it is too much, but not for how long.
	politeWait = 30 * time.Second
)

func explainCode(answer slack.SlackErrorResponse) error {
	err := fmt.Errorf("slack: %s", answer.Err)
	if answer.Err == "ratelimited" || answer.Err == "rate_limited" {
		return alert.RetryAfter{After: politeWait, Err: err}
	}
	if fix, ok := fixes[answer.Err]; ok {
		return alert.Permanent{Err: err, Fix: fix}
	}
	return err
}

func explainStatus(status slack.StatusCodeError) error {
	err := fmt.Errorf("slack: HTTP %d", status.Code)
	switch {
	case status.Code == http.StatusTooManyRequests:
		return alert.RetryAfter{After: politeWait, Err: err}
	case status.Code < http.StatusBadRequest, status.Code == http.StatusNotFound, status.Code == http.StatusMethodNotAllowed:
		return alert.Permanent{Err: err, Fix: fixURL}
	}
	return err
}

// refusesBlocks reports whether Slack did not like the layout.
func refusesBlocks(err error) bool {
	return answered(err, "invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long")
}

// uneditable reports whether the message is gone or closed: somebody deleted it, or the
// workspace ends editing after a while. The news then deserve a new message.
func uneditable(err error) bool {
	return answered(err, "message_not_found", "cant_update_message", "edit_window_closed")
}

func answered(err error, codes ...string) bool {
	var answer slack.SlackErrorResponse
	if !errors.As(err, &answer) {
		return false
	}
	for _, code := range codes {
		if answer.Err == code {
			return true
		}
	}
	return false
}
