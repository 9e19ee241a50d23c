package slack

import (
	"context"
	"fmt"
	"regexp"
	"time"

	"github.com/slack-go/slack"

	"github.com/tokenwatch/tokenwatch/alert"
)

// What a message carries besides what people see, so that it can be found again.
const (
	eventType  = "tokenwatch_message"
	payloadKey = "key"
	lookBack   = 24 * time.Hour
	perPage    = 200
	mostPages  = 5
)

// channelID tells ids from names.
var channelID = regexp.MustCompile(`^[CGD][A-Z0-9]{6,}$`)

// named has a message that is posted carry its key.
func named(key string) slack.MsgOption {
	if key == "" {
		return slack.MsgOptionCompose()
	}
	return slack.MsgOptionMetadata(slack.SlackMetadata{EventType: eventType, EventPayload: map[string]any{payloadKey: key}})
}

// Find looks for a message through the channel's history of the last day, which takes the
// scope channels:history (groups:history for a private channel). Without it a message that
// was posted a moment before a crash is posted again.
func (n *Notifier) Find(ctx context.Context, m alert.Message) (string, error) {
	if n.cfg.WebhookURL != "" || m.Key == "" || !channelID.MatchString(n.cfg.Channel) {
		return "", nil // history is read by the channel's id only
	}
	params := slack.GetConversationHistoryParameters{
		ChannelID: n.cfg.Channel, IncludeAllMetadata: true, Limit: perPage,
		Oldest: fmt.Sprintf("%d.000000", time.Now().Add(-lookBack).Unix()),
	}
	for range mostPages {
		page, err := n.client.GetConversationHistoryContext(ctx, &params)
		if err != nil {
			return "", n.explain(err)
		}
		for _, posted := range page.Messages {
			if posted.Metadata.EventType == eventType && posted.Metadata.EventPayload[payloadKey] == m.Key {
				return ref{channel: n.cfg.Channel, ts: posted.Timestamp}.String(), nil
			}
		}
		params.Cursor = page.ResponseMetaData.NextCursor
		if params.Cursor == "" {
			break
		}
	}
	return "", nil
}
